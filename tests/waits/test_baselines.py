"""The simple rules, on a day by hand: two desks, ten minutes configured, seven in truth."""

from __future__ import annotations

import pytest

from bench.waits.baselines import Rule, baselines
from bench.waits.observing import MINUTE, Asked, Class, Moment, Observer
from tests.waits.support import DESKS, SERVICE, asked, plan, token


def a_morning(observer: Observer) -> None:
    """At minute 30 tokens 5 to 8 wait, since 20, 22, 24 and 30; the last two calls waited 8, 12."""
    at = MINUTE
    observer.day_begins(plan())
    for desk in DESKS:
        observer.desk_opened(desk, 0.0)
    for number, joined in ((1, 0), (2, 0), (3, 2), (4, 8)):
        observer.arrived(token(number), SERVICE, Class.NORMAL, joined * at)
    observer.called(token(1), DESKS[0], 0.0)
    observer.called(token(2), DESKS[1], 0.0)
    observer.released(token(1), DESKS[0], 10 * at)
    observer.called(token(3), DESKS[0], 10 * at)
    observer.released(token(2), DESKS[1], 20 * at)
    observer.called(token(4), DESKS[1], 20 * at)
    for number, joined in ((5, 20), (6, 22), (7, 24), (8, 30)):
        observer.arrived(token(number), SERVICE, Class.NORMAL, joined * at)


def said(name: str, one: Asked, now: float = 30) -> float:
    """How many minutes it says are left."""
    observer = baselines({SERVICE: 7 * MINUTE})[name]
    a_morning(observer)
    saying = observer.say(now * MINUTE, [one])[one.token]
    assert saying is not None
    return saying.likely / MINUTE - now


@pytest.mark.parametrize(
    ("name", "joining", "two_ahead"),
    [
        ("B0", 4 * 10 / 2, 3 * 10 / 2),
        ("B1", 4 * 7 / 2, 3 * 7 / 2),
        ("B2", 4 * 15 / 2, 3 * 15 / 2),  # 10 and 20 minutes were taken
        ("B3", 12, 12 - 6),  # the last one waited 12, this one has waited 6
        ("B4", 10, 10 - 6),  # the first in line has waited 10
        ("B5", (0 + 0 + 8 + 12) / 4, 0),
        ("B6", 4 * 10 / 2, 3 * 10 / 2),  # nobody was asked about before: as B0
    ],
)
def test_each_rule_by_hand(name: str, joining: float, two_ahead: float) -> None:
    assert said(name, asked(8, 3)) == pytest.approx(joining)
    assert said(name, asked(7, 2, Moment.TWO_AHEAD)) == pytest.approx(two_ahead)


def test_the_first_in_line_is_told_what_b0_says_by_hol() -> None:
    assert said("B4", asked(5, 0)) == pytest.approx(1 * 10 / 2)


def test_what_remained_with_as_many_ahead_is_remembered_by_kind_of_moment() -> None:
    observer = baselines({SERVICE: 7 * MINUTE})["B6"]
    a_morning(observer)
    observer.say(30 * MINUTE, [asked(8, 3)])
    observer.called(token(8), DESKS[0], 70 * MINUTE)
    observer.arrived(token(9), SERVICE, Class.NORMAL, 80 * MINUTE)
    (told,) = observer.say(80 * MINUTE, [asked(9, 3)]).values()
    (other,) = observer.say(80 * MINUTE, [asked(9, 2, Moment.TWO_AHEAD)]).values()

    assert told is not None
    assert other is not None
    assert told.likely == 120 * MINUTE
    assert other.likely == (80 + 15) * MINUTE


def test_before_opening_the_opening_is_awaited_and_all_desks_count() -> None:
    observer = baselines({SERVICE: 7 * MINUTE})["B0"]
    observer.day_begins(plan())
    observer.arrived(token(1), SERVICE, Class.NORMAL, -300.0)
    (told,) = observer.say(-300.0, [asked(1, 0)]).values()

    assert told is not None
    assert told.likely == 5 * MINUTE


def test_without_any_call_each_rule_says_what_b0_says() -> None:
    for name, observer in baselines({SERVICE: 10 * MINUTE}).items():
        assert isinstance(observer, Rule)
        observer.day_begins(plan())
        observer.desk_opened(DESKS[0], 0.0)
        observer.arrived(token(1), SERVICE, Class.NORMAL, 0.0)
        (told,) = observer.say(0.0, [asked(1, 0)]).values()
        assert told is not None
        assert told.likely == 10 * MINUTE, name
