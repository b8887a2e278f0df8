"""What patients do with the number they have, and the list that staff see."""

from __future__ import annotations

from qure.application.access import (
    require_desk,
    require_desk_of,
    require_patient,
    require_self,
)
from qure.application.lookup import get_queue, get_token
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import Actor
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import ASSIGNED, Token, TokenStatus


class Tokens:
    """Looking at tokens, and leaving."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def cancel(self, token_id: TokenId, *, actor: Actor) -> Token:
        """The patient leaves the queue.

        Raises ``NotFound``, ``Forbidden`` (someone else's), ``Conflict`` (no longer WAITING).
        """
        require_patient(actor)

        async def cancel(uow: UnitOfWork) -> Token:
            token = await get_token(uow, token_id)
            require_self(actor, token.patient_id)
            queue = await get_queue(uow, token.queue_id, lock=True)
            token = await get_token(uow, token_id)  # As it stands now that nobody can move it.
            cancelled = queue.cancel(token, by=actor, at=self._clock.now())
            await uow.tokens.save([cancelled])
            await uow.queues.save(queue)
            await uow.commit()
            return cancelled

        return await transact(self._storage, cancel)

    async def active_of(self, patient_id: UserId, *, actor: Actor) -> Token | None:
        """The patient's active token of today, the lowest number first. Raises ``Forbidden``."""
        require_self(actor, patient_id)
        require_patient(actor)
        async with self._storage.read() as uow:
            active = await uow.tokens.active_of(patient_id, now=self._clock.now())
        return active[0] if active else None

    async def assigned_of(self, patient_id: UserId) -> list[Token]:
        """The patient's tokens of today that are CALLED or IN_PROGRESS."""
        async with self._storage.read() as uow:
            active = await uow.tokens.active_of(patient_id, now=self._clock.now())
        return [token for token in active if token.status in ASSIGNED]

    async def list_all(
        self,
        queue_id: QueueId,
        *,
        number: int | None = None,
        status: TokenStatus | None = None,
        actor: Actor,
    ) -> list[Token]:
        """The queue's tokens by number. Raises ``NotFound``, ``Forbidden``."""
        require_desk(actor)
        async with self._storage.read() as uow:
            queue = await get_queue(uow, queue_id)
            require_desk_of(actor, queue.clinic_id)
            return await uow.tokens.of_queue(queue_id, number=number, status=status)
