"""Qure's own forecast, as it hears a simulated day: the only file here that knows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from bench.waits.observing import MINUTE, REJOIN_BEHIND, Asked, Class, DayPlan, Saying
from qure.domain.calling_order import MAX_PRIORITY_RUN
from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.domain.token import Priority
from qure.domain.waiting.calibration import Calibration, bucket_of
from qure.domain.waiting.forecast import Forecast, forecast
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import InHand, Line, Scene, Seat, Waiting
from qure.domain.waiting.slices import finished
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import EarlierDays, Pause, Session, Today, Visit
from qure.domain.waiting.wait import Range, told

KEPT_DAYS = 28
_PRIORITY = {
    Class.URGENT: Priority.URGENT,
    Class.PRIORITY: Priority.PRIORITY,
    Class.NORMAL: Priority.NORMAL,
}


@dataclass(slots=True)
class _Token:
    id: UUID
    service: UUID
    urgency: Class
    arrived: float
    place: float
    called: float | None = None
    has_come: bool = False


@dataclass(slots=True)
class _Desk:
    id: UUID
    services: frozenset[ServiceId]
    in_hand: _Token | None = None
    idle_since: float | None = None
    paused_since: float | None = None
    until: float | None = None
    has_paused: bool = False


@dataclass(slots=True)
class _Day:
    plan: DayPlan
    waiting: dict[UUID, _Token] = field(default_factory=dict)
    tokens: dict[UUID, _Token] = field(default_factory=dict)
    desks: dict[UUID, _Desk] = field(default_factory=dict)
    not_before: dict[UUID, float] = field(default_factory=dict)
    first_arrival: dict[UUID, float] = field(default_factory=dict)
    first_call: dict[UUID, float] = field(default_factory=dict)
    seats: dict[UUID, set[UUID]] = field(default_factory=dict)
    run: int = 0
    today: Today = field(default_factory=Today)


class QureObserver:
    """What a clinic's Qure would tell everybody who waits, rounded as it is told."""

    def __init__(self) -> None:
        self._visits: deque[tuple[int, list[Visit]]] = deque(maxlen=KEPT_DAYS)
        self._sessions: deque[Session] = deque(maxlen=KEPT_DAYS)
        self._pauses: list[Pause] = []
        self._calibrations: dict[tuple[ServiceId, int], Calibration] = {}
        self._told: dict[UUID, tuple[int, Saying, float]] = {}
        self._now = 0.0
        self._day: _Day
        self._usual: Usual

    def day_begins(self, plan: DayPlan) -> None:
        opens = {ServiceId(one.id): plan.opens for one in plan.services}
        self._day = _Day(plan, today=Today(opens_at=opens))
        self._told.clear()
        earlier = EarlierDays(
            visits=tuple(visit for _, visits in self._visits for visit in visits),
            sessions=tuple(self._sessions),
            pauses=tuple(self._pauses[-100:]),
        )
        expected = {ServiceId(one.id): one.expected_minutes * MINUTE for one in plan.services}
        self._usual = finished(Usual.learned(expected, earlier, now=plan.begins))

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        one = _Token(token, service, urgency, at, at)
        self._day.tokens[token] = self._day.waiting[token] = one
        self._day.first_arrival.setdefault(service, at)
        if urgency is not Class.NORMAL and self._day.waiting:
            counts = self._day.today.overtakers
            counts[ServiceId(service)] = counts.get(ServiceId(service), 0) + 1

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        day = self._day
        one = day.waiting.pop(token)
        one.called = at
        normal_waits = any(each.urgency is Class.NORMAL for each in day.waiting.values())
        if one.urgency is Class.PRIORITY and normal_waits:
            day.run = min(day.run + 1, MAX_PRIORITY_RUN)
        elif one.urgency is not Class.URGENT:
            day.run = 0
        day.desks[desk].in_hand = one
        day.desks[desk].idle_since = None
        day.first_call.setdefault(one.service, at)
        day.seats.setdefault(one.service, set()).add(desk)
        day.not_before.pop(one.service, None)
        self._learn(one, at)

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        self._day.tokens[token].has_come = True

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        self._let_go(token, desk, at, came=True)

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        self._let_go(token, desk, at, came=False)

    def rejoined(self, token: UUID, at: float) -> None:
        day = self._day
        one = day.tokens[token]
        same = sorted(each.place for each in day.waiting.values() if each.urgency is one.urgency)
        one.place = (
            (same[REJOIN_BEHIND - 1] + same[REJOIN_BEHIND]) / 2 if len(same) > REJOIN_BEHIND else at
        )
        day.waiting[token] = one
        visits = day.today.visits
        for number, visit in enumerate(visits):
            if visit.called_at == one.called and not visit.came:
                visits[number] = replace(visit, rejoined=True)
        self._told.pop(token, None)

    def left(self, token: UUID, at: float) -> None:
        self._day.waiting.pop(token, None)

    def desk_opened(self, desk: UUID, at: float) -> None:
        (plan,) = (one for one in self._day.plan.desks if one.id == desk)
        services = frozenset(ServiceId(one) for one in plan.services)
        self._day.desks[desk] = _Desk(desk, services, idle_since=at)

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        one = self._day.desks[desk]
        one.paused_since, one.until = at, until

    def desk_resumed(self, desk: UUID, at: float) -> None:
        one = self._day.desks[desk]
        if one.paused_since is not None:
            self._pauses.append(Pause(desk, one.paused_since, at))
            one.has_paused = True
        one.paused_since = one.until = None
        one.idle_since = at

    def desk_closed(self, desk: UUID, at: float) -> None:
        self._day.desks.pop(desk, None)

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        if minutes is None:
            self._day.not_before.pop(service, None)
        else:
            self._day.not_before[service] = at + minutes * MINUTE

    def day_ends(self, at: float) -> None:
        day = self._day
        self._visits.append((day.plan.number, day.today.visits))
        for service in day.plan.services:
            self._sessions.append(
                Session(
                    service_id=ServiceId(service.id),
                    opens_at=day.plan.opens,
                    first_arrival_at=day.first_arrival.get(service.id),
                    first_call_at=day.first_call.get(service.id),
                    seats=len(day.seats.get(service.id, ())),
                    overtakers=day.today.overtakers.get(ServiceId(service.id), 0),
                    hours=(day.plan.closes - day.plan.opens) / 3600,
                )
            )

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        self._now = now
        found: dict[UUID, Saying | None] = {}
        for queue in self._forecast(now).values():
            for id, outlook in queue.waiting.items():
                found[id] = _saying(outlook.range, now)
        return found

    def told_at_joining(self, token: UUID, ahead: int, saying: Saying | None) -> None:
        if saying is not None:
            self._told[token] = (ahead, saying, self._now)

    def _learn(self, one: _Token, at: float) -> None:
        told_then = self._told.pop(one.id, None)
        if told_then is None:
            return
        ahead, saying, when = told_then
        key = ServiceId(one.service), bucket_of(ahead)
        range_ = Range(saying.leave_by, saying.low, saying.likely, saying.high)
        known = self._calibrations.get(key, Calibration())
        self._calibrations[key] = known.learned(range_, told_at=when, called_at=at)

    def _let_go(self, token: UUID, desk: UUID, at: float, *, came: bool) -> None:
        day = self._day
        one = day.tokens[token]
        assert one.called is not None
        seat = day.desks.get(desk)
        if seat is not None:
            seat.in_hand, seat.idle_since = None, at
        day.today.visits.append(Visit(ServiceId(one.service), desk, one.called, at, came))

    def _forecast(self, now: float) -> Forecast:
        day = self._day
        lines = tuple(self._line(one.id) for one in day.plan.services)
        seats = tuple(_seat(one, now) for one in day.desks.values())
        if not seats:
            seats = self._usual_seats()
        scene = Scene(now=now, lines=lines, seats=seats)
        return finished(forecast(scene, Pace(self._usual, day.today), self._calibrations))

    def _usual_seats(self) -> tuple[Seat, ...]:
        """Before anybody is there: the desks of the last day, if none has opened today."""
        if self._day.first_call or not self._sessions:
            return ()
        seats: dict[UUID, set[ServiceId]] = {}
        if not self._visits:
            return ()
        for visit in self._visits[-1][1]:
            if visit.seat_id is not None:
                seats.setdefault(visit.seat_id, set()).add(visit.service_id)
        return tuple(Seat(id=id, service_ids=frozenset(its)) for id, its in seats.items())

    def _line(self, service: UUID) -> Line:
        day = self._day
        own = [one for one in day.waiting.values() if one.service == service]
        return Line(
            queue_id=QueueId(service),
            service_id=ServiceId(service),
            waiting=tuple(
                Waiting(TokenId(one.id), one.arrived, _PRIORITY[one.urgency])
                for one in _in_order(own, day.run)
            ),
            opens_at=day.plan.opens,
            closes_at=day.plan.closes,
            has_begun=service in day.first_call,
            not_before=day.not_before.get(service),
        )


def _in_order(waiting: list[_Token], run: int) -> list[_Token]:
    lines = {
        urgency: sorted(
            (one for one in waiting if one.urgency is urgency),
            key=lambda one: one.place,
            reverse=True,
        )
        for urgency in Class
    }
    order: list[_Token] = []
    while len(order) < len(waiting):
        chosen = Class.NORMAL
        if lines[Class.URGENT]:
            chosen = Class.URGENT
        elif lines[Class.PRIORITY] and (not lines[Class.NORMAL] or run < MAX_PRIORITY_RUN):
            chosen = Class.PRIORITY
        if chosen is Class.PRIORITY and lines[Class.NORMAL]:
            run += 1
        elif chosen is not Class.URGENT:
            run = 0
        order.append(lines[chosen].pop())
    return order


def _seat(desk: _Desk, now: float) -> Seat:
    one = desk.in_hand
    in_hand = None
    if one is not None and one.called is not None:
        in_hand = InHand(ServiceId(one.service), one.called, one.has_come)
    away: tuple[tuple[float, float], ...] = ()
    paused = desk.paused_since
    if paused is not None and desk.until is not None and desk.until > now:
        away, paused = ((paused, desk.until),), None
    return Seat(
        id=desk.id,
        service_ids=desk.services,
        in_hand=in_hand,
        idle_since=desk.idle_since,
        paused_since=paused,
        away=away,
        has_paused=desk.has_paused,
    )


def _saying(range_: Range, now: float) -> Saying:
    said = told(range_, now=now)
    return Saying(said.low, said.likely, said.high, said.leave_by)
