"""Looking at tokens: a patient's own, a queue's, and what has happened to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qure.application.access import (
    require_desk,
    require_desk_of,
    require_holder_or_desk,
    require_patient,
    require_person,
    require_self,
    works_at,
)
from qure.application.lookup import get_queue, get_token
from qure.application.ports.gateways import Clock
from qure.application.ports.journal import JournalRecord
from qure.application.ports.storage import Storage
from qure.domain.actor import Actor
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.promise import Promise


@dataclass(frozen=True, slots=True)
class History:
    """What happened to a token, oldest first; ``names`` of who did it, empty for a patient;
    ``promise`` is what was told of its wait at first."""

    records: list[JournalRecord]
    names: Mapping[UserId, str]
    is_for_staff: bool
    promise: Promise | None = None


class Tokens:
    """Looking at tokens."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def active_of(self, patient_id: UserId, *, actor: Actor) -> Token | None:
        """The patient's active token of today, the lowest number first. Raises ``Forbidden``."""
        require_self(actor, patient_id)
        require_patient(actor)
        active = await self.all_active_of(patient_id)
        return active[0] if active else None

    async def standing_of(self, patient_id: UserId, *, actor: Actor) -> list[Token]:
        """The patient's tokens of today that are active or skipped, the lowest number first.

        Raises ``Forbidden``.
        """
        require_self(actor, patient_id)
        require_patient(actor)
        async with self._storage.read() as uow:
            return await uow.tokens.standing_of(patient_id, now=self._clock.now())

    async def all_active_of(self, patient_id: UserId) -> list[Token]:
        """The patient's active tokens of today, the lowest number first."""
        async with self._storage.read() as uow:
            return await uow.tokens.active_of(patient_id, now=self._clock.now())

    async def history_of(self, token_id: TokenId, *, actor: Actor) -> History:
        """Every move of the token. For its patient, staff of the clinic and admins.

        Raises ``NotFound``, ``Forbidden``.
        """
        require_person(actor)
        async with self._storage.read() as uow:
            token = await get_token(uow, token_id)
            queue = await get_queue(uow, token.queue_id)
            require_holder_or_desk(actor, token.patient_id, queue.clinic_id)
            records = await uow.journal.of_token(token_id)
            is_for_staff = works_at(actor, queue.clinic_id)
            promise = await uow.promises.get(token_id)
            people = {UserId(one.actor_id) for one in records if one.actor_id is not None}
            names = await uow.users.names_of(people) if is_for_staff else {}
        return History(records, names, is_for_staff, promise)

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
