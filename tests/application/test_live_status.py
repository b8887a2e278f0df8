"""The newest status of each queue: never an older one after a newer one, never after a gap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qure.application.live_status import LiveStatus
from qure.domain.queue_status import QueueStatus
from tests.builders import build_status
from tests.fakes import Hearing


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def live(hearing: Hearing) -> LiveStatus:
    return LiveStatus(hearing=hearing, limit=3)


def at(status: QueueStatus, version: int) -> QueueStatus:
    return replace(status, version=version, waiting_count=version)


STATUS = build_status(version=5, waiting_count=5)
ID = STATUS.queue_id


def test_what_was_announced_is_known(live: LiveStatus) -> None:
    assert live.get(ID) is None
    live.offer(STATUS)
    assert live.get(ID) == STATUS


def test_a_newer_version_takes_the_place_of_an_older_one_and_never_the_other_way_round(
    live: LiveStatus,
) -> None:
    live.offer(STATUS)
    live.offer(at(STATUS, 6))
    assert live.get(ID) == at(STATUS, 6)
    for version in (4, 5):
        live.offer(at(STATUS, version))
        live.offer_read(at(STATUS, version), epoch=live.epoch)
        assert live.get(ID) == at(STATUS, 6)


def test_the_same_version_again_changes_nothing(live: LiveStatus) -> None:
    live.offer(STATUS)
    live.offer(replace(STATUS, waiting_count=99))
    assert live.get(ID) == STATUS


def test_what_was_read_is_known_as_well(live: LiveStatus) -> None:
    live.offer_read(STATUS, epoch=live.epoch)
    assert live.get(ID) == STATUS


def test_a_newer_read_takes_the_place_of_an_older_announcement(live: LiveStatus) -> None:
    live.offer(STATUS)
    live.offer_read(at(STATUS, 7), epoch=live.epoch)
    assert live.get(ID) == at(STATUS, 7)


def test_while_announcements_may_be_late_nothing_is_known(
    live: LiveStatus, hearing: Hearing
) -> None:
    live.offer(STATUS)
    epoch = live.epoch
    hearing.lose()
    assert live.get(ID) is None
    live.offer_read(at(STATUS, 6), epoch=epoch)
    hearing.now = 0
    assert live.get(ID) == STATUS


def test_what_comes_late_counts_once_everything_is_heard_again(
    live: LiveStatus, hearing: Hearing
) -> None:
    live.offer(STATUS)
    hearing.lose()
    live.offer(at(STATUS, 6))
    assert live.get(ID) is None
    hearing.now = 0
    assert live.get(ID) == at(STATUS, 6)


def test_after_a_gap_nothing_from_before_it_is_known(live: LiveStatus, hearing: Hearing) -> None:
    live.offer(STATUS)
    hearing.now = 1
    assert live.get(ID) is None
    live.offer(at(STATUS, 4))
    assert live.get(ID) == at(STATUS, 4)


def test_what_was_read_before_a_gap_is_not_taken_after_it(
    live: LiveStatus, hearing: Hearing
) -> None:
    epoch = live.epoch
    hearing.now = 1
    live.offer_read(STATUS, epoch=epoch)
    assert live.get(ID) is None


def test_only_so_many_are_known_and_those_unchanged_for_longest_go_first(
    live: LiveStatus,
) -> None:
    first, second, third, fourth = (build_status() for _ in range(4))
    for status in (first, second, third, at(first, 2), fourth):
        live.offer(status)
    known = [live.get(status.queue_id) is not None for status in (first, second, third, fourth)]
    assert known == [True, False, True, True]


def test_what_was_read_before_something_was_forgotten_is_not_taken(live: LiveStatus) -> None:
    epoch = live.epoch
    live.offer(at(STATUS, 9))
    for _ in range(3):
        live.offer(build_status())
    assert live.get(ID) is None
    live.offer_read(STATUS, epoch=epoch)
    assert live.get(ID) is None, "version 9 may have been it that was forgotten"
    live.offer_read(at(STATUS, 9), epoch=live.epoch)
    assert live.get(ID) == at(STATUS, 9)


def test_room_is_made_for_what_was_read_too(live: LiveStatus) -> None:
    for _ in range(10):
        live.offer_read(build_status(), epoch=live.epoch)
    live.offer_read(STATUS, epoch=live.epoch)
    assert live.get(ID) == STATUS
