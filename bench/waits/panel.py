"""Those who forecast the same days, side by side, and what each of them said of whom.

Instants and spans are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from time import process_time
from uuid import UUID

from bench.waits.observing import Asked, Class, DayPlan, Moment, Observer, Saying

UNKNOWN = Saying(nan, nan, nan, nan)


@dataclass(slots=True)
class Said:
    """One token at one moment: what each observer said then (UNKNOWN for nothing), and its call.

    ``called`` is nan until it comes, and stays so for who is never called.
    """

    asked: Asked
    day: int
    now: float
    sayings: list[Saying]
    called: float = nan


@dataclass(slots=True)
class Panel:
    """Forwards the day to all observers and keeps what they say. An observer itself.

    Until ``keeps`` nothing is kept, and only ``learners`` are asked. ``spent`` is the
    time each observer took to answer.
    """

    observers: Mapping[str, Observer]
    learners: frozenset[str] = frozenset()
    keeps: bool = True
    said: list[Said] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    _open: dict[UUID, list[Said]] = field(default_factory=dict)
    _day: int = 0
    _all: tuple[Observer, ...] = ()

    def __post_init__(self) -> None:
        self._all = tuple(self.observers.values())
        self.spent = dict.fromkeys(self.observers, 0.0)

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        """Ask everybody; keep the answers until the calls come."""
        rows = [Said(one, self._day, now, []) for one in asked]
        for name, observer in self.observers.items():
            if not self.keeps and name not in self.learners:
                continue
            begun = process_time()
            answer = observer.say(now, asked)
            self.spent[name] += process_time() - begun
            for row in rows:
                row.sayings.append(answer.get(row.asked.token) or UNKNOWN)
            for one in asked:
                if one.moment is Moment.JOINING:
                    observer.told_at_joining(one.token, one.ahead, answer.get(one.token))
        if self.keeps:
            for row in rows:
                self._open.setdefault(row.asked.token, []).append(row)
        return {}

    def told_at_joining(self, token: UUID, ahead: int, saying: Saying | None) -> None:
        """Each was told what it said itself."""

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``. The truth about what was said of it."""
        for row in self._open.pop(token, ()):
            row.called = at
            self.said.append(row)
        for one in self._all:
            one.called(token, desk, at)

    def day_begins(self, plan: DayPlan) -> None:
        """See ``Observer``."""
        self._day = plan.number
        for one in self._all:
            one.day_begins(plan)

    def day_ends(self, at: float) -> None:
        """See ``Observer``. Who was not called is not scored."""
        self._open.clear()
        for one in self._all:
            one.day_ends(at)

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.arrived(token, service, urgency, at)

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.started(token, desk, at)

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.released(token, desk, at)

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.skipped(token, desk, at)

    def rejoined(self, token: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.rejoined(token, at)

    def left(self, token: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.left(token, at)

    def desk_opened(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.desk_opened(desk, at)

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.desk_paused(desk, until, at)

    def desk_resumed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.desk_resumed(desk, at)

    def desk_closed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.desk_closed(desk, at)

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        """See ``Observer``."""
        for one in self._all:
            one.notice(service, minutes, at)
