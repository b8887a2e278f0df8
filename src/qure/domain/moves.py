"""What may be done with a queue's tokens: each move of ``LAWFUL_MOVES``, with all that it changes.

Every function either does all of what it says, or raises and leaves the queue as it was. It
returns the token as it stands afterwards. ``line`` is the front of the queue's line, which a move
of a token that waits, or comes back to wait, needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from qure.domain.actor import Actor
from qure.domain.calling_order import Line
from qure.domain.events import (
    TokenCancelled,
    TokenChanged,
    TokenCompleted,
    TokenHeld,
    TokenPostponed,
    TokenPriorityChanged,
    TokenRejoined,
    TokenResumed,
    TokenReturned,
    TokenSkipped,
    TokenStarted,
    TokenTransferred,
)
from qure.domain.ids import TokenId
from qure.domain.issuing import refuse_second
from qure.domain.queue import Queue
from qure.domain.token import (
    MAX_POSTPONES,
    CancelReason,
    Comeback,
    Move,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
    illegal,
)
from qure.domain.undoing import state_before


def start(queue: Queue, token: Token, *, by: Actor, at: datetime) -> Token:
    """The patient is being seen. Raises ``Conflict`` unless the token is CALLED."""
    started = token.moved(Move.START, at=at, assigned_to=by.user_id)
    return _move(queue, TokenStarted, started, token, None, by=by, at=at)


def complete(queue: Queue, token: Token, *, by: Actor, at: datetime) -> Token:
    """The patient was served. Raises ``Conflict`` unless CALLED or IN_PROGRESS."""
    done = token.moved(Move.COMPLETE, at=at)
    return _move(queue, TokenCompleted, done, token, None, by=by, at=at)


def skip(
    queue: Queue,
    token: Token,
    line: Line | None,
    *,
    comeback: Comeback,
    why: SkipReason | None = None,
    by: Actor,
    at: datetime,
) -> Token:
    """The patient is not there. Raises ``Conflict`` unless WAITING or CALLED.

    Without a reason it is NO_SHOW for a CALLED token, STAFF for a WAITING one.
    """
    if why is None:
        called = token.status is TokenStatus.CALLED
        why = SkipReason.NO_SHOW if called else SkipReason.STAFF
    skipped = token.moved(Move.SKIP, at=at, skip_reason=why, rejoin_until=at + comeback.within)
    return _move(queue, TokenSkipped, skipped, token, line, by=by, at=at, reason=why.value)


def return_to_line(
    queue: Queue,
    token: Token,
    line: Line,
    *,
    place: int,
    by: Actor,
    at: datetime,
    reason: str | None = None,
) -> Token:
    """Back into the line at that place.

    Raises ``Conflict`` unless CALLED or IN_PROGRESS, and (``queue_closed``) on a closed queue.
    """
    token.require(Move.RETURN)
    queue.require_not_closed()
    back = token.moved(Move.RETURN, at=at, place=place)
    return _move(queue, TokenReturned, back, token, line, by=by, at=at, reason=reason)


def change_priority(
    queue: Queue, token: Token, line: Line, *, priority: Priority, by: Actor, at: datetime
) -> Token:
    """Into that class, at the place it has. Raises ``Conflict`` unless WAITING."""
    other = token.moved(Move.PRIORITY, at=at, priority=priority)
    return _move(
        queue, TokenPriorityChanged, other, token, line, by=by, at=at, reason=priority.value
    )


def transfer(
    queue: Queue, token: Token, line: Line | None, *, to: TokenId, by: Actor, at: datetime
) -> Token:
    """The patient goes on with the token ``to`` of another queue.

    Raises ``Conflict`` unless WAITING, CALLED or IN_PROGRESS.
    """
    changes: dict[str, Any] = {"transferred_to": to}
    if token.require(Move.TRANSFER) is TokenStatus.CANCELLED:
        changes["cancel_reason"] = CancelReason.TRANSFERRED
    gone = token.moved(Move.TRANSFER, at=at, **changes)
    return _move(queue, TokenTransferred, gone, token, line, by=by, at=at, reason="TRANSFERRED")


def cancel(
    queue: Queue,
    token: Token,
    line: Line | None,
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
) -> Token:
    """Take it out: its patient, while it is WAITING, or staff, while it is CALLED too.

    Raises ``Conflict``.
    """
    if by.id == token.patient_id:
        move, why = Move.LEAVE, CancelReason.PATIENT
    else:
        move, why = Move.CANCEL, CancelReason.STAFF
    gone = token.moved(move, at=at, cancel_reason=why)
    said = reason or why.value
    return _move(queue, TokenCancelled, gone, token, line, by=by, at=at, reason=said)


def require_may_rejoin(
    queue: Queue, token: Token, *, comeback: Comeback, by: Actor, at: datetime
) -> None:
    """Raises ``Conflict`` (``illegal_transition``, ``queue_closed``).

    Staff bring anybody back all day; patients have until ``rejoin_until``, and a number of times.
    """
    token.require(Move.REJOIN)
    queue.require_not_closed()
    if by.id != token.patient_id:
        return
    if token.rejoin_until is None or at > token.rejoin_until:
        raise illegal("It is too late to come back by yourself. Please ask at the desk.")
    if token.rejoins >= comeback.at_most:
        raise illegal("You have come back as often as you may. Please ask at the desk.")


def rejoin(
    queue: Queue,
    token: Token,
    line: Line,
    *,
    place: int,
    taken: Collection[Token],
    comeback: Comeback,
    by: Actor,
    at: datetime,
) -> Token:
    """Back into the line at that place, for a patient who has ``taken`` these tokens.

    Raises what ``require_may_rejoin`` raises, and ``ActiveTokenExists``.
    """
    require_may_rejoin(queue, token, comeback=comeback, by=by, at=at)
    refuse_second(one for one in taken if one.queue_id == queue.id)
    own = int(by.id == token.patient_id)
    back = token.moved(Move.REJOIN, at=at, place=place, rejoins=token.rejoins + own)
    return _move(queue, TokenRejoined, back, token, line, by=by, at=at)


def hold(queue: Queue, token: Token, line: Line, *, by: Actor, at: datetime) -> Token:
    """Pass it over until it is resumed. Raises ``Conflict`` unless WAITING and not held."""
    token.require(Move.HOLD)
    if token.on_hold:
        raise illegal(f"Token {token.label} is held already.")
    held = token.moved(Move.HOLD, at=at, on_hold=True)
    return _move(queue, TokenHeld, held, token, line, by=by, at=at)


def resume(queue: Queue, token: Token, line: Line, *, by: Actor, at: datetime) -> Token:
    """Pass it over no more. Raises ``Conflict`` unless WAITING and held."""
    token.require(Move.RESUME)
    if not token.on_hold:
        raise illegal(f"Token {token.label} is not held.")
    back = token.moved(Move.RESUME, at=at, on_hold=False)
    return _move(queue, TokenResumed, back, token, line, by=by, at=at)


def require_may_postpone(token: Token) -> None:
    """Raises ``Conflict`` unless WAITING, and the fourth time."""
    token.require(Move.POSTPONE)
    if token.postpones >= MAX_POSTPONES:
        raise illegal(f"You have let others pass {MAX_POSTPONES} times already.")


def postpone(
    queue: Queue, token: Token, line: Line, *, place: int, by: Actor, at: datetime
) -> Token:
    """Further back, at that place. Raises what ``require_may_postpone`` raises."""
    require_may_postpone(token)
    later = token.moved(Move.POSTPONE, at=at, place=place, postpones=token.postpones + 1)
    return _move(queue, TokenPostponed, later, token, line, by=by, at=at)


def end_day(queue: Queue, tokens: Iterable[Token], *, by: Actor, at: datetime) -> list[Token]:
    """What becomes of active tokens when the day ends: served, or cancelled; one change."""
    ended: list[tuple[Token, Token]] = []
    for token in tokens:
        is_over = token.require(Move.END_DAY) is TokenStatus.CANCELLED
        why = CancelReason.DAY_ENDED if is_over else None
        ended.append((token, token.moved(Move.END_DAY, at=at, cancel_reason=why)))
    if ended:
        queue.upcoming = ()
        for was, token in ended:
            queue.count(was, token)
        queue.changed(at)
        for was, token in ended:
            done = token.status is TokenStatus.COMPLETED
            kind = TokenCompleted if done else TokenCancelled
            queue.tell(kind, token, was, by=by, at=at, reason=CancelReason.DAY_ENDED.value)
    return [token for _, token in ended]


def _move(
    queue: Queue,
    kind: type[TokenChanged],
    moved: Token,
    token: Token,
    line: Line | None,
    *,
    by: Actor,
    at: datetime,
    reason: str | None = None,
) -> Token:
    before = state_before(queue, token, by)
    queue.record(kind, moved, token, line, by=by, at=at, reason=reason, before=before)
    return moved
