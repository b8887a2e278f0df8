"""What clinics offer, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from qure.adapters.sql.mapping import service_values, to_service
from qure.adapters.sql.rows.clinics import SERVICES
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.ids import ClinicId, ServiceId
from qure.domain.service import Service

_ADD = insert(SERVICES)
_GET = select(SERVICES).where(SERVICES.c.id == bindparam("id"))
_OF_CLINIC = (
    select(SERVICES)
    .where(SERVICES.c.clinic_id == bindparam("clinic"))
    .order_by(SERVICES.c.position, SERVICES.c.id)
)
_SAVE = update(SERVICES).where(SERVICES.c.id == bindparam("of"))
_DUE = (
    select(SERVICES.c.clinic_id, SERVICES.c.id)
    .where(SERVICES.c.next_opening_at <= bindparam("now"))
    .order_by(SERVICES.c.next_opening_at, SERVICES.c.id)
    .limit(bindparam("most"))
)


class SqlServices:
    """See ``ports.places.Services``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, service: Service) -> None:
        self._changes.note(service)
        await self._transaction.change(_ADD, service_values(service))

    async def get(self, id: ServiceId) -> Service | None:
        row = await self._transaction.first(_GET, {"id": id})
        return None if row is None else to_service(row)

    async def of_clinic(self, clinic_id: ClinicId) -> list[Service]:
        rows = await self._transaction.all(_OF_CLINIC, {"clinic": clinic_id})
        return [to_service(row) for row in rows]

    async def save(self, service: Service) -> None:
        self._changes.note(service)
        values = service_values(service)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def due_for_opening(
        self, now: datetime, *, limit: int
    ) -> list[tuple[ClinicId, ServiceId]]:
        rows = await self._transaction.all(_DUE, {"now": now, "most": limit})
        return [(row.clinic_id, row.id) for row in rows]
