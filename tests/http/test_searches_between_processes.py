"""What one process changes, another one's searches around a place find."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, Person, comes_true, data_of, running_service
from tests.support.servers.redis import RedisServer

AROUND = "/clinic?latitude=40.7128&longitude=-74.006&radius=50&limit=100"

Found = list[tuple[str, float]]


@pytest.fixture
async def processes(
    settings: Settings, clock: FixedClock, own_redis: RedisServer
) -> AsyncIterator[tuple[HttpService, HttpService]]:
    """Two of them, on one database and one Redis."""
    shared = replace(settings, redis_url=own_redis.url)
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(running_service(shared, clock)) for _ in range(2)
        ]
        yield one, other


def at(process: HttpService, person: Person) -> Person:
    """The same login, used there."""
    return replace(person, http=process.http)


async def found_by(person: Person) -> Found:
    data = data_of(await person.get(AROUND))
    found = [(one["name"], one["latitude"]) for one in data["clinics"]]
    assert data["pagination"]["totalCount"] == len(found)
    return found


async def until_held(process: HttpService, person: Person) -> None:
    async def is_held() -> bool:
        await found_by(person)
        held = process.container.memory.nearby._held
        return held is not None and held.is_exact

    await comes_true(is_held)


CHANGES: list[tuple[dict[str, Any], Found]] = [
    ({"name": "renamed"}, [("renamed", 40.7)]),
    ({"latitude": -41}, []),
    ({"latitude": 40.71}, [("renamed", 40.71)]),
    ({"isActive": False}, []),
    ({"isActive": True}, [("renamed", 40.71)]),
]


async def test_every_change_is_found_here_at_once_and_there_when_it_is_heard(
    processes: tuple[HttpService, HttpService],
) -> None:
    one, other = processes
    here = await one.admin()
    there = at(other, here)
    clinic = await one.clinic(here, name="near", latitude=40.7)
    before: Found = [("near", 40.7)]
    for change, after in CHANGES:
        for process, person in ((one, here), (other, there)):
            await until_held(process, person)
        data_of(await here.put(f"/clinic/{clinic['id']}", change))
        assert await found_by(here) == after
        seen: list[Found] = []

        async def is_found(seen: list[Found] = seen, after: Found = after) -> bool:
            seen.append(await found_by(there))
            return seen[-1] == after

        await comes_true(is_found)
        assert all(found == before for found in seen[:-1])
        before = after


async def test_what_was_changed_while_the_bus_was_away_is_found_at_once_and_after_it_came_back(
    processes: tuple[HttpService, HttpService], own_redis: RedisServer
) -> None:
    one, other = processes
    here = await one.admin()
    there = at(other, here)
    clinic = await one.clinic(here, name="near", latitude=40.7)
    for process, person in ((one, here), (other, there)):
        await until_held(process, person)
    own_redis.stop()

    async def is_not_heard() -> bool:
        return other.container.bus.generation() is None

    await comes_true(is_not_heard)
    data_of(await here.put(f"/clinic/{clinic['id']}", {"name": "renamed"}))
    assert await found_by(there) == [("renamed", 40.7)]
    own_redis.start()

    async def is_heard() -> bool:
        assert await found_by(there) == [("renamed", 40.7)]
        return other.container.bus.generation() is not None

    await comes_true(is_heard)
    await until_held(other, there)
    assert await found_by(there) == [("renamed", 40.7)]
