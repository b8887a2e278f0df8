"""A token: one patient's numbered place in one queue, and the lawful moves of its life."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, TokenId, UserId


class TokenStatus(StrEnum):
    """Where a token stands."""

    WAITING = "WAITING"
    CALLED = "CALLED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


LAWFUL_MOVES = MappingProxyType(
    {
        TokenStatus.WAITING: frozenset(
            {TokenStatus.CALLED, TokenStatus.SKIPPED, TokenStatus.CANCELLED}
        ),
        TokenStatus.CALLED: frozenset(
            {TokenStatus.IN_PROGRESS, TokenStatus.COMPLETED, TokenStatus.SKIPPED}
        ),
        TokenStatus.IN_PROGRESS: frozenset({TokenStatus.COMPLETED}),
        TokenStatus.COMPLETED: frozenset[TokenStatus](),
        TokenStatus.SKIPPED: frozenset[TokenStatus](),
        TokenStatus.CANCELLED: frozenset[TokenStatus](),
    }
)
"""The whole state machine. Nothing else in the program decides which move is lawful."""

ACTIVE = frozenset({TokenStatus.WAITING, TokenStatus.CALLED, TokenStatus.IN_PROGRESS})
"""A token in one of these still stands: its patient may not take another in the same queue."""

HELD = frozenset({TokenStatus.CALLED, TokenStatus.IN_PROGRESS})
"""A token in one of these is in the hands of a staff member."""

_STAMPS = MappingProxyType(
    {
        TokenStatus.CALLED: "called_at",
        TokenStatus.IN_PROGRESS: "started_at",
        TokenStatus.COMPLETED: "completed_at",
        TokenStatus.SKIPPED: "skipped_at",
        TokenStatus.CANCELLED: "cancelled_at",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A numbered place. ``held_by`` is the staff member who called or started it last."""

    id: TokenId
    queue_id: QueueId
    patient_id: UserId
    number: int
    status: TokenStatus
    created_at: datetime
    called_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    skipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    held_by: UserId | None = None

    @property
    def is_active(self) -> bool:
        """Whether the patient still stands in the queue with it."""
        return self.status in ACTIVE

    def moved_to(self, status: TokenStatus, *, at: datetime, by: UserId) -> Token:
        """The token after the move, stamped with its time.

        Calling and starting put the token into the hands of ``by``. Raises ``Conflict``
        (``illegal_transition``) for a move that ``LAWFUL_MOVES`` does not know.
        """
        if status not in LAWFUL_MOVES[self.status]:
            raise Conflict(
                "illegal_transition",
                f"Token {self.number} is {self.status} and cannot become {status}.",
            )
        changes: dict[str, object] = {"status": status, _STAMPS[status]: at}
        if status in HELD:
            changes["held_by"] = by
        return replace(self, **changes)  # type: ignore[arg-type]


class ActiveTokenExists(Conflict):
    """The patient already stands in this queue, with ``token``."""

    def __init__(self, token: Token) -> None:
        super().__init__("active_token_exists", "You already have an active token in this queue.")
        self.token = token
