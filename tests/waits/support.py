"""Clinics by hand, and a forecaster that stands in for Qure's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from bench.waits.observing import (
    MINUTE,
    Asked,
    DayPlan,
    DeskPlan,
    Moment,
    Quiet,
    Saying,
    ServicePlan,
)
from bench.waits.panel import Said
from bench.waits.scores import Score, score

SERVICE = UUID(int=1)
DESKS = (UUID(int=11), UUID(int=12))
NAMES = ("Qure", "B0", "B1", "B2", "B3", "B4", "B5", "B6", "Oracle")


def plan(*, expected_minutes: float = 10) -> DayPlan:
    """A day from instant 0 to 3600 with one service at two desks."""
    return DayPlan(
        number=0,
        begins=-600.0,
        opens=0.0,
        closes=3600.0,
        services=(ServicePlan(SERVICE, expected_minutes),),
        desks=tuple(DeskPlan(desk, (SERVICE,)) for desk in DESKS),
    )


def token(number: int) -> UUID:
    """A token's id."""
    return UUID(int=1000 + number)


def asked(number: int, ahead: int, moment: Moment = Moment.JOINING) -> Asked:
    """That token, with so many ahead."""
    return Asked(token(number), SERVICE, ahead, moment)


class StandIn(Quiet):
    """Says ten minutes a place of everybody, give or take."""

    def say(self, now: float, asked: Sequence[Asked]) -> Mapping[UUID, Saying | None]:
        """See ``Observer``."""
        return {one.token: around(now, 10 * MINUTE * (one.ahead + 1)) for one in asked}


def around(now: float, wait: float) -> Saying:
    """A range around that wait."""
    return Saying(now + 0.75 * wait, now + wait, now + 1.5 * wait, now + 0.5 * wait)


def score_of(
    *,
    error: float = 0.0,
    error_of_others: float = 20 * MINUTE,
    spoken: float = 1.0,
    days: int = 12,
    held: float = 0.8,
) -> Score:
    """Twelve days of ten calls after an hour each: what Qure said is so far off, up and down.

    ``spoken`` of the rows Qure says something of; ``held`` of its ranges hold.
    """
    said = []
    for day in range(days):
        for number in range(10):
            sign = 1 if number % 2 else -1
            wide = 2000.0 if number < 10 * held else -1.0
            qure = Saying(1600.0, 3600.0 + sign * error, 3600.0 + wide, 1600.0)
            if number >= 10 * spoken:
                qure = Saying(*[float("nan")] * 4)
            other = 3600.0 + sign * error_of_others
            nobody = float("nan")
            others = [Saying(nobody, other, nobody, nobody)] * 7
            oracle = Saying(3000.0, 3600.0 + sign * 5 * MINUTE, 4000.0, 2800.0)
            one = Said(asked(number, 4), day, 0.0, [qure, *others, oracle])
            said.append(replace(one, called=3600.0))
    return score(said, NAMES, range(days), judged="Qure", means={SERVICE: 600.0})
