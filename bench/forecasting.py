"""The forecast by itself: what it costs, how long it holds the loop up, and what numpy brings."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from statistics import median

import httpx

from bench.report import Figure
from bench.world import BusyClinic, World, make_busy_clinics, world
from qure.application.waiting.making import Rhythm
from qure.bootstrap import build
from qure.container import ProcessRole
from qure.domain.queue import MAX_QUEUE_SIZE

STAFF = 3
FEW, MANY = 50, MAX_QUEUE_SIZE - STAFF
_IMPORT = """
import time, psutil, sys
held, began = psutil.Process().memory_info().rss, time.perf_counter()
import numpy
print(time.perf_counter() - began, psutil.Process().memory_info().rss - held)
"""


@dataclass(frozen=True)
class Cost:
    """Of one forecast, in milliseconds of work, and the longest stretch of it."""

    whole: float
    longest: float


def run(*, quick: bool) -> list[Figure]:
    """Clinics with one line and three desks at work, as the service keeps them in memory."""
    rounds = 10 if quick else 50
    figures = []
    with world("sqlite") as made:
        for waiting, bound in ((FEW, 10.0), (MANY, 100.0)):
            (clinic,) = asyncio.run(
                make_busy_clinics(made.settings, 1, waiting=waiting, staff=STAFF)
            )
            costs = asyncio.run(_costs(made, clinic, rounds))
            figures += _about(waiting, bound, costs)
        figures.append(_what_if(made, clinic, rounds))
    return [*figures, *_numpy()]


def _about(waiting: int, bound: float, costs: list[Cost]) -> list[Figure]:
    whole = median(one.whole for one in costs)
    longest = median(one.longest for one in costs)
    return [
        Figure(
            path=f"a forecast of {waiting} waiting, ms of work",
            value=whole,
            target=bound,
            at_least=False,
            measured=f"median {whole:.1f} ms, {whole / waiting * 1000:.0f} µs a token",
            compared_with="a bound, no ceiling",
        ),
        Figure(
            path=f"its longest stretch on the loop, {waiting} waiting, ms of work",
            value=longest,
            target=5.0,
            at_least=False,
            measured=f"median of {len(costs)}: {longest:.1f} ms, "
            f"worst {max(one.longest for one in costs):.1f} ms",
            compared_with="a bound, no ceiling",
        ),
    ]


async def _costs(made: World, clinic: BusyClinic, rounds: int) -> list[Cost]:
    container = build(made.settings, role=ProcessRole.COMMAND)
    async with container.running():
        forecasts = container.memory.forecasts
        kept = await forecasts.clinic(await forecasts.clinic_of(clinic.queue_id))
        await asyncio.wait_for(kept.is_made.wait(), 10)
        day, queues = kept.day, kept.open_queues()
        if day is None or queues is None:
            raise RuntimeError("the clinic is not known")
        return [
            _cost(lambda: day.forecast(queues, now=container.clock.now())) for _ in range(rounds)
        ]


def _cost(begin: Callable[[], Generator[None, None, object]]) -> Cost:
    """As ``Maker`` does it: on for at least a slice, then others run."""
    slice_ = Rhythm().slice
    stretches = []
    began = time.thread_time()
    work = begin()
    is_done = False
    while not is_done:
        try:
            while time.thread_time() - began < slice_:
                next(work)
        except StopIteration:
            is_done = True
        stretches.append((time.thread_time() - began) * 1000)
        began = time.thread_time()
    return Cost(sum(stretches), max(stretches))


def _what_if(made: World, clinic: BusyClinic, rounds: int) -> Figure:
    service = made.start_service()
    headers = {"authorization": f"Bearer {clinic.staff[0].jwt}"}
    costs = []
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as http:
        for number in range(rounds + 1):
            wish = {"desks": 1 + number % 5}
            started = time.perf_counter()
            answer = http.post(f"/api/queues/{clinic.queue_id}/what-if", json=wish)
            costs.append(time.perf_counter() - started)
            answer.raise_for_status()
            if len(answer.json()["data"]["then"]["byToken"]) != MANY:
                raise RuntimeError("not everybody is told of")
    first, *others = (one * 1000 for one in costs)
    return Figure(
        path=f"what if, {MANY} waiting, over HTTP, ms",
        value=median(others),
        target=300.0,
        at_least=False,
        measured=f"p50 {median(others):.0f} ms, the first one after the start {first:.0f} ms",
        compared_with="a bound, no ceiling",
    )


def _numpy() -> list[Figure]:
    told = [
        subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, check=True)
        for _ in range(5)
    ]
    found = [[float(one) for one in each.stdout.split()] for each in told]
    seconds, held = (median(one) for one in zip(*found, strict=True))
    return [
        Figure(
            path="start: importing numpy, warm, ms",
            value=seconds * 1000,
            target=200.0,
            at_least=False,
            measured=f"{seconds * 1000:.0f} ms",
            compared_with="a bound, no ceiling",
        ),
        Figure(
            path="resident: importing numpy, MB",
            value=held / 1e6,
            target=25.0,
            at_least=False,
            measured=f"{held / 1e6:.0f} MB",
            compared_with="a bound, no ceiling",
        ),
    ]
