"""A token: one patient's numbered ticket for one queue, and the moves of its life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from qure.domain.errors import Conflict
from qure.domain.ids import DeskId, QueueId, ServiceId, TokenId, UserId


class TokenStatus(StrEnum):
    """Where a token stands."""

    WAITING = "WAITING"
    CALLED = "CALLED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class Move(StrEnum):
    """What can be done with a token."""

    CALL = "CALL"
    RECALL = "RECALL"
    START = "START"
    COMPLETE = "COMPLETE"
    SKIP = "SKIP"
    REJOIN = "REJOIN"
    RETURN = "RETURN"
    HOLD = "HOLD"
    RESUME = "RESUME"
    POSTPONE = "POSTPONE"
    PRIORITY = "PRIORITY"
    LEAVE = "LEAVE"
    """The patient cancels."""

    CANCEL = "CANCEL"
    """Staff cancel."""

    TRANSFER = "TRANSFER"
    END_DAY = "END_DAY"


_WAITING, _CALLED, _IN_PROGRESS = TokenStatus.WAITING, TokenStatus.CALLED, TokenStatus.IN_PROGRESS
_COMPLETED, _SKIPPED, _CANCELLED = (
    TokenStatus.COMPLETED,
    TokenStatus.SKIPPED,
    TokenStatus.CANCELLED,
)
_STAYS_WAITING = MappingProxyType({_WAITING: _WAITING})

LAWFUL_MOVES: Mapping[Move, Mapping[TokenStatus, TokenStatus]] = MappingProxyType(
    {
        Move.CALL: MappingProxyType({_WAITING: _CALLED}),
        Move.RECALL: MappingProxyType({_CALLED: _CALLED}),
        Move.START: MappingProxyType({_CALLED: _IN_PROGRESS}),
        Move.COMPLETE: MappingProxyType({_CALLED: _COMPLETED, _IN_PROGRESS: _COMPLETED}),
        Move.SKIP: MappingProxyType({_WAITING: _SKIPPED, _CALLED: _SKIPPED}),
        Move.REJOIN: MappingProxyType({_SKIPPED: _WAITING}),
        Move.RETURN: MappingProxyType({_CALLED: _WAITING, _IN_PROGRESS: _WAITING}),
        Move.HOLD: _STAYS_WAITING,
        Move.RESUME: _STAYS_WAITING,
        Move.POSTPONE: _STAYS_WAITING,
        Move.PRIORITY: _STAYS_WAITING,
        Move.LEAVE: MappingProxyType({_WAITING: _CANCELLED}),
        Move.CANCEL: MappingProxyType({_WAITING: _CANCELLED, _CALLED: _CANCELLED}),
        Move.TRANSFER: MappingProxyType(
            {_WAITING: _CANCELLED, _CALLED: _COMPLETED, _IN_PROGRESS: _COMPLETED}
        ),
        Move.END_DAY: MappingProxyType(
            {_WAITING: _CANCELLED, _CALLED: _CANCELLED, _IN_PROGRESS: _COMPLETED}
        ),
    }
)
"""The whole state machine: from which status each move leads to which. Nothing else decides it.

Undoing is none of them: it gives a token back what the last move took (see ``undoing.restore``).
"""

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

PLACE_STEP = 1 << 40
"""Between the places of two tokens issued one after the other: room for others to come between."""

MAX_POSTPONES = 3
"""So often a patient lets others pass with one token."""


class Priority(StrEnum):
    """The class of a token; who is next of which class says ``calling_order``."""

    NORMAL = "NORMAL"
    PRIORITY = "PRIORITY"
    URGENT = "URGENT"


class SkipReason(StrEnum):
    """Why a token was skipped."""

    STAFF = "STAFF"
    NO_SHOW = "NO_SHOW"


class CancelReason(StrEnum):
    """Why a token was cancelled."""

    PATIENT = "PATIENT"
    STAFF = "STAFF"
    DAY_ENDED = "DAY_ENDED"
    TRANSFERRED = "TRANSFERRED"


def label_of(prefix: str, number: int) -> str:
    """What people see and hear of a number: ``B012`` with a prefix, ``12`` without one."""
    return f"{prefix}{number:03d}" if prefix else str(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A numbered ticket.

    ``number`` and ``label`` are what is printed and never change; ``place`` is the order in line
    within the class (ties go by number), greater for later ones. ``version`` is 1 when it is
    issued, and grows by one with each change.

    ``assigned_to`` is the staff member who called or started it last, ``desk_id`` and
    ``desk_name`` the desk at which they sat. ``called_at`` is when it was last called by being
    next or chosen, ``last_called_at`` counts recalls too. ``rejoins`` and ``postpones`` count what
    the patient has done of each. ``name``, ``phone`` and ``note`` are for staff alone.
    """

    id: TokenId
    queue_id: QueueId
    service_id: ServiceId
    patient_id: UserId
    number: int
    label: str
    place: int
    priority: Priority = Priority.NORMAL
    status: TokenStatus
    on_hold: bool = False
    version: int = 1
    created_at: datetime
    called_at: datetime | None = None
    last_called_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    skipped_at: datetime | None = None
    cancelled_at: datetime | None = None
    recall_count: int = 0
    skip_reason: SkipReason | None = None
    cancel_reason: CancelReason | None = None
    rejoin_until: datetime | None = None
    rejoins: int = 0
    postpones: int = 0
    assigned_to: UserId | None = None
    desk_id: DeskId | None = None
    desk_name: str | None = None
    transferred_from: TokenId | None = None
    transferred_to: TokenId | None = None
    guest: bool = False
    name: str | None = None
    phone: str | None = None
    note: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether the patient is in the queue with it."""
        return self.status in ACTIVE

    @property
    def waits(self) -> bool:
        """Whether it may be called next: WAITING, and not held."""
        return self.status is TokenStatus.WAITING and not self.on_hold

    @property
    def postpones_left(self) -> int:
        """How often its patient may let others pass yet."""
        return MAX_POSTPONES - self.postpones

    def require(self, move: Move) -> TokenStatus:
        """Where the move leads from here. Raises ``Conflict`` (``illegal_transition``)."""
        to = LAWFUL_MOVES[move].get(self.status)
        if to is None:
            raise illegal(f"Token {self.label} is {self.status}: {_DONE[move]} is not possible.")
        return to

    def moved(self, move: Move, *, at: datetime, **changes: Any) -> Token:
        """The token after the move, stamped with its time, and with these other changes.

        Whoever comes back into the line has not been called, started or skipped. Raises
        ``Conflict`` (``illegal_transition``) for a move that ``LAWFUL_MOVES`` does not know.
        """
        status = self.require(move)
        made: dict[str, Any] = {"status": status, "version": self.version + 1}
        if status is not self.status:
            if status is TokenStatus.WAITING:
                made |= _BACK_IN_LINE
            else:
                made[_STAMPS[status]] = at
                made["on_hold"] = False
        return replace(self, **{**made, **changes})

    def restored(self, before: Token, after: Token) -> Token:
        """As it was ``before`` the move that made it ``after``; only the version goes on.

        A place that the move left alone stays what it is now: the line may have been spaced out
        anew in between.
        """
        place = self.place if before.place == after.place else before.place
        return replace(before, version=self.version + 1, place=place)


_BACK_IN_LINE: Mapping[str, Any] = MappingProxyType(
    {
        "called_at": None,
        "last_called_at": None,
        "started_at": None,
        "skipped_at": None,
        "skip_reason": None,
        "rejoin_until": None,
        "recall_count": 0,
        "assigned_to": None,
        "desk_id": None,
        "desk_name": None,
    }
)

_DONE: Mapping[Move, str] = MappingProxyType(
    {
        Move.CALL: "calling it",
        Move.RECALL: "calling it again",
        Move.START: "starting it",
        Move.COMPLETE: "completing it",
        Move.SKIP: "skipping it",
        Move.REJOIN: "rejoining",
        Move.RETURN: "returning it to the line",
        Move.HOLD: "holding it",
        Move.RESUME: "resuming it",
        Move.POSTPONE: "letting others pass",
        Move.PRIORITY: "changing its class",
        Move.LEAVE: "leaving",
        Move.CANCEL: "cancelling it",
        Move.TRANSFER: "transferring it",
        Move.END_DAY: "ending its day",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comeback:
    """What a clinic grants to those who were not there: how long they may come back by
    themselves, how often, and behind how many of those who wait."""

    within: timedelta = timedelta(minutes=30)
    at_most: int = 2
    after: int = 2


class ActiveTokenExists(Conflict):
    """The patient is in this queue already, with ``token``."""

    def __init__(self, token: Token) -> None:
        super().__init__("active_token_exists", "You already have an active token in this queue.")
        self.token = token


def illegal(message: str) -> Conflict:
    """A move that the table does not have."""
    return Conflict("illegal_transition", message)
