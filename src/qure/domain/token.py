"""A token: one patient's numbered ticket for one queue, and the transitions of its life."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from qure.domain.actor import Actor
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


TRANSITIONS = MappingProxyType(
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
"""The whole state machine. Nothing else in the program decides which move is allowed."""

ACTIVE = frozenset({TokenStatus.WAITING, TokenStatus.CALLED, TokenStatus.IN_PROGRESS})
"""With a token in one of these its patient may not take another in the same queue."""

ASSIGNED = frozenset({TokenStatus.CALLED, TokenStatus.IN_PROGRESS})
"""A token in one of these is assigned to a staff member."""

_STAMPS = MappingProxyType(
    {
        TokenStatus.CALLED: "called_at",
        TokenStatus.IN_PROGRESS: "started_at",
        TokenStatus.COMPLETED: "completed_at",
        TokenStatus.SKIPPED: "skipped_at",
        TokenStatus.CANCELLED: "cancelled_at",
    }
)


PLACE_STEP = 1 << 20
"""Between the places of two tokens issued one after the other: room for others to come between."""


class Priority(StrEnum):
    """The class of a token; who is next of which class says ``calling_order``."""

    NORMAL = "NORMAL"
    PRIORITY = "PRIORITY"
    URGENT = "URGENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A numbered ticket.

    ``number`` is what is printed and never changes; ``place`` is the order in line within the
    class, and begins as ``number * PLACE_STEP``. ``assigned_to`` is the staff member who called or
    started it last. ``version`` is 1 when it is issued, and grows by one with each change.
    """

    id: TokenId
    queue_id: QueueId
    patient_id: UserId
    number: int
    place: int
    priority: Priority = Priority.NORMAL
    status: TokenStatus
    version: int = 1
    created_at: datetime
    called_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    skipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    assigned_to: UserId | None = None

    @property
    def is_active(self) -> bool:
        """Whether the patient is in the queue with it."""
        return self.status in ACTIVE

    def moved_to(self, status: TokenStatus, *, at: datetime, by: Actor) -> Token:
        """The token after the move, stamped with its time.

        Calling and starting assign the token to ``by``. Raises ``Conflict``
        (``illegal_transition``) for a move that ``TRANSITIONS`` does not know.
        """
        if status not in TRANSITIONS[self.status]:
            raise Conflict(
                "illegal_transition",
                f"Token {self.number} is {self.status} and cannot become {status}.",
            )
        changes: dict[str, object] = {
            "status": status,
            "version": self.version + 1,
            _STAMPS[status]: at,
        }
        if status in ASSIGNED:
            changes["assigned_to"] = by.user_id
        return replace(self, **changes)  # type: ignore[arg-type]


class ActiveTokenExists(Conflict):
    """The patient is in this queue already, with ``token``."""

    def __init__(self, token: Token) -> None:
        super().__init__("active_token_exists", "You already have an active token in this queue.")
        self.token = token
