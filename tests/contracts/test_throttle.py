"""What every throttle promises: tries are handed out exactly, and come back at their rate."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from time import monotonic
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from qure.adapters.memory.throttle import MemoryThrottle
from qure.adapters.redis.throttle import RedisThrottle
from qure.application.ports.gateways import Limit, Throttle
from tests.support.servers.redis import RedisServer

HOUR = 3_600_000


class Seconds:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
async def throttle(request: pytest.FixtureRequest) -> AsyncIterator[Throttle]:
    if request.param == "memory":
        yield MemoryThrottle()
        return
    url = request.getfixturevalue("redis_server")
    redis_throttle = in_redis(url, prefix=f"test:{uuid4()}:")
    yield redis_throttle
    await redis_throttle.close()


def in_redis(url: str, prefix: str = "qure:") -> RedisThrottle:
    return RedisThrottle(url, own=MemoryThrottle(), prefix=prefix)


def limit(key: str = "ada", at_once: int = 3, every: int = HOUR) -> Limit:
    return Limit(key, at_once, every)


async def taken(throttle: Throttle, *limits: Limit, times: int) -> int:
    """How many of so many tries at one instant are let through."""
    waits = await asyncio.gather(*(throttle.take(limits) for _ in range(times)))
    return waits.count(None)


async def test_so_many_at_once_and_the_next_waits_until_one_comes_back(throttle: Throttle) -> None:
    for _ in range(3):
        assert await throttle.take([limit()]) is None
    wait = await throttle.take([limit()])
    assert wait is not None
    assert 3590 <= wait <= 3600


async def test_of_many_at_one_instant_exactly_so_many_are_let_through(throttle: Throttle) -> None:
    assert await taken(throttle, limit(at_once=20), times=100) == 20


async def test_being_refused_makes_nobody_wait_longer(throttle: Throttle) -> None:
    await taken(throttle, limit(), times=100)
    wait = await throttle.take([limit()])
    assert wait is not None
    assert wait <= 3600


async def test_what_is_given_back_can_be_taken_again(throttle: Throttle) -> None:
    await taken(throttle, limit(), times=3)
    await throttle.give_back([limit()])
    assert await taken(throttle, limit(), times=3) == 1


async def test_giving_back_never_makes_more_than_there_were(throttle: Throttle) -> None:
    for _ in range(5):
        await throttle.take([limit()])
        await throttle.give_back([limit()])
        await throttle.give_back([limit()])
    assert await taken(throttle, limit(), times=10) == 3


async def test_keys_are_counted_apart(throttle: Throttle) -> None:
    assert await taken(throttle, limit("ada"), times=5) == 3
    assert await taken(throttle, limit("grace"), times=5) == 3


async def test_a_try_is_taken_under_every_limit_or_under_none(throttle: Throttle) -> None:
    few, many = limit("few", at_once=2), limit("many", at_once=5)
    assert await taken(throttle, many, few, times=10) == 2
    assert await taken(throttle, many, times=10) == 3
    await throttle.give_back([many, few])
    assert await taken(throttle, few, many, times=10) == 1


async def test_the_longest_wait_counts(throttle: Throttle) -> None:
    long, short = limit("long", at_once=1), limit("short", at_once=1, every=2_000)
    assert await throttle.take([short, long]) is None
    wait = await throttle.take([short, long])
    assert wait is not None
    assert wait > 3500
    wait = await throttle.take([short])
    assert wait in (1, 2)


async def test_one_comes_back_at_a_time(throttle: Throttle) -> None:
    quick = limit(at_once=3, every=400)
    assert await taken(throttle, quick, times=10) == 3
    assert await throttle.take([quick]) == 1
    deadline = monotonic() + 5
    while await throttle.take([quick]) is not None:
        assert monotonic() < deadline
        await asyncio.sleep(0.01)
    assert await throttle.take([quick]) == 1


async def test_tries_come_back_one_by_one_up_to_so_many() -> None:
    seconds = Seconds()
    throttle = MemoryThrottle(monotonic=seconds)
    minutely = limit(every=60_000)
    assert await taken(throttle, minutely, times=10) == 3
    seconds.now += 59
    assert await throttle.take([minutely]) == 1
    seconds.now += 61
    assert await taken(throttle, minutely, times=10) == 2
    seconds.now += 3600
    assert await taken(throttle, minutely, times=10) == 3


async def test_redis_reads_no_address_and_keeps_nothing_that_is_over(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    throttle = in_redis(redis_server, prefix)
    async with Redis.from_url(redis_server) as plain:
        await throttle.take([limit("ada@example.org", every=20_000)])
        [key] = [key async for key in plain.scan_iter(match=f"{prefix}*")]
        assert b"ada@" not in key
        assert 0 < await plain.pttl(key) <= 20_000
        await throttle.give_back([limit("ada@example.org", every=20_000)])
        assert not await plain.exists(key)
    await throttle.close()


async def test_memory_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    throttle = MemoryThrottle(max_keys=100)
    once = [limit(f"key {number}", at_once=2) for number in range(101)]
    for one in once:
        await throttle.take([one])
    await throttle.take([once[1]])
    await throttle.take([limit("another")])
    assert await throttle.take([once[1]]) is not None
    assert await taken(throttle, once[0], times=3) == 2
    assert await taken(throttle, once[100], times=3) == 1


async def test_memory_forgets_what_is_over() -> None:
    seconds = Seconds()
    throttle = MemoryThrottle(monotonic=seconds)
    for number in range(10):
        await throttle.take([limit(f"key {number}", every=1_000)])
    seconds.now += 2
    await throttle.take([limit("another")])
    assert len(throttle) == 1


async def test_processes_count_together(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    here, there = (in_redis(redis_server, prefix) for _ in range(2))
    many = limit(at_once=20)
    assert await here.take([many]) is None
    others = await asyncio.gather(taken(here, many, times=50), taken(there, many, times=50))
    assert sum(others) == 19
    await here.give_back([many])
    assert await taken(there, many, times=5) == 1
    await here.close()
    await there.close()


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_without_redis_each_process_counts_alone_and_nobody_is_kept_waiting(
    own_redis: RedisServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "qure")
    throttle = in_redis(own_redis.url)
    assert await taken(throttle, limit(at_once=20), times=5) == 5
    getattr(own_redis, fault)()
    began = monotonic()
    assert await taken(throttle, limit(at_once=20), times=50) == 15
    await throttle.give_back([limit(at_once=20)])
    assert await throttle.take([limit(at_once=20)]) is None
    assert monotonic() - began < 1.8
    said = [record.message for record in caplog.records if record.name.startswith("qure")]
    assert len(said) == 1
    assert said[0].startswith("Redis is away: the throttle does without (")
    await throttle.close()


async def test_all_count_together_when_redis_is_back(own_redis: RedisServer) -> None:
    here, there = in_redis(own_redis.url), in_redis(own_redis.url)

    async def together(key: str) -> bool:
        one = limit(key, at_once=1)
        return await here.take([one]) is None and await there.take([one]) is not None

    assert await together("before")
    own_redis.pause()
    assert not await together("meanwhile")
    own_redis.resume()
    deadline = monotonic() + 5
    while not await together(f"since {monotonic()}"):
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    await here.close()
    await there.close()


async def test_a_flood_of_one_process_hardly_reaches_redis(redis_server: str) -> None:
    throttle = in_redis(redis_server, f"test:{uuid4()}:")
    async with Redis.from_url(redis_server) as plain:
        before = (await plain.info("stats"))["total_commands_processed"]
        assert await taken(throttle, limit(at_once=20), times=1000) == 20
        after = (await plain.info("stats"))["total_commands_processed"]
    assert after - before < 20 * 10
    await throttle.close()
