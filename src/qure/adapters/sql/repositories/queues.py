"""Queues in the database."""

from __future__ import annotations

from datetime import date

from sqlalchemy import bindparam, insert, select, update

from qure.adapters.sql.mapping import queue_values, to_queue
from qure.adapters.sql.rows import QUEUES
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.ids import QueueId, ServiceId
from qure.domain.queue import Queue

_ADD = insert(QUEUES)
_GET = select(QUEUES).where(QUEUES.c.id == bindparam("id"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of rows that name the queue.
_LOCK = _GET.with_for_update(key_share=True)
_OF_DAY = select(QUEUES).where(
    QUEUES.c.service_id == bindparam("service"), QUEUES.c.date == bindparam("day")
)
_SAVE = update(QUEUES).where(QUEUES.c.id == bindparam("of"))
_FIXED = ("clinic_id", "service_id", "date", "created_at")


class SqlQueues:
    """See ``ports.storage.Queues``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, queue: Queue) -> None:
        self._changes.note(queue)
        await self._transaction.change(_ADD, queue_values(queue))

    async def get(self, id: QueueId, *, lock: bool = False) -> Queue | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_queue(row)

    async def of_day(self, service_id: ServiceId, day: date) -> Queue | None:
        row = await self._transaction.first(_OF_DAY, {"service": service_id, "day": day})
        return None if row is None else to_queue(row)

    async def save(self, queue: Queue) -> None:
        self._changes.note(queue)
        values = queue_values(queue)
        values["of"] = values.pop("id")
        for name in _FIXED:
            del values[name]
        await self._transaction.change(_SAVE, values)
