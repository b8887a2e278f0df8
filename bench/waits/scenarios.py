"""The scenarios, as data. A new one is an entry here; minutes and shares, as people would say them.

A pair is a range: where a clinic or a day draws from it, evenly, its comment says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service. ``minutes`` is the true mean, drawn for each clinic; ``configured`` what it says.

    ``cv`` is the coefficient of variation; None: exponential. ``share`` of the patients come to it.
    """

    minutes: Range = (7.0, 14.0)
    configured: float = 10.0
    cv: float | None = 0.6
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A desk, the services it calls for, and how much longer than the mean its staff take."""

    serves: tuple[int, ...] = (0,)
    factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Break:
    """One break a desk and day, from the first moment with nobody in hand after ``share`` of it.

    Both are drawn for each desk and day. Announced: PAUSED with an end in full five minutes, which
    is kept to within minutes. Not announced: nobody is called, and the desk looks idle.
    """

    share: Range = (0.4, 0.6)
    minutes: Range
    announced: bool


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a clinic's days are. The defaults are a plain clinic with one desk."""

    name: str
    says: str
    services: tuple[Service, ...] = (Service(),)
    desks: tuple[Desk, ...] = (Desk(),)
    hours: Range = (4.0, 8.0)  # drawn for each clinic
    load: Range = (0.85, 1.05)  # expected work / the time there is for it; drawn for each day
    slope: float = 0.3  # arrivals a minute fall from 1 + this to 1 - this over the day
    day_sd: float = 0.1  # of the logarithm of the day's factor on every service time
    drift: float = (
        0.0  # how much longer services take at closing than at opening; -0.2: a fifth less
    )
    rush: float = 0.0  # share of the day's patients who join in the half hour before opening
    late: Range = (0.0, 3.0)  # minutes after opening at which the desks open; drawn for each day
    notice: float = 0.0  # share of the days later than 5 minutes on which a DELAY notice is given
    pause: Break | None = None
    gap: Range = (0.0, 0.0)  # minutes between a completion and the next call; drawn each time
    no_show: float = 0.0
    rejoin: float = 0.0  # share of the skipped who come back within 2 to 20 minutes
    leave: float = 0.0  # share of those who join who go within an hour, unless they are called
    urgent: float = 0.0
    priority: float = 0.0
    forgotten: float = 0.0  # share of completions that are not pressed
    presses_start: bool = False
    warm_up: int = 20  # days of each clinic that are not scored
    days_each: int | None = None  # after so many days comes another clinic, which knows nothing

    @property
    def group(self) -> str:
        """The scenario of the list that this is a cell of: ``S2`` of ``S2 CV 0.4, 1 desk``."""
        return self.name.split()[0]


def _desks(number: int) -> tuple[Desk, ...]:
    return (Desk(),) * number


TWO_SERVICES = (
    Service(share=0.6),
    Service(share=0.4, minutes=(4.0, 9.0), configured=5.0, cv=0.8),
)
OWN_AND_SHARED = (Desk(serves=(0,)), Desk(serves=(1,)), Desk(serves=(0, 1), factor=1.2))

LISTED: tuple[Scenario, ...] = (
    Scenario(
        name="S1",
        says="M/M/1",
        services=(Service(cv=None),),
        slope=0.0,
        day_sd=0.0,
        late=(0.0, 0.0),
    ),
    *(
        Scenario(
            name=f"S2 CV {cv}, {number} desk{'s' if number > 1 else ''}",
            says="lognormal",
            services=(Service(cv=cv),),
            desks=_desks(number),
            slope=0.0,
            day_sd=0.0,
            late=(0.0, 0.0),
        )
        for cv in (0.4, 0.6, 1.0)
        for number in (1, 2, 4)
    ),
    Scenario(name="S3", says="opening rush", desks=_desks(2), rush=0.35),
    Scenario(name="S4", says="doctor late 0–45 min", late=(0.0, 45.0), notice=0.5),
    *(
        Scenario(name=f"S5 {share:.0%}", says="no-shows", desks=_desks(2), no_show=share)
        for share in (0.05, 0.15, 0.3)
    ),
    Scenario(
        name="S6 announced",
        says="break, announced",
        pause=Break(minutes=(15.0, 30.0), announced=True),
    ),
    Scenario(
        name="S6 unannounced",
        says="break, not announced",
        pause=Break(minutes=(10.0, 30.0), announced=False),
    ),
    Scenario(name="S7", says="one doctor twice as slow", desks=(Desk(), Desk(factor=2.0))),
    Scenario(name="S8", says="10 % urgent", desks=_desks(2), urgent=0.1),
    Scenario(name="S9", says="20 % faster over the day", drift=-0.2),
    Scenario(name="S10", says="2 % forgotten completions", desks=_desks(2), forgotten=0.02),
    Scenario(name="S11", says="first five days of a clinic", warm_up=0, days_each=5),
)

OURS: tuple[Scenario, ...] = (
    Scenario(
        name="S12",
        says="two services, own and shared desks",
        services=TWO_SERVICES,
        desks=OWN_AND_SHARED,
    ),
    Scenario(
        name="S13",
        says="the same with 15 % priority, 5 % urgent",
        services=TWO_SERVICES,
        desks=OWN_AND_SHARED,
        priority=0.15,
        urgent=0.05,
    ),
    Scenario(
        name="S14",
        says="no-shows come back, others leave",
        no_show=0.2,
        rejoin=0.5,
        leave=0.08,
        presses_start=True,
    ),
    Scenario(
        name="S15",
        says="an ordinary bad day",
        desks=(Desk(factor=0.8), Desk(), Desk(factor=1.3)),
        day_sd=0.15,
        rush=0.2,
        late=(0.0, 20.0),
        notice=0.5,
        pause=Break(minutes=(15.0, 30.0), announced=True),
        gap=(0.0, 1.0),
        no_show=0.1,
        urgent=0.05,
        forgotten=0.01,
    ),
)

ALL = (*LISTED, *OURS)


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Those whose name or group is given, or all. Raises ``ValueError`` for one there is not."""
    unknown = set(names) - {one.name for one in ALL} - {one.group for one in ALL}
    if unknown:
        raise ValueError(f"there is no scenario called {', '.join(sorted(unknown))}")
    return [one for one in ALL if not names or one.name in names or one.group in names]
