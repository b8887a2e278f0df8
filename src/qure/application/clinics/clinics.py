"""Creating and changing clinics, finding them, and who works there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from qure.application.access import Principal, require_admin, require_desk_of
from qure.application.lookup import find_clinic, find_user
from qure.application.jobs.images import stage_images
from qure.application.ports.gateways import Clock, Images, Randomness
from qure.application.ports.storage import (
    ClinicFilter,
    FoundClinic,
    Page,
    Storage,
    UnitOfWork,
)
from qure.application.transact import retried
from qure.domain.clinic import Clinic, ClinicType, OpeningHours
from qure.domain.errors import NotFound
from qure.domain.events import ClinicChanged, MediaReplaced, UserChanged
from qure.domain.ids import ClinicId, ImageId, UserId
from qure.domain.image import ImagePurpose
from qure.domain.user import Role, User, normalise_email


class ClinicFields(TypedDict, total=False):
    """What an admin may set about a clinic."""

    name: str
    latitude: float
    longitude: float
    address: str | None
    phone: str | None
    email: str | None
    website: str | None
    description: str | None
    is_active: bool
    type: ClinicType
    opening_hours: OpeningHours
    timezone: str
    max_queue_size: int
    auto_open_queue: bool


async def create_clinic(
    *,
    fields: ClinicFields,
    default_timezone: str,
    logo: bytes | None,
    pictures: Sequence[bytes],
    actor: Principal,
    storage: Storage,
    images: Images,
    clock: Clock,
    randomness: Randomness,
) -> Clinic:
    """A new clinic; ``fields`` has at least ``name``, ``latitude`` and ``longitude``.

    Pictures are accepted at once and shown when their jobs are done. Raises ``Forbidden``,
    ``Invalid`` (paths ``logo``, ``images.0`` ...), ``Conflict`` (``clinic_exists``).
    """
    require_admin(actor)
    await _check(images, logo, pictures)
    now = clock.now()
    clinic = Clinic(
        id=ClinicId(randomness.new_id()),
        name=fields["name"],
        latitude=fields["latitude"],
        longitude=fields["longitude"],
        timezone=default_timezone,
        created_at=now,
        updated_at=now,
    )
    _set(clinic, fields)
    clinic.plan_opening(now)
    async with storage.write() as uow:
        await _stage(uow, clinic, logo, pictures or None, actor, clock, randomness)
        await uow.clinics.add(clinic)
        uow.record(ClinicChanged(clinic_id=clinic.id, actor_id=actor.user_id, at=now))
        await uow.commit()
    return clinic


@retried
async def update_clinic(
    clinic_id: ClinicId,
    *,
    fields: ClinicFields,
    logo: bytes | None,
    drop_logo: bool,
    pictures: Sequence[bytes] | None,
    actor: Principal,
    storage: Storage,
    images: Images,
    clock: Clock,
    randomness: Randomness,
) -> Clinic:
    """Change what ``fields`` names. New pictures take the place of all the old ones.

    ``pictures`` None keeps them, an empty sequence takes them away; ``drop_logo`` takes the
    logo away. Raises ``NotFound`` and what ``create_clinic`` raises.
    """
    require_admin(actor)
    await _check(images, logo, pictures or ())
    async with storage.write() as uow:
        clinic = await find_clinic(uow, clinic_id, lock=True)
        now = clock.now()
        planned_by = (clinic.auto_open_queue, clinic.is_active, clinic.timezone)
        _set(clinic, fields)
        if planned_by != (clinic.auto_open_queue, clinic.is_active, clinic.timezone):
            clinic.replan_opening(now)
        if drop_logo:
            _drop_logo(uow, clinic, actor, now)
        if pictures is not None:
            _drop_pictures(uow, clinic, actor, now)
        await _stage(uow, clinic, logo, pictures, actor, clock, randomness)
        clinic.updated_at = now
        await uow.clinics.save(clinic)
        uow.record(ClinicChanged(clinic_id=clinic.id, actor_id=actor.user_id, at=now))
        await uow.commit()
    return clinic


async def read_clinic(clinic_id: ClinicId, *, storage: Storage) -> Clinic:
    """The clinic, a retired one too. Raises ``NotFound``."""
    async with storage.read() as uow:
        return await find_clinic(uow, clinic_id)


async def list_clinics(
    wanted: ClinicFilter, *, page: Page, storage: Storage
) -> tuple[list[FoundClinic], int]:
    """A page of active clinics, and how many match in all."""
    async with storage.read() as uow:
        return await uow.clinics.search(wanted, page=page)


@retried
async def add_staff(
    clinic_id: ClinicId,
    *,
    user_id: UserId | None,
    email: str | None,
    actor: Principal,
    storage: Storage,
    clock: Clock,
) -> User:
    """Make a user staff of the clinic, found by id or else by e-mail address.

    Raises ``Forbidden``, ``NotFound``, ``Conflict`` (``user_is_admin``, ``already_staff``).
    """
    require_admin(actor)
    async with storage.write() as uow:
        await find_clinic(uow, clinic_id)
        if user_id is not None:
            user = await find_user(uow, user_id, lock=True)
        else:
            found = await uow.users.by_email(normalise_email(email or ""), lock=True)
            if found is None:
                raise NotFound("user_not_found", "There is no user with this e-mail address.")
            user = found
        user.join_clinic(clinic_id, at=clock.now())
        await _save_staff(uow, user, clinic_id, actor, clock)
    return user


@retried
async def remove_staff(
    clinic_id: ClinicId, user_id: UserId, *, actor: Principal, storage: Storage, clock: Clock
) -> User:
    """Make a staff member of the clinic a patient again. Raises ``Forbidden``, ``NotFound``."""
    require_admin(actor)
    async with storage.write() as uow:
        await find_clinic(uow, clinic_id)
        user = await find_user(uow, user_id, lock=True)
        if user.role is not Role.STAFF or user.clinic_id != clinic_id:
            raise NotFound("staff_not_found", "This user is not staff of this clinic.")
        user.leave_clinic(at=clock.now())
        await _save_staff(uow, user, clinic_id, actor, clock)
    return user


async def list_staff(clinic_id: ClinicId, *, storage: Storage) -> list[User]:
    """Who works there. Ask ``may_list_staff`` first. Raises ``NotFound``."""
    async with storage.read() as uow:
        await find_clinic(uow, clinic_id)
        return await uow.users.staff_of(clinic_id)


def may_list_staff(clinic_id: ClinicId, *, actor: Principal) -> None:
    """Raises ``Forbidden``. Apart from the list, which is remembered for all who may see it."""
    require_desk_of(actor, clinic_id)


async def _save_staff(
    uow: UnitOfWork, user: User, clinic_id: ClinicId, actor: Principal, clock: Clock
) -> None:
    await uow.users.save(user)
    uow.record(
        UserChanged(
            user_id=user.id,
            is_active=user.is_active,
            clinic_ids=(clinic_id,),
            actor_id=actor.user_id,
            at=clock.now(),
        )
    )
    await uow.commit()


def _set(clinic: Clinic, fields: ClinicFields) -> None:
    for name, value in fields.items():
        setattr(clinic, name, value)


async def _check(images: Images, logo: bytes | None, pictures: Sequence[bytes]) -> None:
    if logo is not None:
        await images.check(logo, path="logo")
    for position, picture in enumerate(pictures):
        await images.check(picture, path=f"images.{position}")


async def _stage(
    uow: UnitOfWork,
    clinic: Clinic,
    logo: bytes | None,
    pictures: Sequence[bytes] | None,
    actor: Principal,
    clock: Clock,
    randomness: Randomness,
) -> None:
    async def stage(contents: Sequence[bytes], purpose: ImagePurpose, batch: UUID) -> list[ImageId]:
        return await stage_images(
            uow,
            contents,
            purpose=purpose,
            owner_id=clinic.id,
            batch=batch,
            actor=actor,
            clock=clock,
            randomness=randomness,
        )

    if logo is not None:
        (clinic.pending_logo,) = await stage([logo], ImagePurpose.CLINIC_LOGO, randomness.new_id())
    if pictures is not None:
        clinic.images_batch = randomness.new_id()
        await stage(pictures, ImagePurpose.CLINIC_IMAGE, clinic.images_batch)


def _drop_logo(uow: UnitOfWork, clinic: Clinic, actor: Principal, now: datetime) -> None:
    if clinic.logo is not None:
        uow.record(MediaReplaced(url=clinic.logo, actor_id=actor.user_id, at=now))
    clinic.logo = None
    clinic.pending_logo = None


def _drop_pictures(uow: UnitOfWork, clinic: Clinic, actor: Principal, now: datetime) -> None:
    uow.record(
        *(MediaReplaced(url=one.url, actor_id=actor.user_id, at=now) for one in clinic.images)
    )
    clinic.images = ()
