"""Searches around places are bounded, whatever place and radius a stranger names."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from qure.application.clinics.position_index import MAX_CANDIDATES
from tests.support.builders import build_clinic
from tests.support.socket_service import Login, SocketService, running_service
from tests.support.waiting import eventually


@pytest.fixture
async def service(tmp_path: Path, redis_database: str) -> AsyncIterator[SocketService]:
    async with running_service(tmp_path, redis_url=redis_database) as service:
        yield service


async def search(service: SocketService, person: Login, **query: float) -> Any:
    async with httpx.AsyncClient(base_url=service.url) as http:
        headers = {"Authorization": f"Bearer {person.jwt}"}
        answer = await http.get("/api/clinic", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_places_that_never_repeat_fill_no_cache(
    service: SocketService, redis_database: str
) -> None:
    patient = await service.person()
    chance = random.Random(1)
    reads = service.container.memory.reads
    async with Redis.from_url(redis_database) as redis:

        async def remembered() -> tuple[list[bytes], int]:
            return await redis.keys("*clinics*"), reads.size

        before = await remembered()
        for _ in range(100):
            place = {"latitude": chance.uniform(-90, 90), "longitude": chance.uniform(-180, 180)}
            await search(service, patient, **place, radius=chance.choice((1, 20_000)))
        assert await remembered() == before


async def test_a_circle_around_everything_is_left_to_the_database(service: SocketService) -> None:
    patient = await service.person()
    async with service.container.storage.write() as uow:
        for number in range(MAX_CANDIDATES + 1):
            await uow.clinics.add(build_clinic(latitude=number * 0.01 - 10.0))
        await uow.commit()
    places = service.container.memory.nearby
    await search(service, patient, latitude=80, longitude=0, radius=1)
    await eventually(lambda: places._held is not None and places._held.is_exact, within=30)
    for radius in (15_000, 20_000, 1_000_000):
        found = await search(service, patient, latitude=0, longitude=0, radius=radius)
        assert found["pagination"]["totalCount"] == MAX_CANDIDATES + 1
