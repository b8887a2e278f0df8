"""A clinic and its days, drawn from a scenario: the whole truth of a day, before it is played.

Instants and spans are seconds (see ``observing``); everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bench.waits.observing import DAY, MINUTE, Class, DayPlan, DeskPlan, ServicePlan
from bench.waits.scenarios import Scenario

PATIENCE = (60.0, 180.0)
"""After so long a no-show is skipped, evenly drawn."""

FORGOTTEN = (600.0, 2400.0)
"""For so long a forgotten completion goes unnoticed, evenly drawn."""

BACK_AFTER = (120.0, 1200.0)
BREAK_SLIP = (-60.0, 240.0)
"""How much later than announced a break ends."""

NOTICE_SLIP = 5 * MINUTE
"""At most so long after the end of a DELAY notice the desks open."""

EARLY = 30 * MINUTE
BEGINS_BEFORE = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Clinic:
    """What stays the same over a clinic's days. ``means`` are the true ones, by service."""

    scenario: Scenario
    key: tuple[int, ...]
    services: tuple[ServicePlan, ...]
    desks: tuple[DeskPlan, ...]
    means: tuple[float, ...]
    opens: float
    length: float

    @property
    def name(self) -> str:
        """Unlike any other clinic's."""
        return f"{self.scenario.name}/{'/'.join(map(str, self.key))}"


@dataclass(slots=True)
class Patient:
    """Somebody who joins, and what they and their doctor will do.

    ``work`` is the service time by the mean of its service; ``forgotten`` how long the completion
    is forgotten (0: it is not), ``back_after`` when a skipped one rejoins (0: never).
    """

    id: UUID
    service: int
    urgency: Class
    joins: float
    attends: bool
    patience: float
    work: float
    forgotten: float
    back_after: float
    leaves_after: float
    ahead: int = -1  # when joining
    scored: int = 0  # bits of the moments


@dataclass(slots=True)
class DeskBreak:
    """Begins when ``due`` or after; ``said`` is the length as announced, None where it is not."""

    due: float
    length: float
    said: float | None


@dataclass(frozen=True, slots=True)
class Today:
    """A day's truth. ``factor`` is on all service times; ``notice`` is (given at, minutes)."""

    plan: DayPlan
    factor: float
    desks_open: float
    notice: tuple[float, float] | None
    breaks: tuple[DeskBreak | None, ...]
    patients: tuple[Patient, ...]
    gaps: tuple[float, ...]


def draw_clinic(scenario: Scenario, seed: int, index: int = 0) -> Clinic:
    """The clinic of that seed; ``index`` where a seed has several."""
    key = (crc32(scenario.name.encode()), seed, index)
    chance = np.random.default_rng(key)
    name = f"{scenario.name}/{seed}/{index}"
    services = tuple(
        ServicePlan(uuid5(NAMESPACE_OID, f"{name}/service/{i}"), one.configured)
        for i, one in enumerate(scenario.services)
    )
    return Clinic(
        scenario=scenario,
        key=key,
        services=services,
        desks=tuple(
            DeskPlan(
                uuid5(NAMESPACE_OID, f"{name}/desk/{i}"),
                tuple(services[s].id for s in one.serves),
            )
            for i, one in enumerate(scenario.desks)
        ),
        means=tuple(MINUTE * chance.uniform(*one.minutes) for one in scenario.services),
        opens=3600.0 * round(chance.uniform(7.5, 9.5), 1),
        length=1800.0 * round(2 * chance.uniform(*scenario.hours)),
    )


def draw_day(clinic: Clinic, number: int) -> Today:
    """That day of the clinic, whatever days were drawn before."""
    scenario = clinic.scenario
    chance = np.random.default_rng((*clinic.key, 1 + number))
    opens = number * DAY + clinic.opens
    closes = opens + clinic.length
    plan = DayPlan(number, opens - BEGINS_BEFORE, opens, closes, clinic.services, clinic.desks)
    late = MINUTE * chance.uniform(*scenario.late)
    patients = _patients(clinic, plan, chance)
    sd = scenario.day_sd
    return Today(
        plan=plan,
        factor=float(np.exp(chance.normal(-sd * sd / 2, sd))) if sd else 1.0,
        desks_open=opens + late,
        notice=_notice(scenario, opens, late, chance),
        breaks=tuple(_break(clinic, opens, chance) for _ in clinic.desks),
        patients=patients,
        gaps=tuple((MINUTE * chance.uniform(*scenario.gap, 2 * len(patients) + 9)).tolist()),
    )


def drift_at(clinic: Clinic, plan: DayPlan, at: float) -> float:
    """By how much services that begin then are longer than at opening."""
    passed = (at - plan.opens) / (plan.closes - plan.opens)
    return 1.0 + clinic.scenario.drift * min(max(passed, 0.0), 1.0)


def draw_work(chance: np.random.Generator, cv: float | None, number: int) -> NDArray[np.float64]:
    """Service times by their mean: so many, lognormal with that CV, or exponential (None)."""
    if cv is None:
        return chance.exponential(1.0, number)
    spread = np.sqrt(np.log1p(cv * cv))
    return chance.lognormal(-spread * spread / 2, spread, number)


def share_come(scenario: Scenario, plan: DayPlan, at: float) -> float:
    """Which share of the day's patients has joined by then, leaving out the rush."""
    x = min(max((at - plan.opens) / (plan.closes - plan.opens), 0.0), 1.0)
    return (1 + scenario.slope) * x - scenario.slope * x * x


def when_come(scenario: Scenario, plan: DayPlan, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """When these shares have joined: the inverse."""
    x = share
    if scenario.slope:
        rise = 1 + scenario.slope
        x = (rise - np.sqrt(rise * rise - 4 * scenario.slope * share)) / (2 * scenario.slope)
    return plan.opens + x * (plan.closes - plan.opens)


def expected_times(clinic: Clinic) -> list[float]:
    """How long a call takes a desk of the clinic's mean speed: by service, no-shows and all."""
    scenario = clinic.scenario
    factor = len(scenario.desks) / sum(1 / desk.factor for desk in scenario.desks)
    comes, forgotten = 1 - scenario.no_show, scenario.forgotten * sum(FORGOTTEN) / 2
    missed = scenario.no_show * sum(PATIENCE) / 2
    return [
        comes * (factor * mean * (1 + scenario.drift / 2) + forgotten) + missed
        for mean in clinic.means
    ]


def expected_patients(clinic: Clinic) -> float:
    """So many a day at load 1: what the desks have time for."""
    scenario = clinic.scenario
    lost = MINUTE * sum(scenario.late) / 2
    if scenario.pause is not None:
        lost += MINUTE * sum(scenario.pause.minutes) / 2
    gap = MINUTE * sum(scenario.gap) / 2
    times = zip(scenario.services, expected_times(clinic), strict=True)
    calls = 1 + scenario.no_show * scenario.rejoin - scenario.leave / 2
    mean = sum(one.share * (time + gap) for one, time in times) * calls
    return (clinic.length - lost) * len(scenario.desks) / mean


def _patients(clinic: Clinic, plan: DayPlan, chance: np.random.Generator) -> tuple[Patient, ...]:
    scenario = clinic.scenario
    number = int(chance.poisson(chance.uniform(*scenario.load) * expected_patients(clinic)))
    joins = _joins(scenario, plan, number, chance)
    shares = [one.share for one in scenario.services]
    service = chance.choice(len(shares), number, p=shares)
    work = np.empty(number)
    for i, one in enumerate(scenario.services):
        work[service == i] = draw_work(chance, one.cv, int((service == i).sum()))
    kinds = [scenario.urgent, scenario.priority, 1 - scenario.urgent - scenario.priority]
    forgets = chance.random(number) < scenario.forgotten
    returns = chance.random(number) < scenario.rejoin
    leaves = chance.random(number) < scenario.leave
    first_id = int.from_bytes(chance.bytes(12), "big") << 32
    columns = zip(
        service.tolist(),
        chance.choice(3, number, p=kinds).tolist(),
        joins.tolist(),
        (chance.random(number) >= scenario.no_show).tolist(),
        chance.uniform(*PATIENCE, number).tolist(),
        work.tolist(),
        np.where(forgets, chance.uniform(*FORGOTTEN, number), 0.0).tolist(),
        np.where(returns, chance.uniform(*BACK_AFTER, number), 0.0).tolist(),
        np.where(leaves, chance.uniform(0.0, 3600.0, number), 0.0).tolist(),
        strict=True,
    )
    return tuple(
        Patient(UUID(int=first_id + i), of, Class(urgency), *rest)
        for i, (of, urgency, *rest) in enumerate(columns)
    )


def _joins(
    scenario: Scenario, plan: DayPlan, number: int, chance: np.random.Generator
) -> NDArray[np.float64]:
    joins = when_come(scenario, plan, chance.random(number))
    rush = chance.random(number) < scenario.rush
    joins[rush] = plan.opens - EARLY * chance.random(int(rush.sum()))
    joins.sort()
    return joins


def _notice(
    scenario: Scenario, opens: float, late: float, chance: np.random.Generator
) -> tuple[float, float] | None:
    given, share = chance.uniform(-15 * MINUTE, late), chance.random()
    minutes = 5.0 * int((late - given) / NOTICE_SLIP)
    if late <= 5 * MINUTE or share >= scenario.notice or minutes <= 0:
        return None
    return opens + given, minutes


def _break(clinic: Clinic, opens: float, chance: np.random.Generator) -> DeskBreak | None:
    pause = clinic.scenario.pause
    if pause is None:
        return None
    due = opens + clinic.length * chance.uniform(*pause.share)
    length = MINUTE * chance.uniform(*pause.minutes)
    if not pause.announced:
        return DeskBreak(due, length, None)
    said = 5 * MINUTE * round(length / (5 * MINUTE))
    return DeskBreak(due, said + chance.uniform(*BREAK_SLIP), said)
