"""Creating and changing clinics, and finding them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, cast

from qure.application.access import require_admin, require_desk_of
from qure.application.clinics.join_codes import JoinCodes
from qure.application.jobs.images import stage_images
from qure.application.lookup import get_clinic
from qure.application.ports.gateways import Clock, Ids, Images
from qure.application.ports.storage import (
    ClinicFilter,
    FoundClinic,
    Page,
    Storage,
    UnitOfWork,
)
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic, ClinicType, Language, OpeningHours
from qure.domain.errors import Conflict, NotFound
from qure.domain.ids import ClinicId, ServiceId
from qure.domain.image import ImagePurpose
from qure.domain.service import Service

SERVICE_FIELDS = ("max_queue_size", "auto_open_queue")
"""What a client sees at the clinic, and belongs to its default service."""


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
    languages: tuple[Language, ...]
    max_queue_size: int
    auto_open_queue: bool
    no_show_minutes: int | None
    rejoin_minutes: int
    max_rejoins: int
    rejoin_after: int
    refuse_below: float
    guest_join: bool


class Clinics:
    """Everybody may look, admins may change: what changes raises ``Forbidden`` for others."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        join_codes: JoinCodes,
        default_timezone: str,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._join_codes = join_codes
        self._default_timezone = default_timezone

    async def create(
        self,
        *,
        fields: ClinicFields,
        logo: bytes | None = None,
        images: Sequence[bytes] = (),
        reader: Images,
        actor: Actor,
    ) -> Clinic:
        """A new clinic; ``fields`` has at least ``name``, ``latitude`` and ``longitude``.

        Images are accepted at once and shown when their jobs are done. Raises ``Invalid``
        (paths ``logo``, ``images.0`` ...), ``Conflict`` (``clinic_exists``).
        """
        require_admin(actor)
        await _check(reader, logo, images)
        clinic = self._new(fields)
        clinic.changed(by=actor, at=clinic.created_at)

        async def add(uow: UnitOfWork) -> Clinic:
            await self._stage(uow, clinic, logo, images or None, actor)
            await uow.clinics.add(clinic)
            await uow.commit()
            return clinic

        return await transact(self._storage, add)

    async def update(
        self,
        clinic_id: ClinicId,
        *,
        fields: ClinicFields,
        logo: bytes | None = None,
        drop_logo: bool = False,
        images: Sequence[bytes] | None = None,
        reader: Images,
        actor: Actor,
    ) -> Clinic:
        """Change what ``fields`` names. New images take the place of all the old ones.

        ``images`` None keeps them, an empty sequence takes them away; ``drop_logo`` takes the
        logo away. Raises ``NotFound`` and what ``create`` raises.
        """
        require_admin(actor)
        await _check(reader, logo, images or ())

        async def update(uow: UnitOfWork) -> Clinic:
            clinic = await get_clinic(uow, clinic_id, lock=True)
            now = self._clock.now()
            planned_by = _planned_by(clinic)
            _set(clinic, fields)
            if clinic.guest_join and clinic.join_digest is None:
                self._join_codes.renew(clinic)
            if planned_by != _planned_by(clinic):
                await _replan(uow, clinic, now)
            if drop_logo:
                clinic.drop_logo(by=actor, at=now)
            if images is not None:
                clinic.drop_images(by=actor, at=now)
            await self._stage(uow, clinic, logo, images, actor)
            clinic.changed(by=actor, at=now)
            await uow.clinics.save(clinic)
            await uow.commit()
            return clinic

        return await transact(self._storage, update)

    def join_code_of(self, clinic: Clinic) -> str | None:
        """The code for its posters, if it has one: for its staff and admins alone."""
        return self._join_codes.of(clinic)

    async def read(self, clinic_id: ClinicId) -> Clinic:
        """The clinic, a retired one too. Raises ``NotFound``."""
        async with self._storage.read() as uow:
            return await get_clinic(uow, clinic_id)

    async def printable_join_code(self, clinic_id: ClinicId, *, actor: Actor) -> str:
        """The code for a poster that lets people in as things stand.

        Raises ``Forbidden``, ``Conflict`` (``clinic_retired``, ``guest_join_off``), ``NotFound``
        (the clinic, and ``join_code_not_found`` for one that was made under another key).
        """
        require_desk_of(actor, clinic_id)
        clinic = await self.read(clinic_id)
        if not clinic.is_active:
            raise Conflict("clinic_retired", "This clinic no longer takes patients.")
        if not clinic.guest_join:
            raise Conflict("guest_join_off", "This clinic lets nobody join at its door.")
        code = self._join_codes.of(clinic)
        if code is None:
            raise NotFound(
                "join_code_not_found",
                "The join code cannot be shown any more. An admin can make another one.",
            )
        return code

    async def renew_join_code(self, clinic_id: ClinicId, *, actor: Actor) -> Clinic:
        """From now on another code lets strangers in: printed posters die. Raises ``NotFound``."""
        require_admin(actor)

        async def renew(uow: UnitOfWork) -> Clinic:
            clinic = await get_clinic(uow, clinic_id, lock=True)
            self._join_codes.renew(clinic)
            clinic.changed(by=actor, at=self._clock.now())
            await uow.clinics.save(clinic)
            await uow.commit()
            return clinic

        return await transact(self._storage, renew)

    async def search(self, wanted: ClinicFilter, *, page: Page) -> tuple[list[FoundClinic], int]:
        """A page of active clinics, and how many match in all."""
        async with self._storage.read() as uow:
            return await uow.clinics.search(wanted, page=page)

    def _new(self, fields: ClinicFields) -> Clinic:
        now = self._clock.now()
        id = ClinicId(self._ids.new_id())
        clinic = Clinic(
            id=id,
            name=fields["name"],
            latitude=fields["latitude"],
            longitude=fields["longitude"],
            timezone=self._default_timezone,
            created_at=now,
            updated_at=now,
            service=Service(
                id=ServiceId(self._ids.new_id()), clinic_id=id, created_at=now, updated_at=now
            ),
        )
        _set(clinic, fields)
        if clinic.guest_join:
            self._join_codes.renew(clinic)
        clinic.plan_opening(clinic.service, now)
        return clinic

    async def _stage(
        self,
        uow: UnitOfWork,
        clinic: Clinic,
        logo: bytes | None,
        images: Sequence[bytes] | None,
        actor: Actor,
    ) -> None:
        at = self._clock.now()
        if logo is not None:
            (staged,) = await stage_images(
                uow,
                [logo],
                purpose=ImagePurpose.CLINIC_LOGO,
                owner_id=clinic.id,
                ids=self._ids,
                by=actor,
                at=at,
            )
            clinic.pending_logo = staged.id
        if images is not None:
            batch = self._ids.new_id()
            await stage_images(
                uow,
                images,
                purpose=ImagePurpose.CLINIC_IMAGE,
                owner_id=clinic.id,
                batch=batch,
                ids=self._ids,
                by=actor,
                at=at,
            )
            clinic.images_batch = batch


async def _replan(uow: UnitOfWork, clinic: Clinic, now: datetime) -> None:
    clinic.replan_opening(clinic.service, now)
    for service in await uow.services.of_clinic(clinic.id):
        if not service.is_default:
            clinic.replan_opening(service, now)
            await uow.services.save(service)


def _planned_by(clinic: Clinic) -> tuple[bool, bool, str]:
    return clinic.service.auto_open_queue, clinic.is_active, clinic.timezone


def _set(clinic: Clinic, fields: ClinicFields) -> None:
    for name, value in cast("dict[str, object]", fields).items():
        setattr(clinic.service if name in SERVICE_FIELDS else clinic, name, value)


async def _check(reader: Images, logo: bytes | None, images: Sequence[bytes]) -> None:
    if logo is not None:
        await reader.check(logo, path="logo")
    for position, image in enumerate(images):
        await reader.check(image, path=f"images.{position}")
