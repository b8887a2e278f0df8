"""Bytes that are remembered near and far, and never after what they tell of has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from qure.adapters.memory.cache import MemoryCache

from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    CachedReads,
    clinic_group,
    groups_changed_by,
    profile_group,
    staff_group,
)
from qure.domain import events
from qure.domain.ids import ClinicId, ImageId, UserId
from tests.builders import NOW, build_status, new_id
from tests.fakes import Hearing

GROUP, KEY = "clinic:1", "face"


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

    def __init__(self, far: MemoryCache | None) -> None:
        self.hearing = Hearing()
        self.near = MemoryCache()
        self.far = far
        self.reads = CachedReads(near=self.near, far=far, hearing=self.hearing)

    async def read(self, source: Source) -> bytes:
        return await self.reads.get_or_load(GROUP, KEY, ttl_seconds=60, load=source.load)

    async def hear_of_a_change(self) -> None:
        """What the relay and the bus do: the far level first."""
        if self.far is not None:
            await self.far.drop([GROUP])
        self.reads.forget(GROUP)


@pytest.fixture(params=["near only", "near and far"])
def process(request: pytest.FixtureRequest) -> Process:
    return Process(far=None if request.param == "near only" else MemoryCache())


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


async def test_what_one_process_has_read_another_finds_far_away(source: Source) -> None:
    far = MemoryCache()
    one, other = Process(far), Process(far)
    await one.read(source)
    assert await other.read(source) == b"old"
    assert source.loads == 1
    assert other.reads.peek(GROUP, KEY) == b"old"


async def test_a_read_overtaken_by_a_change_is_not_remembered_far_away_either(
    source: Source,
) -> None:
    far = MemoryCache()
    one, other = Process(far), Process(far)

    async def change() -> None:
        source.value = b"new"
        await other.hear_of_a_change()

    source.meanwhile = change
    assert await one.read(source) == b"old"
    assert await other.read(source) == b"new"


def test_a_changed_user_makes_their_profile_and_their_clinics_staff_lists_false() -> None:
    user_id, one, other = UserId(new_id()), ClinicId(new_id()), ClinicId(new_id())
    event = events.UserChanged(
        user_id=user_id, is_active=True, clinic_ids=(one, other), actor_id=None, at=NOW
    )
    assert set(groups_changed_by(event)) == {
        profile_group(user_id),
        staff_group(one),
        staff_group(other),
    }


def test_a_changed_clinic_makes_itself_and_every_list_false() -> None:
    clinic_id = ClinicId(new_id())
    event = events.ClinicChanged(clinic_id=clinic_id, actor_id=None, at=NOW)
    assert set(groups_changed_by(event)) == {clinic_group(clinic_id), CLINIC_LISTS}


def test_groups_of_different_things_never_meet() -> None:
    id = new_id()
    names = [profile_group(id), clinic_group(id), staff_group(id), CLINIC_LISTS]
    assert len(set(names)) == 4


def test_what_happens_in_a_queue_makes_no_remembered_read_false() -> None:
    opened = events.QueueOpened(queue=build_status(), actor_id=None, at=NOW)
    staged = events.ImageStaged(image_id=ImageId(new_id()), actor_id=None, at=NOW)
    assert [*groups_changed_by(opened), *groups_changed_by(staged)] == []
