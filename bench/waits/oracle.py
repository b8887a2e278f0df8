"""The Oracle: who knows a clinic's true parameters, but neither the patients nor what is drawn.

It hears what everybody hears, and follows many paths of the line from there. Spans are seconds. Of
those who rejoin or leave it foresees nothing; only scenarios of our own have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from bench.waits.clinics import Clinic, draw_work
from bench.waits.guesses import Draws, Guesses, Holding, forgotten, missed
from bench.waits.lines import run_after
from bench.waits.observing import MINUTE, REJOIN_BEHIND, Asked, Class, DayPlan, Quiet, Saying
from bench.waits.paths import DeskPath, Lines, Rules, Taking, Waiter, follow

PATHS = 200
DRAWN = 5000
"""So many service times are drawn a day and service; every path begins elsewhere among them."""

GAPS = 50
"""So many gaps between calls are drawn a path, and used in turn."""


@dataclass(slots=True)
class _Token:
    service: int
    urgency: Class
    since: float


@dataclass(slots=True)
class _Desk:
    """What was seen of a desk. ``broke``: it has had its break."""

    called: float
    idle: float
    until: float | None = None
    held: Holding | None = None
    broke: bool = False


class Oracle(Quiet):
    """Says ranges of the true distribution, at a random ``share`` of the instants it is asked."""

    def __init__(self, clinic: Clinic, share: float = 1.0, paths: int = PATHS) -> None:
        self._clinic, self._share, self._paths = clinic, share, paths
        self._chance = np.random.default_rng((*clinic.key, 0, 1))
        self._factor = 1.0

    def knows(self, factor: float) -> None:
        """The factor of the day that begins next, on all its service times."""
        self._factor = factor

    def day_begins(self, plan: DayPlan) -> None:
        """See ``Observer``."""
        clinic, scenario = self._clinic, self._clinic.scenario
        self._services = {one.id: i for i, one in enumerate(clinic.services)}
        self._desks = {one.id: i for i, one in enumerate(clinic.desks)}
        self._rules = Rules(
            serves=[one.serves for one in scenario.desks],
            means=[mean * self._factor for mean in clinic.means],
            factors=[one.factor for one in scenario.desks],
            takings=[self._takings(one.cv) for one in scenario.services],
            opens=plan.opens,
            closes=plan.closes,
            drift=scenario.drift,
        )
        self._guesses = Guesses(clinic, plan, self._rules, self._chance, self._paths)
        self._tokens: dict[UUID, _Token] = {}
        self._waiting: list[list[list[Waiter]]] = [[[], [], []] for _ in clinic.services]
        self._run = [0 for _ in clinic.services]
        self._seen = [_Desk(plan.opens, plan.opens) for _ in clinic.desks]
        self._opened = False
        self._noticed: float | None = None

    def arrived(self, token: UUID, service: UUID, urgency: Class, at: float) -> None:
        """See ``Observer``."""
        known = self._tokens[token] = _Token(self._services[service], urgency, at)
        self._line(known).append((at, token))

    def called(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        known, number = self._tokens[token], self._desks[desk]
        seen = self._seen[number]
        if self._is_away(seen) and self._waits_since(number) < at and seen.idle < at:
            seen.broke = True
        self._line(known).remove((known.since, token))
        normal_waits = bool(self._waiting[known.service][Class.NORMAL])
        self._run[known.service] = run_after(self._run[known.service], known.urgency, normal_waits)
        seen.called, seen.held = at, Holding(known.service, at, False)

    def started(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        seen = self._seen[self._desks[desk]]
        seen.held = Holding(self._tokens[token].service, seen.called, True)

    def released(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        seen = self._seen[self._desks[desk]]
        seen.held, seen.idle = None, at

    def skipped(self, token: UUID, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self.released(token, desk, at)

    def rejoined(self, token: UUID, at: float) -> None:
        """See ``Observer``."""
        known = self._tokens[token]
        self._line(known).insert(REJOIN_BEHIND, (known.since, token))

    def left(self, token: UUID, at: float) -> None:
        """See ``Observer``."""
        known = self._tokens[token]
        self._line(known).remove((known.since, token))

    def desk_opened(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        self._opened = True
        self._seen[self._desks[desk]].idle = at

    def desk_paused(self, desk: UUID, until: float | None, at: float) -> None:
        """See ``Observer``."""
        seen = self._seen[self._desks[desk]]
        seen.until, seen.broke = until, True

    def desk_resumed(self, desk: UUID, at: float) -> None:
        """See ``Observer``."""
        seen = self._seen[self._desks[desk]]
        seen.until, seen.idle = None, at

    def notice(self, service: UUID, minutes: float | None, at: float) -> None:
        """See ``Observer``."""
        self._noticed = None if minutes is None else at + MINUTE * minutes

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        """See ``Observer``."""
        if self._chance.random() >= self._share:
            return {}
        wanted = {one.token for one in asked}
        desks = self._desk_paths(now)
        coming = self._coming(now)
        draws = self._chance.integers(0, DRAWN, (self._paths, len(self._services))).tolist()
        gaps = self._gaps()
        calls: dict[UUID, list[float]] = {token: [] for token in wanted}
        for path in range(self._paths):
            waiting = self._with(coming, path)
            seats = [DeskPath(*desk[path]) for desk in desks]
            lines = Lines(waiting, self._run)
            called = follow(self._rules, seats, lines, wanted, draws[path], gaps[path])
            for token, at in called.items():
                calls[token].append(at)
        return {token: _range(sorted(at)) for token, at in calls.items()}

    def _desk_paths(self, now: float) -> list[list[tuple[float, float, float]]]:
        opening = None if self._opened else self._guesses.opening(now, self._noticed)
        told = []
        for number, seen in enumerate(self._seen):
            free = self._free(number, seen, now) if opening is None else opening
            due, length = self._guesses.breaks(seen.called)
            if seen.broke or self._is_away(seen):
                due = np.full(self._paths, np.inf)
            told.append(list(zip(free.tolist(), due.tolist(), length.tolist(), strict=True)))
        return told

    def _free(self, number: int, seen: _Desk, now: float) -> Draws:
        if seen.until is not None:
            return self._guesses.pause_ends(seen.until, now)
        waits_since = self._waits_since(number)
        if seen.held is not None:
            return self._guesses.ends(number, seen.held, now, waits_since)
        if waits_since > now:  # Nobody waits whom it could call.
            return np.full(self._paths, now)
        return self._guesses.back(seen.called, seen.idle, now, waits_since)

    def _is_away(self, seen: _Desk) -> bool:
        """Whether it has its break, if somebody waits for it."""
        pause = self._clinic.scenario.pause
        return self._opened and seen.held is None and pause is not None and not pause.announced

    def _waits_since(self, desk: int) -> float:
        """When the first of those joined who wait for this desk; infinite without any."""
        return min(
            (line[0][0] for i in self._rules.serves[desk] for line in self._waiting[i] if line),
            default=np.inf,
        )

    def _coming(self, now: float) -> dict[tuple[int, int], list[list[float]]]:
        """Who may yet overtake: by service and class, path by path."""
        shares = (self._clinic.scenario.urgent, self._clinic.scenario.priority)
        return {
            (service, urgency): self._guesses.overtakers(now, service, share)
            for urgency, share in enumerate(shares)
            if share
            for service in range(len(self._waiting))
        }

    def _with(
        self, coming: Mapping[tuple[int, int], list[list[float]]], path: int
    ) -> Sequence[Sequence[Sequence[Waiter]]]:
        if not coming:
            return self._waiting
        return [
            [
                [*line, *((at, None) for at in coming[service, urgency][path])]
                if (service, urgency) in coming
                else line
                for urgency, line in enumerate(lines)
            ]
            for service, lines in enumerate(self._waiting)
        ]

    def _gaps(self) -> list[list[float]]:
        low, high = self._clinic.scenario.gap
        number = GAPS if high else 0
        gaps: list[list[float]] = self._chance.uniform(low, high, (self._paths, number)).tolist()
        return [[MINUTE * gap for gap in path] for path in gaps]

    def _takings(self, cv: float | None) -> list[Taking]:
        scenario, chance = self._clinic.scenario, self._chance
        columns = (
            draw_work(chance, cv, DRAWN).tolist(),
            forgotten(scenario, DRAWN, chance).tolist(),
            missed(scenario, DRAWN, chance).tolist(),
        )
        return [Taking(*one) for one in zip(*columns, strict=True)]

    def _line(self, token: _Token) -> list[Waiter]:
        return self._waiting[token.service][token.urgency]


def _range(calls: Sequence[float]) -> Saying | None:
    if not calls:
        return None
    number = len(calls)
    low, likely, high, leave_by = (calls[int(number * q)] for q in (0.2, 0.5, 0.8, 0.1))
    return Saying(low, likely, high, leave_by)
