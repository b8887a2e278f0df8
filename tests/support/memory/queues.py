"""Queues and their tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from qure.application.changes import Changes
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict
from qure.domain.ids import QueueId, ServiceId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import ASSIGNED, ActiveTokenExists, Priority, Token, TokenStatus
from tests.support.memory.state import State


class MemoryQueues:
    """See ``Queues``. The events that a queue still carries are not kept."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, queue: Queue) -> None:
        """Raises ``Conflict`` (``queue_exists``)."""
        day = queue.service_id, queue.date
        if day in self._state.queues_by_day:
            raise Conflict("queue_exists", "This clinic's queue of the day exists already.")
        self._changes.note(queue)
        self._state.queues_by_day[day] = queue.id
        self._state.queues[queue.id] = replace(queue, events=[])

    async def get(self, id: QueueId, *, lock: bool = False) -> Queue | None:
        queue = self._state.queues.get(id)
        return None if queue is None else replace(queue, events=[])

    async def of_day(self, service_id: ServiceId, day: date) -> Queue | None:
        id = self._state.queues_by_day.get((service_id, day))
        return None if id is None else await self.get(id)

    async def save(self, queue: Queue) -> None:
        if queue.id not in self._state.queues:
            raise LookupError(f"queue {queue.id} was never added")
        self._changes.note(queue)
        self._state.queues[queue.id] = replace(queue, events=[])


class MemoryTokens:
    """See ``Tokens``. A token is frozen: what is kept and what is handed out may be one."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, tokens: Sequence[Token]) -> None:
        """Raises ``ActiveTokenExists``, and ``Conflict`` (``token_number_taken``)."""
        for token in tokens:
            if (token.queue_id, token.number) in self._state.tokens_by_number:
                raise Conflict("token_number_taken", f"Number {token.number} was given before.")
            self._keep(token)
            self._state.tokens_by_number[token.queue_id, token.number] = token.id

    async def save(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.id not in self._state.tokens:
                raise LookupError(f"token {token.id} was never added")
            self._keep(token)

    async def get(self, id: TokenId) -> Token | None:
        return self._state.tokens.get(id)

    async def line_for(self, queue_id: QueueId, staff_id: UserId) -> Line:
        active = self._active(queue_id)
        heads: dict[Priority, Token] = {}
        for token in sorted(active, key=lambda token: token.place):
            if token.status is TokenStatus.WAITING:
                heads.setdefault(token.priority, token)
        assigned = [t for t in active if t.status in ASSIGNED and t.assigned_to == staff_id]
        return Line(heads=tuple(heads.values()), assigned=tuple(sorted(assigned, key=_number)))

    async def taken_by(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        taken: dict[UserId, list[Token]] = {patient: [] for patient in patients}
        for token in self._state.tokens.values():
            if token.patient_id in taken and (
                token.queue_id == queue_id
                or (token.is_active and self._is_of_day(token.queue_id, now))
            ):
                taken[token.patient_id].append(token)
        return taken

    async def active_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        """Lowest number first, then the older one."""
        active = [
            self._state.tokens[self._state.active_tokens_by_patient[queue_id, patient]]
            for queue_id, patient in self._state.active_tokens_by_patient
            if patient == patient_id and self._is_of_day(queue_id, now)
        ]
        return sorted(active, key=lambda token: (token.number, token.created_at, token.id))

    async def of_queue(
        self, queue_id: QueueId, *, number: int | None = None, status: TokenStatus | None = None
    ) -> list[Token]:
        """By number."""
        return sorted(
            (
                token
                for token in self._state.tokens.values()
                if token.queue_id == queue_id
                and (number is None or token.number == number)
                and (status is None or token.status is status)
            ),
            key=_number,
        )

    def _keep(self, token: Token) -> None:
        place = token.queue_id, token.patient_id
        active = self._state.active_tokens_by_patient.get(place)
        if token.is_active:
            if active is not None and active != token.id:
                raise ActiveTokenExists(self._state.tokens[active])
            self._state.active_tokens_by_patient[place] = token.id
        elif active == token.id:
            self._state.active_tokens_by_patient.discard(place)
        self._state.tokens[token.id] = token

    def _active(self, queue_id: QueueId) -> list[Token]:
        active = self._state.active_tokens_by_patient
        return [self._state.tokens[active[place]] for place in active if place[0] == queue_id]

    def _is_of_day(self, queue_id: QueueId, now: datetime) -> bool:
        queue = self._state.queues.get(queue_id)
        return queue is not None and queue.is_of_day(now)


def _number(token: Token) -> int:
    return token.number
