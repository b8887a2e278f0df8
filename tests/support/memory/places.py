"""What clinics offer, and where patients go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from qure.application.changes import Changes
from qure.application.ports.storage import TransactionConflict
from qure.domain.actor import Role
from qure.domain.desk import Desk
from qure.domain.errors import Conflict
from qure.domain.events import DeskState
from qure.domain.ids import ClinicId, DeskId, ServiceId, UserId
from qure.domain.service import Service
from tests.support.memory.state import State


class MemoryServices:
    """See ``Services``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, service: Service) -> None:
        """Raises ``Conflict`` (``service_exists``, ``prefix_taken``)."""
        self._keep(service)

    async def get(self, id: ServiceId) -> Service | None:
        service = self._state.services.get(id)
        return None if service is None else replace(service, events=[])

    async def of_clinic(self, clinic_id: ClinicId) -> list[Service]:
        """By ``position``, then by id."""
        services = [one for one in self._state.services.values() if one.clinic_id == clinic_id]
        services.sort(key=lambda service: (service.position, service.id))
        return [replace(service, events=[]) for service in services]

    async def save(self, service: Service) -> None:
        """Raises ``Conflict`` (``service_exists``, ``prefix_taken``)."""
        if service.id not in self._state.services:
            raise LookupError(f"service {service.id} was never added")
        self._keep(service)

    async def due_for_opening(
        self, now: datetime, *, limit: int
    ) -> list[tuple[ClinicId, ServiceId]]:
        """Earliest first."""
        due = [
            (service.next_opening_at, service.id, service.clinic_id)
            for service in self._state.services.values()
            if service.next_opening_at is not None and service.is_due(now)
        ]
        return [(clinic_id, id) for _, id, clinic_id in sorted(due)[:limit]]

    def _keep(self, service: Service) -> None:
        others = [
            one
            for one in self._state.services.values()
            if one.clinic_id == service.clinic_id and one.is_active and one.id != service.id
        ]
        if service.is_active:
            name = service.name.casefold()
            if any(one.name.casefold() == name for one in others):
                raise Conflict("service_exists", "There is already a service of this name.")
            if any(one.prefix == service.prefix for one in others):
                raise Conflict("prefix_taken", "There is already a service with this prefix.")
        self._changes.note(service)
        self._state.services[service.id] = replace(service, events=[])


class MemoryDesks:
    """See ``Desks``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, desk: Desk) -> None:
        self._keep(desk)

    async def get(self, id: DeskId, *, lock: bool = False) -> Desk | None:
        desk = self._state.desks.get(id)
        return None if desk is None else replace(desk, events=[])

    async def of_clinic(self, clinic_id: ClinicId) -> list[Desk]:
        """By name, then by id."""
        desks = [desk for desk in self._state.desks.values() if desk.clinic_id == clinic_id]
        desks.sort(key=lambda desk: (desk.name, desk.id))
        return [replace(desk, events=[]) for desk in desks]

    async def of_staff(self, user_id: UserId, *, lock: bool = False) -> Desk | None:
        desks = self._state.desks.values()
        return next((replace(one, events=[]) for one in desks if one.staff_id == user_id), None)

    async def save(self, desk: Desk) -> None:
        """Raises ``TransactionConflict``."""
        if desk.id not in self._state.desks:
            raise LookupError(f"desk {desk.id} was never added")
        self._keep(desk)

    async def deserted(self, *, now: datetime, limit: int) -> list[DeskId]:
        desks = [
            desk.id
            for desk in self._state.desks.values()
            if desk.state is not DeskState.CLOSED and self._is_deserted(desk, now)
        ]
        return desks[:limit]

    def _is_deserted(self, desk: Desk, now: datetime) -> bool:
        if desk.closes_at is not None and desk.closes_at <= now:
            return True
        user = None if desk.staff_id is None else self._state.users.get(desk.staff_id)
        assert user is not None  # Somebody sits there.
        works_there = user.role is Role.ADMIN or (
            user.role is Role.STAFF and user.clinic_id == desk.clinic_id
        )
        is_logged_in = any(
            session.user_id == user.id and session.is_live(now)
            for session in self._state.sessions.values()
        )
        return not (user.is_active and works_there and is_logged_in)

    def _keep(self, desk: Desk) -> None:
        if desk.staff_id is not None and any(
            one.staff_id == desk.staff_id and one.id != desk.id
            for one in self._state.desks.values()
        ):
            raise TransactionConflict
        self._changes.note(desk)
        self._state.desks[desk.id] = replace(desk, events=[])
