"""What the Oracle draws: how what has begun may go on, given how long it has lasted. Seconds.

Each answer is an array with one draw a path. What is conditional is drawn freely, and what has not
come true is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.waits.clinics import (
    BREAK_SLIP,
    FORGOTTEN,
    NOTICE_SLIP,
    PATIENCE,
    Clinic,
    draw_work,
    expected_patients,
    share_come,
    when_come,
)
from bench.waits.observing import MINUTE, DayPlan
from bench.waits.paths import Rules
from bench.waits.scenarios import Scenario

Draws = NDArray[np.float64]
ENOUGH = 40
TRIES = (2_000, 40_000)


@dataclass(frozen=True, slots=True)
class Holding:
    """A call that has not ended: whether the patient is known to have come."""

    service: int
    since: float
    came: bool


def missed(scenario: Scenario, number: int, chance: np.random.Generator) -> Draws:
    """How long no-shows take a desk; 0 for who comes."""
    is_missed = chance.random(number) < scenario.no_show
    return np.where(is_missed, chance.uniform(*PATIENCE, number), 0.0)


def forgotten(scenario: Scenario, number: int, chance: np.random.Generator) -> Draws:
    """How long completions are forgotten; 0 for those that are not."""
    is_forgotten = chance.random(number) < scenario.forgotten
    return np.where(is_forgotten, chance.uniform(*FORGOTTEN, number), 0.0)


class Guesses:
    """The draws of one day, for so many paths."""

    def __init__(
        self, clinic: Clinic, plan: DayPlan, rules: Rules, chance: np.random.Generator, paths: int
    ) -> None:
        self._scenario = clinic.scenario
        self._clinic, self._plan, self._rules = clinic, plan, rules
        self._chance, self._paths = chance, paths

    def opening(self, now: float, noticed: float | None) -> Draws:
        """When the desks open, which has not been; ``noticed`` is the end of a notice."""
        opens, late = self._plan.opens, self._scenario.late

        def draw(number: int) -> Draws:
            if noticed is not None:
                return self._uniform(noticed, noticed + NOTICE_SLIP, number)
            return opens + MINUTE * self._uniform(*late, number)

        return self._after(now, draw)

    def ends(self, desk: int, held: Holding, now: float, waits_since: float) -> Draws:
        """When the call ends; somebody has been waiting for this desk since then."""
        mean = self._rules.means[held.service] * self._rules.factors[desk]
        mean *= self._rules.speed(held.since)
        cv = self._scenario.services[held.service].cv

        def draw(number: int) -> Draws:
            service = held.since + mean * draw_work(self._chance, cv, number)
            miss = missed(self._scenario, number, self._chance)
            if held.came:
                miss[:] = 0.0
            gone = np.where(miss > 0, held.since + miss, service)
            more = np.where(miss > 0, 0.0, forgotten(self._scenario, number, self._chance))
            # With nobody waiting, the next one to come would have been called by now.
            return np.where(gone > min(waits_since, now), gone + more, -np.inf)

        gap = self._scenario.gap
        return self._after(now, draw) + MINUTE * self._uniform(*gap, self._paths)

    def pause_ends(self, until: float, now: float) -> Draws:
        """When an announced break ends."""
        return self._after(now, lambda number: until + self._uniform(*BREAK_SLIP, number))

    def back(self, called: float, idle: float, now: float, waits_since: float) -> Draws:
        """When a desk calls again that has not, idle since then, though somebody waits."""
        pause = self._scenario.pause
        if pause is None or pause.announced:
            gap = self._scenario.gap
            return self._after(now, lambda number: idle + MINUTE * self._uniform(*gap, number))
        low, high = self._due(called)

        def draw(number: int) -> Draws:
            began = np.maximum(self._uniform(low, high, number), idle)
            ends = began + MINUTE * self._uniform(*pause.minutes, number)
            return np.where(began <= max(waits_since, idle), ends, -np.inf)

        return self._after(now, draw)

    def breaks(self, called: float) -> tuple[Draws, Draws]:
        """When the break of a desk is due, after its last call, and how long it will be."""
        pause, number = self._scenario.pause, self._paths
        if pause is None:
            return np.full(number, np.inf), np.zeros(number)
        low, high = self._due(called)
        if low >= high:
            return np.full(number, np.inf), np.zeros(number)
        length = MINUTE * self._uniform(*pause.minutes, number)
        if pause.announced:
            length = 5 * MINUTE * np.round(length / (5 * MINUTE))
            length += self._uniform(*BREAK_SLIP, number)
        return self._uniform(low, high, number), length

    def overtakers(self, now: float, service: int, share: float) -> list[list[float]]:
        """When those of that service and of a class with that share may come, path by path."""
        scenario, plan = self._scenario, self._plan
        expected = expected_patients(self._clinic) * sum(scenario.load) / 2 * (1 - scenario.rush)
        come = share_come(scenario, plan, now)
        expected *= (1 - come) * share * scenario.services[service].share
        numbers = self._chance.poisson(expected, self._paths)
        shares = self._uniform(come, 1.0, int(numbers.sum()))
        times = when_come(scenario, plan, shares)
        return [sorted(one.tolist()) for one in np.split(times, np.cumsum(numbers)[:-1])]

    def _due(self, called: float) -> tuple[float, float]:
        pause = self._scenario.pause
        assert pause is not None
        low, high = (self._plan.opens + self._clinic.length * share for share in pause.share)
        return max(low, called), high

    def _uniform(self, low: float, high: float, number: int) -> Draws:
        return self._chance.uniform(low, max(low, high), number)

    def _after(self, now: float, draw: Callable[[int], Draws]) -> Draws:
        """Draws that lie after now; where there are hardly any, soon."""
        drawn = np.empty(0)
        for number in TRIES:
            drawn = draw(number)
            drawn = drawn[drawn > now]
            if len(drawn) >= ENOUGH:
                break
        if not len(drawn):
            return now + self._uniform(0.0, 5 * MINUTE, self._paths)
        return self._chance.choice(drawn, self._paths)
