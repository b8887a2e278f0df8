"""What every throttle promises: failures are counted exactly, in windows that end."""

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
from qure.application.ports.gateways import Throttle
from tests.servers.redis import RedisServer


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
    redis_throttle = RedisThrottle(url, prefix=f"test:{uuid4()}:")
    yield redis_throttle
    await redis_throttle.close()


async def test_nobody_waits_below_the_limit(throttle: Throttle) -> None:
    assert await throttle.retry_after("ada", limit=3) is None
    for _ in range(2):
        await throttle.fail("ada", window_seconds=60)
    assert await throttle.retry_after("ada", limit=3) is None


async def test_at_the_limit_one_waits_for_the_rest_of_the_window(throttle: Throttle) -> None:
    for _ in range(3):
        await throttle.fail("ada", window_seconds=60)
    wait = await throttle.retry_after("ada", limit=3)
    assert wait is not None
    assert 55 <= wait <= 60


async def test_asking_counts_nothing(throttle: Throttle) -> None:
    for _ in range(10):
        assert await throttle.retry_after("ada", limit=1) is None


async def test_keys_are_counted_apart(throttle: Throttle) -> None:
    await throttle.fail("ada", window_seconds=60)
    assert await throttle.retry_after("ada", limit=1) is not None
    assert await throttle.retry_after("grace", limit=1) is None


async def test_failures_at_one_instant_are_all_counted(throttle: Throttle) -> None:
    await asyncio.gather(*(throttle.fail("ada", window_seconds=60) for _ in range(100)))
    assert await throttle.retry_after("ada", limit=100) is not None
    assert await throttle.retry_after("ada", limit=101) is None


async def test_the_window_ends_and_the_count_begins_anew(throttle: Throttle) -> None:
    await throttle.fail("ada", window_seconds=1)
    await throttle.fail("ada", window_seconds=1)
    assert await throttle.retry_after("ada", limit=2) == 1
    deadline = monotonic() + 5
    while await throttle.retry_after("ada", limit=2) is not None:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    await throttle.fail("ada", window_seconds=60)
    assert await throttle.retry_after("ada", limit=2) is None


async def test_later_failures_do_not_make_the_window_longer() -> None:
    seconds = Seconds()
    throttle = MemoryThrottle(monotonic=seconds)
    await throttle.fail("ada", window_seconds=60)
    seconds.now += 50.5
    await throttle.fail("ada", window_seconds=60)
    assert await throttle.retry_after("ada", limit=2) == 10
    seconds.now += 9.5
    assert await throttle.retry_after("ada", limit=2) is None


async def test_later_failures_do_not_make_the_window_longer_in_redis(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    throttle = RedisThrottle(redis_server, prefix=prefix)
    async with Redis.from_url(redis_server) as plain:
        await throttle.fail("ada", window_seconds=60)
        [key] = [key async for key in plain.scan_iter(match=f"{prefix}*")]
        await plain.pexpire(key, 20_000)
        await throttle.fail("ada", window_seconds=60)
        assert await plain.pttl(key) <= 20_000
        assert b"ada" not in key
    await throttle.close()


async def test_memory_is_bounded_and_forgets_the_oldest_window() -> None:
    throttle = MemoryThrottle(max_keys=100)
    for number in range(101):
        await throttle.fail(f"key {number}", window_seconds=60)
    assert await throttle.retry_after("key 0", limit=1) is None
    assert await throttle.retry_after("key 1", limit=1) is not None
    assert await throttle.retry_after("key 100", limit=1) is not None


async def test_processes_count_together(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    here, there = (RedisThrottle(redis_server, prefix=prefix) for _ in range(2))
    await here.fail("ada", window_seconds=60)
    await there.fail("ada", window_seconds=60)
    assert await here.retry_after("ada", limit=2) is not None
    assert await there.retry_after("ada", limit=2) is not None
    await here.close()
    await there.close()


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_without_redis_nobody_waits_and_nobody_is_kept_waiting(
    own_redis: RedisServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "qure")
    throttle = RedisThrottle(own_redis.url)
    await throttle.fail("ada", window_seconds=60)
    assert await throttle.retry_after("ada", limit=1) is not None
    getattr(own_redis, fault)()
    began = monotonic()
    for _ in range(50):
        assert await throttle.retry_after("ada", limit=1) is None
        await throttle.fail("ada", window_seconds=60)
    assert monotonic() - began < 0.8
    said = [record.message for record in caplog.records if record.name.startswith("qure")]
    assert len(said) == 1
    assert said[0].startswith("Redis is away: the throttle does without (")
    await throttle.close()


async def test_it_counts_again_when_redis_is_back(own_redis: RedisServer) -> None:
    throttle = RedisThrottle(own_redis.url)
    await throttle.fail("ada", window_seconds=60)
    own_redis.pause()
    assert await throttle.retry_after("ada", limit=1) is None
    own_redis.resume()
    deadline = monotonic() + 5
    while await throttle.retry_after("ada", limit=1) is None:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    await throttle.close()
