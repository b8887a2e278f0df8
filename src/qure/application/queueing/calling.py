"""Calling patients: the next one of a queue or of a desk, a chosen one, the same one again."""

from __future__ import annotations

from qure.application.access import require_desk, require_desk_of
from qure.application.clinics.desks import count_desks, require_sits_at
from qure.application.lookup import get_clinic, get_desk, get_queue
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, TransactionConflict, UnitOfWork
from qure.application.queueing.mover import At, Mover
from qure.application.queueing.once import PLAIN, Once, Question, answered, keep
from qure.application.transact import transact
from qure.domain import calling
from qure.domain.actor import Actor
from qure.domain.desk import Desk
from qure.domain.events import DeskState
from qure.domain.ids import DeskId, QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token


class Calling:
    """For staff of the queue's clinic and admins: each method raises ``Forbidden`` for others.

    A call made by somebody who sits at a desk of the clinic carries it.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._mover = Mover(storage, clock)

    async def call_next(self, queue_id: QueueId, *, actor: Actor, once: Once = PLAIN) -> Token:
        """Call whoever is next, and complete what this staff member was still assigned there.

        ``once.version`` is the queue's. Raises ``NotFound``, and ``Conflict`` (``queue_empty``)
        when nobody waits: then nothing changes, the assigned token is not completed either.
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "call next", queue_id)

        async def call(uow: UnitOfWork) -> Token:
            queue = await get_queue(uow, queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            now = self._clock.now()
            kept = await answered(uow, question, now=now)
            if kept is not None:
                return kept.tokens[0]
            once.check(queue.version)
            desk = await _seat_of(uow, actor, queue)
            line = await uow.tokens.line_for(queue_id, actor.user_id)
            called, completed = calling.call_next(queue, line, by=actor, at=now, desk=desk)
            await uow.tokens.save([*completed, called])
            await uow.queues.save(queue)
            await keep(uow, question, called, now=now)
            await uow.commit()
            return called

        return await transact(self._storage, call)

    async def call_next_at(self, desk_id: DeskId, *, actor: Actor, once: Once = PLAIN) -> Token:
        """Call whoever is next of all the queues that the desk serves.

        Each queue names its next; of these the best class goes first, then who has waited longest.
        What the staff member was still assigned in these queues is completed. A paused desk resumes
        first. Of ``once`` the key counts alone: the queues are several. Raises ``NotFound``,
        ``Forbidden`` unless they sit there, and ``Conflict`` (``queue_empty``, ``desk_closed``):
        then nothing changes.
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "call next at", desk_id)

        async def call(uow: UnitOfWork) -> Token:
            desk = await get_desk(uow, desk_id)
            require_desk_of(actor, desk.clinic_id)
            if desk.state is DeskState.PAUSED:
                # Resuming changes how many desks are open, which is counted under this lock.
                await get_clinic(uow, desk.clinic_id, lock=True)
            was_paused, served = desk.state is DeskState.PAUSED, desk.service_ids
            now = self._clock.now()
            queues = await uow.queues.of_services(served, now=now, lock=True)
            desk = await get_desk(uow, desk_id, lock=True)
            now = self._clock.now()  # Whoever was waited for was here before.
            kept = await answered(uow, question, now=now)
            if kept is not None:
                return kept.tokens[0]
            desk.require_open()
            require_sits_at(desk, actor)
            if desk.service_ids != served or (desk.state is DeskState.PAUSED) != was_paused:
                raise TransactionConflict  # Somebody changed the desk before it was locked.
            lines = {one.id: await uow.tokens.line_for(one.id, actor.user_id) for one in queues}
            called, completed = calling.call_across(queues, lines, by=actor, at=now, desk=desk)
            await uow.tokens.save([*completed, called])
            if desk.resume(by=actor, at=now):
                await uow.desks.save(desk)
                await count_desks(uow, queues, by=actor, at=now)
            for queue in queues:
                if queue.events:
                    await uow.queues.save(queue)
            await keep(uow, question, called, now=now)
            await uow.commit()
            return called

        return await transact(self._storage, call)

    async def call(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        reason: str | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Call this one, out of order, a held one too, and complete what was still assigned.

        Raises ``NotFound``, ``Conflict``.
        """

        async def call(at: At) -> Token:
            called, at.moved_too = calling.call(
                at.queue,
                at.token,
                await at.uow.tokens.line_for(at.queue.id, actor.user_id),
                by=actor,
                at=at.now,
                desk=await _seat_of(at.uow, actor, at.queue),
                reason=reason,
            )
            return called

        return await self._mover.by_staff(call, token_id, queue_id, actor, once, reason)

    async def recall(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Call a CALLED one again. Raises ``NotFound``, ``Conflict``."""

        async def recall(at: At) -> Token:
            return calling.recall(at.queue, at.token, by=actor, at=at.now)

        return await self._mover.by_staff(recall, token_id, queue_id, actor, once)


async def _seat_of(uow: UnitOfWork, actor: Actor, queue: Queue) -> Desk | None:
    desk = await uow.desks.of_staff(actor.user_id)
    return desk if desk is not None and desk.clinic_id == queue.clinic_id else None
