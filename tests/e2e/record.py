"""What became of a day: what clients were told, and what the database says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from qure.domain.ids import QueueId, TokenId
from qure.domain.token import Token
from tests.e2e.desks import Desk
from tests.e2e.phones import Phone
from tests.e2e.topology import Topology
from tests.support.http_service import Person, comes_true


@dataclass(slots=True)
class Patient:
    """A patient, and what they were told over HTTP."""

    person: Person
    phone: Phone
    token: dict[str, Any] | None = None
    was_told_full: bool = False
    has_left: bool = False


STAFF_MOVES = {
    "TokenCalled": "CALL",
    "TokenStarted": "START",
    "TokenCompleted": "COMPLETE",
    "TokenSkipped": "SKIP",
}
"""By what the journal calls it."""


class StaffMove(NamedTuple):
    """What one staff member did with a token."""

    staff_id: str
    action: str


@dataclass(slots=True)
class Record:
    """Everything that the promises are held against."""

    patients: Sequence[Patient] = ()
    desks: Sequence[Desk] = ()
    status: dict[str, Any] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    kept_tokens: dict[str, Token] = field(default_factory=dict)
    staff_moves: dict[str, list[StaffMove]] = field(default_factory=dict)
    """By token, oldest first, as the journal has them."""
    sockets_at: dict[str, int] = field(default_factory=dict)
    refusal_of_text: dict[str, Any] = field(default_factory=dict)
    pictures_given: int = 0
    picture_urls: list[str] = field(default_factory=list)
    pictures: list[bytes | None] = field(default_factory=list)
    stored_pictures: int | None = None
    """How many the store keeps, where it can be asked."""
    caught_up_seconds: float | None = None
    closed_after_seconds: float = 0.0
    role_changes: list[tuple[str, float]] = field(default_factory=list)
    outbox_depth: int = 0

    @property
    def phones(self) -> list[Phone]:
        """Of patients and staff."""
        return [*(one.phone for one in self.patients), *(one.phone for one in self.desks)]

    @property
    def was_disturbed(self) -> bool:
        """Whether anybody lost a connection or an answer."""
        lost = sum(desk.lost_answers for desk in self.desks)
        return lost > 0 or not all(phone.was_always_connected for phone in self.phones)


async def recorded(
    record: Record, topology: Topology, patients: Sequence[Patient], desks: Sequence[Desk]
) -> None:
    """Read at the day's end what the database says."""
    record.patients, record.desks = patients, desks
    if topology.cloudinary is not None:
        record.stored_pictures = len(topology.cloudinary.assets)
    async with topology.container().running() as container:
        async with container.storage.read() as uow:
            kept = await uow.tokens.of_queue(QueueId(UUID(record.status["queueId"])))
            record.kept_tokens = {str(token.id): token for token in kept}
            for id in record.kept_tokens:
                record.staff_moves[id] = [
                    StaffMove(str(one.actor_id), STAFF_MOVES[one.event])
                    for one in await uow.journal.of_token(TokenId(UUID(id)))
                    if one.event in STAFF_MOVES
                ]

        async def nothing_waits() -> bool:
            async with container.storage.read() as uow:
                record.outbox_depth = await uow.journal.depth()
            return record.outbox_depth == 0

        # The last announcements are marked in the database a moment after they were made.
        await comes_true(nothing_waits)
