"""Everything that happened, in the database. Every question here is answered by an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, select, text, update

from qure.adapters.sql.insertion import Insertion
from qure.adapters.sql.mapping import Mapping
from qure.adapters.sql.rows.records import JOURNAL
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.journal import JournalEntry, JournalRecord
from qure.domain.ids import ClinicId, EntryId, TokenId, UserId
from qure.domain.queue import Queue
from qure.wire.stored_events import decode_event, encode_event

_add = Insertion(JOURNAL)
_record_values = Mapping(JOURNAL, without=("is_pending", "content"))
_IS_PENDING = text("journal.is_pending")  # As the partial index has it.
_IN_ORDER = (JOURNAL.c.created_at, JOURNAL.c.entry_id, JOURNAL.c.number)
_RECORDS = select(*(column for column in JOURNAL.c if column.name != "content"))
_OF_TOKEN = _RECORDS.where(JOURNAL.c.token_id == bindparam("token")).order_by(*_IN_ORDER)
_OF_CLINIC = _RECORDS.where(
    JOURNAL.c.clinic_id == bindparam("clinic"),
    JOURNAL.c.created_at >= bindparam("since"),
    JOURNAL.c.created_at < bindparam("until"),
).order_by(*_IN_ORDER)
_OF_DESKS = _RECORDS.where(
    JOURNAL.c.clinic_id == bindparam("clinic"),
    JOURNAL.c.created_at >= bindparam("since"),
    # As the partial index has it: a token's moves at a desk are many more.
    text("journal.desk_id IS NOT NULL AND journal.token_id IS NULL"),
).order_by(*_IN_ORDER)

# Where an entry begins, which has something to tell: not what happened before there was a journal.
_IS_ENTRY = (JOURNAL.c.number == 0) & JOURNAL.c.content.is_not(None)
_PENDING = (
    select(JOURNAL.c.entry_id)
    .where(_IS_PENDING, JOURNAL.c.created_at <= bindparam("before"))
    .order_by(JOURNAL.c.created_at, JOURNAL.c.entry_id)
    .limit(bindparam("most"))
)
_KEPT = (
    select(JOURNAL.c.entry_id)
    .where(_IS_ENTRY, JOURNAL.c.created_at > bindparam("after"))
    .order_by(JOURNAL.c.created_at.desc(), JOURNAL.c.entry_id.desc())
    .limit(bindparam("most"))
)
_AFTER = (
    select(JOURNAL.c.entry_id)
    .where(_IS_ENTRY, JOURNAL.c.entry_id > bindparam("position"))
    .order_by(JOURNAL.c.entry_id)
    .limit(bindparam("most"))
)
_LAST_MOVE = (
    select(JOURNAL.c.entry_id)
    .where(
        JOURNAL.c.clinic_id == bindparam("clinic"),
        JOURNAL.c.created_at >= bindparam("since"),
        JOURNAL.c.queue_id == bindparam("queue"),
        JOURNAL.c.actor_id == bindparam("actor"),
        JOURNAL.c.from_status.is_not(None),
        JOURNAL.c.content.is_not(None),
    )
    .order_by(JOURNAL.c.created_at.desc(), JOURNAL.c.entry_id.desc())
    .limit(1)
)
_CONTENTS = select(JOURNAL.c.entry_id, JOURNAL.c.created_at, JOURNAL.c.event, JOURNAL.c.content)
_MARK = (
    update(JOURNAL)
    .where(JOURNAL.c.entry_id == bindparam("of"), JOURNAL.c.number == 0)
    .values(is_pending=False)
)
_DEPTH = select(func.count()).select_from(JOURNAL).where(_IS_PENDING)


def _entries_of(wanted: Any, *order: Any) -> Any:
    return _CONTENTS.where(JOURNAL.c.entry_id.in_(wanted)).order_by(*order)


_PENDING_ENTRIES = _entries_of(_PENDING, *_IN_ORDER)
_KEPT_ENTRIES = _entries_of(_KEPT, *_IN_ORDER)
_ENTRY_OF_LAST_MOVE = _entries_of(_LAST_MOVE, *_IN_ORDER)
_ENTRIES_AFTER = _entries_of(_AFTER, JOURNAL.c.entry_id, JOURNAL.c.number)


class SqlJournal:
    """See ``ports.journal.Journal``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, entry: JournalEntry, *, request_id: str | None) -> None:
        """Part of the transaction whose events it tells."""
        rows = [_values(entry, n, request_id=request_id) for n in range(len(entry.events))]
        await _add(self._transaction, rows)

    async def of_token(self, token_id: TokenId) -> list[JournalRecord]:
        return _records(await self._transaction.all(_OF_TOKEN, {"token": token_id}))

    async def last_move(
        self, queue: Queue, actor_id: UserId, *, since: datetime
    ) -> JournalEntry | None:
        # By the clinic's index: nothing is asked for by queue or person often enough for its own.
        asked = {"clinic": queue.clinic_id, "queue": queue.id, "actor": actor_id, "since": since}
        found = _entries(await self._transaction.all(_ENTRY_OF_LAST_MOVE, asked))
        return found[0] if found else None

    async def of_clinic(
        self, clinic_id: ClinicId, *, since: datetime, until: datetime
    ) -> list[JournalRecord]:
        asked = {"clinic": clinic_id, "since": since, "until": until}
        return _records(await self._transaction.all(_OF_CLINIC, asked))

    async def of_desks(self, clinic_id: ClinicId, *, since: datetime) -> list[JournalRecord]:
        asked = {"clinic": clinic_id, "since": since}
        return _records(await self._transaction.all(_OF_DESKS, asked))

    async def after(self, position: EntryId, *, limit: int) -> list[JournalEntry]:
        asked = {"position": position, "most": limit}
        return _entries(await self._transaction.all(_ENTRIES_AFTER, asked))

    async def kept(self, *, after: datetime, limit: int) -> list[JournalEntry]:
        asked = {"after": after, "most": limit}
        return _entries(await self._transaction.all(_KEPT_ENTRIES, asked))

    async def pending(self, *, before: datetime, limit: int) -> list[JournalEntry]:
        asked = {"before": before, "most": limit}
        return _entries(await self._transaction.all(_PENDING_ENTRIES, asked))

    async def mark_announced(self, ids: Iterable[EntryId]) -> None:
        # Sorted: two processes may have swept up the same ones.
        announced = [{"of": id} for id in sorted(ids)]
        if announced:
            await self._transaction.change(_MARK, announced)

    async def depth(self) -> int:
        return int(await self._transaction.scalar(_DEPTH))


def _values(entry: JournalEntry, number: int, *, request_id: str | None) -> dict[str, Any]:
    return {
        **_record_values(JournalRecord.of(entry, number, request_id=request_id)),
        "is_pending": number == 0,
        "content": encode_event(entry.events[number]),
    }


def _records(rows: Sequence[Row[Any]]) -> list[JournalRecord]:
    return [msgspec.convert(row, JournalRecord, from_attributes=True) for row in rows]


def _entries(rows: Sequence[Row[Any]]) -> list[JournalEntry]:
    return [
        JournalEntry(
            id=id,
            created_at=created_at,
            events=tuple(
                event for row in its if (event := decode_event(row.event, row.content)) is not None
            ),
        )
        for (created_at, id), its in groupby(rows, key=lambda row: (row.created_at, row.entry_id))
    ]
