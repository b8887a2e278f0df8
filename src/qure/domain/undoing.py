"""Taking back the last move of a staff member: everything as it was before it."""

from __future__ import annotations

from datetime import datetime, timedelta

from qure.domain.actor import Actor, ActorKind
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict
from qure.domain.events import (
    Before,
    TokenCalled,
    TokenCancelled,
    TokenChanged,
    TokenRecalled,
    TokenRestored,
)
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_CALLS, Call
from qure.domain.token import CancelReason, Move, Token, TokenStatus

UNDO_WITHIN = timedelta(seconds=60)


def state_before(
    queue: Queue, token: Token, by: Actor, *, changes_calls: bool = False
) -> Before | None:
    """What undoing a move of ``by`` needs of now: only what staff do can be undone.

    The shown calls are a third of an event: they come along where the move changes them.
    """
    if by.kind is not ActorKind.USER or by.is_patient:
        return None
    return Before(
        token=token,
        now_serving=queue.now_serving,
        last_served_number=queue.last_served_number,
        priority_run=queue.priority_run,
        calls=queue.calls if changes_calls else (),
    )


def restore(
    queue: Queue, done: TokenChanged, current: Token, line: Line, *, by: Actor, at: datetime
) -> Token:
    """Give the token, and what the queue shows, back what the move ``done`` took.

    ``current`` is how the token stands, still as ``done`` left it. The current and the last
    served number go back unless somebody has called or completed since.
    """
    before = done.before
    if before is None or current.version != done.token.version:
        raise nothing_to_undo()
    restored = current.restored(before.token, done.token)
    if isinstance(done, TokenCalled):
        queue.calls = _without_call(queue.calls, current, before.calls)
        if queue.now_serving == current.number:
            queue.now_serving = before.now_serving
            queue.priority_run = before.priority_run
    elif isinstance(done, TokenRecalled):
        queue.calls = _without_recall(queue.calls, current, before.calls)
    if current.status is TokenStatus.COMPLETED and queue.last_served_number == current.number:
        queue.last_served_number = before.last_served_number
    queue.record(TokenRestored, restored, current, line, by=by, at=at)
    return restored


def withdraw(queue: Queue, token: Token, line: Line, *, by: Actor, at: datetime) -> Token:
    """Cancel what a transfer gave that is undone."""
    gone = token.moved(Move.CANCEL, at=at, cancel_reason=CancelReason.STAFF)
    queue.record(TokenCancelled, gone, token, line, by=by, at=at, reason="UNDO")
    return gone


def nothing_to_undo() -> Conflict:
    """There is no last move that could be taken back."""
    return Conflict("nothing_to_undo", "There is nothing that could be undone.")


def _without_call(
    calls: tuple[Call, ...], token: Token, before: tuple[Call, ...]
) -> tuple[Call, ...]:
    """What it had pushed out is shown again; what was called or recalled since stays as it is."""
    position = next((at for at, call in enumerate(calls) if call.token_id == token.id), None)
    if position is None:
        return calls
    since, older = calls[:position], {call.token_id: call for call in calls[position + 1 :]}
    later = {call.token_id for call in since}
    last = max((at for at, call in enumerate(before) if call.token_id in older), default=-1)
    rest = (
        older.get(call.token_id, call)
        for at, call in enumerate(before)
        if call.token_id in older
        or call.token_id == token.id
        or (at > last and call.token_id not in later and len(calls) == SHOWN_CALLS)
    )
    return (*since, *rest)[:SHOWN_CALLS]


def _without_recall(
    calls: tuple[Call, ...], token: Token, before: tuple[Call, ...]
) -> tuple[Call, ...]:
    was = next((call for call in before if call.token_id == token.id), None)
    if was is None:  # It was shown no longer, and came back by it.
        return _without_call(calls, token, before)
    return tuple(was if call.token_id == token.id else call for call in calls)
