"""Taking a number. Those who ask at one moment are served by one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from qure.application.access import require_patient
from qure.application.batching import Batches
from qure.application.lookup import get_queue
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.errors import DomainError
from qure.domain.ids import QueueId, TokenId
from qure.domain.token import Token

MAX_BATCH = 200
"""So many are served by one transaction at most: it bounds how long the first one waits."""


class Issuing:
    """Gives patients their numbers.

    The queue is locked once, asked once for each patient, and written once: one patient's
    refusal is not another's, and the numbers follow the order of asking. The patients are locked
    too: what they take of other queues at this moment counts towards ``max_active``.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        max_active: int,
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._max_active = max_active
        self._line: Batches[QueueId, Actor, Token] = Batches(self._serve, max_batch=max_batch)

    async def issue(self, queue_id: QueueId, *, actor: Actor) -> Token:
        """The next number of today's queue, for the patient who asks.

        Raises ``Forbidden``, what ``Queue.issue`` raises, and ``Unavailable``.
        """
        require_patient(actor)
        return await self._line.ask(queue_id, actor)

    async def _serve(
        self, queue_id: QueueId, patients: Sequence[Actor]
    ) -> Sequence[Token | DomainError]:
        async def issue(uow: UnitOfWork) -> Sequence[Token | DomainError]:
            issued: list[Token] = []
            answers: list[Token | DomainError] = []
            queue = await get_queue(uow, queue_id, lock=True)
            asking = {patient.user_id for patient in patients}
            await uow.users.lock(asking)
            now = self._clock.now()
            taken = await uow.tokens.taken_by(asking, queue_id=queue_id, now=now)
            for patient in patients:
                theirs = taken[patient.user_id]
                try:
                    token = queue.issue(
                        id=TokenId(self._ids.new_id()),
                        patient_id=patient.user_id,
                        by=patient,
                        taken=theirs,
                        max_active=self._max_active,
                        at=now,
                    )
                except DomainError as refusal:
                    answers.append(refusal)
                else:
                    theirs.append(token)
                    issued.append(token)
                    answers.append(token)
            if issued:
                await uow.tokens.add(issued)
                await uow.queues.save(queue)
                await uow.commit()
            return answers

        return await transact(self._storage, issue)
