"""Uploaded images: staged with the change that needs them, made fit by a job, shown when done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from qure.application.correlation import request_id
from qure.application.observers import Observers
from qure.application.ports.gateways import (
    Clock,
    DeleteImage,
    Ids,
    Images,
    Job,
    Jobs,
    MediaStore,
    ProcessImage,
)
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.errors import Invalid
from qure.domain.ids import ClinicId, ImageId, UserId
from qure.domain.image import ImagePurpose, StagedImage

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = timedelta(minutes=2)
RESUME_BATCH = 1000


async def stage_images(
    uow: UnitOfWork,
    contents: Sequence[bytes],
    *,
    purpose: ImagePurpose,
    owner_id: UUID,
    batch: UUID | None = None,
    ids: Ids,
    by: Actor,
    at: datetime,
) -> list[StagedImage]:
    """Keep checked bytes for their job, in the caller's transaction; in order."""
    batch = batch or ids.new_id()
    staged = [
        StagedImage(
            id=ImageId(ids.new_id()),
            purpose=purpose,
            owner_id=owner_id,
            batch=batch,
            position=position,
            content=content,
            created_at=at,
            request_id=request_id.get(),
        )
        for position, content in enumerate(contents)
    ]
    for image in staged:
        image.stage(by=by)
    await uow.staged_images.add(staged)
    return staged


class ImageJobs:
    """Does the jobs. Doing one again does no harm; whatever it raises, it is tried again."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        *,
        images: Images,
        media: MediaStore,
        observers: Observers,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._images = images
        self._media = media
        self._observers = observers

    async def do(self, job: Job, last_attempt: bool) -> None:
        """One attempt at a job."""
        with self._observers.doing(job):
            if isinstance(job, DeleteImage):
                await self._media.delete(job.url)
                return
            try:
                await self._process(job.image_id)
            except Exception as error:
                await self._record_failure(job.image_id, error, final=last_attempt)
                raise

    async def _process(self, image_id: ImageId) -> None:
        """Make it fit, store it, and show it unless a newer upload has overtaken it."""
        async with self._storage.read() as uow:
            staged = await uow.staged_images.get(image_id)
        if staged is None or staged.failed_at is not None:
            return
        request_id.set(staged.request_id)
        try:
            fitted = await self._images.fit(staged.content)
        except Invalid as error:
            # It would be the same the next time, and dear perhaps.
            await self._record_failure(image_id, error, final=True)
            return
        url = await self._media.put(str(image_id), fitted, content_type="image/jpeg")

        async def show(uow: UnitOfWork) -> bool:
            at = self._clock.now()
            if staged.purpose is ImagePurpose.PROFILE_PICTURE:
                shown = await _show_on_profile(uow, staged, url, at)
            else:
                shown = await _show_at_clinic(uow, staged, url, at)
            still_staged = await uow.staged_images.get(image_id)
            if still_staged is not None:
                if not shown:
                    still_staged.overtaken(url, at=at)
                await uow.staged_images.delete(still_staged)
            await uow.commit()
            return shown

        shown = await transact(self._storage, show)
        logger.info("image %s is %s", image_id, "shown" if shown else "no longer wanted")

    async def _record_failure(self, image_id: ImageId, error: Exception, *, final: bool) -> None:
        async def record(uow: UnitOfWork) -> int:
            attempts = await uow.staged_images.record_attempt(
                image_id, failed_at=self._clock.now() if final else None
            )
            await uow.commit()
            return attempts

        attempts = await transact(self._storage, record)
        if final:
            why = error.errors[0].message if isinstance(error, Invalid) else repr(error)
            logger.error("image %s failed for good after %d attempts: %s", image_id, attempts, why)


class ImageResumption:
    """Takes up again what was staged and seems forgotten: the row is the truth, not the job."""

    def __init__(self, storage: Storage, clock: Clock, *, jobs: Jobs) -> None:
        self._storage = storage
        self._clock = clock
        self._jobs = jobs

    async def resume(self, *, all: bool = False) -> int:
        """Enqueue it; how many that were. Raises ``Unavailable``.

        ``all`` takes those staged a moment ago too: right for jobs that live in this process
        only, when it has just started.
        """
        now = self._clock.now()
        async with self._storage.read() as uow:
            waiting = await uow.staged_images.waiting(
                before=now if all else now - FORGOTTEN_AFTER, limit=RESUME_BATCH
            )
        await self._jobs.enqueue([ProcessImage(image_id) for image_id in waiting])
        return len(waiting)


async def _show_on_profile(uow: UnitOfWork, staged: StagedImage, url: str, at: datetime) -> bool:
    user = await uow.users.get(UserId(staged.owner_id), lock=True)
    if user is None or user.pending_picture != staged.id:
        return False
    user.show_image(url, at=at)
    await uow.users.save(user)
    return True


async def _show_at_clinic(uow: UnitOfWork, staged: StagedImage, url: str, at: datetime) -> bool:
    clinic = await uow.clinics.get(ClinicId(staged.owner_id), lock=True)
    if clinic is None or not clinic.show(staged, url, at=at):
        return False
    await uow.clinics.save(clinic)
    return True
