"""Bytes that are remembered here and for all, and never after what they tell of has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    GROUPS_AT_LEAST,
    MAX_BYTES,
    MAX_KEYS_OF_A_GROUP,
    OVERHEAD,
    CachedReads,
    clinic_group,
    groups_changed_by,
    profile_group,
    staff_group,
)
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.errors import Unavailable
from qure.domain.ids import ClinicId, ImageId, UserId
from tests.support.builders import NOW, build_entry, build_status, new_id
from tests.support.fakes import FakeCache, Hearing

CLINIC = ClinicId(new_id())
GROUP, KEY = clinic_group(CLINIC), "face"
CHANGE = build_entry(events.ClinicChanged(clinic_id=CLINIC, actor=SYSTEM, at=NOW))


class Source:
    """What is true, how often it was asked for, and what happens while it is being read."""

    def __init__(self) -> None:
        self.value = b"old"
        self.loads = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def load(self) -> bytes:
        self.loads += 1
        value = self.value
        await asyncio.sleep(0)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return value


class Process:
    """One process's reads."""

    def __init__(self, shared: FakeCache | None, *, max_bytes: int = MAX_BYTES) -> None:
        self.hearing = Hearing()
        self.seconds = 0.0
        self.reads = CachedReads(
            shared=shared,
            generation=self.hearing,
            max_bytes=max_bytes,
            monotonic=lambda: self.seconds,
        )

    async def read(self, source: Source) -> bytes:
        return await self.reads.get_or_load(GROUP, KEY, ttl_seconds=60, load=source.load)

    async def remember(self, group: str, key: str = KEY, value: bytes = b"value") -> None:
        async def load() -> bytes:
            return value

        assert await self.reads.get_or_load(group, key, ttl_seconds=60, load=load) == value

    def remembers(self, group: str, key: str = KEY) -> bool:
        return self.reads.peek(group, key) is not None

    async def hear_of_a_change(self) -> None:
        """What the relay and the bus do: the shared level first."""
        await self.reads.forget_shared([CHANGE])
        self.reads.receive(CHANGE)


@pytest.fixture(params=["in this process only", "shared"])
def process(request: pytest.FixtureRequest) -> Process:
    return Process(None if request.param == "in this process only" else FakeCache())


@pytest.fixture
def source() -> Source:
    return Source()


async def test_what_was_read_is_remembered(process: Process, source: Source) -> None:
    assert process.reads.peek(GROUP, KEY) is None
    for _ in range(3):
        assert await process.read(source) == b"old"
    assert source.loads == 1
    assert process.reads.peek(GROUP, KEY) == b"old"


async def test_after_a_change_it_is_read_anew(process: Process, source: Source) -> None:
    await process.read(source)
    source.value = b"new"
    await process.hear_of_a_change()
    assert process.reads.peek(GROUP, KEY) is None
    assert await process.read(source) == b"new"


async def test_a_read_that_was_overtaken_by_a_change_is_not_remembered(
    process: Process, source: Source
) -> None:
    async def change() -> None:
        source.value = b"new"
        await process.hear_of_a_change()

    source.meanwhile = change
    assert await process.read(source) == b"old"
    assert process.reads.peek(GROUP, KEY) is None
    assert await process.read(source) == b"new"


async def test_a_read_across_a_gap_is_not_remembered(process: Process, source: Source) -> None:
    async def miss_something() -> None:
        process.hearing.now = 1

    source.meanwhile = miss_something
    await process.read(source)
    assert process.reads.peek(GROUP, KEY) is None


async def test_a_read_that_ends_when_nothing_is_heard_is_not_remembered(
    process: Process, source: Source
) -> None:
    async def lose() -> None:
        process.hearing.lose()

    source.meanwhile = lose
    await process.read(source)
    process.hearing.now = 0
    assert process.reads.peek(GROUP, KEY) is None


async def test_what_was_remembered_before_a_gap_is_not_believed_after_it(
    process: Process, source: Source
) -> None:
    await process.read(source)
    process.hearing.now = 1
    assert process.reads.peek(GROUP, KEY) is None


async def test_while_announcements_may_be_late_neither_level_is_believed(
    process: Process, source: Source
) -> None:
    await process.read(source)
    process.hearing.lose()
    assert process.reads.peek(GROUP, KEY) is None
    assert await process.read(source) == b"old"
    assert source.loads == 2


async def test_a_load_that_fails_is_not_remembered(process: Process, source: Source) -> None:
    async def fail() -> None:
        raise RuntimeError("away")

    source.meanwhile = fail
    with pytest.raises(RuntimeError, match="away"):
        await process.read(source)
    assert await process.read(source) == b"old"


async def test_what_one_process_has_read_another_finds_in_the_shared_cache(source: Source) -> None:
    shared = FakeCache()
    one, other = Process(shared), Process(shared)
    await one.read(source)
    assert await other.read(source) == b"old"
    assert source.loads == 1
    assert other.reads.peek(GROUP, KEY) == b"old"


async def test_a_read_overtaken_by_a_change_is_not_remembered_for_all_either(
    source: Source,
) -> None:
    shared = FakeCache()
    one, other = Process(shared), Process(shared)

    async def change() -> None:
        source.value = b"new"
        await other.hear_of_a_change()

    source.meanwhile = change
    assert await one.read(source) == b"old"
    assert await other.read(source) == b"new"


async def test_forgetting_for_all_is_refused_while_the_shared_cache_is_away() -> None:
    shared = FakeCache()
    process = Process(shared)
    shared.error = Unavailable("It is away.")
    with pytest.raises(Unavailable):
        await process.reads.forget_shared([CHANGE])


async def test_forgetting_for_all_asks_once_for_all_entries_and_only_what_they_make_false() -> None:
    shared, other = FakeCache(), ClinicId(new_id())
    process = Process(shared)
    await process.reads.forget_shared([])
    await process.reads.forget_shared(
        [build_entry(events.QueueOpened(queue=build_status(), actor=SYSTEM, at=NOW))]
    )
    assert shared.dropped == []
    moved = build_entry(events.ClinicChanged(clinic_id=other, actor=SYSTEM, at=NOW))
    await process.reads.forget_shared([CHANGE, moved, CHANGE])
    assert shared.dropped == [sorted([GROUP, clinic_group(other), CLINIC_LISTS])]


async def test_old_bytes_read_from_the_shared_cache_before_it_was_told_are_forgotten(
    source: Source,
) -> None:
    shared = FakeCache()
    one, other = Process(shared), Process(shared)
    await other.read(source)
    source.value = b"new"
    one.reads.receive(CHANGE)  # Its own commit.
    assert await one.read(source) == b"old", "what the shared cache holds until it is told"
    await one.reads.forget_shared([CHANGE])
    assert not one.remembers(GROUP)
    assert await one.read(source) == b"new"


async def test_old_bytes_are_forgotten_too_when_another_process_told_the_shared_cache(
    source: Source,
) -> None:
    """It could not itself; the sweep of another has done it and announced the entry."""
    shared = FakeCache()
    one, other = Process(shared), Process(shared)
    await other.read(source)
    source.value = b"new"
    one.reads.receive(CHANGE)
    shared.error = Unavailable("It is away.")
    with pytest.raises(Unavailable):
        await one.reads.forget_shared([CHANGE])
    assert await one.read(source) == b"old"
    shared.error = None
    await other.reads.forget_shared([CHANGE])
    one.reads.receive(CHANGE)
    assert await one.read(source) == b"new"


async def test_a_fill_that_races_forgetting_for_all_leaves_nothing_old_behind(
    source: Source,
) -> None:
    """The old row is read before the commit, and put while the shared cache is being told."""
    shared = FakeCache()
    process = Process(shared)

    async def commit_and_tell() -> None:
        source.value = b"new"
        process.reads.receive(CHANGE)
        telling.append(asyncio.create_task(process.reads.forget_shared([CHANGE])))

    telling: list[asyncio.Task[None]] = []
    source.meanwhile = commit_and_tell
    assert await process.read(source) == b"old"
    await asyncio.gather(*telling)
    assert not process.remembers(GROUP)
    assert await Process(shared).read(source) == b"new"


async def test_an_answer_is_forgotten_when_its_time_has_come(source: Source) -> None:
    process = Process(None)
    await process.read(source)
    process.seconds = 59.9
    assert process.reads.peek(GROUP, KEY) == b"old"
    process.seconds = 60
    assert process.reads.peek(GROUP, KEY) is None
    await process.read(source)
    assert source.loads == 2


async def test_it_stays_within_its_bytes_and_what_was_used_least_recently_goes_first() -> None:
    process = Process(None, max_bytes=50_000)
    for number in range(40):
        await process.remember(f"group {number}", value=bytes(1000))
        assert process.remembers("group 0")
        assert 0 < process.reads.size <= 50_000
    assert not process.remembers("group 1")
    assert process.remembers("group 39")


async def test_an_answer_greater_than_the_room_of_a_group_is_not_remembered() -> None:
    process = Process(None, max_bytes=10_000 * GROUPS_AT_LEAST)
    await process.remember("small")
    before = process.reads.size
    await process.remember("group", value=bytes(10_001))
    await process.remember("small", "another key", value=bytes(10_001))
    assert not process.remembers("group")
    assert process.remembers("small")
    assert process.reads.size == before


async def test_a_group_holds_a_thousand_keys_and_the_oldest_make_room() -> None:
    process = Process(None)
    for number in range(MAX_KEYS_OF_A_GROUP + 2):
        await process.remember("group", str(number))
    assert [process.remembers("group", str(number)) for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    assert process.remembers("group", str(MAX_KEYS_OF_A_GROUP + 1))


async def test_a_full_group_takes_a_key_anew_without_forgetting_others() -> None:
    process = Process(None)
    await process.remember("group", "first")
    process.seconds = 30
    for number in range(MAX_KEYS_OF_A_GROUP - 1):
        await process.remember("group", str(number))
    process.seconds = 60
    await process.remember("group", "first")
    assert process.remembers("group", "first")
    assert all(process.remembers("group", str(n)) for n in range(MAX_KEYS_OF_A_GROUP - 1))


async def test_a_group_that_has_taken_its_room_goes_on_remembering_and_leaves_the_others() -> None:
    process = Process(None, max_bytes=10_000 * GROUPS_AT_LEAST)
    await process.remember("other")
    for number in range(100):
        await process.remember("group", str(number), value=bytes(1000))
        assert process.remembers("group", str(number))
        assert process.reads.size <= 10_000 + 2 * OVERHEAD + len(KEY) + len(b"value")
    assert not process.remembers("group", "0")
    assert process.remembers("other")


async def test_what_is_replaced_or_forgotten_takes_no_room() -> None:
    process = Process(None)
    await process.remember(GROUP, value=bytes(1000))
    process.seconds = 60
    await process.remember(GROUP, value=bytes(100))
    assert process.reads.size == 2 * OVERHEAD + len(KEY) + 100
    process.reads.receive(CHANGE)
    assert process.reads.size == 0


def test_a_changed_user_makes_their_profile_and_their_clinics_staff_lists_false() -> None:
    user_id, one, other = UserId(new_id()), ClinicId(new_id()), ClinicId(new_id())
    event = events.UserChanged(
        user_id=user_id, is_active=True, clinic_ids=(one, other), actor=SYSTEM, at=NOW
    )
    assert set(groups_changed_by(build_entry(event))) == {
        profile_group(user_id),
        staff_group(one),
        staff_group(other),
    }


def test_a_changed_clinic_makes_itself_and_every_list_false() -> None:
    clinic_id = ClinicId(new_id())
    event = events.ClinicChanged(clinic_id=clinic_id, actor=SYSTEM, at=NOW)
    assert set(groups_changed_by(build_entry(event))) == {clinic_group(clinic_id), CLINIC_LISTS}


def test_groups_of_different_things_never_meet() -> None:
    id = new_id()
    names = [profile_group(id), clinic_group(id), staff_group(id), CLINIC_LISTS]
    assert len(set(names)) == 4


def test_what_happens_in_a_queue_makes_no_remembered_read_false() -> None:
    opened = events.QueueOpened(queue=build_status(), actor=SYSTEM, at=NOW)
    staged = events.ImageStaged(image_id=ImageId(new_id()), actor=SYSTEM, at=NOW)
    assert list(groups_changed_by(build_entry(opened, staged))) == []
