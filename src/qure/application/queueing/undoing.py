"""Taking back one's last move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from qure.application.access import require_desk, require_desk_of
from qure.application.lookup import get_queue, get_token
from qure.application.ports.gateways import Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage, TransactionConflict, UnitOfWork
from qure.application.queueing.once import PLAIN, Once, Question, answered, keep
from qure.application.transact import transact
from qure.domain import undoing
from qure.domain.actor import Actor
from qure.domain.events import TokenChanged
from qure.domain.ids import QueueId
from qure.domain.issuing import refuse_second
from qure.domain.queue import Queue
from qure.domain.token import Token


class Undoing:
    """For staff of the queue's clinic and admins: raises ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def undo(
        self, queue_id: QueueId, *, actor: Actor, once: Once = PLAIN
    ) -> tuple[Token, ...]:
        """Take back the actor's last move in this queue, once, within ``UNDO_WITHIN``.

        A call goes back with the completions that it made, a transfer with its new token. Returns
        the tokens as they stand again. ``once.version`` is the queue's. Raises ``NotFound``, and
        ``Conflict``: ``nothing_to_undo``, also when one of the tokens has moved since, and
        ``active_token_exists`` when a patient has taken another number.
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "undo", queue_id)

        async def undo(uow: UnitOfWork) -> tuple[Token, ...]:
            seen = await get_queue(uow, queue_id)
            require_desk_of(actor, seen.clinic_id)
            last = await self._last_move(uow, seen, actor)
            changes = _changes_in(last)
            ids = {queue_id, *(one.queue.queue_id for one in changes)}
            queues = {queue.id: queue for queue in await uow.queues.lock(ids)}
            now = self._clock.now()
            kept = await answered(uow, question, now=now)
            if kept is not None:
                return kept.tokens
            once.check(queues[queue_id].version)
            newest = await self._last_move(uow, seen, actor)
            if newest is None or not all(map(_can_be_undone, _changes_in(newest))):
                raise undoing.nothing_to_undo()
            if last is None or newest.id != last.id:
                raise TransactionConflict  # They moved something else before it was locked.
            restored = await _take_back(uow, queues, changes, actor=actor, now=now)
            await keep(uow, question, *restored, now=now)
            await uow.commit()
            return restored

        return await transact(self._storage, undo)

    async def _last_move(self, uow: UnitOfWork, queue: Queue, actor: Actor) -> JournalEntry | None:
        since = self._clock.now() - undoing.UNDO_WITHIN
        return await uow.journal.last_move(queue, actor.user_id, since=since)


def _can_be_undone(change: TokenChanged) -> bool:
    return change.before is not None or change.from_status is None


def _changes_in(entry: JournalEntry | None) -> list[TokenChanged]:
    return [one for one in (entry.events if entry else ()) if isinstance(one, TokenChanged)]


async def _take_back(
    uow: UnitOfWork,
    queues: Mapping[QueueId, Queue],
    changes: Sequence[TokenChanged],
    *,
    actor: Actor,
    now: datetime,
) -> tuple[Token, ...]:
    lines = {id: await uow.tokens.line_for(id, None) for id in queues}
    back: list[Token] = []
    for done in reversed(changes):
        queue = queues[done.queue.queue_id]
        current = await get_token(uow, done.token.id)
        if queue.is_closed or current.version != done.token.version:
            raise undoing.nothing_to_undo()
        if done.from_status is None:  # What a transfer gave.
            undone = undoing.withdraw(queue, current, lines[queue.id], by=actor, at=now)
        else:
            await _refuse_if_back_elsewhere(uow, done, now)
            undone = undoing.restore(queue, done, current, lines[queue.id], by=actor, at=now)
        back.append(undone)
    await uow.tokens.save(back)
    for queue in queues.values():
        await uow.queues.save(queue)
    return tuple(back)


async def _refuse_if_back_elsewhere(uow: UnitOfWork, done: TokenChanged, now: datetime) -> None:
    if done.before is None or not done.before.token.is_active or done.token.is_active:
        return
    patient = done.token.patient_id
    queue_id = done.queue.queue_id
    taken = await uow.tokens.taken_by({patient}, queue_id=queue_id, now=now)
    refuse_second(one for one in taken[patient] if one.queue_id == queue_id)
