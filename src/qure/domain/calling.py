"""Calling patients: the next one, a chosen one, the same one again.

Every function either does all of what it says, or raises and leaves the queue as it was. ``line``
is the front of the queue's line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from qure.domain.actor import Actor
from qure.domain.calling_order import Line, first_across, run_after
from qure.domain.desk import Desk
from qure.domain.errors import Conflict
from qure.domain.events import Before, TokenCalled, TokenChosen, TokenCompleted, TokenRecalled
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_CALLS, Call
from qure.domain.token import Move, Token
from qure.domain.undoing import state_before


def call_next(
    queue: Queue, line: Line, *, by: Actor, at: datetime, desk: Desk | None = None
) -> tuple[Token, list[Token]]:
    """Call whoever is next, completing what ``by`` is still assigned here: one change.

    Returns the called token and the completed ones. Raises ``Conflict`` (``queue_empty``) when
    nobody waits.
    """
    found = line.next(priority_run=queue.priority_run)
    if found is None:
        raise queue_empty()
    return _call(queue, TokenCalled, found[0], line, by=by, at=at, desk=desk, reason=None)


def call(
    queue: Queue,
    token: Token,
    line: Line,
    *,
    by: Actor,
    at: datetime,
    desk: Desk | None = None,
    reason: str | None = None,
) -> tuple[Token, list[Token]]:
    """Call this one, out of order, a held one too; else as ``call_next``.

    Raises ``Conflict`` unless it is WAITING.
    """
    return _call(queue, TokenChosen, token, line, by=by, at=at, desk=desk, reason=reason)


def call_across(
    queues: Sequence[Queue],
    lines: Mapping[QueueId, Line],
    *,
    by: Actor,
    at: datetime,
    desk: Desk,
) -> tuple[Token, list[Token]]:
    """Call whoever is next of several queues, completing what ``by`` is assigned in any of them.

    Each queue names its next by its own rule; of these the best class goes first, then who has
    waited longest. Returns the called token and the completed ones. Raises ``Conflict``
    (``queue_empty``) when nobody waits in any: then nothing has changed.
    """
    found = {
        next_one[0].queue_id: next_one[0]
        for queue in queues
        if (next_one := lines[queue.id].next(priority_run=queue.priority_run)) is not None
    }
    if not found:
        raise queue_empty()
    first = first_across(list(found.values()))
    completed: list[Token] = []
    for queue in queues:
        if queue.id != first.queue_id:
            completed += finish(queue, lines[queue.id].assigned, by=by, at=at)
    (its_queue,) = (queue for queue in queues if queue.id == first.queue_id)
    called, done = call_next(its_queue, lines[its_queue.id], by=by, at=at, desk=desk)
    return called, [*completed, *done]


def finish(queue: Queue, assigned: Collection[Token], *, by: Actor, at: datetime) -> list[Token]:
    """Complete what ``by`` is assigned here, because they call elsewhere: one change."""
    before = [state_before(queue, token, by) for token in assigned]
    done = [token.moved(Move.COMPLETE, at=at) for token in assigned]
    if done:
        for was, token in zip(assigned, done, strict=True):
            queue.count(was, token)
        queue.changed(at)
        for was, token, undoing in zip(assigned, done, before, strict=True):
            queue.tell(TokenCompleted, token, was, by=by, at=at, before=undoing)
    return done


def recall(queue: Queue, token: Token, *, by: Actor, at: datetime) -> Token:
    """Call it again. Raises ``Conflict`` unless CALLED."""
    again = token.moved(Move.RECALL, at=at, last_called_at=at, recall_count=token.recall_count + 1)
    before = state_before(queue, token, by, changes_calls=True)
    shown = _call_of(again)
    if any(one.token_id == token.id for one in queue.calls):
        queue.calls = tuple(shown if one.token_id == token.id else one for one in queue.calls)
    else:
        queue.calls = _with_call(queue.calls, shown)
    queue.record(TokenRecalled, again, token, None, by=by, at=at, before=before)
    return again


def queue_empty() -> Conflict:
    """Nobody can be called."""
    return Conflict("queue_empty", "Nobody is waiting in this queue.")


def _call(
    queue: Queue,
    kind: type[TokenCalled],
    token: Token,
    line: Line,
    *,
    by: Actor,
    at: datetime,
    desk: Desk | None,
    reason: str | None,
) -> tuple[Token, list[Token]]:
    called = token.moved(
        Move.CALL,
        at=at,
        last_called_at=at,
        recall_count=0,
        assigned_to=by.user_id,
        desk_id=None if desk is None else desk.id,
        desk_name=None if desk is None else desk.name,
    )
    completed = [(was, was.moved(Move.COMPLETE, at=at)) for was in line.assigned]
    before: dict[TokenId, Before | None] = {
        was.id: state_before(queue, was, by, changes_calls=was is token)
        for was in (token, *line.assigned)
    }
    for was, done in completed:
        queue.count(was, done)
    queue.count(token, called)
    queue.priority_run = run_after(token.priority, line.normal_waits(), queue.priority_run)
    line.changed(called)
    queue.look_at(line)
    queue.now_serving = called.number
    queue.calls = _with_call(queue.calls, _call_of(called))
    queue.changed(at)
    for was, done in completed:
        queue.tell(TokenCompleted, done, was, by=by, at=at, before=before[was.id])
    queue.tell(kind, called, token, by=by, at=at, reason=reason, before=before[token.id])
    return called, [done for _, done in completed]


def _with_call(calls: tuple[Call, ...], call: Call) -> tuple[Call, ...]:
    rest = (one for one in calls if one.token_id != call.token_id)
    return (call, *rest)[:SHOWN_CALLS]


def _call_of(token: Token) -> Call:
    assert token.called_at is not None  # It is CALLED.
    return Call(
        token_id=token.id,
        label=token.label,
        number=token.number,
        desk_id=token.desk_id,
        desk_name=token.desk_name,
        called_at=token.called_at,
        recall_count=token.recall_count,
    )
