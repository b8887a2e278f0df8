"""One path of the Oracle: how a line might be called from now on. Instants and spans are seconds.

Written apart from the world, with what it draws handed in: the two check each other, since what the
Oracle says must come true as often as it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple
from uuid import UUID

from bench.waits.observing import MAX_PRIORITY_RUN

Waiter = tuple[float, UUID | None]
"""Since when somebody waits, and who; None is somebody who has yet to come."""


class Taking(NamedTuple):
    """For how long a call takes a desk: ``work`` by the mean and then ``more``, or ``missed``."""

    work: float
    more: float
    missed: float


class DeskPath(NamedTuple):
    """When a desk is free, and the break it still takes (``due`` is infinite where it does not)."""

    free: float
    due: float
    length: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What is the same on all paths of a day. ``means`` by service and ``factors`` by desk."""

    serves: Sequence[Sequence[int]]
    means: Sequence[float]
    factors: Sequence[float]
    takings: Sequence[Sequence[Taking]]
    opens: float
    closes: float
    drift: float

    def speed(self, at: float) -> float:
        """By how much a service is longer that begins then."""
        if not self.drift:
            return 1.0
        passed = (at - self.opens) / (self.closes - self.opens)
        return 1.0 + self.drift * min(max(passed, 0.0), 1.0)


class Lines:
    """The lines as a path goes on: by service and class those who wait, and who come."""

    __slots__ = ("_next", "_run", "_waiting")

    def __init__(self, waiting: Sequence[Sequence[Sequence[Waiter]]], run: Sequence[int]) -> None:
        self._waiting = waiting
        self._run = list(run)
        self._next = [[0, 0, 0] for _ in waiting]

    def take(self, serves: Sequence[int], at: float) -> tuple[int, UUID | None] | None:
        """Whom a desk calls then, of these services; None where nobody waits."""
        best: tuple[int, float, int] | None = None
        for service in serves:
            urgency = self._class_of_next(service, at)
            if urgency is not None:
                since = self._waiting[service][urgency][self._next[service][urgency]][0]
                if best is None or (urgency, since) < best[:2]:
                    best = urgency, since, service
        if best is None:
            return None
        urgency, _, service = best
        who = self._waiting[service][urgency][self._next[service][urgency]][1]
        self._next[service][urgency] += 1
        if urgency == 1:
            self._run[service] = self._run[service] + 1 if self._waits(service, 2, at) else 0
        elif urgency == 2:
            self._run[service] = 0
        return service, who

    def _class_of_next(self, service: int, at: float) -> int | None:
        if self._waits(service, 0, at):
            return 0
        normal = self._waits(service, 2, at)
        if self._waits(service, 1, at) and not (normal and self._run[service] >= MAX_PRIORITY_RUN):
            return 1
        return 2 if normal else None

    def _waits(self, service: int, urgency: int, at: float) -> bool:
        waiting, following = self._waiting[service][urgency], self._next[service][urgency]
        return following < len(waiting) and waiting[following][0] <= at


def follow(
    rules: Rules,
    desks: Sequence[DeskPath],
    lines: Lines,
    wanted: set[UUID],
    draws: Sequence[int],
    gaps: Sequence[float],
) -> dict[UUID, float]:
    """When each of the ``wanted`` is called, on this path.

    ``draws`` are the places in ``rules.takings`` from which on it draws, by service. ``gaps`` come
    between a call's end and the next call, in turn; none: there are none.
    """
    called: dict[UUID, float] = {}
    heap = [(desk.free, number) for number, desk in enumerate(desks)]
    heapify(heap)
    due = [desk.due for desk in desks]
    at_draw, calls = list(draws), 0
    while heap and len(called) < len(wanted):
        now, desk = heappop(heap)
        if due[desk] <= now < rules.closes:
            due[desk] = float("inf")
            heappush(heap, (now + desks[desk].length, desk))
            continue
        chosen = lines.take(rules.serves[desk], now)
        if chosen is None:
            continue
        service, who = chosen
        if who in wanted:
            called[who] = now
        takings = rules.takings[service]
        work, more, missed = takings[at_draw[service] % len(takings)]
        at_draw[service] += 1
        mean = rules.means[service] * rules.factors[desk]
        free = now + (missed or work * mean * rules.speed(now) + more)
        if gaps:
            free += gaps[calls % len(gaps)]
            calls += 1
        heappush(heap, (free, desk))
    return called
