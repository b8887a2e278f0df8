"""Searching clinics by place: what a hundred times as many clinics cost."""

from __future__ import annotations

import asyncio
import random
import time
from statistics import median

import httpx
from sqlalchemy import insert

from bench.report import Figure
from bench.world import make_logins, world
from qure.adapters.sql.mapping import clinic_values
from qure.adapters.sql.rows import CLINICS
from qure.bootstrap import Role as ProcessRole
from qure.bootstrap import build
from qure.domain.clinic import Clinic
from qure.domain.ids import ClinicId
from qure.domain.user import Role
from qure.settings import Settings

FEW, MANY = 1_000, 100_000


def run(*, quick: bool) -> list[Figure]:
    """New coordinates each time, a radius of 10 km, the first page; both databases."""
    asks = 60 if quick else 300
    return [_on(backend, asks) for backend in ("postgres", "sqlite")]


def _on(backend: str, asks: int) -> Figure:
    with world(backend) as made:
        (login,) = asyncio.run(make_logins(made.settings, 1, Role.PATIENT, None))
        asyncio.run(_fill(made.settings, FEW))
        few = asyncio.run(_ask(made.start_service().url, login.jwt, asks))
        asyncio.run(_fill(made.settings, MANY - FEW))
        many = asyncio.run(_ask(made.start_service().url, login.jwt, asks))
    return Figure(
        path=f"clinics by place, new coordinates each time, {backend}",
        value=many / few,
        target=3.0,
        at_least=False,
        measured=f"{MANY:,} clinics: p50 {many * 1000:.2f} ms",
        compared_with=f"{FEW:,} clinics: p50 {few * 1000:.2f} ms",
    )


async def _fill(settings: Settings, count: int) -> None:
    container = build(settings, role=ProcessRole.COMMAND)
    chance = random.Random(count)
    async with container.running():
        now = container.clock.now()
        for start in range(0, count, 1000):
            rows = []
            for number in range(start, min(start + 1000, count)):
                clinic = Clinic(
                    id=ClinicId(container.randomness.new_id()),
                    name=f"Clinic {count} {number}",
                    latitude=chance.uniform(35, 50),
                    longitude=chance.uniform(-120, -75),
                    timezone="UTC",
                    created_at=now,
                    updated_at=now,
                )
                rows.append(clinic_values(clinic))
            transaction = await container.storage._database.begin(writing=True)
            await transaction.change(insert(CLINICS), rows)
            await transaction.commit()


async def _ask(url: str, jwt: str, asks: int) -> float:
    chance = random.Random(7)
    costs = []
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {jwt}"}) as http:
        for turn in range(asks + 20):
            place = {
                "latitude": chance.uniform(36, 49),
                "longitude": chance.uniform(-119, -76),
                "radius": 10,
            }
            started = time.perf_counter()
            answer = await http.get("/api/clinic", params=place)
            if turn >= 20:
                costs.append(time.perf_counter() - started)
            answer.raise_for_status()
    return median(costs)
