"""What a patient does: take a token, look at it, leave; and the list that staff see."""

from __future__ import annotations

from collections.abc import Sequence

from qure.application.access import (
    Principal,
    require_desk,
    require_desk_of,
    require_patient,
    require_self,
)
from qure.application.batching import Batches
from qure.application.lookup import find_queue, find_token
from qure.application.ports.gateways import Clock, Randomness
from qure.application.ports.storage import Storage
from qure.application.transact import retried
from qure.domain.errors import DomainError
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import HELD, Token, TokenStatus

MAX_BATCH = 200
"""So many are served by one transaction at most: it bounds how long the first one waits."""


class IssueLine:
    """Those who ask for a token of one queue at one moment are served by one transaction.

    The queue is locked once, asked once for each patient, and written once: one patient's
    refusal is not another's, and the numbers follow the order of asking. The patients are locked
    too: what they take of other queues at this moment counts towards ``max_active``.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        randomness: Randomness,
        max_active: int,
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._randomness = randomness
        self._max_active = max_active
        self._line: Batches[QueueId, UserId, Token] = Batches(self._issue, max_batch=max_batch)

    async def take(self, queue_id: QueueId, patient_id: UserId) -> Token:
        """A token for that patient. Raises what ``Queue.issue`` raises, and ``Unavailable``."""
        return await self._line.ask(queue_id, patient_id)

    @retried
    async def _issue(
        self, queue_id: QueueId, patients: Sequence[UserId]
    ) -> Sequence[Token | DomainError]:
        issued: list[Token] = []
        answers: list[Token | DomainError] = []
        async with self._storage.write() as uow:
            queue = await find_queue(uow, queue_id, lock=True)
            asking = set(patients)
            await uow.users.lock(asking)
            now = self._clock.now()
            places = await uow.tokens.places_of(asking, queue_id=queue_id, now=now)
            for patient_id in patients:
                try:
                    token = queue.issue(
                        id=TokenId(self._randomness.new_id()),
                        patient_id=patient_id,
                        places=places[patient_id],
                        max_active=self._max_active,
                        at=now,
                    )
                except DomainError as refusal:
                    answers.append(refusal)
                else:
                    places[patient_id].append(token)
                    issued.append(token)
                    answers.append(token)
            if issued:
                await uow.tokens.add(issued)
                await uow.queues.save(queue)
                uow.record(*queue.events)
                await uow.commit()
        return answers


async def issue_token(queue_id: QueueId, *, actor: Principal, line: IssueLine) -> Token:
    """The next number of today's queue, for the patient who asks.

    Raises ``Forbidden``, and what ``Queue.issue`` raises.
    """
    require_patient(actor)
    return await line.take(queue_id, actor.user_id)


@retried
async def cancel_token(
    token_id: TokenId, *, actor: Principal, storage: Storage, clock: Clock
) -> Token:
    """The patient leaves the queue.

    Raises ``NotFound``, ``Forbidden`` (someone else's), ``Conflict`` (no longer WAITING).
    """
    require_patient(actor)
    async with storage.write() as uow:
        token = await find_token(uow, token_id)
        require_self(actor, token.patient_id)
        queue = await find_queue(uow, token.queue_id, lock=True)
        token = await find_token(uow, token_id)  # As it stands now that nobody can move it.
        cancelled = queue.cancel(token, by=actor.user_id, at=clock.now())
        await uow.tokens.save([cancelled])
        await uow.queues.save(queue)
        uow.record(*queue.events)
        await uow.commit()
    return cancelled


async def active_token_of(
    patient_id: UserId, *, actor: Principal, storage: Storage, clock: Clock
) -> Token | None:
    """The patient's active token of today, the lowest number first. Raises ``Forbidden``."""
    require_self(actor, patient_id)
    require_patient(actor)
    async with storage.read() as uow:
        active = await uow.tokens.active_of(patient_id, now=clock.now())
    return active[0] if active else None


async def held_tokens_of(patient_id: UserId, *, storage: Storage, clock: Clock) -> list[Token]:
    """The patient's tokens of today that stand CALLED or IN_PROGRESS."""
    async with storage.read() as uow:
        active = await uow.tokens.active_of(patient_id, now=clock.now())
    return [token for token in active if token.status in HELD]


async def list_tokens(
    queue_id: QueueId,
    *,
    number: int | None,
    status: TokenStatus | None,
    actor: Principal,
    storage: Storage,
) -> list[Token]:
    """The queue's tokens in order. Raises ``NotFound``, ``Forbidden``."""
    require_desk(actor)
    async with storage.read() as uow:
        queue = await find_queue(uow, queue_id)
        require_desk_of(actor, queue.clinic_id)
        return await uow.tokens.of_queue(queue_id, number=number, status=status)
