"""What staff do at the desk: call the next patient, start, complete, skip."""

from __future__ import annotations

from collections.abc import Callable

from qure.application.access import Principal, require_desk, require_desk_of
from qure.application.lookup import find_queue, find_token
from qure.application.ports.gateways import Clock, Randomness
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import retried
from qure.domain.errors import Conflict, NotFound
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.staff_activity import StaffAction, StaffActivity
from qure.domain.token import Token


@retried
async def call_next_token(
    queue_id: QueueId,
    *,
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Token:
    """Call whoever is next, and complete what this staff member still had in hand.

    Raises ``Forbidden``, ``NotFound``, and ``Conflict`` (``queue_empty``) when nobody waits:
    then nothing changes, the token in hand is not completed either.
    """
    require_desk(actor)
    async with storage.write() as uow:
        queue = await _lock_queue(uow, queue_id, actor)
        token = await uow.tokens.next_in_line(queue_id)
        if token is None:
            raise Conflict("queue_empty", "Nobody is waiting in this queue.")
        held = await uow.tokens.held_by(queue_id, actor.user_id)
        called, completed = queue.call(token, held=held, by=actor.user_id, at=clock.now())
        await uow.tokens.save([*completed, called])
        await uow.activities.add(
            [
                *(
                    _activity(one, StaffAction.COMPLETE, actor, clock, randomness)
                    for one in completed
                ),
                _activity(called, StaffAction.CALL, actor, clock, randomness),
            ]
        )
        await _finish(uow, queue)
    return called


async def start_token(
    token_id: TokenId,
    *,
    queue_id: QueueId | None = None,
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Token:
    """The called patient is being seen. Raises ``Forbidden``, ``NotFound``, ``Conflict``."""
    return await _act(
        token_id, queue_id, StaffAction.START, Queue.start, actor, storage, clock, randomness
    )


async def complete_token(
    token_id: TokenId,
    *,
    queue_id: QueueId | None = None,
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Token:
    """The patient was served. Raises ``Forbidden``, ``NotFound``, ``Conflict``."""
    return await _act(
        token_id, queue_id, StaffAction.COMPLETE, Queue.complete, actor, storage, clock, randomness
    )


async def skip_token(
    token_id: TokenId,
    *,
    queue_id: QueueId | None = None,
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Token:
    """The patient is not there. Raises ``Forbidden``, ``NotFound``, ``Conflict``."""
    return await _act(
        token_id, queue_id, StaffAction.SKIP, Queue.skip, actor, storage, clock, randomness
    )


@retried
async def _act(
    token_id: TokenId,
    queue_id: QueueId | None,
    action: StaffAction,
    move: Callable[..., Token],
    actor: Principal,
    storage: Storage,
    clock: Clock,
    randomness: Randomness,
) -> Token:
    require_desk(actor)
    async with storage.write() as uow:
        if queue_id is None:
            queue_id = (await find_token(uow, token_id)).queue_id
        queue = await _lock_queue(uow, queue_id, actor)
        token = await find_token(uow, token_id)
        if token.queue_id != queue_id:
            raise NotFound("token_not_found", "There is no such token in this queue.")
        moved = move(queue, token, by=actor.user_id, at=clock.now())
        await uow.tokens.save([moved])
        await uow.activities.add([_activity(moved, action, actor, clock, randomness)])
        await _finish(uow, queue)
    return moved


async def _lock_queue(uow: UnitOfWork, queue_id: QueueId, actor: Principal) -> Queue:
    queue = await find_queue(uow, queue_id, lock=True)
    require_desk_of(actor, queue.clinic_id)
    return queue


async def _finish(uow: UnitOfWork, queue: Queue) -> None:
    await uow.queues.save(queue)
    uow.record(*queue.events)
    await uow.commit()


def _activity(
    token: Token, action: StaffAction, actor: Principal, clock: Clock, randomness: Randomness
) -> StaffActivity:
    return StaffActivity(
        id=randomness.new_id(),
        staff_id=actor.user_id,
        token_id=token.id,
        action=action,
        created_at=clock.now(),
    )
