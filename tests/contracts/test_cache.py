"""What every cache promises, above all that nothing dropped is ever served again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from qure.adapters.redis.cache import RedisCache
from qure.application.ports.gateways import Cache, Lease
from qure.domain.errors import Unavailable
from tests.support.fakes import FakeCache
from tests.support.servers.redis import RedisServer


@pytest.fixture(params=["fake", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Redis, and what stands in for it in the tests of those who use a cache."""
    if request.param == "fake":
        yield FakeCache()
        return
    url = request.getfixturevalue("redis_server")
    redis_cache = RedisCache(url, prefix=f"test:{uuid4()}:")
    yield redis_cache
    await redis_cache.close()


@pytest.fixture
async def own_cache(own_redis: RedisServer) -> AsyncIterator[RedisCache]:
    cache = RedisCache(own_redis.url)
    yield cache
    await cache.close()


async def lease_for(cache: Cache, group: str, key: str = "key") -> Lease:
    answer = await cache.get(group, key)
    assert isinstance(answer, Lease)
    return answer


async def heard(cache: Cache, group: str) -> bytes | Lease:
    """What Redis itself says, once it is used again."""
    deadline = monotonic() + 5
    while (answer := await cache.get(group, "key")) == Lease(""):
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    return answer


async def fill(cache: Cache, group: str, key: str = "key", value: bytes = b"value") -> None:
    lease = await lease_for(cache, group, key)
    await cache.put(group, key, value, lease=lease, ttl_seconds=60)


async def test_what_is_missing_gives_a_lease_and_what_was_put_is_found(cache: Cache) -> None:
    value = bytes(range(256)) * 40
    lease = await lease_for(cache, "group")
    await cache.put("group", "key", value, lease=lease, ttl_seconds=60)
    assert await cache.get("group", "key") == value


async def test_an_empty_value_is_a_value(cache: Cache) -> None:
    await fill(cache, "group", value=b"")
    assert await cache.get("group", "key") == b""


async def test_keys_and_groups_do_not_mix(cache: Cache) -> None:
    await fill(cache, "a", "b:c", b"1")
    await fill(cache, "a:b", "c", b"2")
    await fill(cache, "a", "c", b"3")
    assert await cache.get("a", "b:c") == b"1"
    assert await cache.get("a:b", "c") == b"2"
    assert await cache.get("a", "c") == b"3"


async def test_putting_again_replaces(cache: Cache) -> None:
    lease = await lease_for(cache, "group")
    for value in (b"old", b"new"):
        await cache.put("group", "key", value, lease=lease, ttl_seconds=60)
    assert await cache.get("group", "key") == b"new"


async def test_dropping_a_group_forgets_all_its_keys_and_no_others(cache: Cache) -> None:
    await fill(cache, "group", "one")
    await fill(cache, "group", "two")
    await fill(cache, "another")
    await cache.drop(["group", "never heard of"])
    assert isinstance(await cache.get("group", "one"), Lease)
    assert isinstance(await cache.get("group", "two"), Lease)
    assert await cache.get("another", "key") == b"value"


async def test_dropping_no_group_does_nothing(cache: Cache) -> None:
    await fill(cache, "group")
    await cache.drop([])
    assert await cache.get("group", "key") == b"value"


async def test_a_lease_from_before_a_drop_puts_nothing(cache: Cache) -> None:
    lease = await lease_for(cache, "group")
    await cache.drop(["group"])
    await cache.put("group", "key", b"stale", lease=lease, ttl_seconds=60)
    assert isinstance(await cache.get("group", "key"), Lease)


async def test_a_lease_from_before_a_drop_stays_void_when_others_have_newer_ones(
    cache: Cache,
) -> None:
    old = await lease_for(cache, "group")
    await cache.drop(["group"])
    new = await lease_for(cache, "group")
    await cache.put("group", "key", b"stale", lease=old, ttl_seconds=60)
    assert isinstance(await cache.get("group", "key"), Lease)
    await cache.put("group", "key", b"fresh", lease=new, ttl_seconds=60)
    await cache.put("group", "key", b"stale", lease=old, ttl_seconds=60)
    assert await cache.get("group", "key") == b"fresh"


async def test_a_lease_for_one_key_is_not_voided_by_filling_another(cache: Cache) -> None:
    one, two = await lease_for(cache, "group", "one"), await lease_for(cache, "group", "two")
    await cache.put("group", "two", b"2", lease=two, ttl_seconds=60)
    await cache.put("group", "one", b"1", lease=one, ttl_seconds=60)
    assert await cache.get("group", "one") == b"1"
    assert await cache.get("group", "two") == b"2"


async def test_a_made_up_lease_puts_nothing(cache: Cache) -> None:
    for id in ("", "0", "1", "made up"):
        await cache.put("group", "key", b"value", lease=Lease(id), ttl_seconds=60)
    assert isinstance(await cache.get("group", "key"), Lease)


async def test_raced_readers_never_leave_behind_what_a_writer_has_dropped(cache: Cache) -> None:
    """Writer: change the truth, then drop. Readers: miss, read the truth, put it, late."""
    truth = 0
    done = False

    async def read(seed: int) -> None:
        chance = random.Random(seed)
        while not done:
            answer = await cache.get("group", "key")
            if isinstance(answer, Lease):
                seen = truth
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                await cache.put("group", "key", b"%d" % seen, lease=answer, ttl_seconds=60)
            await asyncio.sleep(0)

    async def write() -> None:
        nonlocal truth, done
        try:
            for _ in range(150):
                truth += 1
                await cache.drop(["group"])
                for _ in range(3):
                    await asyncio.sleep(0)
                    answer = await cache.get("group", "key")
                    assert isinstance(answer, Lease) or int(answer) == truth
        finally:
            done = True

    async with asyncio.TaskGroup() as tasks:
        for seed in range(6):
            tasks.create_task(read(seed))
        tasks.create_task(write())


async def test_redis_forgets_a_value_when_its_time_has_come(redis_server: str) -> None:
    async with aclosing(RedisCacheCloser(redis_server)) as closer:
        cache = closer.cache
        lease = await lease_for(cache, "group", "short")
        await cache.put("group", "short", b"1", lease=lease, ttl_seconds=1)
        await cache.put("group", "long", b"2", lease=lease, ttl_seconds=60)
        assert await cache.get("group", "short") == b"1"
        deadline = monotonic() + 5
        while not isinstance(await cache.get("group", "short"), Lease):
            assert monotonic() < deadline
            await asyncio.sleep(0.02)
        assert await cache.get("group", "long") == b"2"


class RedisCacheCloser:
    """A Redis cache with a prefix of its own, and a plain client to look behind it."""

    def __init__(self, url: str) -> None:
        self.prefix = f"test:{uuid4()}:"
        self.cache = RedisCache(url, prefix=self.prefix)
        self.plain = Redis.from_url(url)

    async def aclose(self) -> None:
        await self.cache.close()
        await self.plain.aclose()


async def test_everything_in_redis_expires_and_is_under_the_prefix(redis_server: str) -> None:
    async with aclosing(RedisCacheCloser(redis_server)) as closer:
        await fill(closer.cache, "group")
        kept = [key async for key in closer.plain.scan_iter(match=f"{closer.prefix}*")]
        lives = {key: await closer.plain.pttl(key) for key in kept}
        run = f"{closer.prefix}cache:run".encode()
        assert len(lives) == 3
        assert all(life > 0 for key, life in lives.items() if key != run)


async def test_a_group_in_redis_holds_a_thousand_keys_and_refuses_more(redis_server: str) -> None:
    async with aclosing(RedisCacheCloser(redis_server)) as closer:
        cache = closer.cache
        lease = await lease_for(cache, "group")
        for start in range(0, 1001, 91):
            await asyncio.gather(
                *(
                    cache.put("group", str(n), b"%d" % n, lease=lease, ttl_seconds=60)
                    for n in range(start, min(start + 91, 1001))
                )
            )
        found = [await cache.get("group", str(n)) for n in range(1001)]
        assert sum(isinstance(each, bytes) for each in found) == 1000
        full = next(n for n, each in enumerate(found) if isinstance(each, bytes))
        await cache.put("group", str(full), b"replaced", lease=lease, ttl_seconds=60)
        assert await cache.get("group", str(full)) == b"replaced"


async def test_a_lease_from_before_redis_was_emptied_puts_nothing(
    own_redis: RedisServer, own_cache: RedisCache
) -> None:
    lease = await lease_for(own_cache, "group")
    async with Redis.from_url(own_redis.url) as plain:
        await plain.flushall()
    await own_cache.put("group", "key", b"stale", lease=lease, ttl_seconds=60)
    newer = await lease_for(own_cache, "group")
    assert newer != lease
    await own_cache.put("group", "key", b"stale", lease=lease, ttl_seconds=60)
    assert isinstance(await own_cache.get("group", "key"), Lease)


async def test_what_was_dropped_does_not_come_back_with_a_snapshot(
    own_redis: RedisServer, own_cache: RedisCache
) -> None:
    await fill(own_cache, "group", value=b"stale")
    lease = await lease_for(own_cache, "other")
    async with Redis.from_url(own_redis.url) as plain:
        await plain.set("jobs", "of somebody else")
        await plain.save()
    await own_cache.drop(["group", "other"])
    own_redis.kill()
    own_redis.start()
    async with Redis.from_url(own_redis.url) as plain:
        assert await plain.exists("qure:cache:entries:group")  # or this test would prove nothing
        assert isinstance(await heard(own_cache, "group"), Lease)
        await own_cache.put("other", "key", b"stale", lease=lease, ttl_seconds=60)
        assert isinstance(await heard(own_cache, "other"), Lease)
        assert await plain.get("jobs") == b"of somebody else"


async def test_a_redis_user_who_may_not_ask_info_still_has_a_cache(
    own_redis: RedisServer, own_cache: RedisCache, caplog: pytest.LogCaptureFixture
) -> None:
    async with Redis.from_url(own_redis.url) as plain:
        await plain.execute_command("ACL", "SETUSER", "default", "-info")  # type: ignore[no-untyped-call]
    await fill(own_cache, "group")
    assert await own_cache.get("group", "key") == b"value"
    assert "may not ask INFO" in caplog.text


async def test_two_processes_share_one_cache_without_emptying_it(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    here = RedisCache(redis_server, prefix=prefix)
    await fill(here, "group")
    there = RedisCache(redis_server, prefix=prefix)
    try:
        assert await there.get("group", "key") == b"value"
        await there.drop(["group"])
        assert isinstance(await here.get("group", "key"), Lease)
    finally:
        await here.close()
        await there.close()


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_losing_redis_slows_reads_a_little_and_breaks_none(
    own_redis: RedisServer,
    own_cache: RedisCache,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "qure")
    await fill(own_cache, "group")
    getattr(own_redis, fault)()
    began = monotonic()
    answers = await asyncio.gather(*(own_cache.get("group", "key") for _ in range(50)))
    assert monotonic() - began < 5.0  # not 50 times the timeout
    began = monotonic()
    async with asyncio.timeout(5):
        for _ in range(200):
            answers.append(await own_cache.get("group", "key"))
            await own_cache.put("group", "key", b"new", lease=Lease("any"), ttl_seconds=60)
    assert monotonic() - began < 2.0  # not 200 times the timeout
    assert all(isinstance(answer, Lease) for answer in answers)
    said = [record.message for record in caplog.records if record.name.startswith("qure")]
    assert len(said) == 1
    assert said[0].startswith("Redis is away: the cache does without (")


async def test_the_cache_uses_redis_again_when_it_is_back(
    own_redis: RedisServer, own_cache: RedisCache
) -> None:
    await fill(own_cache, "group")
    own_redis.pause()
    void = await lease_for(own_cache, "group")
    own_redis.resume()
    assert await heard(own_cache, "group") == b"value"
    await own_cache.put("group", "key", b"by a void lease", lease=void, ttl_seconds=60)
    assert await own_cache.get("group", "key") == b"value"


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_dropping_while_redis_is_away_is_refused_within_a_second(
    own_redis: RedisServer, own_cache: RedisCache, fault: str
) -> None:
    await own_cache.drop(["group"])  # Connected before the fault.
    getattr(own_redis, fault)()
    for attempt in (own_cache.drop(["group"]), own_cache.drop(["group", "other"])):
        began = monotonic()
        with pytest.raises(Unavailable):
            await attempt
        assert monotonic() - began < 1.0


async def test_a_drop_that_follows_an_outage_is_done(
    own_redis: RedisServer, own_cache: RedisCache
) -> None:
    await fill(own_cache, "group")
    own_redis.pause()
    with pytest.raises(Unavailable):
        await own_cache.drop(["group"])
    own_redis.resume()
    await own_cache.drop(["group"])  # at once: a drop does not wait for the pause after a failure
    other = RedisCache(own_redis.url)
    try:
        assert isinstance(await other.get("group", "key"), Lease)
    finally:
        await other.close()


async def test_a_redis_that_is_out_of_memory_breaks_no_read(
    own_redis: RedisServer, own_cache: RedisCache
) -> None:
    await fill(own_cache, "group")
    async with Redis.from_url(own_redis.url) as plain:
        await plain.config_set("maxmemory", "1")
        assert isinstance(await own_cache.get("another", "key"), Lease)
        await own_cache.drop(["group"])
        await plain.config_set("maxmemory", "0")
    assert isinstance(await heard(own_cache, "group"), Lease)


@asynccontextmanager
async def slow_way_to(url: str, *, seconds: float) -> AsyncIterator[str]:
    """The URL of a proxy that holds each answer of the server back for so long."""
    target = urlsplit(url)

    async def carry(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)

        async def ask() -> None:
            while commands := await client.read(65536):
                writer.write(commands)
            writer.close()

        asking = asyncio.create_task(ask())
        try:
            while answer := await reader.read(65536):
                await asyncio.sleep(seconds)
                answers.write(answer)
        finally:
            asking.cancel()
            writer.close()
            answers.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.close()


async def test_a_slow_redis_costs_a_read_a_bounded_time_in_all(redis_server: str) -> None:
    # No single answer is late, but connecting and asking take five of them.
    async with slow_way_to(redis_server, seconds=0.2) as url:
        cache = RedisCache(url, prefix=f"test:{uuid4()}:")
        began = monotonic()
        assert await cache.get("group", "key") == Lease("")
        assert monotonic() - began < 0.8
        await cache.close()


async def test_a_full_pool_makes_readers_wait_for_each_other(redis_server: str) -> None:
    cache = RedisCache(redis_server, prefix=f"test:{uuid4()}:", connections=2)
    try:
        await fill(cache, "group")
        answers = await asyncio.gather(*(cache.get("group", "key") for _ in range(20)))
        assert answers == [b"value"] * 20
    finally:
        await cache.close()
