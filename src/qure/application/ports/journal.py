"""Everything that happened: what is kept of it, and how it is asked for and announced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from qure.domain.actor import ActorKind, Role
from qure.domain.events import ClinicChanged, DeskChanged, Event, QueueChanged, TokenChanged
from qure.domain.ids import ClinicId, DeskId, EntryId, QueueId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import TokenStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """What one committed transaction has to tell, in order."""

    id: EntryId
    created_at: datetime
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecord:
    """One event as it can be asked for: who did what to which, from what to what, when and why.

    ``event`` is the event's name; ``from_status``, ``to_status`` and ``token_id`` are those of a
    token's move. ``request_id`` is that of the request in which it was done, if any.
    """

    entry_id: EntryId
    number: int
    created_at: datetime
    event: str
    actor_kind: ActorKind
    actor_id: UUID | None
    actor_role: Role | None
    clinic_id: ClinicId | None
    queue_id: QueueId | None
    token_id: TokenId | None
    from_status: TokenStatus | None
    to_status: TokenStatus | None
    reason: str | None
    desk_id: DeskId | None
    desk_name: str | None
    request_id: str | None

    @classmethod
    def of(cls, entry: JournalEntry, number: int, *, request_id: str | None) -> JournalRecord:
        """What is kept of the entry's event of that number, from 0."""
        event = entry.events[number]
        queue = event.queue if isinstance(event, QueueChanged) else None
        moved = event if isinstance(event, TokenChanged) else None
        desk = event if isinstance(event, DeskChanged) else None
        clinic_id = event.clinic_id if isinstance(event, ClinicChanged | DeskChanged) else None
        if moved is not None:
            at_desk = moved.token.desk_id, moved.token.desk_name
        else:
            at_desk = (desk.desk_id, desk.desk_name) if desk else (None, None)
        return cls(
            entry_id=entry.id,
            number=number,
            created_at=entry.created_at,
            event=type(event).__name__,
            actor_kind=event.actor.kind,
            actor_id=event.actor.id,
            actor_role=event.actor.role,
            clinic_id=queue.clinic_id if queue else clinic_id,
            queue_id=queue.queue_id if queue else None,
            token_id=moved.token.id if moved else None,
            from_status=moved.from_status if moved else None,
            to_status=moved.token.status if moved else None,
            reason=moved.reason if moved else None,
            desk_id=at_desk[0],
            desk_name=at_desk[1],
            request_id=request_id,
        )


class Journal(Protocol):
    """Everything that happened, for good. The unit of work itself writes it (see ``commit``)."""

    async def of_token(self, token_id: TokenId) -> list[JournalRecord]:
        """Oldest first."""

    async def last_move(
        self, queue: Queue, actor_id: UserId, *, since: datetime
    ) -> JournalEntry | None:
        """The newest entry since then in which that person moved a token of the queue."""

    async def of_clinic(
        self, clinic_id: ClinicId, *, since: datetime, until: datetime
    ) -> list[JournalRecord]:
        """What happened to the clinic and in its queues from ``since`` to before ``until``."""

    async def of_desks(self, clinic_id: ClinicId, *, since: datetime) -> list[JournalRecord]:
        """What happened to the clinic's desks since then, oldest first."""

    async def after(self, position: EntryId, *, limit: int) -> list[JournalEntry]:
        """The entries that come after that one by id, which is by time.

        Transactions overlap: an entry may appear behind one that was read already, as long as
        its transaction ran. Who must miss none goes back by a minute.
        """

    async def kept(self, *, after: datetime, limit: int) -> list[JournalEntry]:
        """Announced or not, recorded after then: the newest ``limit`` of them, oldest first."""

    async def pending(self, *, before: datetime, limit: int) -> list[JournalEntry]:
        """Not announced, recorded at or before then, oldest first."""

    async def mark_announced(self, ids: Iterable[EntryId]) -> None:
        """They are announced; unknown ids are ignored."""

    async def depth(self) -> int:
        """How many wait to be announced."""
