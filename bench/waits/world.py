"""A day of a clinic, played event by event before an observer. Instants and spans are seconds."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from heapq import heappop, heappush
from typing import Any

from bench.waits.clinics import Clinic, DeskBreak, Patient, Today, drift_at
from bench.waits.lines import Line
from bench.waits.observing import (
    AHEAD_AT,
    REJOIN_BEHIND,
    Asked,
    DeskPlan,
    Moment,
    Observer,
)

OVERTIME = 7200.0
"""So long after closing those who wait are still called."""

WALK = 20.0
"""After the call a patient needs so long to come, part of the service time as it is recorded."""


class Does(Enum):
    """What the staff member of a desk does. AWAY: calls nobody, for whatever reason."""

    NOTHING = 0
    CALLS = 1
    AWAY = 2
    CLOSED = 3


class Desk:
    """A desk today; ``holds`` is the token that is open there."""

    __slots__ = ("does", "factor", "holds", "id", "idle_since", "pause", "serves")

    def __init__(self, plan: DeskPlan, factor: float, serves: tuple[int, ...]) -> None:
        self.id, self.factor, self.serves = plan.id, factor, serves
        self.does = Does.CLOSED
        self.holds: Patient | None = None
        self.idle_since = 0.0
        self.pause: DeskBreak | None = None


class Day:
    """One day; ``play`` it once."""

    def __init__(self, clinic: Clinic, today: Today, observer: Observer) -> None:
        self.clinic, self.today, self.tell = clinic, today, observer
        self.plan = today.plan
        self.lines = [Line() for _ in clinic.services]
        self.desks = [
            Desk(plan, one.factor, one.serves)
            for plan, one in zip(clinic.desks, clinic.scenario.desks, strict=True)
        ]
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._count = 0
        self._gaps = iter(today.gaps) if clinic.scenario.gap[1] else None
        self._joined: list[Patient] = []
        self._shorter: set[int] = set()
        self.now = today.plan.begins

    def play(self) -> None:
        """From the first event to the last."""
        self.tell.day_begins(self.plan)
        self._foresee()
        heap, last = self._heap, self.plan.closes + OVERTIME
        while heap and heap[0][0] <= last:
            self.now, _, does, what = heappop(heap)
            does(what)
            if not heap or heap[0][0] > self.now:
                self._ask()
        for desk in self.desks:
            self.tell.desk_closed(desk.id, self.now)
        self.tell.day_ends(self.now)

    def _foresee(self) -> None:
        for patient in self.today.patients:
            self._at(patient.joins, self._join, patient)
        for desk, pause in zip(self.desks, self.today.breaks, strict=True):
            self._at(self.today.desks_open, self._open, desk)
            if pause is not None:
                desk.pause = pause
                self._at(max(pause.due, self.today.desks_open), self._break_due, desk)
        if self.today.notice is not None:
            self._at(self.today.notice[0], self._notice, self.today.notice[1])

    def _at(self, at: float, does: Callable[[Any], None], what: object) -> None:
        self._count += 1
        heappush(self._heap, (at, self._count, does, what))

    # Patients

    def _join(self, patient: Patient) -> None:
        line = self.lines[patient.service]
        line.put(patient)
        service = self.plan.services[patient.service].id
        self.tell.arrived(patient.id, service, patient.urgency, self.now)
        self._joined.append(patient)
        if patient.leaves_after:
            self._at(self.now + patient.leaves_after, self._leave, patient)
        self._offer(patient)

    def _leave(self, patient: Patient) -> None:
        if self.lines[patient.service].remove(patient):
            self.tell.left(patient.id, self.now)
            self._shorter.add(patient.service)

    def _come_back(self, patient: Patient) -> None:
        if self.now > self.plan.closes:
            return
        patient.attends, patient.back_after, patient.ahead = True, 0.0, -1
        self.lines[patient.service].put(patient, REJOIN_BEHIND)
        self.tell.rejoined(patient.id, self.now)
        self._offer(patient)

    def _offer(self, patient: Patient) -> None:
        free = [
            desk
            for desk in self.desks
            if desk.does is Does.NOTHING and patient.service in desk.serves
        ]
        if free:
            self._call(min(free, key=lambda desk: desk.idle_since))

    # Desks

    def _open(self, desk: Desk) -> None:
        self.tell.desk_opened(desk.id, self.now)
        self._call(desk)

    def _call(self, desk: Desk) -> None:
        """The desk is free for the next one, if there is one; what it holds is completed by it."""
        heads = [head for i in desk.serves if (head := self.lines[i].head()) is not None]
        if not heads:
            desk.does, desk.idle_since = Does.NOTHING, self.now
            return
        chosen = min(heads, key=lambda head: (head.urgency, head.joins, head.id))
        self._release(desk)
        patient = self.lines[chosen.service].take()
        self._shorter.add(patient.service)
        desk.does, desk.holds = Does.CALLS, patient
        self.tell.called(patient.id, desk.id, self.now)
        if not patient.attends:
            self._at(self.now + patient.patience, self._skip, desk)
            return
        mean = self.clinic.means[patient.service] * desk.factor * self.today.factor
        lasts = mean * drift_at(self.clinic, self.plan, self.now) * patient.work
        if self.clinic.scenario.presses_start and lasts > WALK:
            self._at(self.now + WALK, self._start, desk)
        self._at(self.now + lasts, self._finish, desk)

    def _start(self, desk: Desk) -> None:
        assert desk.holds is not None
        self.tell.started(desk.holds.id, desk.id, self.now)

    def _release(self, desk: Desk) -> None:
        if desk.holds is not None:
            self.tell.released(desk.holds.id, desk.id, self.now)
            desk.holds = None

    def _skip(self, desk: Desk) -> None:
        patient, desk.holds = desk.holds, None
        assert patient is not None
        self.tell.skipped(patient.id, desk.id, self.now)
        if patient.back_after:
            self._at(self.now + patient.back_after, self._come_back, patient)
        self._next(desk)

    def _finish(self, desk: Desk) -> None:
        """The patient goes. Where that is forgotten, the staff member is busy with something else
        while others wait, or notices when the next one comes."""
        patient = desk.holds
        assert patient is not None
        if not patient.forgotten:
            self._next(desk)
            return
        waits = any(len(self.lines[i]) for i in desk.serves)
        desk.does, desk.idle_since = Does.AWAY if waits else Does.NOTHING, self.now
        self._at(self.now + patient.forgotten, self._notices, (desk, patient))

    def _notices(self, what: tuple[Desk, Patient]) -> None:
        desk, patient = what
        if desk.holds is not patient:
            return
        if desk.does is Does.AWAY:
            self._next(desk)
        else:
            self._release(desk)

    def _next(self, desk: Desk) -> None:
        """After a patient: the break that is due, a gap, or the next one."""
        if self._takes_break(desk):
            return
        if self._gaps is not None:
            self._release(desk)
            desk.does = Does.AWAY
            self._at(self.now + next(self._gaps), self._call, desk)
            return
        self._call(desk)
        if desk.does is Does.NOTHING:
            self._release(desk)

    def _break_due(self, desk: Desk) -> None:
        if desk.does is Does.NOTHING:
            self._takes_break(desk)

    def _takes_break(self, desk: Desk) -> bool:
        pause = desk.pause
        if pause is None or self.now < pause.due or self.now >= self.plan.closes:
            return False
        desk.pause = None
        self._release(desk)
        desk.does = Does.AWAY
        if pause.said is not None:
            self.tell.desk_paused(desk.id, self.now + pause.said, self.now)
        self._at(self.now + pause.length, self._break_over, (desk, pause))
        return True

    def _break_over(self, what: tuple[Desk, DeskBreak]) -> None:
        desk, pause = what
        if pause.said is not None:
            self.tell.desk_resumed(desk.id, self.now)
        self._call(desk)

    def _notice(self, minutes: float) -> None:
        for service in self.plan.services:
            self.tell.notice(service.id, minutes, self.now)

    # What is scored

    def _ask(self) -> None:
        """What is scored now: those who joined and wait, and those who have come so far."""
        asked = []
        for patient in self._joined:
            order = self.lines[patient.service].order(10_000)
            if patient in order:
                patient.ahead = order.index(patient)
                service = self.plan.services[patient.service].id
                asked.append(Asked(patient.id, service, patient.ahead, Moment.JOINING))
        self._joined.clear()
        for index in sorted(self._shorter):
            asked += self._come_so_far(index)
        self._shorter.clear()
        if asked:
            self.tell.say(self.now, asked)

    def _come_so_far(self, service: int) -> list[Asked]:
        asked = []
        order = self.lines[service].order(max(AHEAD_AT) + 1)
        for ahead, moment in AHEAD_AT.items():
            if len(order) > ahead:
                patient = order[ahead]
                if patient.ahead > ahead and not patient.scored & 1 << moment:
                    patient.scored |= 1 << moment
                    asked.append(Asked(patient.id, self.plan.services[service].id, ahead, moment))
        return asked


def play(clinic: Clinic, today: Today, observer: Observer) -> None:
    """Play the day before the observer."""
    Day(clinic, today, observer).play()
