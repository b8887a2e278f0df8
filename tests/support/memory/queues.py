"""Queues and their tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta

from qure.application.changes import Changes
from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import TransactionConflict
from qure.application.ports.waiting import SeenDay, SeenToken
from qure.domain.calling_order import HEADS, Line
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import (
    ASSIGNED,
    PLACE_STEP,
    ActiveTokenExists,
    Priority,
    SkipReason,
    Token,
    TokenStatus,
)
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

    async def lock(self, ids: Collection[QueueId]) -> list[Queue]:
        """There is one lock for all, and a writer has it."""
        queues = [await self.get(id) for id in sorted(set(ids))]
        return [queue for queue in queues if queue is not None]

    async def of_day(self, service_id: ServiceId, day: date) -> Queue | None:
        id = self._state.queues_by_day.get((service_id, day))
        return None if id is None else await self.get(id)

    async def of_services(
        self, service_ids: Collection[ServiceId], *, now: datetime, lock: bool = False
    ) -> list[Queue]:
        """By id."""
        return await self.lock(
            [
                queue.id
                for queue in self._state.queues.values()
                if queue.service_id in service_ids and queue.is_of_day(now)
            ]
        )

    async def of_clinic(self, clinic_id: ClinicId, *, now: datetime) -> list[Queue]:
        """By position of the service."""
        queues = [
            replace(queue, events=[])
            for queue in self._state.queues.values()
            if queue.clinic_id == clinic_id and queue.is_of_day(now)
        ]
        places = {one.id: (one.position, one.id) for one in self._state.services.values()}
        return sorted(queues, key=lambda queue: (places[queue.service_id], queue.id))

    async def to_end(self, *, now: datetime, limit: int) -> list[QueueId]:
        """Earliest first."""
        over = [
            (queue.day_ends_at, queue.id)
            for queue in self._state.queues.values()
            if queue.ended_at is None and (queue.day_ends_at <= now or queue.is_closed)
        ]
        return [id for _, id in sorted(over)[:limit]]

    async def with_notice_over(self, *, now: datetime, limit: int) -> list[QueueId]:
        """Earliest first."""
        over = [
            (queue.notice.until, queue.id)
            for queue in self._state.queues.values()
            if queue.notice is not None
            and queue.notice.until is not None
            and queue.notice.until <= now
        ]
        return [id for _, id in sorted(over)[:limit]]

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

    async def line_for(self, queue_id: QueueId, staff_id: UserId | None) -> Line:
        assigned = [
            token
            for token in self._active(queue_id)
            if token.status in ASSIGNED and token.assigned_to == staff_id is not None
        ]
        heads = [
            token for priority in Priority for token in self._waiting(queue_id, priority)[:HEADS]
        ]
        return Line(heads, sorted(assigned, key=_number))

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

    async def standing_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        """Lowest number first, then the older one."""
        skipped = [
            token
            for token in self._state.tokens.values()
            if token.status is TokenStatus.SKIPPED
            and token.patient_id == patient_id
            and self._is_of_day(token.queue_id, now)
        ]
        standing = [*await self.active_of(patient_id, now=now), *skipped]
        return sorted(standing, key=lambda token: (token.number, token.created_at, token.id))

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

    async def seen_days(self, service_id: ServiceId, *, before: date, days: int) -> list[SeenDay]:
        queues = [
            queue
            for queue in self._state.queues.values()
            if queue.service_id == service_id
            and before - timedelta(days=days) <= queue.date < before
        ]
        return [
            SeenDay(
                queue_id=queue.id,
                service_id=service_id,
                start_time=queue.start_time,
                end_time=queue.end_time,
                over_at=queue.closed_at or queue.day_ends_at,
                tokens=[_seen(one) for one in await self.of_queue(queue.id) if _tells(one)],
            )
            for queue in sorted(queues, key=lambda queue: queue.date)
        ]

    async def on_board(self, queue_id: QueueId) -> list[Token]:
        """By number."""
        return [
            token
            for token in await self.of_queue(queue_id)
            if token.is_active or token.status is TokenStatus.SKIPPED
        ]

    async def active_in(self, queue_id: QueueId, *, limit: int) -> list[Token]:
        """By number."""
        return sorted(self._active(queue_id), key=_number)[:limit]

    async def places(
        self, queue_id: QueueId, priority: Priority, *, behind: Token | None, limit: int
    ) -> list[int]:
        """By place and number."""
        waiting = self._waiting(queue_id, priority)
        if behind is not None:
            waiting = [token for token in waiting if _place(token) > _place(behind)]
        return [token.place for token in waiting[:limit]]

    async def space_out(self, queue_id: QueueId, priority: Priority) -> None:
        """The last one stays where it is."""
        tokens = [one for one in await self.of_queue(queue_id) if one.priority is priority]
        tokens.sort(key=_place, reverse=True)
        for behind, token in enumerate(tokens):
            self._keep(replace(token, place=tokens[0].place - behind * PLACE_STEP))

    async def not_shown_up(self, *, now: datetime, limit: int) -> list[TokenId]:
        """Whose call is longest ago first."""
        gone: list[tuple[datetime, TokenId]] = []
        for token in self._state.tokens.values():
            if token.status is not TokenStatus.CALLED or token.last_called_at is None:
                continue
            queue = self._state.queues[token.queue_id]
            minutes = self._state.clinics[queue.clinic_id].no_show_minutes
            if minutes is not None and token.last_called_at <= now - timedelta(minutes=minutes):
                gone.append((token.last_called_at, token.id))
        return [id for _, id in sorted(gone)[:limit]]

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

    def _waiting(self, queue_id: QueueId, priority: Priority) -> list[Token]:
        waiting = [one for one in self._active(queue_id) if one.waits and one.priority is priority]
        return sorted(waiting, key=_place)

    def _is_of_day(self, queue_id: QueueId, now: datetime) -> bool:
        queue = self._state.queues.get(queue_id)
        return queue is not None and queue.is_of_day(now)


def _number(token: Token) -> int:
    return token.number


def _place(token: Token) -> tuple[int, int]:
    return token.place, token.number


def _tells(token: Token) -> bool:
    return (
        token.called_at is not None or token.rejoins > 0 or token.skip_reason is SkipReason.NO_SHOW
    )


def _seen(token: Token) -> SeenToken:
    return SeenToken(**{field.name: getattr(token, field.name) for field in fields(SeenToken)})


class MemoryKeptAnswers:
    """See ``KeptAnswers``. An answer is frozen."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def get(self, scope: str, key: str) -> KeptAnswer | None:
        return self._state.kept_answers.get((scope, key))

    async def get_all(self, keys: Collection[tuple[str, str]]) -> list[KeptAnswer]:
        found = [await self.get(scope, key) for scope, key in keys]
        return [one for one in found if one is not None]

    async def add(self, answers: Sequence[KeptAnswer]) -> None:
        """Raises ``TransactionConflict``."""
        for answer in answers:
            if (answer.scope, answer.key) in self._state.kept_answers:
                raise TransactionConflict
            self._state.kept_answers[answer.scope, answer.key] = answer

    async def delete(self, scope: str, key: str) -> None:
        self._state.kept_answers.discard((scope, key))

    async def delete_older(self, *, before: datetime, limit: int) -> int:
        """How many went."""
        old = [one for one in self._state.kept_answers.values() if one.created_at < before]
        old = sorted(old, key=lambda answer: answer.created_at)[:limit]
        for one in old:
            self._state.kept_answers.discard((one.scope, one.key))
        return len(old)
