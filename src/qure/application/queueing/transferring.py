"""Handing a patient over to another service's queue."""

from __future__ import annotations

from qure.application.access import require_desk, require_desk_of
from qure.application.lookup import get_queue, get_service_of, get_token
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.queueing.once import PLAIN, Once, Question, answered, keep
from qure.application.transact import transact
from qure.domain import moves
from qure.domain.actor import Actor
from qure.domain.errors import Invalid, NotFound
from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.domain.issuing import not_open, take_over
from qure.domain.token import Move, Priority, Token, TokenStatus


class Transferring:
    """For staff of the queue's clinic and admins: raises ``Forbidden`` for others."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def transfer(
        self,
        token_id: TokenId,
        *,
        service_id: ServiceId,
        queue_id: QueueId | None = None,
        first: bool = False,
        priority: Priority | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """The patient goes on in that service's queue of today, at the end or ``first``.

        Returns the token they had, which names the new one. Raises ``NotFound``
        (``token_not_found``, ``service_not_found``), ``Invalid`` for the service they are in, and
        ``Conflict`` (``illegal_transition``, ``queue_not_open``, ``queue_full``,
        ``active_token_exists``).
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "transfer", token_id, service_id, first, priority)

        async def transfer(uow: UnitOfWork) -> Token:
            seen = await get_token(uow, token_id)
            clinic_id = (await get_queue(uow, seen.queue_id)).clinic_id
            require_desk_of(actor, clinic_id)
            if queue_id is not None and seen.queue_id != queue_id:
                raise NotFound("token_not_found", "There is no such token in this queue.")
            now = self._clock.now()
            await get_service_of(uow, clinic_id, service_id)
            targets = await uow.queues.of_services({service_id}, now=now)
            locked = {
                queue.id: queue
                for queue in await uow.queues.lock({seen.queue_id, *(one.id for one in targets)})
            }
            now = self._clock.now()  # Whoever was waited for was here before.
            source = locked.pop(seen.queue_id)
            kept = await answered(uow, question, now=now)
            if kept is not None:
                return kept.tokens[0]
            if service_id == source.service_id:
                raise Invalid.field("serviceId", "The token is in this service's queue already.")
            token = await get_token(uow, token_id)
            once.check(token.version)
            token.require(Move.TRANSFER)
            if not locked:
                raise not_open()
            (target,) = locked.values()
            taken = await uow.tokens.taken_by({token.patient_id}, queue_id=target.id, now=now)
            new = take_over(
                target,
                token,
                id=TokenId(self._ids.new_id()),
                first=first,
                priority=priority,
                taken=taken[token.patient_id],
                line=await uow.tokens.line_for(target.id, None),
                by=actor,
                at=now,
            )
            waits = token.status is TokenStatus.WAITING
            line = await uow.tokens.line_for(source.id, None) if waits else None
            gone = moves.transfer(source, token, line, to=new.id, by=actor, at=now)
            await uow.tokens.save([gone])
            await uow.tokens.add([new])
            # What left is told before what came: in this order they are saved.
            await uow.queues.save(source)
            await uow.queues.save(target)
            await keep(uow, question, gone, now=now)
            await uow.commit()
            return gone

        return await transact(self._storage, transfer)
