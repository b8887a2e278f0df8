"""Each move of the table, made in one way, for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from qure.domain import calling, moves
from qure.domain.actor import Role
from qure.domain.calling_order import Line
from qure.domain.events import DeskState
from qure.domain.ids import DeskId, ServiceId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import (
    PLACE_STEP,
    CancelReason,
    Comeback,
    Move,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
)
from tests.support.builders import NOW, build_actor, build_desk, build_token, new_id

STAFF, COLLEAGUE = build_actor(role=Role.STAFF), build_actor(role=Role.STAFF)
PATIENT = build_actor()
LATER = NOW + timedelta(minutes=5)
DESK = build_desk(name="Room 3", state=DeskState.OPEN, service_ids=(ServiceId(new_id()),))
NEW_PLACE = 5 * PLACE_STEP
TRANSFERRED_TO = TokenId(new_id())
COMEBACK = Comeback()

Made = Callable[[Queue, Token, Line], Token]

MADE: Mapping[Move, Made] = {
    Move.CALL: lambda queue, token, line: calling.call(
        queue, token, line, by=STAFF, at=LATER, desk=DESK, reason="late"
    )[0],
    Move.RECALL: lambda queue, token, line: calling.recall(queue, token, by=STAFF, at=LATER),
    Move.START: lambda queue, token, line: moves.start(queue, token, by=STAFF, at=LATER),
    Move.COMPLETE: lambda queue, token, line: moves.complete(queue, token, by=STAFF, at=LATER),
    Move.SKIP: lambda queue, token, line: moves.skip(
        queue, token, line, comeback=COMEBACK, by=STAFF, at=LATER
    ),
    Move.REJOIN: lambda queue, token, line: moves.rejoin(
        queue, token, line, place=NEW_PLACE, taken=(), comeback=COMEBACK, by=STAFF, at=LATER
    ),
    Move.RETURN: lambda queue, token, line: moves.return_to_line(
        queue, token, line, place=NEW_PLACE, by=STAFF, at=LATER, reason="wrong room"
    ),
    Move.HOLD: lambda queue, token, line: moves.hold(queue, token, line, by=STAFF, at=LATER),
    Move.RESUME: lambda queue, token, line: moves.resume(queue, token, line, by=STAFF, at=LATER),
    Move.POSTPONE: lambda queue, token, line: moves.postpone(
        queue, token, line, place=NEW_PLACE, by=PATIENT, at=LATER
    ),
    Move.PRIORITY: lambda queue, token, line: moves.change_priority(
        queue, token, line, priority=Priority.URGENT, by=STAFF, at=LATER
    ),
    Move.LEAVE: lambda queue, token, line: moves.cancel(queue, token, line, by=PATIENT, at=LATER),
    Move.CANCEL: lambda queue, token, line: moves.cancel(
        queue, token, line, by=STAFF, at=LATER, reason="asked by phone"
    ),
    Move.TRANSFER: lambda queue, token, line: moves.transfer(
        queue, token, line, to=TRANSFERRED_TO, by=STAFF, at=LATER
    ),
    Move.END_DAY: lambda queue, token, line: moves.end_day(queue, [token], by=STAFF, at=LATER)[0],
}

MOVES_OF_PATIENTS = frozenset({Move.POSTPONE, Move.LEAVE})
"""Which of them ``PATIENT`` makes; the others are made by ``STAFF``."""

_CALLED: Mapping[str, Any] = {
    "called_at": NOW - timedelta(minutes=9),
    "last_called_at": NOW - timedelta(minutes=8),
    "recall_count": 1,
    "assigned_to": COLLEAGUE.user_id,
    "desk_id": DeskId(new_id()),
    "desk_name": "Room 1",
}
_STARTED: Mapping[str, Any] = {**_CALLED, "started_at": NOW - timedelta(minutes=7)}

LIVED: Mapping[TokenStatus, Mapping[str, Any]] = {
    TokenStatus.WAITING: {},
    TokenStatus.CALLED: _CALLED,
    TokenStatus.IN_PROGRESS: _STARTED,
    TokenStatus.COMPLETED: {**_STARTED, "completed_at": NOW - timedelta(minutes=1)},
    TokenStatus.SKIPPED: {
        **_CALLED,
        "skipped_at": NOW - timedelta(minutes=1),
        "skip_reason": SkipReason.NO_SHOW,
        "rejoin_until": NOW + timedelta(minutes=29),
    },
    TokenStatus.CANCELLED: {
        "cancelled_at": NOW - timedelta(minutes=1),
        "cancel_reason": CancelReason.STAFF,
    },
}
"""What a token has behind it that stands so, by its status."""


def a_token(queue: Queue, status: TokenStatus, **fields: Any) -> Token:
    """``PATIENT``'s token, which has lived a little: every field is set that may be."""
    lived: dict[str, Any] = {
        "patient_id": PATIENT.user_id,
        "status": status,
        "version": 7,
        "rejoins": 1,
        "postpones": 1,
        "transferred_from": TokenId(new_id()),
        "name": "Ada Lovelace",
        "phone": "+1 212 555 0100",
        "note": "wheelchair",
    }
    return build_token(queue, **{**lived, **LIVED[status], **fields})


def fields_of(queue: Queue) -> dict[str, Any]:
    """All that a queue carries, to be compared later."""
    return {name: getattr(queue, name) for name in Queue.__slots__ if name != "events"}
