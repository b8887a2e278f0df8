"""The newest status of each queue: never an older one after a newer one, never after a gap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qure.application.announcing.live_status import LiveStatus
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.errors import NotFound
from qure.domain.queue_status import QueueStatus
from tests.application.world import World
from tests.support.builders import NOW, build_entry, build_status
from tests.support.fakes import Hearing


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def live(world: World, hearing: Hearing) -> LiveStatus:
    return LiveStatus(world.storage, generation=hearing, limit=3)


def at(status: QueueStatus, version: int) -> QueueStatus:
    return replace(status, version=version, waiting_count=version)


STATUS = build_status(version=5, waiting_count=5)
ID = STATUS.queue_id


def read(live: LiveStatus, status: QueueStatus) -> QueueStatus:
    """Its row is read here, and nothing happens meanwhile."""
    return live.offer_read(status, epoch=live.epoch)


def test_what_was_read_is_known(live: LiveStatus) -> None:
    assert live.get(ID) is None
    assert read(live, STATUS) == STATUS
    assert live.get(ID) == STATUS


def test_an_announcement_alone_makes_nothing_known_for_newer_ones_may_be_in_nobodys_hands(
    live: LiveStatus,
) -> None:
    live.offer(STATUS)
    assert live.get(ID) is None
    assert read(live, at(STATUS, 9)) == at(STATUS, 9)
    live.offer(at(STATUS, 6))
    assert live.get(ID) == at(STATUS, 9)


def test_an_announcement_carries_on_what_is_known(live: LiveStatus) -> None:
    read(live, STATUS)
    for version in (6, 9):
        live.offer(at(STATUS, version))
        assert live.get(ID) == at(STATUS, version)


def test_a_newer_version_takes_the_place_of_an_older_one_and_never_the_other_way_round(
    live: LiveStatus,
) -> None:
    read(live, STATUS)
    live.offer(at(STATUS, 6))
    assert live.get(ID) == at(STATUS, 6)
    for version in (4, 5):
        live.offer(at(STATUS, version))
        assert read(live, at(STATUS, version)) == at(STATUS, 6)
        assert live.get(ID) == at(STATUS, 6)


def test_the_same_version_again_changes_nothing(live: LiveStatus) -> None:
    read(live, STATUS)
    live.offer(replace(STATUS, waiting_count=99))
    assert live.get(ID) == STATUS


def test_a_newer_read_takes_the_place_of_an_older_announcement(live: LiveStatus) -> None:
    live.offer(STATUS)
    assert read(live, at(STATUS, 7)) == at(STATUS, 7)
    assert live.get(ID) == at(STATUS, 7)


def test_a_change_announced_while_the_row_was_on_its_way_is_newer_than_the_row(
    live: LiveStatus,
) -> None:
    epoch = live.epoch
    live.offer(at(STATUS, 7))
    live.offer(at(STATUS, 6))
    assert live.offer_read(STATUS, epoch=epoch) == at(STATUS, 7)
    assert live.get(ID) == at(STATUS, 7)


def test_while_announcements_may_be_late_nothing_is_known(
    live: LiveStatus, hearing: Hearing
) -> None:
    read(live, STATUS)
    epoch = live.epoch
    hearing.lose()
    assert live.get(ID) is None
    assert live.offer_read(at(STATUS, 6), epoch=epoch) == at(STATUS, 6)
    assert live.get(ID) is None


def test_what_was_read_meanwhile_counts_once_everything_is_heard_again(
    live: LiveStatus, hearing: Hearing
) -> None:
    read(live, STATUS)
    epoch = live.epoch
    hearing.lose()
    live.offer_read(at(STATUS, 6), epoch=epoch)
    hearing.now = 0
    assert live.get(ID) == at(STATUS, 6)


def test_what_comes_late_counts_once_everything_is_heard_again(
    live: LiveStatus, hearing: Hearing
) -> None:
    read(live, STATUS)
    hearing.lose()
    live.offer(at(STATUS, 6))
    assert live.get(ID) is None
    hearing.now = 0
    assert live.get(ID) == at(STATUS, 6)


def test_after_a_gap_nothing_from_before_it_is_known(live: LiveStatus, hearing: Hearing) -> None:
    read(live, STATUS)
    hearing.now = 1
    assert live.get(ID) is None
    live.offer(at(STATUS, 6))
    assert live.get(ID) is None
    assert read(live, at(STATUS, 4)) == at(STATUS, 6)
    hearing.now = 2
    assert read(live, at(STATUS, 4)) == at(STATUS, 4)


def test_what_was_read_before_a_gap_is_not_kept_after_it(
    live: LiveStatus, hearing: Hearing
) -> None:
    epoch = live.epoch
    hearing.now = 1
    assert live.offer_read(STATUS, epoch=epoch) == STATUS
    assert live.get(ID) is None


def test_only_so_many_are_known_and_those_neither_changed_nor_asked_for_go_first(
    live: LiveStatus,
) -> None:
    first, second, third, fourth = (build_status() for _ in range(4))
    for status in (first, second, third):
        read(live, status)
    live.offer(at(first, 2))
    read(live, fourth)
    known = [live.get(status.queue_id) is not None for status in (first, second, third, fourth)]
    assert known == [True, False, True, True]


@pytest.mark.parametrize("was_known", [True, False])
def test_what_was_read_before_something_was_forgotten_is_not_kept(
    live: LiveStatus, was_known: bool
) -> None:
    if was_known:
        read(live, STATUS)
    epoch = live.epoch
    live.offer(at(STATUS, 9))
    for _ in range(3):
        other = build_status()
        if was_known:
            read(live, other)
        else:
            live.offer(other)
    assert live.get(ID) is None
    assert live.offer_read(STATUS, epoch=epoch) == STATUS
    assert live.get(ID) is None, "version 9 may have been it that was forgotten"
    read(live, at(STATUS, 9))
    assert live.get(ID) == at(STATUS, 9)


def test_a_row_that_was_told_is_not_followed_by_an_older_one_that_was_read_before_it(
    live: LiveStatus,
) -> None:
    early = live.epoch
    for _ in range(4):
        read(live, build_status())
    late = live.epoch
    assert early != late
    assert live.offer_read(at(STATUS, 8), epoch=early) == at(STATUS, 8)
    assert live.offer_read(STATUS, epoch=late) == at(STATUS, 8)
    assert live.get(ID) == at(STATUS, 8)


def test_what_is_only_announced_takes_no_room_from_what_is_known(live: LiveStatus) -> None:
    read(live, STATUS)
    for _ in range(10):
        live.offer(build_status())
    assert live.get(ID) == STATUS


def test_room_is_made_for_what_was_read_too(live: LiveStatus) -> None:
    for _ in range(10):
        read(live, build_status())
    read(live, STATUS)
    assert live.get(ID) == STATUS


async def test_a_queue_is_read_once_and_carried_on_by_what_is_announced(
    world: World, live: LiveStatus
) -> None:
    queue = await world.queue()
    for _ in range(3):
        assert await live.of(queue.id) == queue.status()
    assert world.storage.reads == 1
    newer = at(queue.status(), queue.status().version + 1)
    live.receive(
        build_entry(
            events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW),
            events.QueueActivated(queue=newer, actor=SYSTEM, at=NOW),
        )
    )
    assert await live.of(queue.id) == newer
    assert world.storage.reads == 1


async def test_while_announcements_may_be_late_each_question_is_put_to_the_database(
    world: World, live: LiveStatus, hearing: Hearing
) -> None:
    queue = await world.queue()
    hearing.lose()
    for _ in range(3):
        assert await live.of(queue.id) == queue.status()
    assert world.storage.reads == 3


async def test_a_change_announced_during_the_reading_is_what_is_answered(
    world: World, live: LiveStatus
) -> None:
    queue = await world.queue()
    newer = at(queue.status(), queue.status().version + 1)

    async def announce() -> None:
        live.offer(newer)

    world.storage.before_read = announce
    assert await live.of(queue.id) == newer
    assert live.get(queue.id) == newer


async def test_a_reading_across_a_gap_is_answered_and_not_kept(
    world: World, live: LiveStatus, hearing: Hearing
) -> None:
    queue = await world.queue()

    async def miss_something() -> None:
        hearing.now = 1

    world.storage.before_read = miss_something
    assert await live.of(queue.id) == queue.status()
    assert live.get(queue.id) is None


async def test_a_queue_that_is_not_there_is_not_found(live: LiveStatus) -> None:
    with pytest.raises(NotFound):
        await live.of(ID)


def test_being_asked_for_keeps_a_queue_known(live: LiveStatus) -> None:
    first, second, third, fourth = (build_status() for _ in range(4))
    for status in (first, second, third):
        read(live, status)
    assert live.get(first.queue_id) == first
    read(live, fourth)
    assert live.get(first.queue_id) == first
    assert live.get(second.queue_id) is None
