"""What is remembered is believed only while every change is heard."""

from __future__ import annotations

import pytest
from cachetools import LRUCache
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from qure.application.announcing.trust import Trust, TrustedCache
from tests.support.fakes import Hearing


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def cache(hearing: Hearing) -> TrustedCache[str, int]:
    return TrustedCache(hearing, LRUCache(3))


def test_trust_holds_while_a_generation_lasts_and_forgets_once_when_it_changes(
    hearing: Hearing,
) -> None:
    forgotten: list[int | None] = []
    trust = Trust(hearing, forget=lambda: forgotten.append(hearing.now))
    assert trust.holds()
    assert trust.holds()
    before = len(forgotten)
    hearing.now = 1
    assert forgotten[before:] == [], "it is asked, not told"
    assert trust.holds()
    assert trust.holds()
    assert forgotten[before:] == [1]


def test_trust_is_lost_without_a_connection_and_nothing_is_forgotten_for_it(
    hearing: Hearing,
) -> None:
    forgotten: list[int | None] = []
    trust = Trust(hearing, forget=lambda: forgotten.append(hearing.now))
    trust.holds()
    before = len(forgotten)
    hearing.lose()
    assert not trust.holds()
    hearing.now = 0
    assert trust.holds(), "announcements were late, and none was missed"
    assert len(forgotten) == before
    hearing.lose()
    assert not trust.holds()
    hearing.now = 1
    assert trust.holds()
    assert forgotten[before:] == [1]


def test_what_was_put_is_found(cache: TrustedCache[str, int]) -> None:
    assert cache.get("key") is None
    cache.put("key", 1, stamp=cache.stamp())
    assert cache.get("key") == 1


def test_what_was_read_before_anything_was_forgotten_is_not_kept(
    cache: TrustedCache[str, int],
) -> None:
    stamp = cache.stamp()
    cache.forget("key")
    cache.put("key", 1, stamp=stamp)
    assert cache.get("key") is None
    stamp = cache.stamp()
    cache.clear()
    cache.put("key", 1, stamp=stamp)
    assert cache.get("key") is None


def test_forgetting_one_leaves_the_others_and_one_that_is_not_known_does_no_harm(
    cache: TrustedCache[str, int],
) -> None:
    for key in ("one", "other"):
        cache.put(key, 1, stamp=cache.stamp())
    cache.forget("one")
    cache.forget("never known")
    assert (cache.get("one"), cache.get("other")) == (None, 1)
    cache.clear()
    assert cache.get("other") is None


def test_what_another_generation_has_left_is_not_found(
    cache: TrustedCache[str, int], hearing: Hearing
) -> None:
    cache.put("key", 1, stamp=cache.stamp())
    hearing.now = 1
    assert cache.get("key") is None
    hearing.now = 0
    assert cache.get("key") is None


def test_what_was_read_in_another_generation_is_not_kept(
    cache: TrustedCache[str, int], hearing: Hearing
) -> None:
    stamp = cache.stamp()
    hearing.now = 1
    cache.put("key", 1, stamp=stamp)
    assert cache.get("key") is None


def test_without_a_connection_nothing_is_found_or_kept_and_there_is_no_stamp(
    cache: TrustedCache[str, int], hearing: Hearing
) -> None:
    cache.put("key", 1, stamp=cache.stamp())
    stamp = cache.stamp()
    hearing.lose()
    assert cache.get("key") is None
    assert cache.stamp() is None
    for void in (stamp, cache.stamp()):
        cache.put("other", 2, stamp=void)
    hearing.now = 0
    assert (cache.get("key"), cache.get("other")) == (1, None)


def test_what_is_heard_without_a_connection_counts_when_there_is_one_again(
    cache: TrustedCache[str, int], hearing: Hearing
) -> None:
    cache.put("key", 1, stamp=cache.stamp())
    hearing.lose()
    cache.forget("key")
    hearing.now = 0
    assert cache.get("key") is None


def test_it_is_bounded_as_what_it_was_given(cache: TrustedCache[str, int]) -> None:
    for number, key in enumerate("abcd"):
        cache.put(key, number, stamp=cache.stamp())
    assert [cache.get(key) for key in "abcd"] == [None, 1, 2, 3]


KEYS = st.sampled_from("ab")


class Memory(RuleBasedStateMachine):
    """The truth changes; changes are heard, late, or missed; readings take their time."""

    def __init__(self) -> None:
        super().__init__()
        self.hearing = Hearing()
        self.cache: TrustedCache[str, int] = TrustedCache(self.hearing, LRUCache(10))
        self.truth = {"a": 0, "b": 0}
        self.unheard: list[str] = []
        self.missed = 0
        self.readings: list[tuple[str, int | None, int]] = []

    @rule(key=KEYS)
    def it_changes(self, key: str) -> None:
        self.truth[key] += 1
        self.unheard.append(key)

    @rule()
    def what_changed_is_heard(self) -> None:
        while self.unheard:
            self.cache.forget(self.unheard.pop(0))

    @rule()
    def what_changed_is_missed(self) -> None:
        self.unheard.clear()
        self.missed += 1
        self.hearing.now = self.missed

    @rule()
    def the_connection_is_lost(self) -> None:
        self.hearing.lose()

    @rule()
    def everything_is_heard_again(self) -> None:
        self.what_changed_is_heard()
        self.hearing.now = self.missed

    @rule(key=KEYS)
    def a_reading_begins(self, key: str) -> None:
        self.readings.append((key, self.cache.stamp(), self.truth[key]))

    @rule()
    def the_oldest_reading_ends(self) -> None:
        if self.readings:
            key, stamp, value = self.readings.pop(0)
            self.cache.put(key, value, stamp=stamp)

    @rule(key=KEYS)
    def somebody_looks(self, key: str) -> None:
        known = self.cache.get(key)
        assert known is None or self.hearing.now is not None
        if key not in self.unheard:
            assert known in {None, self.truth[key]}


TestMemory = Memory.TestCase
TestMemory.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, database=None
)
