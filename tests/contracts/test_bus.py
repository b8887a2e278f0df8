"""What every event bus promises, and how the Redis one lives through faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypeVar
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from qure.adapters.memory.bus import MemoryBus
from qure.adapters.redis.bus import RedisBus
from qure.application.ports.gateways import EventBus
from qure.application.ports.journal import JournalEntry
from qure.domain.actor import SYSTEM
from qure.domain.errors import Unavailable
from qure.domain.events import ClinicChanged, QueueOpened
from qure.domain.ids import ClinicId
from tests.support.builders import NOW, build_entry, build_status, new_id
from tests.support.servers.redis import RedisServer
from tests.support.waiting import eventually

Bus = MemoryBus | RedisBus
AnyBus = TypeVar("AnyBus", bound=Bus)


class Listener:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[JournalEntry] = []
        self.resyncs = 0

    def on_entry(self, entry: JournalEntry) -> None:
        self.heard.append(entry)

    async def on_resync(self) -> None:
        self.resyncs += 1


def is_connected(bus: EventBus) -> bool:
    return bus.generation() is not None


def entry() -> JournalEntry:
    return build_entry(ClinicChanged(actor=SYSTEM, at=NOW, clinic_id=ClinicId(new_id())))


@asynccontextmanager
async def started(bus: AnyBus, listener: Listener | None = None) -> AsyncIterator[AnyBus]:
    if listener is not None:
        bus.subscribe(listener.on_entry, listener.on_resync)
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture(params=["memory", "redis"])
def make_bus(request: pytest.FixtureRequest) -> Callable[[], Bus]:
    """Makes a bus; those of one test hear each other (memory: there is only one)."""
    if request.param == "memory":
        return MemoryBus
    url = request.getfixturevalue("redis_server")
    prefix = f"test:{uuid4()}:"
    return lambda: RedisBus(url, prefix=prefix)


async def test_what_is_published_is_heard_once_and_in_order(make_bus: Callable[[], Bus]) -> None:
    listener = Listener()
    async with started(make_bus(), listener) as bus:
        port: EventBus = bus
        batches = [[entry() for _ in range(20)] for _ in range(10)]
        for batch in batches:
            await port.publish(batch)
        published = [each for batch in batches for each in batch]
        await eventually(lambda: len(listener.heard) >= len(published))
    assert listener.heard == published


async def test_an_entry_arrives_with_every_event_it_had(make_bus: Callable[[], Bus]) -> None:
    listener = Listener()
    opened = QueueOpened(actor=SYSTEM, at=NOW, queue=build_status(version=7))
    changed = ClinicChanged(actor=SYSTEM, at=NOW, clinic_id=opened.queue.clinic_id)
    told = build_entry(opened, changed)
    async with started(make_bus(), listener) as bus:
        await bus.publish([told])
        await eventually(lambda: bool(listener.heard))
    assert listener.heard == [told]


async def test_publishing_nothing_tells_nobody_anything(make_bus: Callable[[], Bus]) -> None:
    listener, last = Listener(), entry()
    async with started(make_bus(), listener) as bus:
        await eventually(lambda: is_connected(bus))
        await bus.publish([])
        await bus.publish([last])
        await eventually(lambda: bool(listener.heard))
    assert listener.heard == [last]
    assert listener.resyncs == 0


async def test_a_started_bus_is_connected_answers_and_has_missed_nothing(
    make_bus: Callable[[], Bus],
) -> None:
    listener = Listener()
    async with started(make_bus(), listener) as bus:
        await eventually(lambda: is_connected(bus))
        await bus.publish([entry()])
        await eventually(lambda: len(listener.heard) == 1)
        assert bus.generation() == 0
    assert listener.resyncs == 0


async def test_a_bus_that_was_not_started_or_was_closed_is_not_connected(
    make_bus: Callable[[], Bus],
) -> None:
    bus = make_bus()
    assert not is_connected(bus)
    async with started(bus, Listener()):
        await eventually(lambda: is_connected(bus))
    assert not is_connected(bus)


async def test_subscribing_twice_or_after_the_start_is_a_mistake(
    make_bus: Callable[[], Bus],
) -> None:
    listener = Listener()
    bus = make_bus()
    bus.subscribe(listener.on_entry, listener.on_resync)
    with pytest.raises(RuntimeError, match="once"):
        bus.subscribe(listener.on_entry, listener.on_resync)
    async with started(make_bus()) as running:
        with pytest.raises(RuntimeError, match="before start"):
            running.subscribe(listener.on_entry, listener.on_resync)


async def test_a_bus_may_publish_without_listening(make_bus: Callable[[], Bus]) -> None:
    async with started(make_bus()) as bus:
        await eventually(lambda: is_connected(bus))
        await bus.publish([entry()])
        assert bus.generation() == 0


async def test_a_listener_that_fails_still_hears_what_comes_next(
    make_bus: Callable[[], Bus], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[JournalEntry] = []
    bad, good = entry(), entry()

    def on_entry(each: JournalEntry) -> None:
        if each == bad:
            raise LookupError("no such room")
        heard.append(each)

    async def on_resync() -> None:
        """Allowed: an entry was missed."""

    bus = make_bus()
    bus.subscribe(on_entry, on_resync)
    async with started(bus):
        await bus.publish([bad, good])
        await eventually(lambda: bool(heard))
    assert heard == [good]
    assert "no such room" in caplog.text


async def test_a_memory_bus_that_does_not_run_takes_nothing() -> None:
    bus = MemoryBus()
    with pytest.raises(Unavailable):
        await bus.publish([entry()])


async def test_every_process_hears_what_one_of_them_publishes(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    here, there = Listener(), Listener()
    async with (
        started(RedisBus(redis_server, prefix=prefix), here) as bus,
        started(RedisBus(redis_server, prefix=prefix), there) as other,
    ):
        sent = [entry() for _ in range(50)]
        await asyncio.gather(bus.publish(sent[:25]), other.publish(sent[25:]))
        await eventually(lambda: len(here.heard) == len(there.heard) == 50)
    assert here.heard == there.heard
    assert {each.id for each in here.heard} == {each.id for each in sent}


async def test_databases_of_one_redis_do_not_hear_each_other(redis_server: str) -> None:
    prefix = f"test:{uuid4()}:"
    here, there = Listener(), Listener()
    second = redis_server.rsplit("/", 1)[0] + "/5"
    async with (
        started(RedisBus(redis_server, prefix=prefix), here) as bus,
        started(RedisBus(second, prefix=prefix), there) as other,
    ):
        await other.publish([entry()])
        told = entry()
        await bus.publish([told])
        await eventually(lambda: bool(here.heard) and bool(there.heard))
    assert here.heard == [told]
    assert told not in there.heard


async def test_a_message_that_makes_no_sense_is_logged_and_needs_a_resync(
    redis_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = f"test:{uuid4()}:"
    listener = Listener()
    stranger = Redis.from_url(redis_server)
    async with started(RedisBus(redis_server, prefix=prefix), listener) as bus, stranger:
        await stranger.publish(f"{prefix}events:0", b"hello")
        told = entry()
        await bus.publish([told])
        await eventually(lambda: bool(listener.heard))
        await eventually(lambda: listener.resyncs == 1)
        await eventually(lambda: is_connected(bus))
        assert bus.generation() == 1
    assert listener.heard == [told]
    assert "announcement was not taken" in caplog.text


async def test_publishers_at_once_are_heard_in_the_order_in_which_they_began(
    redis_server: str,
) -> None:
    listener = Listener()
    bus = RedisBus(redis_server, prefix=f"test:{uuid4()}:")
    async with started(bus, listener):
        sent = [entry() for _ in range(300)]
        await asyncio.gather(*(bus.publish([each]) for each in sent))
        await eventually(lambda: len(listener.heard) == len(sent))
    assert listener.heard == sent


async def test_a_quiet_bus_is_connected_only_as_long_as_its_pings_are_answered(
    redis_server: str,
) -> None:
    ahead = 0.0
    listener = Listener()
    bus = RedisBus(redis_server, prefix=f"test:{uuid4()}:", monotonic=lambda: monotonic() + ahead)
    async with started(bus, listener):
        assert is_connected(bus)
        ahead = 1.6
        assert not is_connected(bus)  # as after a stall: what came meanwhile has not been read yet
        await eventually(lambda: is_connected(bus))
        assert bus.generation() == listener.resyncs == 0
        assert bus.attempts == 1


async def outage_noticed(bus: RedisBus) -> float:
    """Seconds until the bus says it is not connected."""
    began = monotonic()
    await eventually(lambda: not is_connected(bus), within=2.0)
    return monotonic() - began


async def assert_heals(bus: RedisBus, listener: Listener) -> None:
    """It is connected again within 4 s, after one resync, and carries."""
    await eventually(lambda: is_connected(bus), within=4.0)
    assert listener.resyncs == bus.generation() == 1
    told = entry()
    await bus.publish([told])
    await eventually(lambda: told in listener.heard)
    assert listener.resyncs == 1


async def test_after_redis_was_killed_the_bus_subscribes_again_after_a_resync(
    own_redis: RedisServer,
) -> None:
    listener = Listener()
    async with started(RedisBus(own_redis.url), listener) as bus:
        assert is_connected(bus)
        own_redis.kill()
        await outage_noticed(bus)
        own_redis.start()
        await assert_heals(bus, listener)


async def test_after_redis_was_frozen_the_bus_subscribes_again_after_a_resync(
    own_redis: RedisServer,
) -> None:
    listener = Listener()
    async with started(RedisBus(own_redis.url), listener) as bus:
        assert is_connected(bus)
        own_redis.pause()
        # The connection stays open: only the missing answers to pings tell.
        await outage_noticed(bus)
        await eventually(lambda: bus.attempts > 1, within=2.0)
        own_redis.resume()
        await assert_heals(bus, listener)


async def test_it_is_not_connected_until_everything_has_been_read_anew(
    own_redis: RedisServer,
) -> None:
    reading, may_end = asyncio.Event(), asyncio.Event()

    async def on_resync() -> None:
        reading.set()
        await may_end.wait()

    bus = RedisBus(own_redis.url)
    bus.subscribe(lambda _: None, on_resync)
    async with started(bus):
        own_redis.kill()
        own_redis.start()
        async with asyncio.timeout(5):
            await reading.wait()
        assert not is_connected(bus)
        may_end.set()
        await eventually(lambda: is_connected(bus))


async def test_a_resync_is_tried_until_it_succeeds(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    async def on_resync() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise OSError("the database is away too")

    bus = RedisBus(own_redis.url)
    bus.subscribe(lambda _: None, on_resync)
    async with started(bus):
        own_redis.kill()
        own_redis.start()
        await eventually(lambda: tries > 0)
        assert not is_connected(bus)
        await eventually(lambda: is_connected(bus), within=6.0)
    assert tries == 3
    assert "the database is away too" in caplog.text


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_publishing_while_redis_is_away_is_refused_within_a_second(
    own_redis: RedisServer, fault: str
) -> None:
    async with started(RedisBus(own_redis.url), Listener()) as bus:
        await bus.publish([entry()])
        getattr(own_redis, fault)()
        for attempt in (bus.publish([entry()]), bus.publish([entry(), entry()])):
            began = monotonic()
            with pytest.raises(Unavailable):
                await attempt
            assert monotonic() - began < 1.1


async def test_a_hundred_publishers_at_once_are_all_refused_within_a_second_of_an_outage(
    own_redis: RedisServer,
) -> None:
    async with started(RedisBus(own_redis.url), Listener()) as bus:
        own_redis.pause()
        began = monotonic()
        async with asyncio.timeout(5):
            answers = await asyncio.gather(
                *(bus.publish([entry()]) for _ in range(100)), return_exceptions=True
            )
        assert monotonic() - began < 1.3
    assert all(isinstance(answer, Unavailable) for answer in answers)


async def test_publishing_works_at_once_when_redis_is_back(own_redis: RedisServer) -> None:
    listener = Listener()
    async with started(RedisBus(own_redis.url), listener) as bus:
        await bus.publish([entry()])
        own_redis.kill()
        own_redis.start()
        await bus.publish([entry()])  # although the connection it would use is dead
        await eventually(lambda: listener.resyncs == 1, within=4.0)
        told = entry()
        await bus.publish([told])
        await eventually(lambda: told in listener.heard)


async def test_a_refused_batch_does_not_spoil_the_next(own_redis: RedisServer) -> None:
    listener = Listener()
    async with (
        started(RedisBus(own_redis.url), listener) as bus,
        Redis.from_url(own_redis.url) as r,
    ):
        await r.execute_command("ACL", "SETUSER", "default", "-publish")  # type: ignore[no-untyped-call]
        with pytest.raises(Unavailable):
            await bus.publish([entry(), entry(), entry()])
        await r.execute_command("ACL", "SETUSER", "default", "+publish")  # type: ignore[no-untyped-call]
        told = entry()
        await bus.publish([told])
        await eventually(lambda: bool(listener.heard))
    assert listener.heard == [told]


async def test_a_bus_started_without_redis_is_connected_after_a_resync(
    own_redis: RedisServer,
) -> None:
    own_redis.kill()
    listener = Listener()
    async with started(RedisBus(own_redis.url, start_seconds=0.3), listener) as bus:
        assert not is_connected(bus)
        own_redis.start()
        await assert_heals(bus, listener)


async def test_an_outage_is_logged_once_and_its_end_once(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "qure")
    async with started(RedisBus(own_redis.url), Listener()) as bus:
        own_redis.kill()
        await outage_noticed(bus)
        before = bus.attempts
        await eventually(lambda: bus.attempts >= before + 3)
        own_redis.start()
        await eventually(lambda: is_connected(bus), within=4.0)
    said = [record.message for record in caplog.records if record.name.startswith("qure")]
    assert len(said) == 2
    assert said[0].startswith("the message bus is away: ")
    assert said[1] == "the message bus is heard again"


async def test_what_is_missed_during_a_resync_needs_another_one(
    own_redis: RedisServer,
) -> None:
    readings = 0
    reading, may_end = asyncio.Event(), asyncio.Event()

    async def on_resync() -> None:
        nonlocal readings
        readings += 1
        reading.set()
        await may_end.wait()

    bus = RedisBus(own_redis.url)
    bus.subscribe(lambda _: None, on_resync)
    async with started(bus):
        own_redis.kill()
        own_redis.start()
        async with asyncio.timeout(5):
            await reading.wait()
        before = bus.attempts
        own_redis.kill()
        own_redis.start()
        await eventually(lambda: bus.attempts > before)
        may_end.set()
        await eventually(lambda: is_connected(bus), within=5.0)
    assert readings == 2
