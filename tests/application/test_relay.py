"""From the journal to everyone: in order, at least once, whatever is away in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from qure.application.announcing.cached_reads import CachedReads, profile_group
from qure.application.announcing.inbox import Inbox
from qure.application.announcing.relay import RESYNC_REACHES_BACK, SWEEP_AGE, Pace, Relay
from qure.application.jobs.requests import jobs_asked_by
from qure.application.observers import Observers
from qure.application.ports.gateways import DeleteImage, Job, Lease, ProcessImage
from qure.application.ports.journal import JournalEntry
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.errors import Unavailable
from qure.domain.events import Event
from qure.domain.ids import ClinicId, ImageId, UserId
from tests.support.builders import (
    NOW,
    FixedClock,
    SequentialIds,
    build_entry,
    build_staged_image,
    build_status,
    new_id,
)
from tests.support.fakes import FakeBus, FakeCache, FakeJobs, Hearing, WatchedStorage
from tests.support.memory.storage import MemoryStorage
from tests.support.waiting import eventually

AWAY = Unavailable("It is away.")
FAR_OFF = 3600.0
"""So rarely that it never happens in a test."""


def changed() -> events.ClinicChanged:
    return events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=NOW)


def staged() -> events.ImageStaged:
    return events.ImageStaged(image_id=ImageId(new_id()), actor=SYSTEM, at=NOW)


class Service:
    """A storage whose commits are handed to a relay, and what the relay speaks to."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.bus = FakeBus()
        self.jobs = FakeJobs()
        self.shared = FakeCache()
        self.hearing = Hearing()
        self.reads = CachedReads(shared=self.shared, generation=self.hearing)
        self.heard: list[JournalEntry] = []
        self.storage = WatchedStorage(
            MemoryStorage(clock=self.clock, ids=SequentialIds(), on_commit=self._announce)
        )
        self.relay = self.make_relay()

    def make_relay(
        self,
        *,
        sweep_every: float = FAR_OFF,
        mark_every: float = 0.0,
        announce_within: float = 5.0,
        flush_within: float = 5.0,
        batch: int = 500,
        after_resync: Sequence[Callable[[], Awaitable[object]]] = (),
    ) -> Relay:
        """From now on commits are handed to this one, of a new process. It sweeps when started."""
        self.heard.clear()
        self.inbox = Inbox([self.heard.append], every_time=[self.reads.receive])
        self.bus.subscribe(self.inbox.receive, self._resync)
        self.relay = Relay(
            self.storage,
            self.clock,
            inbox=self.inbox,
            reads=self.reads,
            bus=self.bus,
            jobs=self.jobs,
            observers=Observers(),
            after_resync=after_resync,
            pace=Pace(
                sweep_every=sweep_every,
                mark_every=mark_every,
                announce_within=announce_within,
                flush_within=flush_within,
                batch=batch,
            ),
        )
        return self.relay

    async def _resync(self) -> None:
        await self.relay.resync()

    async def _announce(self, entry: JournalEntry) -> None:
        await self.relay.announce(entry)

    async def commit(self, *happened: Event) -> None:
        async with self.storage.write() as uow:
            of_them = build_staged_image()
            of_them.events.extend(happened or (changed(),))
            await uow.staged_images.add([of_them])
            await uow.commit()

    async def pending(self) -> list[JournalEntry]:
        async with self.storage.read() as uow:
            return await uow.journal.pending(before=self.clock.now(), limit=1000)

    async def marked(self) -> None:
        """Wait until nothing is pending."""
        deadline = monotonic() + 5
        while await self.pending():
            assert monotonic() < deadline, "it was not marked"
            await asyncio.sleep(0.001)

    @property
    def told(self) -> list[Event]:
        return [event for entry in self.bus.published for event in entry.events]

    def forget_what_was_heard(self) -> None:
        """As a process that has heard nothing yet."""
        self.heard.clear()
        self.inbox._received.clear()

    def grow_old(self) -> None:
        """No process works any more on what is pending."""
        self.clock.advance(seconds=SWEEP_AGE.total_seconds())


@pytest.fixture
def service() -> Service:
    return Service()


@asynccontextmanager
async def started(relay: Relay) -> AsyncIterator[Relay]:
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()


async def test_what_is_committed_is_published_in_order_and_then_marked(
    service: Service,
) -> None:
    happened = [changed() for _ in range(20)]
    async with started(service.relay):
        for event in happened:
            await service.commit(event)
        assert service.told == happened
        await service.marked()
    assert service.told == happened, "and once only"


async def test_when_a_commit_returns_this_process_and_the_others_know(service: Service) -> None:
    async with started(service.relay):
        await service.commit()
        assert service.heard == service.bus.published


async def test_this_process_knows_before_anybody_else_is_told(service: Service) -> None:
    service.bus.hang()
    async with started(service.make_relay(announce_within=0.001)):
        await service.commit()
        assert len(service.heard) == 1
        assert service.bus.published == []
        service.bus.released.set()


async def test_those_who_commit_together_are_published_together(service: Service) -> None:
    service.bus.hang()
    async with started(service.relay):
        tasks = [asyncio.create_task(service.commit()) for _ in range(10)]
        await eventually(lambda: len(service.heard) == 10)
        service.bus.released.set()
        await asyncio.gather(*tasks)
    assert sum(service.bus.batches) == 10
    assert len(service.bus.batches) <= 2


async def test_a_crash_between_commit_and_announcement_is_made_up_for_by_the_sweep(
    service: Service,
) -> None:
    service.bus.hang()
    crashed = service.make_relay(announce_within=0.001, flush_within=0.001)
    await crashed.start()
    await service.commit()
    await crashed.close()
    assert service.bus.published == []
    service.bus.released.set()
    service.grow_old()
    async with started(service.make_relay()):
        await service.marked()
    (entry,) = service.bus.published
    assert service.heard == [entry], "this process knows it, too"


async def test_what_a_command_without_a_relay_commits_is_found_by_the_services_sweep(
    service: Service,
) -> None:
    await service.commit()
    assert len(service.heard) == 1
    (entry,) = await service.pending()
    service.grow_old()
    assert await service.relay.sweep() == 1
    assert service.bus.published == [entry]


async def test_what_the_sweep_finds_is_known_here_before_anybody_is_told(
    service: Service,
) -> None:
    await service.commit()
    (entry,) = await service.pending()
    service.bus.error = AWAY
    service.grow_old()
    relay = service.make_relay()
    with pytest.raises(Unavailable):
        await relay.sweep()
    assert service.heard == [entry]


async def test_the_sweep_leaves_young_entries_to_whoever_committed_them(
    service: Service,
) -> None:
    await service.commit()
    service.clock.advance(seconds=SWEEP_AGE.total_seconds() - 0.001)
    assert await service.relay.sweep() == 0
    service.clock.advance(milliseconds=1)
    assert await service.relay.sweep() == 1


async def test_a_resync_announces_young_entries_too_and_all_of_them(service: Service) -> None:
    for _ in range(5):
        await service.commit()
    relay = service.make_relay(batch=2)
    await relay.resync()
    assert len(service.bus.published) == 5
    assert await relay.sweep(min_age=-SWEEP_AGE) == 0


async def test_a_resync_hears_what_others_announced_meanwhile_once_and_in_order(
    service: Service,
) -> None:
    other = service.relay
    here = service.make_relay()
    service.bus.subscribe(lambda entry: None, here.resync)  # It hears nothing.
    service.relay = other
    service.clock.advance(milliseconds=1)
    async with started(other):
        for _ in range(3):
            await service.commit()
        await service.marked()
    service.heard.clear()
    for _ in range(2):
        await here.resync()
        assert service.heard == service.bus.published
    assert len(service.heard) == 3


async def test_a_resync_reaches_two_minutes_back_and_not_behind_its_own_beginning(
    service: Service,
) -> None:
    async with started(service.relay):
        await service.commit()
        service.clock.advance(milliseconds=1)
        first, here = service.relay, service.make_relay()
        service.relay = first
        service.clock.advance(milliseconds=1)
        await service.commit()
        await service.marked()
    (_, later) = service.bus.published
    service.forget_what_was_heard()
    await here.resync()
    assert service.heard == [later]
    service.clock.advance(seconds=RESYNC_REACHES_BACK.total_seconds() - 0.001)
    service.forget_what_was_heard()
    await here.resync()
    assert service.heard == [later]
    service.clock.advance(milliseconds=1)
    service.forget_what_was_heard()
    await here.resync()
    assert service.heard == []


async def test_what_waits_to_be_announced_is_found_however_old(service: Service) -> None:
    await service.commit()
    service.clock.advance(seconds=10 * RESYNC_REACHES_BACK.total_seconds())
    await service.make_relay().resync()
    assert len(service.heard) == len(service.bus.published) == 1


async def test_a_resync_tells_the_shared_cache_then_hears_and_then_reads_anew_in_order(
    service: Service,
) -> None:
    await service.commit()
    seen: list[tuple[str, int, int]] = []

    def step(name: str) -> Callable[[], Awaitable[None]]:
        async def read_anew() -> None:
            seen.append((name, len(service.shared.dropped), len(service.heard)))

        return read_anew

    await service.make_relay(after_resync=(step("first"), step("second"))).resync()
    assert seen == [("first", 1, 1), ("second", 1, 1)]


@pytest.mark.parametrize("absent", ["shared cache", "bus", "database"])
async def test_a_resync_that_cannot_be_done_is_not_taken_for_done(
    service: Service, absent: str
) -> None:
    await service.commit()
    read_anew: list[bool] = []

    async def note() -> None:
        read_anew.append(True)

    relay = service.make_relay(after_resync=(note,))
    match absent:
        case "shared cache":
            service.shared.error = AWAY
        case "bus":
            service.bus.error = AWAY
        case _:
            service.storage.read_errors.append(AWAY)
    with pytest.raises(Unavailable):
        await relay.resync()
    assert read_anew == []
    service.shared.error = service.bus.error = None
    await relay.resync()
    assert read_anew == [True]
    assert service.heard == service.bus.published


async def test_the_sweep_leaves_alone_what_is_in_hand_or_announced_and_only_unmarked(
    service: Service,
) -> None:
    service.bus.hang()
    async with started(service.make_relay(mark_every=FAR_OFF, announce_within=0.001)) as relay:
        await service.commit()
        service.grow_old()
        assert await relay.sweep() == 0, "in hand"
        service.bus.released.set()
        await eventually(lambda: len(service.bus.published) == 1)
        assert await relay.sweep() == 0, "announced"
    assert len(service.bus.published) == 1


async def test_the_oldest_is_swept_first(service: Service) -> None:
    happened = [changed() for _ in range(5)]
    for event in happened:
        await service.commit(event)
        service.clock.advance(milliseconds=1)
    service.grow_old()
    await service.relay.sweep()
    assert service.told == happened


async def test_a_sweep_that_finds_a_whole_batch_goes_on_at_once(service: Service) -> None:
    for _ in range(12):
        await service.commit()
    service.grow_old()
    async with started(service.make_relay(mark_every=FAR_OFF, batch=5)):
        await eventually(lambda: len(service.bus.published) == 12)
    assert service.bus.batches == [5, 5, 2]


async def test_what_is_handed_over_is_published_in_batches(service: Service) -> None:
    service.bus.hang()
    async with started(service.make_relay(batch=4)):
        tasks = [asyncio.create_task(service.commit()) for _ in range(10)]
        await eventually(lambda: len(service.heard) == 10)
        service.bus.released.set()
        await asyncio.gather(*tasks)
    assert sum(service.bus.batches) == 10
    assert max(service.bus.batches) == 4


@pytest.mark.parametrize("error", [AWAY, RuntimeError("a bug")])
async def test_what_could_not_be_announced_is_not_marked_and_is_tried_again(
    service: Service, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    service.bus.error = error
    async with started(service.make_relay(sweep_every=0.001)):
        with caplog.at_level(logging.WARNING):
            await service.commit()
            service.grow_old()
            await eventually(lambda: len(caplog.records) >= 3)
        assert len(await service.pending()) == 1
        service.bus.error = None
        await service.marked()
    assert len(service.bus.published) == 1


async def test_an_absent_shared_cache_holds_the_announcement_back(service: Service) -> None:
    service.shared.error = AWAY
    async with started(service.make_relay(sweep_every=0.001)):
        await service.commit()
        assert service.bus.published == []
        service.shared.error = None
        service.grow_old()
        await service.marked()
    assert len(service.bus.published) == 1


async def test_an_absent_job_backend_keeps_back_only_what_asks_for_a_job(
    service: Service,
) -> None:
    service.jobs.is_away = True
    picture, other = staged(), changed()
    async with started(service.make_relay(sweep_every=0.001)):
        await service.commit(picture)
        await service.commit(other)
        await eventually(lambda: other in service.told)
        service.grow_old()
        deadline = monotonic() + 5
        while [entry.events for entry in await service.pending()] != [(picture,)]:
            assert monotonic() < deadline, "the other one was not marked"
            await asyncio.sleep(0.001)
        service.jobs.is_away = False
        await service.marked()
    assert ProcessImage(picture.image_id) in service.jobs.enqueued


async def test_jobs_follow_from_what_happened(service: Service) -> None:
    picture = staged()
    replaced = events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW)
    expected: list[Job] = [ProcessImage(picture.image_id), DeleteImage(replaced.url)]
    assert list(jobs_asked_by(build_entry(picture, changed(), replaced))) == expected
    async with started(service.relay):
        await service.commit(picture, changed(), replaced)
        assert service.jobs.enqueued == expected


async def test_the_shared_cache_is_told_before_anybody_else(service: Service) -> None:
    told_at_drop: list[int] = []
    service.shared.on_drop = lambda: told_at_drop.append(len(service.bus.published))
    event = changed()
    async with started(service.relay):
        await service.commit(event)
    assert told_at_drop == [0]
    assert service.shared.dropped == [sorted(["clinics", f"clinic:{event.clinic_id}"])]


async def test_what_changes_no_remembered_read_troubles_no_cache(service: Service) -> None:
    service.shared.error = AWAY
    async with started(service.relay):
        await service.commit(events.QueueOpened(queue=build_status(), actor=SYSTEM, at=NOW))
        assert len(service.bus.published) == 1


async def test_a_service_without_a_shared_cache_announces_as_well(service: Service) -> None:
    service.reads = CachedReads(shared=None, generation=service.hearing)
    async with started(service.make_relay()):
        await service.commit()
        assert len(service.bus.published) == 1
    assert service.shared.dropped == []


async def test_old_bytes_read_from_the_shared_cache_before_it_was_told_are_forgotten_here(
    service: Service,
) -> None:
    """Between the commit and the telling, this process may remember them."""
    user_id = UserId(new_id())
    group = profile_group(user_id)

    async def load() -> bytes:
        return b"new"

    async def read() -> bytes:
        return await service.reads.get_or_load(group, "key", ttl_seconds=60, load=load)

    lease = await service.shared.get(group, "key")
    assert isinstance(lease, Lease)
    await service.shared.put(group, "key", b"old", lease=lease, ttl_seconds=60)
    service.bus.hang()
    drop = service.shared.drop

    async def read_first(groups: Sequence[str]) -> None:
        assert await read() == b"old"
        await drop(groups)

    service.shared.drop = read_first  # type: ignore[method-assign]
    async with started(service.relay):
        committing = asyncio.create_task(
            service.commit(
                events.UserChanged(user_id=user_id, is_active=True, actor=SYSTEM, at=NOW)
            )
        )
        await eventually(lambda: bool(service.shared.dropped))
        await asyncio.sleep(0)
        assert await read() == b"new"
        service.bus.released.set()
        await committing


async def test_a_commit_waits_for_a_slow_bus_only_so_long(service: Service) -> None:
    service.bus.hang()
    async with started(service.make_relay(announce_within=0.02)):
        began = monotonic()
        await service.commit()
        assert 0.01 < monotonic() - began < 1
        service.bus.released.set()
        await service.marked()
    assert len(service.bus.published) == 1


async def test_a_commit_does_not_wait_at_all_for_a_bus_that_is_known_to_be_away(
    service: Service,
) -> None:
    service.bus.hang()
    service.bus.live = False
    async with started(service.make_relay(announce_within=FAR_OFF)):
        await asyncio.wait_for(service.commit(), timeout=5)
        service.bus.released.set()


async def test_whoever_hangs_up_while_waiting_disturbs_nobody(service: Service) -> None:
    service.bus.hang()
    async with started(service.relay):
        gone = asyncio.create_task(service.commit())
        await eventually(lambda: len(service.heard) >= 1)
        gone.cancel()
        await asyncio.wait((gone,))
        other = asyncio.create_task(service.commit())
        service.bus.released.set()
        await other
        await eventually(lambda: len(service.bus.published) == 2)


async def test_closing_announces_and_marks_what_is_in_hand(service: Service) -> None:
    service.bus.hang()
    relay = service.make_relay(mark_every=FAR_OFF, announce_within=0.001)
    await relay.start()
    for _ in range(3):
        await service.commit()
    closing = asyncio.create_task(relay.close())
    await asyncio.sleep(0)
    service.bus.released.set()
    await closing
    assert len(service.bus.published) == 3
    assert await service.pending() == []


async def test_closing_waits_only_so_long_and_leaves_the_rest_to_the_next_start(
    service: Service,
) -> None:
    service.bus.hang()
    relay = service.make_relay(announce_within=0.001, flush_within=0.01)
    await relay.start()
    await service.commit()
    await asyncio.wait_for(relay.close(), timeout=5)
    assert len(await service.pending()) == 1


async def test_closing_right_after_the_start_announces_what_was_handed_over_in_between(
    service: Service,
) -> None:
    service.bus.live = False
    await service.relay.start()
    await service.commit()
    await service.relay.close()
    assert len(service.bus.published) == 1


async def test_what_is_committed_while_closing_waits_for_nothing_and_is_left_to_the_sweep(
    service: Service,
) -> None:
    service.bus.hang()
    relay = service.make_relay(announce_within=FAR_OFF)
    await relay.start()
    first = asyncio.create_task(service.commit())
    await eventually(lambda: len(service.heard) >= 1)
    closing = asyncio.create_task(relay.close())
    await asyncio.sleep(0)
    await asyncio.wait_for(service.commit(), timeout=5)
    service.bus.released.set()
    await asyncio.gather(first, closing)
    assert len(service.bus.published) == 1
    assert len(await service.pending()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_is_committed_while_no_relay_runs_is_left_to_the_sweep(
    service: Service, when: str
) -> None:
    if when == "after":
        await service.relay.start()
        await service.relay.close()
    await asyncio.wait_for(service.commit(), timeout=5)
    assert len(service.heard) == 1
    assert service.bus.published == []
    assert len(await service.pending()) == 1


async def test_closing_what_was_never_started_or_is_closed_does_nothing(
    service: Service,
) -> None:
    await service.relay.close()
    await service.relay.start()
    await service.relay.close()
    await service.relay.close()


async def test_marks_that_fail_at_the_end_are_logged_and_the_entries_repeat(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    relay = service.make_relay(mark_every=FAR_OFF)
    await relay.start()
    await service.commit()
    service.storage.commit_errors.append(AWAY)
    await relay.close()
    assert "will repeat" in caplog.text
    service.grow_old()
    async with started(service.make_relay()):
        await service.marked()
    assert len(service.bus.published) == 2


@pytest.mark.parametrize("error", [AWAY, RuntimeError("a bug")])
async def test_marking_is_tried_again_until_it_succeeds(
    service: Service, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    service.bus.hang()
    async with started(service.make_relay(sweep_every=0.001, announce_within=0.001)):
        await service.commit()
        service.storage.commit_errors += [error, error]
        service.bus.released.set()
        await service.marked()
    assert service.storage.commit_errors == []
    assert caplog.text.count("mark") >= 2
    assert len(service.bus.published) == 1


@pytest.mark.parametrize("error", [AWAY, RuntimeError("a bug")])
async def test_sweeping_goes_on_after_a_failure(
    service: Service, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    await service.commit()
    service.grow_old()
    service.storage.read_errors += [error, error]
    async with started(service.make_relay(sweep_every=0.001)):
        await eventually(lambda: len(service.bus.published) == 1)
    assert caplog.text.count("journal") >= 2


async def test_what_has_been_marked_is_not_kept_in_mind(service: Service) -> None:
    async with started(service.relay) as relay:
        await service.commit()
        await service.marked()
        # Not to be seen from outside but in the memory of a server that has run for weeks.
        await eventually(lambda: not relay._announced)


async def test_many_entries_cost_few_marks(service: Service) -> None:
    async with started(service.make_relay(mark_every=0.02)):
        for _ in range(50):
            await service.commit()
        before = service.storage.writes
        await service.marked()
        assert service.storage.writes - before <= 2
