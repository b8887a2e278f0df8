"""Queues, their tokens, and what staff did with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from qure.adapters.memory.state import State
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, QueueId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.staff_activity import StaffActivity
from qure.domain.token import HELD, ActiveTokenExists, Token, TokenStatus


class MemoryQueues:
    """See ``Queues``. The events that a queue still carries are not kept."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, queue: Queue) -> None:
        """Raises ``Conflict`` (``queue_exists``)."""
        day = queue.clinic_id, queue.date
        if day in self._state.queues_by_day:
            raise Conflict("queue_exists", "This clinic's queue of the day exists already.")
        self._state.queues_by_day[day] = queue.id
        self._state.queues[queue.id] = replace(queue, events=[])

    async def get(self, id: QueueId, *, lock: bool = False) -> Queue | None:  # noqa: ARG002
        queue = self._state.queues.get(id)
        return None if queue is None else replace(queue, events=[])

    async def of_day(self, clinic_id: ClinicId, day: date) -> Queue | None:
        id = self._state.queues_by_day.get((clinic_id, day))
        return None if id is None else await self.get(id)

    async def save(self, queue: Queue) -> None:
        if queue.id not in self._state.queues:
            raise LookupError(f"queue {queue.id} was never added")
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

    async def next_in_line(self, queue_id: QueueId) -> Token | None:
        """The WAITING token with the lowest number."""
        waiting = [t for t in self._active(queue_id) if t.status is TokenStatus.WAITING]
        return min(waiting, key=_number, default=None)

    async def held_by(self, queue_id: QueueId, staff_id: UserId) -> list[Token]:
        """By number."""
        return sorted(
            (t for t in self._active(queue_id) if t.status in HELD and t.held_by == staff_id),
            key=_number,
        )

    async def places_of(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        places: dict[UserId, list[Token]] = {patient: [] for patient in patients}
        for token in self._state.tokens.values():
            if token.patient_id in places and (
                token.queue_id == queue_id
                or (token.is_active and self._is_of_day(token.queue_id, now))
            ):
                places[token.patient_id].append(token)
        return places

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
        standing = self._state.active_tokens_by_patient.get(place)
        if token.is_active:
            if standing is not None and standing != token.id:
                raise ActiveTokenExists(self._state.tokens[standing])
            self._state.active_tokens_by_patient[place] = token.id
        elif standing == token.id:
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


class MemoryActivities:
    """See ``Activities``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, activities: Sequence[StaffActivity]) -> None:
        for activity in activities:
            self._state.activities[activity.id] = activity

    async def of_token(self, token_id: TokenId) -> list[StaffActivity]:
        """Oldest first."""
        return sorted(
            (a for a in self._state.activities.values() if a.token_id == token_id),
            key=lambda activity: (activity.created_at, activity.id),
        )
