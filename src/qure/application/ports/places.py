"""The collections of a clinic: what it offers, and where patients go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from qure.domain.desk import Desk
from qure.domain.ids import ClinicId, DeskId, ServiceId, UserId
from qure.domain.service import Service


class Services(Protocol):
    """What all clinics offer, the default services too. Change one under its clinic's lock."""

    async def add(self, service: Service) -> None:
        """Raises ``Conflict`` (``service_exists``, ``prefix_taken``)."""

    async def get(self, id: ServiceId) -> Service | None: ...

    async def of_clinic(self, clinic_id: ClinicId) -> list[Service]:
        """Retired ones too, by ``position``, then by id."""

    async def save(self, service: Service) -> None:
        """Raises ``Conflict`` (``service_exists``, ``prefix_taken``)."""

    async def due_for_opening(
        self, now: datetime, *, limit: int
    ) -> Sequence[tuple[ClinicId, ServiceId]]:
        """Those whose ``next_opening_at`` has come, earliest first, and their clinics."""


class Desks(Protocol):
    """Where patients of all clinics go."""

    async def add(self, desk: Desk) -> None: ...

    async def get(self, id: DeskId, *, lock: bool = False) -> Desk | None: ...

    async def of_clinic(self, clinic_id: ClinicId) -> list[Desk]:
        """Those out of use too, by name, then by id."""

    async def of_staff(self, user_id: UserId, *, lock: bool = False) -> Desk | None:
        """Where that person sits."""

    async def save(self, desk: Desk) -> None:
        """Raises ``TransactionConflict`` when its person sits down elsewhere at this moment."""

    async def deserted(self, *, now: datetime, limit: int) -> list[DeskId]:
        """Those to be closed: their day is over, or whoever sits there has no live session left,
        is disabled, or works elsewhere.
        """
