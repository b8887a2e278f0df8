"""Queues in the database. Every question here is answered by an index."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, text, update

from qure.adapters.sql.mapping import queue_changes, queue_values, to_queue
from qure.adapters.sql.rows.clinics import SERVICES
from qure.adapters.sql.rows.queueing import QUEUES
from qure.adapters.sql.rows.row import padded
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.ids import ClinicId, QueueId, ServiceId
from qure.domain.queue import Queue

_ADD = insert(QUEUES)
_GET = select(QUEUES).where(QUEUES.c.id == bindparam("id"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of rows that name the queue.
_LOCK = _GET.with_for_update(key_share=True)
# Sorted first and locked then.
_LOCK_MANY = (
    select(QUEUES)
    .where(QUEUES.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(QUEUES.c.id)
    .with_for_update(key_share=True)
)
_OF_DAY = select(QUEUES).where(
    QUEUES.c.service_id == bindparam("service"), QUEUES.c.date == bindparam("day")
)
# The dates are those that some place on earth can have then: they are what the index knows.
_OF_NOW = select(QUEUES).where(
    QUEUES.c.date.between(bindparam("first"), bindparam("last")),
    QUEUES.c.day_starts_at <= bindparam("now"),
    QUEUES.c.day_ends_at > bindparam("now"),
)
_OF_SERVICES = _OF_NOW.where(
    QUEUES.c.service_id.in_(bindparam("services", expanding=True))
).order_by(QUEUES.c.id)
_LOCK_OF_SERVICES = _OF_SERVICES.with_for_update(key_share=True)
_OF_CLINIC = (
    _OF_NOW.join(SERVICES, SERVICES.c.id == QUEUES.c.service_id)
    .where(SERVICES.c.clinic_id == bindparam("clinic"))
    .order_by(SERVICES.c.position, SERVICES.c.id, QUEUES.c.id)
)
_TO_END = (
    select(QUEUES.c.id)
    .where(
        text("queues.ended_at IS NULL"),
        or_(QUEUES.c.day_ends_at <= bindparam("now"), QUEUES.c.closed_at.is_not(None)),
    )
    .order_by(QUEUES.c.day_ends_at, QUEUES.c.id)
    .limit(bindparam("most"))
)
_WITH_NOTICE_OVER = (
    select(QUEUES.c.id)
    .where(QUEUES.c.notice_ends_at <= bindparam("now"))
    .order_by(QUEUES.c.notice_ends_at, QUEUES.c.id)
    .limit(bindparam("most"))
)
_SAVE = update(QUEUES).where(QUEUES.c.id == bindparam("of"))


class SqlQueues:
    """See ``ports.lines.Queues``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, queue: Queue) -> None:
        self._changes.note(queue)
        await self._transaction.change(_ADD, queue_values(queue))

    async def get(self, id: QueueId, *, lock: bool = False) -> Queue | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_queue(row)

    async def lock(self, ids: Collection[QueueId]) -> list[Queue]:
        if not ids:
            return []
        rows = await self._transaction.all(_LOCK_MANY, {"ids": padded(ids)})
        return [to_queue(row) for row in rows]

    async def of_day(self, service_id: ServiceId, day: date) -> Queue | None:
        row = await self._transaction.first(_OF_DAY, {"service": service_id, "day": day})
        return None if row is None else to_queue(row)

    async def of_services(
        self, service_ids: Collection[ServiceId], *, now: datetime, lock: bool = False
    ) -> list[Queue]:
        if not service_ids:
            return []
        statement = _LOCK_OF_SERVICES if lock else _OF_SERVICES
        asked = {"services": padded(service_ids), **_at(now)}
        return [to_queue(row) for row in await self._transaction.all(statement, asked)]

    async def of_clinic(self, clinic_id: ClinicId, *, now: datetime) -> list[Queue]:
        asked = {"clinic": clinic_id, **_at(now)}
        return [to_queue(row) for row in await self._transaction.all(_OF_CLINIC, asked)]

    async def to_end(self, *, now: datetime, limit: int) -> list[QueueId]:
        rows = await self._transaction.all(_TO_END, {"now": now, "most": limit})
        return [row.id for row in rows]

    async def with_notice_over(self, *, now: datetime, limit: int) -> list[QueueId]:
        rows = await self._transaction.all(_WITH_NOTICE_OVER, {"now": now, "most": limit})
        return [row.id for row in rows]

    async def save(self, queue: Queue) -> None:
        self._changes.note(queue)
        await self._transaction.change(_SAVE, {"of": queue.id, **queue_changes(queue)})


def _at(now: datetime) -> dict[str, Any]:
    today = now.astimezone(UTC).date()
    return {"now": now, "first": today - timedelta(days=1), "last": today + timedelta(days=1)}
