"""What staff do at the desk: call the next patient, start, complete, skip."""

from __future__ import annotations

from collections.abc import Callable

from qure.application.access import require_desk, require_desk_of
from qure.application.lookup import get_queue, get_token
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.errors import NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Token


class Desk:
    """For staff of the queue's clinic and admins: each method raises ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def call_next(self, queue_id: QueueId, *, actor: Actor) -> Token:
        """Call whoever is next, and complete what this staff member was still assigned.

        Raises ``NotFound``, and ``Conflict`` (``queue_empty``) when nobody waits: then nothing
        changes, the assigned token is not completed either.
        """
        require_desk(actor)

        async def call(uow: UnitOfWork) -> Token:
            queue = await get_queue(uow, queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            line = await uow.tokens.line_for(queue_id, actor.user_id)
            called, completed = queue.call_next(line, by=actor, at=self._clock.now())
            await uow.tokens.save([*completed, called])
            await uow.queues.save(queue)
            await uow.commit()
            return called

        return await transact(self._storage, call)

    async def start(
        self, token_id: TokenId, *, queue_id: QueueId | None = None, actor: Actor
    ) -> Token:
        """The called patient is being seen. Raises ``NotFound``, ``Conflict``."""
        return await self._move(Queue.start, token_id, queue_id, actor)

    async def complete(
        self, token_id: TokenId, *, queue_id: QueueId | None = None, actor: Actor
    ) -> Token:
        """The patient was served. Raises ``NotFound``, ``Conflict``."""
        return await self._move(Queue.complete, token_id, queue_id, actor)

    async def skip(
        self, token_id: TokenId, *, queue_id: QueueId | None = None, actor: Actor
    ) -> Token:
        """The patient is not there. Raises ``NotFound``, ``Conflict``."""
        return await self._move(Queue.skip, token_id, queue_id, actor)

    async def _move(
        self,
        move: Callable[..., Token],
        token_id: TokenId,
        queue_id: QueueId | None,
        actor: Actor,
    ) -> Token:
        require_desk(actor)

        async def work(uow: UnitOfWork) -> Token:
            queue = await get_queue(
                uow, queue_id or (await get_token(uow, token_id)).queue_id, lock=True
            )
            require_desk_of(actor, queue.clinic_id)
            token = await get_token(uow, token_id)
            if token.queue_id != queue.id:
                raise NotFound("token_not_found", "There is no such token in this queue.")
            moved = move(queue, token, by=actor, at=self._clock.now())
            await uow.tokens.save([moved])
            await uow.queues.save(queue)
            await uow.commit()
            return moved

        return await transact(self._storage, work)
