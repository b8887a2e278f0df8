"""Playing a scenario's days with everybody who forecasts them, in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing import Pool
from time import process_time

from bench.waits.baselines import baselines
from bench.waits.clinics import Clinic, draw_clinic, draw_day, expected_times
from bench.waits.observing import Moment, Observer
from bench.waits.oracle import Oracle
from bench.waits.panel import Panel, Said
from bench.waits.scenarios import Scenario
from bench.waits.scores import ORACLE, Score, Shown, merged, score
from bench.waits.world import play

QURE = "Qure"
SCORED_AT_ONCE = 25
"""Days after which what was said is added up, and let go."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is played: scored days a seed, days before them at the most, the Oracle's share."""

    seeds: int
    days: int
    warm_up: int
    oracle: float

    def lasting(self, days: int) -> Size:
        """The same with so many scored days."""
        return replace(self, days=days)


QUICK = Size(seeds=2, days=20, warm_up=10, oracle=0.15)
FULL = Size(seeds=10, days=200, warm_up=1000, oracle=0.1)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One scenario with one seed."""

    scenario: Scenario
    seed: int
    size: Size
    with_qure: bool


def run(task: Task) -> Score:
    """Play the clinics of a seed, one after the other, until enough days are scored."""
    each = min(task.scenario.days_each or task.size.days, task.size.days)
    numbers = range(-(-task.size.days // each))
    return merged([_run_clinic(task, index, each) for index in numbers])


def run_all(tasks: Sequence[Task], processes: int) -> Iterator[tuple[Task, Score]]:
    """Each task's score, as they are done."""
    if processes == 1:
        yield from map(_run_one, tasks)
        return
    with Pool(processes) as pool:
        yield from pool.imap_unordered(_run_one, tasks)


def _run_one(task: Task) -> tuple[Task, Score]:
    return task, run(task)


def _run_clinic(task: Task, index: int, days: int) -> Score:
    begun = process_time()
    clinic = draw_clinic(task.scenario, task.seed, index)
    oracle = Oracle(clinic, task.size.oracle)
    panel = Panel(_observers(clinic, oracle, task.with_qure), frozenset({QURE, "B6"}), keeps=False)
    warm_up = min(task.scenario.warm_up, task.size.warm_up)
    scores = []
    for day in range(warm_up + days):
        panel.keeps = day >= warm_up
        today = draw_day(clinic, day)
        oracle.knows(today.factor)
        play(clinic, today, panel)
        done = day + 1 - warm_up
        if done > 0 and (done % SCORED_AT_ONCE == 0 or done == days):
            first = warm_up + (done - 1) // SCORED_AT_ONCE * SCORED_AT_ONCE
            scores.append(_score(task, clinic, panel, range(first, day + 1)))
            panel.said.clear()
    told = merged(scores)
    told.spent, told.played = panel.spent, warm_up + days
    told.seconds = process_time() - begun
    return told


def _observers(clinic: Clinic, oracle: Oracle, with_qure: bool) -> Mapping[str, Observer]:
    services = [one.id for one in clinic.services]
    rules = baselines(dict(zip(services, expected_times(clinic), strict=True)))
    observers: dict[str, Observer] = {}
    if with_qure:  # Not known before it is wanted: the rest stands without it.
        observers[QURE] = import_module("bench.waits.qure").QureObserver()
    return {**observers, **rules, ORACLE: oracle}


def _score(task: Task, clinic: Clinic, panel: Panel, days: range) -> Score:
    names = list(panel.observers)
    told = score(
        panel.said,
        names,
        days,
        judged=QURE if task.with_qure else None,
        means={one.id: mean for one, mean in zip(clinic.services, clinic.means, strict=True)},
    )
    told.shown = _shown(panel.said, names.index(QURE if task.with_qure else ORACLE), days.start)
    return told


def _shown(said: Sequence[Said], number: int, day: int) -> list[Shown]:
    told = [
        Shown(one.now, *one.sayings[number], one.called)
        for one in said
        if one.day == day and one.asked.moment is Moment.JOINING
    ]
    return sorted(told, key=lambda one: one.joined)
