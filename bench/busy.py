"""Forecasts beside everything else: many clinics busy at once, with them and without."""

from __future__ import annotations

import asyncio
import http.client
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from statistics import median
from urllib.parse import urlsplit

import httpx

from bench.report import Figure
from bench.sockets import clients
from bench.world import (
    BusyClinic,
    Login,
    Program,
    World,
    make_busy_clinics,
    make_logins,
    make_queue,
    world,
)
from qure.domain.actor import Role
from qure.domain.ids import QueueId

CLINICS, WAITING, STAFF = 200, 24, 3
CHANGES_A_SECOND = 30
ASKED_A_SECOND = 200
WARM_SECONDS, SECONDS = 6.0, 5.0
LONGEST = ("longest_work", "longest_collection", "longest_wall")


@dataclass(frozen=True)
class Phase:
    """A few seconds of that load: milliseconds, the share of a core that it used, forecasts a
    second."""

    p50: float
    p99: float
    longest_work: float
    longest_collection: float
    longest_wall: float
    p99_wall: float
    cpu: float
    forecasts: float


def run(*, quick: bool) -> list[Figure]:
    """Forecasts are switched on and off in one service; somebody watches every clinic."""
    pairs = 4 if quick else 24
    with world("postgres") as made:
        busy = asyncio.run(make_busy_clinics(made.settings, CLINICS, waiting=WAITING, staff=STAFF))
        _, quiet = asyncio.run(make_queue(made.settings))
        # Every other change is somebody who comes.
        amount = int((WARM_SECONDS + 2 * pairs * (SECONDS + 1)) * CHANGES_A_SECOND / 2)
        coming = asyncio.run(make_logins(made.settings, amount, Role.PATIENT, None))
        ours, others = asyncio.run(_measure(made, _Load(busy, quiet, coming), pairs))
    return _figures(ours, others)


def _figures(ours: list[Phase], others: list[Phase]) -> list[Figure]:
    def middle(phases: list[Phase], of: str) -> float:
        return float(median(getattr(one, of) for one in phases))

    def pauses(phases: list[Phase]) -> str:
        longest = [max(getattr(one, of) for one in phases) for of in LONGEST]
        return (
            f"{longest[0]:.1f} ms of work, {longest[2]:.0f} ms by the clock; "
            f"collecting garbage: {longest[1]:.0f} ms"
        )

    def waits(phases: list[Phase]) -> str:
        return (
            f"p50 {middle(phases, 'p50'):.2f}, p99 {middle(phases, 'p99'):.2f} ms, "
            f"{middle(phases, 'cpu'):.0%} of a core"
        )

    def ratio(of: str) -> float:
        pairs = zip(ours, others, strict=True)
        return float(median(getattr(a, of) / getattr(b, of) for a, b in pairs))

    busy = f"{CLINICS} clinics busy, {CHANGES_A_SECOND} changes/s"
    return [
        Figure(
            path=f"{busy}: the loop's longest pause but for garbage, ms of work",
            value=max(one.longest_work for one in ours),
            target=10.0,
            at_least=False,
            measured=f"{middle(ours, 'forecasts'):.0f} forecasts/s: {pauses(ours)}",
            compared_with=f"without: {pauses(others)}",
        ),
        Figure(
            path=f"{busy}: other requests, p99",
            value=ratio("p99"),
            target=1.2,
            at_least=False,
            measured=waits(ours),
            compared_with=f"without forecasts: {waits(others)}",
        ),
    ]


class _Load:
    """Changes at an even pace, from one clinic to the next: one is called, another one comes."""

    def __init__(self, busy: list[BusyClinic], quiet: QueueId, coming: list[Login]) -> None:
        self.watching = [one.last for one in busy]
        self.quiet = quiet
        self.asking = coming[0]
        self._busy = busy
        self._coming = iter(coming[1:])
        self._changes = count()

    async def put_on(self, service: Program) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            began, changes = time.perf_counter(), 0
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._change(http))
                    changes += 1
                    due = began + changes / CHANGES_A_SECOND
                    await asyncio.sleep(due - time.perf_counter())

    async def _change(self, http: httpx.AsyncClient) -> None:
        turn, number = divmod(next(self._changes), len(self._busy))
        clinic = self._busy[number]
        if (turn + number) % 2:
            body, login = {"queueId": str(clinic.queue_id)}, next(self._coming)
            path = "/api/tokens"
        else:
            body, login = {}, clinic.staff[turn // 2 % STAFF]
            path = f"/api/queues/{clinic.queue_id}/call-next"
        headers = {"authorization": f"Bearer {login.jwt}"}
        answer = await http.post(path, json=body, headers=headers)
        answer.raise_for_status()


async def _measure(made: World, load: _Load, pairs: int) -> tuple[list[Phase], list[Phase]]:
    """Phases with and without in turn, each pair the other way round; after a first one of each."""
    service = made.start("bench.busy_service")
    found: dict[str, list[Phase]] = {"with": [], "without": []}
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        async with clients("socketio", service, CLINICS, load.quiet, load.watching):
            changing = asyncio.create_task(load.put_on(service))
            await _phase(service, load, other, "with", WARM_SECONDS)
            for number in range(pairs):
                for name in ("without", "with") if number % 2 else ("with", "without"):
                    found[name].append(await _phase(service, load, other, name, SECONDS))
            if changing.done():
                changing.result()
            changing.cancel()
            await asyncio.gather(changing, return_exceptions=True)
    return found["with"], found["without"]


async def _phase(
    service: Program, load: _Load, other: ProcessPoolExecutor, name: str, seconds: float
) -> Phase:
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        await http.get(f"/pauses?{name}")
        cpu, began = service.cpu_seconds(), time.perf_counter()
        path = f"/api/queues/{load.quiet}/status"
        asking = (service.url, path, load.asking.jwt, seconds)
        latencies = sorted(await loop.run_in_executor(other, asked, *asking))
        took = time.perf_counter() - began
        cpu = (service.cpu_seconds() - cpu) / took
        seen = (await http.get(f"/pauses?{name}")).json()
    walls, works = sorted(seen["walls"]), sorted(seen["works"])
    return Phase(
        p50=_at(latencies, 0.5) * 1000,
        p99=_at(latencies, 0.99) * 1000,
        longest_work=max(works, default=0.0),
        longest_collection=max(seen["collections"], default=0.0),
        longest_wall=max(walls, default=0.0),
        p99_wall=_at(walls, 0.99),
        cpu=cpu,
        forecasts=seen["forecasts"] / took,
    )


def asked(url: str, path: str, jwt: str, seconds: float) -> list[float]:
    """How long each request took, in seconds: one after the other, at an even pace."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port)
    headers = {"authorization": f"Bearer {jwt}"}
    costs: list[float] = []
    began = time.perf_counter()
    for number in range(int(seconds * ASKED_A_SECOND)):
        time.sleep(max(0.0, began + number / ASKED_A_SECOND - time.perf_counter()))
        started = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        costs.append(time.perf_counter() - started)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()
    return costs


def _at(values: list[float], level: float) -> float:
    return values[int(len(values) * level)]
