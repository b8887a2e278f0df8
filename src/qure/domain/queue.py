"""A service's queue of one local day: what it carries, and how what happens is kept in it.

It carries its own counters, and the front of its line comes along with each move that changes it:
so no rule ever counts tokens, and what an action costs does not grow with the queue. Numbers are
given in ``issuing``, tokens are moved in ``moves``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from qure.domain.actor import Actor
from qure.domain.calling_order import Line
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict
from qure.domain.events import (
    Before,
    Event,
    QueueActivated,
    QueueChanged,
    QueueClosed,
    QueueDeactivated,
    QueueDesksChanged,
    QueueNoticeChanged,
    QueueOpened,
    QueueSpacedOut,
    TokenChanged,
)
from qure.domain.ids import ClinicId, QueueId, ServiceId
from qure.domain.queue_status import SHOWN_NEXT, Call, Notice, QueueStatus, Upcoming
from qure.domain.service import Service
from qure.domain.token import Token, TokenStatus

MAX_QUEUE_SIZE = 1000


@dataclass(slots=True, kw_only=True)
class Queue:
    """One service's queue of one day.

    ``version`` grows by one with every change. ``day_starts_at`` and ``day_ends_at`` bound the
    clinic's local day in UTC. ``prefix`` is the service's when the queue was opened. ``last_place``
    is the greatest place that was ever given at the end of the line. ``closed_at`` is when the
    queue stopped for good, ``ended_at`` when the last of its tokens had been seen to after that.
    Every method either does all of what it says, or raises and leaves the queue as it was.
    """

    id: QueueId
    clinic_id: ClinicId
    service_id: ServiceId
    service_name: str
    prefix: str
    date: date
    day_starts_at: datetime
    day_ends_at: datetime
    start_time: datetime
    end_time: datetime
    max_size: int
    is_active: bool
    last_issued_number: int
    last_place: int
    waiting_count: int
    on_hold_count: int = 0
    open_desks: int = 0
    now_serving: int
    last_served_number: int
    priority_run: int = 0
    upcoming: tuple[Upcoming, ...] = ()
    calls: tuple[Call, ...] = ()
    notice: Notice | None = None
    closed_at: datetime | None = None
    ended_at: datetime | None = None
    version: int
    created_at: datetime
    updated_at: datetime
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def open(
        cls,
        clinic: Clinic,
        service: Service,
        *,
        id: QueueId,
        max_size: int | None,
        open_desks: int = 0,
        at: datetime,
        by: Actor,
    ) -> Queue:
        """The service's queue of the local day in which ``at`` falls, open for tokens.

        ``open_desks`` is how many call for it already. Raises ``Conflict`` (``clinic_retired``,
        ``service_retired``) for a clinic or service that is not active.
        """
        if not clinic.is_active:
            raise Conflict("clinic_retired", "This clinic no longer takes patients.")
        if not service.is_active:
            raise Conflict("service_retired", "This service is no longer offered.")
        today = clinic.local_date(at)
        opens, closes = clinic.opening_times(today)
        starts, ends = clinic.day_bounds(today)
        queue = cls(
            id=id,
            clinic_id=clinic.id,
            service_id=service.id,
            service_name=service.name,
            prefix=service.prefix,
            date=today,
            day_starts_at=starts,
            day_ends_at=ends,
            start_time=opens,
            end_time=closes,
            max_size=service.max_queue_size if max_size is None else max_size,
            is_active=True,
            last_issued_number=0,
            last_place=0,
            waiting_count=0,
            open_desks=open_desks,
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
            service_id=self.service_id,
            service_name=self.service_name,
            prefix=self.prefix,
            now_serving=self.now_serving,
            waiting_count=self.waiting_count,
            on_hold_count=self.on_hold_count,
            open_desks=self.open_desks,
            start_time=self.start_time,
            end_time=self.end_time,
            is_active=self.is_active,
            is_closed=self.is_closed,
            last_served_number=self.last_served_number,
            next=tuple(one.label for one in self.upcoming),
            calls=self.calls,
            notice=self.notice,
            priority_run=self.priority_run,
            version=self.version,
        )

    @property
    def is_closed(self) -> bool:
        """Whether its day has ended."""
        return self.closed_at is not None

    def is_of_day(self, at: datetime) -> bool:
        """Whether ``at`` falls into the queue's local day."""
        return self.day_starts_at <= at < self.day_ends_at

    # The day

    def set_active(self, active: bool, *, by: Actor, at: datetime) -> bool:
        """Take new tokens, or no more. Active tokens stay valid. False if nothing changed.

        Raises ``Conflict`` (``queue_closed``).
        """
        if active:
            self.require_not_closed()
        if self.is_active == active:
            return False
        self.is_active = active
        self._tell(QueueActivated if active else QueueDeactivated, by, at)
        return True

    def close(self, *, by: Actor, at: datetime) -> bool:
        """End its day: it takes no token any more. False if it had ended."""
        if self.is_closed:
            return False
        self.closed_at = at
        self.is_active = False
        self._tell(QueueClosed, by, at)
        return True

    def give_notice(self, notice: Notice | None, *, by: Actor, at: datetime) -> bool:
        """Tell everyone who watches, or no longer. False if there was nothing to take away."""
        if notice is None and self.notice is None:
            return False
        if notice is not None:
            self.require_not_closed()
        self.notice = notice
        self._tell(QueueNoticeChanged, by, at)
        return True

    def set_desks(self, open_desks: int, *, by: Actor, at: datetime) -> bool:
        """So many desks call for it now. False if nothing changed."""
        if self.open_desks == open_desks:
            return False
        self.open_desks = open_desks
        self._tell(QueueDesksChanged, by, at)
        return True

    def rename(self, service_name: str, *, by: Actor, at: datetime) -> bool:
        """Its service has another name; the prefix is printed and stays. False if it had it."""
        if self.service_name == service_name:
            return False
        self.service_name = service_name
        self._tell(QueueDesksChanged, by, at)
        return True

    def spaced_out(self, *, by: Actor, at: datetime) -> None:
        """The places of its tokens have been numbered anew, in the same order."""
        self._tell(QueueSpacedOut, by, at)

    # What moves record

    def record(
        self,
        kind: type[TokenChanged],
        token: Token,
        was: Token | None,
        line: Line | None,
        *,
        by: Actor,
        at: datetime,
        reason: str | None = None,
        before: Before | None = None,
    ) -> None:
        """One change: ``token`` stands so now, and stood as ``was``.

        ``line`` is needed when it changes who waits, in which order.
        """
        self.count(was, token)
        if line is not None:
            line.changed(token)
            self.look_at(line)
        elif was is None and len(self.upcoming) < SHOWN_NEXT:
            self.upcoming = (*self.upcoming, Upcoming(token.label, token.priority))
        self.changed(at)
        self.tell(kind, token, was, by=by, at=at, reason=reason, before=before)

    def tell(
        self,
        kind: type[TokenChanged],
        token: Token,
        was: Token | None,
        *,
        by: Actor,
        at: datetime,
        reason: str | None = None,
        before: Before | None = None,
    ) -> None:
        """What happened to a token, with how the queue stands now."""
        self.events.append(
            kind(
                token=token,
                from_status=None if was is None else was.status,
                reason=reason,
                before=before,
                actor=by,
                at=at,
                queue=self.status(),
            )
        )

    def count(self, was: Token | None, token: Token) -> None:
        """Keep the counters true."""
        waited = was is not None and was.status is TokenStatus.WAITING
        self.waiting_count += int(token.status is TokenStatus.WAITING) - int(waited)
        self.on_hold_count += int(token.on_hold) - int(was is not None and was.on_hold)
        if token.status is TokenStatus.COMPLETED:
            self.last_served_number = token.number

    def look_at(self, line: Line) -> None:
        """Those who are next are these now."""
        self.upcoming = tuple(
            Upcoming(token.label, token.priority)
            for token in line.upcoming(SHOWN_NEXT, priority_run=self.priority_run)
        )

    def changed(self, at: datetime) -> None:
        """One change more."""
        self.version += 1
        self.updated_at = at

    def require_not_closed(self) -> None:
        """Raises ``Conflict`` (``queue_closed``)."""
        if self.is_closed:
            raise Conflict("queue_closed", "This queue is closed for today.")

    def _tell(self, kind: type[QueueChanged], by: Actor, at: datetime) -> None:
        self.changed(at)
        self.events.append(kind(actor=by, at=at, queue=self.status()))
