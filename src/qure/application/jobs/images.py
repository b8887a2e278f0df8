"""Pictures: staged with the change that needs them, made fit by a job, shown when done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from qure.application.access import Principal
from qure.application.correlation import request_id
from qure.application.ports.gateways import (
    Clock,
    DeleteMedia,
    Images,
    Job,
    Jobs,
    MediaStore,
    ProcessImage,
    Randomness,
)
from qure.application.ports.storage import Storage, UnitOfWork
from qure.domain.clinic import ClinicImage
from qure.domain.errors import Invalid
from qure.domain.events import ClinicChanged, ImageStaged, MediaReplaced, UserChanged
from qure.domain.ids import ClinicId, ImageId, UserId
from qure.domain.image import ImagePurpose, StagedImage

logger = logging.getLogger(__name__)

FAILED_KEPT_FOR = timedelta(days=30)
FORGOTTEN_AFTER = timedelta(minutes=2)
RESUME_BATCH = 1000


async def stage_images(
    uow: UnitOfWork,
    contents: Sequence[bytes],
    *,
    purpose: ImagePurpose,
    owner_id: UUID,
    batch: UUID,
    actor: Principal,
    clock: Clock,
    randomness: Randomness,
) -> list[ImageId]:
    """Keep checked bytes for their job, in the caller's transaction; their ids, in order."""
    now = clock.now()
    staged = [
        StagedImage(
            id=ImageId(randomness.new_id()),
            purpose=purpose,
            owner_id=owner_id,
            batch=batch,
            position=position,
            content=content,
            created_at=now,
            request_id=request_id.get(),
        )
        for position, content in enumerate(contents)
    ]
    await uow.staged_images.add(staged)
    uow.record(*(ImageStaged(image_id=one.id, actor_id=actor.user_id, at=now) for one in staged))
    return [one.id for one in staged]


async def run_job(
    job: Job,
    last_attempt: bool,
    *,
    storage: Storage,
    images: Images,
    media: MediaStore,
    clock: Clock,
) -> None:
    """Do one job; doing it again does no harm. Whatever it raises, it is tried again."""
    if isinstance(job, DeleteMedia):
        await media.delete(job.url)
        return
    try:
        await process_image(job.image_id, storage=storage, images=images, media=media, clock=clock)
    except Exception as error:
        await _record_failure(job.image_id, error, final=last_attempt, storage=storage, clock=clock)
        raise


async def process_image(
    image_id: ImageId, *, storage: Storage, images: Images, media: MediaStore, clock: Clock
) -> None:
    """Make a staged picture fit, store it, and show it where it was meant to be.

    A picture that a newer upload has overtaken is not shown. Raises ``Unavailable``.
    """
    async with storage.read() as uow:
        staged = await uow.staged_images.get(image_id)
    if staged is None or staged.failed_at is not None:
        return
    request_id.set(staged.request_id)
    try:
        fitted = await images.fit(staged.content)
    except Invalid as error:
        # It would be the same the next time, and dear perhaps.
        await _record_failure(image_id, error, final=True, storage=storage, clock=clock)
        return
    url = await media.put(str(image_id), fitted, content_type="image/jpeg")
    async with storage.write() as uow:
        if staged.purpose is ImagePurpose.PROFILE_PICTURE:
            shown = await _show_on_profile(uow, staged, url, clock)
        else:
            shown = await _show_at_clinic(uow, staged, url, clock)
        still_staged = await uow.staged_images.get(image_id) is not None
        if not shown and still_staged:
            uow.record(MediaReplaced(url=url, actor_id=None, at=clock.now()))
        await uow.staged_images.delete(image_id)
        await uow.commit()
    logger.info("picture %s is %s", image_id, "shown" if shown else "no longer wanted")


async def resume_images(*, storage: Storage, jobs: Jobs, clock: Clock, all: bool = False) -> int:
    """Enqueue again what is staged but seems forgotten; how many that were.

    ``all`` takes those staged a moment ago too: right for jobs that live in this process only,
    when it has just started. Raises ``Unavailable``.
    """
    before = clock.now() if all else clock.now() - FORGOTTEN_AFTER
    async with storage.read() as uow:
        waiting = await uow.staged_images.waiting(before=before, limit=RESUME_BATCH)
    await jobs.enqueue([ProcessImage(image_id) for image_id in waiting])
    return len(waiting)


async def sweep_expired(*, storage: Storage, clock: Clock) -> None:
    """Forget sessions that have expired and pictures that failed a month ago."""
    now = clock.now()
    async with storage.write() as uow:
        await uow.sessions.delete_expired(before=now)
        await uow.staged_images.delete_failed(before=now - FAILED_KEPT_FOR)
        await uow.commit()


async def _show_on_profile(uow: UnitOfWork, staged: StagedImage, url: str, clock: Clock) -> bool:
    user = await uow.users.get(UserId(staged.owner_id), lock=True)
    if user is None or user.pending_picture != staged.id:
        return False
    now = clock.now()
    if user.profile_picture != url:
        uow.record(MediaReplaced(url=user.profile_picture, actor_id=None, at=now))
    user.profile_picture = url
    user.pending_picture = None
    user.updated_at = now
    await uow.users.save(user)
    clinics = () if user.clinic_id is None else (user.clinic_id,)
    uow.record(
        UserChanged(
            user_id=user.id, is_active=user.is_active, clinic_ids=clinics, actor_id=None, at=now
        )
    )
    return True


async def _show_at_clinic(uow: UnitOfWork, staged: StagedImage, url: str, clock: Clock) -> bool:
    clinic = await uow.clinics.get(ClinicId(staged.owner_id), lock=True)
    if clinic is None:
        return False
    now = clock.now()
    if staged.purpose is ImagePurpose.CLINIC_LOGO:
        if clinic.pending_logo != staged.id:
            return False
        if clinic.logo is not None and clinic.logo != url:
            uow.record(MediaReplaced(url=clinic.logo, actor_id=None, at=now))
        clinic.logo = url
        clinic.pending_logo = None
    else:
        if clinic.images_batch != staged.batch:
            return False
        others = [image for image in clinic.images if image.id != staged.id]
        shown = [*others, ClinicImage(staged.id, staged.position, url)]
        clinic.images = tuple(sorted(shown, key=lambda image: image.position))
    clinic.updated_at = now
    await uow.clinics.save(clinic)
    uow.record(ClinicChanged(clinic_id=clinic.id, actor_id=None, at=now))
    return True


async def _record_failure(
    image_id: ImageId, error: Exception, *, final: bool, storage: Storage, clock: Clock
) -> None:
    async with storage.write() as uow:
        attempts = await uow.staged_images.record_attempt(
            image_id, failed_at=clock.now() if final else None
        )
        await uow.commit()
    if final:
        why = error.errors[0].message if isinstance(error, Invalid) else repr(error)
        logger.error("picture %s failed for good after %d attempts: %s", image_id, attempts, why)
