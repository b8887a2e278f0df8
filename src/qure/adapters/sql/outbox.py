"""Committed events that have not been announced yet, in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from qure.adapters.sql.mapping import entry_values, to_entry
from qure.adapters.sql.rows import OUTBOX
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.storage import OutboxEntry
from qure.domain.ids import EntryId

_ADD = insert(OUTBOX)
_PENDING = (
    select(OUTBOX)
    .where(OUTBOX.c.created_at <= bindparam("before"))
    .order_by(OUTBOX.c.created_at, OUTBOX.c.id)
    .limit(bindparam("most"))
)
_DELETE = delete(OUTBOX).where(OUTBOX.c.id == bindparam("id"))
_DEPTH = select(func.count()).select_from(OUTBOX)


class SqlOutbox:
    """See ``ports.storage.Outbox``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, entry: OutboxEntry) -> None:
        """Part of the transaction whose events it tells."""
        await self._transaction.change(_ADD, entry_values(entry))

    async def pending(self, *, before: datetime, limit: int) -> list[OutboxEntry]:
        rows = await self._transaction.all(_PENDING, {"before": before, "most": limit})
        return [to_entry(row) for row in rows]

    async def mark_sent(self, ids: Iterable[EntryId]) -> None:
        sent = [{"id": id} for id in ids]
        if sent:
            await self._transaction.change(_DELETE, sent)

    async def depth(self) -> int:
        return int(await self._transaction.scalar(_DEPTH))
