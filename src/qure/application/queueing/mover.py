"""One move in one transaction: who may, whether it was answered before, and keeping the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from qure.application.access import (
    require_desk,
    require_desk_of,
    require_holder_or_desk,
    require_person,
)
from qure.application.lookup import lock_with_queue
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.queueing.once import Once, Question, answered, keep
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.calling_order import Line
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token, TokenStatus


@dataclass(slots=True)
class At:
    """What a move works on, under the lock of its queue."""

    uow: UnitOfWork
    queue: Queue
    token: Token
    now: datetime
    moved_too: list[Token] = field(default_factory=list)
    """Other tokens of the queue that the move has changed."""

    async def line(self) -> Line:
        """The front of the queue's line."""
        return await self.uow.tokens.line_for(self.queue.id, None)

    async def line_if_waiting(self) -> Line | None:
        """A token that does not wait is not in the line: nothing changes there."""
        return await self.line() if self.token.status is TokenStatus.WAITING else None


class Mover:
    """Makes moves for those who may. ``said`` is what another request may differ in.

    Raises ``NotFound``, ``Forbidden``, and what ``once`` and the move raise.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def by_staff(
        self,
        move: Callable[[At], Awaitable[Token]],
        token_id: TokenId,
        queue_id: QueueId | None,
        actor: Actor,
        once: Once,
        *said: object,
    ) -> Token:
        """For staff of the queue's clinic and admins."""
        require_desk(actor)

        def may(at: At) -> None:
            require_desk_of(actor, at.queue.clinic_id)

        return await self.move(move, may, token_id, queue_id, actor, once, *said)

    async def by_holder_or_staff(
        self,
        move: Callable[[At], Awaitable[Token]],
        token_id: TokenId,
        queue_id: QueueId | None,
        actor: Actor,
        once: Once,
        *said: object,
    ) -> Token:
        """For the token's patient, staff of the queue's clinic and admins."""
        require_person(actor)

        def may(at: At) -> None:
            require_holder_or_desk(actor, at.token.patient_id, at.queue.clinic_id)

        return await self.move(move, may, token_id, queue_id, actor, once, *said)

    async def move(
        self,
        move: Callable[[At], Awaitable[Token]],
        may: Callable[[At], None],
        token_id: TokenId,
        queue_id: QueueId | None,
        actor: Actor,
        once: Once,
        *said: object,
    ) -> Token:
        """For those of whom ``may`` raises nothing."""
        question = Question.of(once, actor.id, move.__name__, token_id, *said)

        async def work(uow: UnitOfWork) -> Token:
            token, queue = await lock_with_queue(uow, token_id, queue_id=queue_id)
            at = At(uow, queue, token, self._clock.now())
            may(at)
            kept = await answered(uow, question, now=at.now)
            if kept is not None:
                return kept.tokens[0]
            once.check(token.version)
            moved = await move(at)
            await uow.tokens.save([*at.moved_too, moved])
            await uow.queues.save(queue)
            await keep(uow, question, moved, now=at.now)
            await uow.commit()
            return moved

        work.__qualname__ = move.__qualname__  # What the transaction is called where it is watched.
        return await transact(self._storage, work)
