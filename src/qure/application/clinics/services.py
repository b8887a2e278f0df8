"""What patients stand in line for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, cast

from qure.application.access import require_admin, require_sees
from qure.application.lookup import get_clinic, get_service
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor, Role
from qure.domain.errors import Conflict, FieldError, Invalid
from qure.domain.ids import ClinicId, ServiceId
from qure.domain.service import (
    DEFAULT_EXPECTED_MINUTES,
    DEFAULT_QUEUE_SIZE,
    MAX_SERVICES,
    Service,
    free_prefix,
)


class ServiceFields(TypedDict, total=False):
    """What an admin may set about a service."""

    name: str
    prefix: str
    expected_minutes: int
    max_queue_size: int
    auto_open_queue: bool
    is_active: bool
    position: int


class Services:
    """Everybody may look, admins may change: what changes raises ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def list_all(self, clinic_id: ClinicId, *, actor: Actor) -> list[Service]:
        """By position; retired ones for admins only. Raises ``NotFound``, ``Forbidden``."""
        require_sees(actor, clinic_id)
        async with self._storage.read() as uow:
            await get_clinic(uow, clinic_id)
            services = await uow.services.of_clinic(clinic_id)
        return [one for one in services if one.is_active or actor.role is Role.ADMIN]

    async def create(self, clinic_id: ClinicId, *, fields: ServiceFields, actor: Actor) -> Service:
        """A new service, the last one; ``fields`` has at least ``name``.

        Without a prefix it gets a letter: see ``free_prefix``. Raises ``NotFound``, ``Conflict``
        (``service_exists``, ``prefix_taken``, ``too_many_services``).
        """
        require_admin(actor)

        async def create(uow: UnitOfWork) -> Service:
            clinic = await get_clinic(uow, clinic_id, lock=True)
            others = await uow.services.of_clinic(clinic_id)
            active = [one for one in others if one.is_active]
            if len(active) >= MAX_SERVICES:
                raise Conflict(
                    "too_many_services", f"A clinic offers at most {MAX_SERVICES} services."
                )
            now = self._clock.now()
            service = Service(
                id=ServiceId(self._ids.new_id()),
                clinic_id=clinic_id,
                name=fields["name"],
                prefix=_prefix(fields, active),
                expected_minutes=fields.get("expected_minutes", DEFAULT_EXPECTED_MINUTES),
                max_queue_size=fields.get("max_queue_size", DEFAULT_QUEUE_SIZE),
                auto_open_queue=fields.get("auto_open_queue", False),
                is_default=False,
                position=fields.get(
                    "position", max((one.position for one in others), default=0) + 1
                ),
                created_at=now,
                updated_at=now,
            )
            _require_free(service, active)
            clinic.plan_opening(service, now)
            service.changed(by=actor, at=now)
            await uow.services.add(service)
            await uow.commit()
            return service

        return await transact(self._storage, create)

    async def update(
        self, service_id: ServiceId, *, fields: ServiceFields, actor: Actor
    ) -> Service:
        """Change what ``fields`` names. A new name shows in today's queue at once, a new prefix
        from the next queue on: numbers that were given keep theirs.

        Raises ``NotFound``, ``Conflict`` (``service_exists``, ``prefix_taken``,
        ``default_service`` for retiring the default one).
        """
        require_admin(actor)

        async def update(uow: UnitOfWork) -> Service:
            seen = await get_service(uow, service_id)
            clinic = await get_clinic(uow, seen.clinic_id, lock=True)
            service = await get_service(uow, service_id)
            now = self._clock.now()
            if service.is_default and fields.get("is_active") is False:
                raise Conflict("default_service", "The default service cannot be retired.")
            planned_by = service.auto_open_queue, service.is_active
            for name, value in cast("dict[str, object]", fields).items():
                setattr(service, name, value)
            others = await uow.services.of_clinic(clinic.id)
            active = [one for one in others if one.is_active and one.id != service_id]
            if service.is_active:
                if len(active) >= MAX_SERVICES:
                    raise Conflict(
                        "too_many_services", f"A clinic offers at most {MAX_SERVICES} services."
                    )
                _require_free(service, active)
            if planned_by != (service.auto_open_queue, service.is_active):
                clinic.replan_opening(service, now)
            await self._rename_queue(uow, service, actor, now)
            service.changed(by=actor, at=now)
            await uow.services.save(service)
            await uow.commit()
            return service

        return await transact(self._storage, update)

    async def _rename_queue(
        self, uow: UnitOfWork, service: Service, actor: Actor, now: datetime
    ) -> None:
        for queue in await uow.queues.of_services({service.id}, now=now, lock=True):
            if queue.rename(service.name, by=actor, at=now):
                await uow.queues.save(queue)


def _prefix(fields: ServiceFields, active: Sequence[Service]) -> str:
    given = fields.get("prefix")
    if given is not None:
        return given
    found = free_prefix(fields["name"], {one.prefix for one in active})
    if found is None:
        raise Invalid([FieldError("prefix", "All letters are taken. Please choose a prefix.")])
    return found


def _require_free(service: Service, active: Sequence[Service]) -> None:
    """The database repeats this rule."""
    if any(one.name.casefold() == service.name.casefold() for one in active):
        raise Conflict("service_exists", "There is already a service of this name.")
    if any(one.prefix == service.prefix for one in active):
        raise Conflict("prefix_taken", "Another service has this prefix.")
