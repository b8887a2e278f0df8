"""What else a clinic could tell its patients: a likely instant, from simple rules.

Ibrahim & Whitt 2009 (10.1287/msom.1080.0223) compare such rules. Theirs speak of the whole wait at
joining; at a later moment these take off what has been waited, never to less than nothing. Without
an open desk, those that count desks count the clinic's, and opening time is awaited. Seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from uuid import UUID

from bench.waits.observing import (
    MINUTE,
    Asked,
    Class,
    DayPlan,
    Moment,
    Observer,
    Quiet,
    Saying,
    only,
)

LAST = 10
"""What is rolling goes over so many."""

LAST_AS_MANY = 50


class Rule(Quiet, ABC):
    """Keeps what any of the rules asks for: who waits since when, which desks are open."""

    def __init__(self) -> None:
        self.minutes: dict[UUID, float] = {}
        self.plan: DayPlan | None = None
        self.waiting: dict[UUID, tuple[UUID, float]] = {}
        self.open: set[UUID] = set()
        self.begun: dict[UUID, float] = {}
        self.service_of: dict[UUID, UUID] = {}

    @abstractmethod
    def remains(self, asked: Asked, now: float) -> float | None:
        """How long it will take from now on; None: then as B0 says."""

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        """See ``Observer``."""
        told: dict[UUID, Saying | None] = {}
        for one in asked:
            remains = self.remains(one, now)
            if remains is None:
                remains = self.by_position(one, now, self.minutes[one.service])
            told[one.token] = only(now + max(remains, 0.0))
        return told

    def by_position(self, asked: Asked, now: float, mean: float) -> float:
        """So many services have to end, by all desks, from opening on."""
        return self.until_opening(now) + (asked.ahead + 1) * mean / self.desks_of(asked.service)

    def until_opening(self, now: float) -> float:
        """Nothing once a desk is open."""
        assert self.plan is not None
        return 0.0 if self.open else max(self.plan.opens - now, 0.0)

    def desks_of(self, service: UUID) -> int:
        """How many call for it, or would."""
        assert self.plan is not None
        serving = [desk.id for desk in self.plan.desks if service in desk.services]
        return sum(desk in self.open for desk in serving) or len(serving)

    def day_begins(self, plan: DayPlan) -> None:
        """See ``Observer``."""
        self.plan = plan
        self.minutes = {one.id: MINUTE * one.expected_minutes for one in plan.services}
        for kept in (self.waiting, self.open, self.begun, self.service_of):
            kept.clear()

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        """See ``Observer``."""
        self.waiting[token] = (service, at)
        self.service_of[token] = service

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        waited = self.waiting.pop(token, None)
        self.begun[token] = at
        if waited is not None:
            self.has_waited(token, waited[0], at - waited[1], at)

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self.has_taken(self.service_of[token], at - self.begun.pop(token))

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self.has_taken(self.service_of[token], at - self.begun.pop(token))

    def left(self, token: UUID, at: float) -> None:
        """See ``Observer``."""
        self.waiting.pop(token, None)

    def desk_opened(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self.open.add(desk)

    def desk_closed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self.open.discard(desk)

    def has_waited(self, token: UUID, service: UUID, wait: float, at: float) -> None:
        """A first call came after that wait."""

    def has_taken(self, service: UUID, time: float) -> None:
        """A desk was taken for so long, by a service or a no-show."""


class B0(Rule):
    """Position times the configured minutes, by the open desks."""

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        return None


class B1(Rule):
    """QL: the queue's length times the mean, which is known: a service's in seconds."""

    def __init__(self, means: Mapping[UUID, float]) -> None:
        super().__init__()
        self.means = means

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        return self.by_position(asked, now, self.means[asked.service])


class B2(Rule):
    """QL with the mean of the last ten."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[UUID, deque[float]] = {}

    def has_taken(self, service: UUID, time: float) -> None:
        """See ``Rule``."""
        self.last.setdefault(service, deque(maxlen=LAST)).append(time)

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        last = self.last.get(asked.service)
        return self.by_position(asked, now, sum(last) / len(last)) if last else None


class B3(Rule):
    """LES: as long as the last one waited who was called today."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[UUID, float] = {}

    def day_begins(self, plan: DayPlan) -> None:
        """See ``Observer``."""
        super().day_begins(plan)
        self.last.clear()

    def has_waited(self, token: UUID, service: UUID, wait: float, at: float) -> None:
        """See ``Rule``."""
        self.last[service] = wait

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        last = self.last.get(asked.service)
        return None if last is None else last - (now - self.waiting[asked.token][1])


class B4(Rule):
    """HOL: as long as the first in line has waited. The first in line itself: as B0 says."""

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        first = next(since for of, since in self.waiting.values() if of == asked.service)
        joined = self.waiting[asked.token][1]
        return None if first >= joined else (now - first) - (now - joined)


class B5(Rule):
    """The mean wait of the last ten who were called, today's and earlier."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[UUID, deque[float]] = {}

    def has_waited(self, token: UUID, service: UUID, wait: float, at: float) -> None:
        """See ``Rule``."""
        self.last.setdefault(service, deque(maxlen=LAST)).append(wait)

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        last = self.last.get(asked.service)
        if not last:
            return None
        return sum(last) / len(last) - (now - self.waiting[asked.token][1])


class B6(Rule):
    """The mean of what remained for the last fifty who had as many ahead, at such a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.past: dict[tuple[UUID, Moment, int], deque[float]] = {}
        self.asked: dict[UUID, list[tuple[Asked, float]]] = {}

    def has_waited(self, token: UUID, service: UUID, wait: float, at: float) -> None:
        """See ``Rule``."""
        for one, since in self.asked.pop(token, ()):
            key = (service, one.moment, one.ahead)
            self.past.setdefault(key, deque(maxlen=LAST_AS_MANY)).append(at - since)

    def day_ends(self, at: float) -> None:
        """See ``Observer``."""
        self.asked.clear()

    def remains(self, asked: Asked, now: float) -> float | None:
        """See ``Rule``."""
        self.asked.setdefault(asked.token, []).append((asked, now))
        past = self.past.get((asked.service, asked.moment, asked.ahead))
        return sum(past) / len(past) if past else None


def baselines(means: Mapping[UUID, float]) -> dict[str, Observer]:
    """All of them, new; ``means`` are the true ones, which only B1 knows."""
    return {
        "B0": B0(),
        "B1": B1(means),
        "B2": B2(),
        "B3": B3(),
        "B4": B4(),
        "B5": B5(),
        "B6": B6(),
    }
