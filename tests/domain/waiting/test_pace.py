"""How today compares with what is usual."""

from __future__ import annotations

import pytest

from qure.domain.ids import ServiceId
from qure.domain.waiting.wait import Basis
from tests.domain.waiting.scenes import (
    MINUTE,
    OTHER,
    SERVICE,
    desk,
    pace,
    session,
    today,
    usual,
    varied,
    visits,
)
from tests.support.builders import new_id

USUALLY_TEN = usual(*(one for day in range(1, 9) for one in visits(varied(10, 12), days_ago=day)))


def test_before_anybody_was_seen_today_is_as_usual() -> None:
    at = pace(USUALLY_TEN)
    assert at.mean(SERVICE, desk(0)) == USUALLY_TEN.of[SERVICE].by_seat[desk(0)]
    assert at.mean(SERVICE, desk(9)) == USUALLY_TEN.of[SERVICE].mean


def test_a_slower_day_takes_longer_the_more_of_it_was_seen() -> None:
    means = [
        pace(USUALLY_TEN, today(*visits([20] * n, days_ago=0.3))).mean(SERVICE, desk(0)) / MINUTE
        for n in (0, 1, 5, 15, 40)
    ]
    assert means == sorted(means)
    assert means[0] == pytest.approx(10, rel=0.02)
    assert means[1] < 12
    assert 14 < means[4] < 20


def test_a_quicker_day_takes_less() -> None:
    at = pace(USUALLY_TEN, today(*visits([5] * 20, days_ago=0.3)))
    assert at.mean(SERVICE, desk(0)) < 8.5 * MINUTE


def test_what_was_seen_lately_counts_more() -> None:
    rising = pace(USUALLY_TEN, today(*visits([5] * 10 + [20] * 10, days_ago=0.3)))
    falling = pace(USUALLY_TEN, today(*visits([20] * 10 + [5] * 10, days_ago=0.3)))
    assert rising.mean(SERVICE, desk(0)) > 1.15 * falling.mean(SERVICE, desk(0))


def test_ten_visits_later_each_counts_half() -> None:
    """Of a service of which nothing else is known: ten of 5 minutes, then ten of 10."""
    known = usual()
    speed = pace(known, today(*visits([5] * 10 + [10] * 10, days_ago=0.3))).speed(SERVICE)
    weighted = (0.5 * 0.5 + 1.0) / 1.5
    weights = [2 ** (-n / 10) for n in range(20)]
    count = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    assert speed == pytest.approx((count * weighted + 3) / (count + 3))


def test_the_desk_that_is_slow_today_is_slower_than_the_others() -> None:
    seen = [*visits([20] * 12, at=0, days_ago=0.3), *visits([10] * 12, at=1, days_ago=0.3)]
    at = pace(USUALLY_TEN, today(*seen))
    assert at.mean(SERVICE, desk(0)) > at.mean(SERVICE, desk(2)) > at.mean(SERVICE, desk(1))


def test_what_nobody_knows_the_desk_of_counts_for_all() -> None:
    at = pace(USUALLY_TEN, today(*visits([20] * 12, at=None, days_ago=0.3)))
    assert at.mean(SERVICE, desk(0)) == pytest.approx(at.mean(SERVICE, desk(1)), rel=0.05)
    assert at.mean(SERVICE, desk(0)) > 11 * MINUTE


def test_one_forgotten_completion_is_not_a_slow_day() -> None:
    plain = pace(USUALLY_TEN, today(*visits([10] * 8, days_ago=0.3)))
    at = pace(USUALLY_TEN, today(*visits([10] * 7 + [600], days_ago=0.3)))
    assert at.mean(SERVICE, desk(0)) < 1.7 * plain.mean(SERVICE, desk(0))


def test_not_even_when_it_is_the_first_of_the_day() -> None:
    at = pace(USUALLY_TEN, today(*visits([600], days_ago=0.3)))
    assert at.mean(SERVICE, desk(0)) < 1.5 * USUALLY_TEN.of[SERVICE].mean


def test_a_slow_desk_alone_at_work_is_not_a_slow_day() -> None:
    known = usual(*visits([6] * 60, at=0), *visits([18] * 60, at=1))
    slow = known.of[SERVICE].by_seat[desk(1)] / MINUTE
    speed = pace(known, today(*visits([slow] * 8, at=1, days_ago=0.3))).speed(SERVICE)
    assert speed == pytest.approx(1)


def test_a_desk_that_has_seen_one_today_is_thought_to_be_as_slow_as_the_others() -> None:
    seen = [*visits([20] * 20, at=1, days_ago=0.3), *visits([10], at=0, days_ago=0.3)]
    assert pace(USUALLY_TEN, today(*seen)).mean(SERVICE, desk(0)) > 12 * MINUTE


def test_a_first_day_takes_today_for_what_it_is_sooner() -> None:
    seen = today(*visits([20] * 6, days_ago=0.3))
    first, later = pace(None, seen).speed(SERVICE), pace(USUALLY_TEN, seen).speed(SERVICE)
    assert first is not None
    assert later is not None
    assert first > later > 1


def test_speed_is_told_from_the_fifth_visit_on() -> None:
    at = [pace(USUALLY_TEN, today(*visits([20] * n, days_ago=0.3))) for n in (0, 4, 5)]
    assert [one.speed(SERVICE) is None for one in at] == [True, True, False]
    assert [one.basis(SERVICE) for one in at] == [Basis.HISTORY, Basis.HISTORY, Basis.LIVE]


def test_only_who_came_to_this_service_tells_of_its_pace() -> None:
    seen = [*visits([1] * 6, came=False), *visits([30] * 6, service_id=OTHER)]
    at = pace(USUALLY_TEN, today(*seen))
    assert at.speed(SERVICE) is None
    assert at.mean(SERVICE, desk(0)) == pace(USUALLY_TEN).mean(SERVICE, desk(0))
    assert at.speed(OTHER) is not None


# Who does not come


def test_one_of_ten_is_thought_not_to_come() -> None:
    assert pace().no_show(SERVICE) == pytest.approx(0.1)


def test_who_did_not_come_today_counts_beside_earlier_days() -> None:
    seen = today(*visits([10] * 6), *visits([2] * 4, came=False))
    assert pace(None, seen).no_show(SERVICE) == pytest.approx(5 / 20)
    assert pace(None, seen).no_show(OTHER) == pytest.approx(0.1)
    many = usual(*visits([10] * 60, days_ago=1), *visits([2] * 40, came=False, days_ago=1))
    assert pace(many).no_show(SERVICE) == pytest.approx(0.37, abs=0.01)


# Who goes before others


def test_overtaking_is_so_many_an_hour_with_a_days_worth_of_none() -> None:
    known = usual(sessions=[session(n, overtakers=4, hours=8) for n in (1, 2)])
    assert pace(known).overtaking(SERVICE, 0) * 3600 == pytest.approx(8 / 24)
    assert pace(known, today(overtakers=2)).overtaking(SERVICE, 1) * 3600 == pytest.approx(10 / 25)
    assert pace().overtaking(SERVICE, 5) == 0


def test_a_visit_of_a_service_that_is_not_known_shows_nothing() -> None:
    gone = visits([20] * 9, days_ago=0.3, service_id=ServiceId(new_id()))
    at = pace(USUALLY_TEN, today(*gone))
    assert at.mean(SERVICE, desk(0)) == pace(USUALLY_TEN).mean(SERVICE, desk(0))
    assert at.speed(SERVICE) is None
