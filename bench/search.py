"""Searching clinics by place, in a dense city: against a bare handler, and as the city grows."""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from collections.abc import Iterator
from math import cos, pi, radians, sqrt
from statistics import median
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import insert

from bench.report import Figure
from bench.world import Login, Program, World, http_load, make_clinic, make_logins, world
from qure.adapters.sql.engine import open_database
from qure.adapters.sql.mapping import clinic_values, service_values
from qure.adapters.sql.rows.clinics import CLINICS, SERVICES
from qure.bootstrap import build
from qure.container import ProcessRole
from qure.domain.actor import Role
from qure.domain.clinic import ClinicType
from qure.settings import Settings

FEW, MANY = 1_000, 100_000
RADIUS_KM, WITHIN = 10, 200
LATITUDE, LONGITUDE = 40.0, -74.0
KM_PER_DEGREE = 111.2

NARROWED = {"query": "north", "type": ClinicType.DENTIST.value}
"""Every second clinic, and of those every eighth."""


def run(*, quick: bool) -> list[Figure]:
    """New coordinates each time, the first page of ten, 200 clinics within the circle."""
    return [figure for backend in ("postgres", "sqlite") for figure in _on(backend, quick)]


def _on(backend: str, quick: bool) -> Iterator[Figure]:
    with world(backend) as made:
        (login,) = asyncio.run(make_logins(made.settings, 1, Role.PATIENT, None))
        bare = made.start("bench.bare")
        costs = []
        for count in (FEW, MANY):
            asyncio.run(_fill(made.settings, count))
            service = _warm(made, login)
            for name, more in (("", {}), (" with query and type", NARROWED)):
                yield _against_bare(
                    f"clinics by place{name}, {count:,}, {backend}",
                    _Asks(login, count, more),
                    service,
                    bare,
                    quick,
                )
            costs.append(_p50(_Asks(login, count, {}), service, 300 if quick else 2_000))
            service.process.terminate()
            service.process.wait()
    few, many = costs
    yield Figure(
        path=f"clinics by place, {MANY:,} against {FEW:,}, {backend}",
        value=many / few,
        target=3.0,
        at_least=False,
        measured=f"p50 {many * 1000:.2f} ms",
        compared_with=f"p50 {few * 1000:.2f} ms",
    )


class _Asks:
    """Requests that never repeat a place. The city grows with its clinics, as dense as before."""

    def __init__(self, login: Login, count: int, more: dict[str, Any]) -> None:
        self.headers = {"authorization": f"Bearer {login.jwt}"}
        self._more = more
        self._chance = random.Random(count)
        self._reach = _half_side_km(count) - RADIUS_KM

    def query(self) -> str:
        """The query of the next one."""
        latitude, longitude = _somewhere(self._chance, self._reach)
        place = {"latitude": latitude, "longitude": longitude, "radius": RADIUS_KM}
        return urlencode(place | self._more)


def _against_bare(path: str, asks: _Asks, service: Program, bare: Program, quick: bool) -> Figure:
    pairs, amount = (1, 5_000) if quick else (3, 10_000)
    costs: dict[int, list[float]] = {service.port: [], bare.port: []}

    def rate(program: Program, path: str, amount: int) -> float:
        requests = [
            {"method": "GET", "path": f"{path}?{asks.query()}", "headers": asks.headers}
            for _ in range(amount)
        ]
        used = program.cpu_seconds()
        result = http_load({"url": program.url, "connections": 32, "requests": requests})
        if set(result["statuses"]) != {"200"}:
            raise RuntimeError(f"{program.url}{path}: {result['statuses']}")
        costs[program.port].append((program.cpu_seconds() - used) / amount * 1e6)
        return float(result["answered"] / result["seconds"])

    rates = [
        (rate(service, "/api/clinic", amount), rate(bare, "/clinic", 2 * amount))
        for _ in range(pairs)
    ]
    ours, ceiling = (median(one) for one in zip(*rates, strict=True))
    return Figure(
        path=path,
        value=median(a / b for a, b in rates),
        target=0.25,
        at_least=True,
        measured=f"{ours:,.0f}/s, {median(costs[service.port]):.0f} µs of CPU each",
        compared_with=f"bare handler: {ceiling:,.0f}/s, {median(costs[bare.port]):.0f} µs",
    )


def _p50(asks: _Asks, service: Program, amount: int) -> float:
    """Of one request after the other, in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    costs = []
    for _ in range(amount):
        query = asks.query()
        started = time.perf_counter()
        connection.request("GET", f"/api/clinic?{query}", headers=asks.headers)
        answer = connection.getresponse()
        answer.read()
        costs.append(time.perf_counter() - started)
        if answer.status != 200:
            raise RuntimeError(f"/api/clinic: {answer.status}")
    connection.close()
    return median(costs)


def _warm(made: World, login: Login) -> Program:
    """A new service that has been asked once, and has then read what it keeps in memory."""
    service = made.start_service()
    _p50(_Asks(login, FEW, {}), service, 1)
    used = -1.0
    while service.cpu_seconds() - used > 0.05:
        used = service.cpu_seconds()
        time.sleep(0.5)
    return service


async def _fill(settings: Settings, count: int) -> None:
    """A city of so many clinics, in the place of the one before."""
    container = build(settings, role=ProcessRole.COMMAND)
    chance = random.Random(count)
    types = list(ClinicType)
    async with container.running():
        database = open_database(settings.database_address(), pool_size=1)
        transaction = await database.begin(writing=True)
        await transaction.change(SERVICES.delete())
        await transaction.change(CLINICS.delete())
        await transaction.commit()
        for start in range(0, count, 1000):
            rows = []
            for number in range(start, min(start + 1000, count)):
                latitude, longitude = _somewhere(chance, _half_side_km(count))
                clinic = make_clinic(
                    container,
                    name=f"Clinic {number} {'North' if number % 2 else 'South'}",
                    type=types[number // 2 % len(types)],
                    latitude=latitude,
                    longitude=longitude,
                )
                rows.append((clinic_values(clinic), service_values(clinic.service)))
            transaction = await database.begin(writing=True)
            clinics, services = zip(*rows, strict=True)
            await transaction.change(insert(CLINICS), clinics)
            await transaction.change(insert(SERVICES), services)
            await transaction.commit()
        await database.close()


def _half_side_km(count: int) -> float:
    return sqrt(count / WITHIN * pi * RADIUS_KM**2) / 2


def _somewhere(chance: random.Random, reach_km: float) -> tuple[float, float]:
    """Within a square around the middle of the city."""
    latitude = LATITUDE + chance.uniform(-reach_km, reach_km) / KM_PER_DEGREE
    shrunk = KM_PER_DEGREE * cos(radians(latitude))
    return latitude, LONGITUDE + chance.uniform(-reach_km, reach_km) / shrunk
