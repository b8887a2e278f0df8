"""Committed events in the database, until they have been announced and a while longer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from qure.adapters.sql.mapping import entry_values, to_entry
from qure.adapters.sql.rows import OUTBOX
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.storage import OutboxEntry
from qure.domain.ids import EntryId

_ADD = insert(OUTBOX)
_PENDING = (
    select(OUTBOX)
    .where(OUTBOX.c.created_at <= bindparam("before"), OUTBOX.c.sent_at.is_(None))
    .order_by(OUTBOX.c.created_at, OUTBOX.c.id)
    .limit(bindparam("most"))
)
_KEPT = (
    select(OUTBOX)
    .where(OUTBOX.c.created_at > bindparam("after"))
    .order_by(OUTBOX.c.created_at.desc(), OUTBOX.c.id.desc())
    .limit(bindparam("most"))
)
_MARK = update(OUTBOX).where(OUTBOX.c.id == bindparam("of")).values(sent_at=bindparam("at"))
_DELETE = delete(OUTBOX).where(OUTBOX.c.sent_at < bindparam("before"))
_DEPTH = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.sent_at.is_(None))


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

    async def kept(self, *, after: datetime, limit: int) -> list[OutboxEntry]:
        rows = await self._transaction.all(_KEPT, {"after": after, "most": limit})
        return [to_entry(row) for row in reversed(rows)]

    async def mark_sent(self, ids: Iterable[EntryId], *, at: datetime) -> None:
        sent = [{"of": id, "at": at} for id in ids]
        if sent:
            await self._transaction.change(_MARK, sent)

    async def delete_sent(self, *, before: datetime) -> int:
        return await self._transaction.change(_DELETE, {"before": before})

    async def depth(self) -> int:
        return int(await self._transaction.scalar(_DEPTH))
