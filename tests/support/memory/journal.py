"""Everything that happened. Entries lie in the order in which their transactions committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from qure.application.ports.journal import JournalEntry, JournalRecord
from qure.domain.ids import ClinicId, EntryId, TokenId, UserId
from qure.domain.queue import Queue
from tests.support.memory.state import State


class MemoryJournal:
    """See ``Journal``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of_token(self, token_id: TokenId) -> list[JournalRecord]:
        """Oldest first."""
        return [record for record in self._records() if record.token_id == token_id]

    async def last_move(
        self, queue: Queue, actor_id: UserId, *, since: datetime
    ) -> JournalEntry | None:
        """The newest by time, then by id."""
        entries = [
            (record.created_at, record.entry_id)
            for record in self._records()
            if record.queue_id == queue.id
            and record.actor_id == actor_id
            and record.from_status is not None
            and record.created_at >= since
        ]
        return self._state.journal[max(entries)[1]] if entries else None

    async def of_clinic(
        self, clinic_id: ClinicId, *, since: datetime, until: datetime
    ) -> list[JournalRecord]:
        return [
            record
            for record in self._records()
            if record.clinic_id == clinic_id and since <= record.created_at < until
        ]

    async def of_desks(self, clinic_id: ClinicId, *, since: datetime) -> list[JournalRecord]:
        return [
            record
            for record in self._records()
            if record.clinic_id == clinic_id
            and record.created_at >= since
            and record.desk_id is not None
            and record.token_id is None
        ]

    async def after(self, position: EntryId, *, limit: int) -> list[JournalEntry]:
        later = sorted(id for id in self._state.journal if id > position)
        return [self._state.journal[id] for id in later[:limit]]

    async def kept(self, *, after: datetime, limit: int) -> list[JournalEntry]:
        """The newest ``limit`` of them, oldest first."""
        entries = [e for e in self._state.journal.values() if e.created_at > after]
        return entries[-limit:]

    async def pending(self, *, before: datetime, limit: int) -> list[JournalEntry]:
        """Oldest first."""
        entries = [self._state.journal[id] for id in self._state.pending]
        return [entry for entry in entries if entry.created_at <= before][:limit]

    async def mark_announced(self, ids: Iterable[EntryId]) -> None:
        for id in ids:
            self._state.pending.discard(id)

    async def depth(self) -> int:
        return len(self._state.pending)

    def _records(self) -> Iterator[JournalRecord]:
        for entry in self._state.journal.values():
            for number in range(len(entry.events)):
                yield JournalRecord.of(entry, number, request_id=self._state.requests[entry.id])
