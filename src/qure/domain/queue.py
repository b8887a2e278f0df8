"""A service's queue of one local day: numbering, capacity, one place a patient, who is called.

The queue carries its own counters, so that no rule here ever counts tokens: what an action
costs does not grow with the queue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from qure.domain.actor import Actor
from qure.domain.calling_order import Line, next_of
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict, NotFound
from qure.domain.events import (
    Event,
    QueueActivated,
    QueueDeactivated,
    QueueOpened,
    TokenCalled,
    TokenCancelled,
    TokenChanged,
    TokenCompleted,
    TokenIssued,
    TokenSkipped,
    TokenStarted,
)
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import PLACE_STEP, ActiveTokenExists, Token, TokenStatus

MAX_QUEUE_SIZE = 1000

MAX_TAKES = 3
"""So many numbers of one queue a patient may take: who leaves may come again, not for ever."""


@dataclass(slots=True, kw_only=True)
class Queue:
    """One service's queue of one day.

    ``version`` grows by one with every change. ``day_starts_at`` and ``day_ends_at`` bound the
    clinic's local day in UTC. Every method either does all of what it says, or raises and
    leaves the queue as it was.
    """

    id: QueueId
    clinic_id: ClinicId
    service_id: ServiceId
    date: date
    day_starts_at: datetime
    day_ends_at: datetime
    start_time: datetime
    end_time: datetime
    max_size: int
    is_active: bool
    last_issued_number: int
    waiting_count: int
    now_serving: int
    last_served_number: int
    priority_run: int = 0
    version: int
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def open(
        cls,
        clinic: Clinic,
        *,
        id: QueueId,
        max_size: int | None,
        at: datetime,
        by: Actor,
    ) -> Queue:
        """The default service's queue of the local day in which ``at`` falls, open for tokens.

        Raises ``Conflict`` (``clinic_retired``) for a clinic that is not active.
        """
        if not clinic.is_active:
            raise Conflict("clinic_retired", "This clinic no longer takes patients.")
        today = clinic.local_date(at)
        opens, closes = clinic.opening_times(today)
        starts, ends = clinic.day_bounds(today)
        queue = cls(
            id=id,
            clinic_id=clinic.id,
            service_id=clinic.service.id,
            date=today,
            day_starts_at=starts,
            day_ends_at=ends,
            start_time=opens,
            end_time=closes,
            max_size=clinic.service.max_queue_size if max_size is None else max_size,
            is_active=True,
            last_issued_number=0,
            waiting_count=0,
            now_serving=0,
            last_served_number=0,
            version=1,
            created_at=at,
            updated_at=at,
        )
        queue.events.append(QueueOpened(actor=by, at=at, queue=queue.status()))
        return queue

    def status(self) -> QueueStatus:
        """What everyone in the room may see, as it stands now."""
        return QueueStatus(
            queue_id=self.id,
            clinic_id=self.clinic_id,
            now_serving=self.now_serving,
            waiting_count=self.waiting_count,
            start_time=self.start_time,
            end_time=self.end_time,
            is_active=self.is_active,
            last_served_number=self.last_served_number,
            version=self.version,
        )

    def is_of_day(self, at: datetime) -> bool:
        """Whether ``at`` falls into the queue's local day."""
        return self.day_starts_at <= at < self.day_ends_at

    def issue(
        self,
        *,
        id: TokenId,
        patient_id: UserId,
        by: Actor,
        taken: Collection[Token],
        max_active: int,
        at: datetime,
    ) -> Token:
        """The next number, for a patient who has ``taken`` these tokens.

        They are all that the patient ever took here, and the active ones in other queues of
        today: of those there are at most ``max_active`` at once, the new one included. Numbers
        run 1..max_size without gap and are never used again. Raises ``NotFound`` when the queue
        is not of the day of ``at``, ``ActiveTokenExists``, and ``Conflict`` (``too_many_takes``,
        ``too_many_active_tokens``, ``queue_inactive``, ``queue_full``).
        """
        if not self.is_of_day(at):
            raise NotFound("queue_not_found", "This queue is not today's.")
        here = [token for token in taken if token.queue_id == self.id]
        for token in here:
            if token.is_active:
                raise ActiveTokenExists(token)
        if len(here) >= MAX_TAKES:
            raise Conflict(
                "too_many_takes",
                f"You have taken {MAX_TAKES} numbers of this queue already: nobody gets more.",
            )
        if len(taken) - len(here) >= max_active:
            raise Conflict(
                "too_many_active_tokens",
                f"You have as many active tokens as a patient may have at once: {max_active}.",
            )
        if not self.is_active:
            raise Conflict("queue_inactive", "This queue takes no new tokens at the moment.")
        if self.last_issued_number >= self.max_size:
            raise Conflict("queue_full", "This queue is full for today.")
        self.last_issued_number += 1
        self.waiting_count += 1
        token = Token(
            id=id,
            queue_id=self.id,
            patient_id=patient_id,
            number=self.last_issued_number,
            place=self.last_issued_number * PLACE_STEP,
            status=TokenStatus.WAITING,
            created_at=at,
        )
        self._changed(at)
        self.events.append(
            TokenIssued(token=token, from_status=None, actor=by, at=at, queue=self.status())
        )
        return token

    def cancel(self, token: Token, *, by: Actor, at: datetime) -> Token:
        """The patient leaves. Raises ``Conflict`` unless the token is WAITING."""
        return self._move(token, TokenStatus.CANCELLED, TokenCancelled, by, at)

    def call_next(self, line: Line, *, by: Actor, at: datetime) -> tuple[Token, list[Token]]:
        """``call`` whoever is next of the ``line``, completing what ``by`` is still assigned.

        Raises ``Conflict`` (``queue_empty``) when nobody waits.
        """
        found = next_of(line.heads, priority_run=self.priority_run)
        if found is None:
            raise Conflict("queue_empty", "Nobody is waiting in this queue.")
        token, self.priority_run = found
        return self.call(token, assigned=line.assigned, by=by, at=at)

    def call(
        self, token: Token, *, assigned: Iterable[Token], by: Actor, at: datetime
    ) -> tuple[Token, list[Token]]:
        """Call ``token`` and complete what is still ``assigned`` to the caller: one change.

        Returns the called token and the completed ones.
        """
        called = token.moved_to(TokenStatus.CALLED, at=at, by=by)
        completed = [(was, was.moved_to(TokenStatus.COMPLETED, at=at, by=by)) for was in assigned]
        self.waiting_count -= 1
        self.now_serving = called.number
        if completed:
            self.last_served_number = completed[-1][1].number
        self._changed(at)
        status = self.status()
        for was, done in completed:
            self.events.append(
                TokenCompleted(token=done, from_status=was.status, actor=by, at=at, queue=status)
            )
        self.events.append(
            TokenCalled(token=called, from_status=token.status, actor=by, at=at, queue=status)
        )
        return called, [done for _, done in completed]

    def start(self, token: Token, *, by: Actor, at: datetime) -> Token:
        """The patient is being seen. Raises ``Conflict`` unless the token is CALLED."""
        return self._move(token, TokenStatus.IN_PROGRESS, TokenStarted, by, at)

    def complete(self, token: Token, *, by: Actor, at: datetime) -> Token:
        """The patient was served. Raises ``Conflict`` unless CALLED or IN_PROGRESS."""
        return self._move(token, TokenStatus.COMPLETED, TokenCompleted, by, at)

    def skip(self, token: Token, *, by: Actor, at: datetime) -> Token:
        """The patient is not there. Raises ``Conflict`` unless WAITING or CALLED."""
        return self._move(token, TokenStatus.SKIPPED, TokenSkipped, by, at)

    def set_active(self, active: bool, *, by: Actor, at: datetime) -> bool:
        """Take new tokens, or no more. Active tokens stay valid. False if nothing changed."""
        if self.is_active == active:
            return False
        self.is_active = active
        self._changed(at)
        event = QueueActivated if active else QueueDeactivated
        self.events.append(event(actor=by, at=at, queue=self.status()))
        return True

    def _move(
        self,
        token: Token,
        to: TokenStatus,
        event: type[TokenChanged],
        by: Actor,
        at: datetime,
    ) -> Token:
        moved = token.moved_to(to, at=at, by=by)
        if token.status is TokenStatus.WAITING:
            self.waiting_count -= 1
        if to is TokenStatus.COMPLETED:
            self.last_served_number = token.number
        self._changed(at)
        self.events.append(
            event(token=moved, from_status=token.status, actor=by, at=at, queue=self.status())
        )
        return moved

    def _changed(self, at: datetime) -> None:
        self.version += 1
        self.updated_at = at
