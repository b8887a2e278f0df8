"""What comes again at the same time of day: breaks, and visits that get shorter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qure.domain.waiting.habits import FEWEST_DAYS, LEAST_FACTOR, MOST_FACTOR, Openings, Trend
from qure.domain.waiting.scene import Scene
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import Pause, Visit
from tests.domain.waiting.scenes import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OTHER,
    SERVICE,
    desk,
    forecast_of,
    likely,
    line,
    one,
    pace,
    scene,
    seat,
    session,
    today,
    usual,
    visits,
)

DAYS = range(1, 13)
SESSIONS = [session(n) for n in DAYS]


def rest(days_ago: float, *, after: float = 4 * HOUR, minutes: float = 30, at: int = 0) -> Pause:
    """Of that desk, so long after the opening."""
    begin = NOW - days_ago * DAY + after
    return Pause(desk(at), begin, begin + minutes * MINUTE)


def worked(*days: int, at: int = 0) -> list[Visit]:
    return [one for day in days or DAYS for one in visits([10] * 3, days_ago=day, at=at)]


# Which day an instant belongs to


def test_what_comes_after_an_opening_belongs_to_that_day() -> None:
    openings = Openings(SESSIONS)
    opened = NOW - DAYS[-1] * DAY
    at = np.array([-3 * HOUR, -HOUR, 0, 9 * HOUR, DAY - 3 * HOUR, DAY - HOUR, DAY]) + opened
    assert list(openings.day_of(at)) == [-1, 0, 0, 0, -1, 1, 1]


def test_services_that_open_on_the_same_day_open_one_day() -> None:
    openings = Openings([session(2), session(2.25), session(1)])
    assert list(openings.at) == [NOW - 2.25 * DAY, NOW - DAY]


def test_without_any_day_no_instant_is_of_one() -> None:
    assert list(Openings([]).day_of(np.array([NOW, NOW - DAY]))) == [-1, -1]


# Breaks


def test_a_break_of_every_day_is_a_habit() -> None:
    pauses = [rest(day, after=4 * HOUR + day * MINUTE, minutes=30 + day) for day in DAYS]
    (habit,) = usual(*worked(), sessions=SESSIONS, breaks=pauses).habits.values()
    assert habit.share == 1
    assert list(habit.offsets / MINUTE) == [240 + day for day in range(1, 11)]
    assert list(habit.lengths / MINUTE) == pytest.approx([30 + day for day in range(1, 11)])


def test_of_several_breaks_of_a_day_the_longest_is_the_habit() -> None:
    pauses = [
        pause
        for day in DAYS
        for pause in (
            rest(day, after=HOUR, minutes=5),
            rest(day),
            rest(day, after=6 * HOUR, minutes=9),
        )
    ]
    habit = usual(*worked(), sessions=SESSIONS, breaks=pauses).habits[desk(0)]
    assert set(habit.offsets / HOUR) == {4}


def test_a_break_of_fewer_than_half_of_the_days_is_none() -> None:
    def share(count: int) -> list[float]:
        pauses = [rest(day) for day in range(1, count + 1)]
        known = usual(*worked(), sessions=SESSIONS, breaks=pauses)
        return [one.share for one in known.habits.values()]

    assert share(5) == [0.5]
    assert share(4) == []


def test_a_few_days_make_no_habit() -> None:
    for count in (FEWEST_DAYS - 1, FEWEST_DAYS):
        days = range(1, count + 1)
        known = usual(*worked(*days), sessions=SESSIONS, breaks=[rest(day) for day in days])
        assert (desk(0) in known.habits) == (count == FEWEST_DAYS)


def test_only_days_on_which_the_desk_was_at_work_count() -> None:
    days = (2, 4, 6, 8)
    known = usual(
        *worked(*days), *worked(at=1), sessions=SESSIONS, breaks=[rest(day) for day in DAYS]
    )
    assert list(known.habits) == [desk(0)]
    assert known.habits[desk(0)].share == 1
    assert len(known.habits[desk(0)].offsets) == 4


def test_visits_at_no_desk_tell_of_no_habit() -> None:
    seen = [one for day in DAYS for one in visits([10] * 3, days_ago=day, at=None)]
    assert usual(*seen, sessions=SESSIONS, breaks=[rest(day) for day in DAYS]).habits == {}


# Visits that get shorter


def quicker_by(share: float, *, days: int = 20) -> Usual:
    """Visits of six hours a day: ten minutes on average, less by that share with each hour."""
    seen = [
        one
        for day in range(1, days + 1)
        for hour in range(6)
        for one in visits([10 * (1 - share * (hour - 2.5))] * 4, days_ago=day - hour / 24)
    ]
    return usual(*seen, sessions=[session(day) for day in range(1, days + 1)])


def test_of_a_service_that_gets_quicker_over_the_day_it_is_learned_by_how_much() -> None:
    trend = quicker_by(0.1).of[SERVICE].trend
    assert trend.per_hour == pytest.approx(-0.1, abs=0.02)
    assert trend.middle == pytest.approx(2.75, abs=0.3)


def test_a_day_or_two_are_not_much_believed() -> None:
    slopes = [quicker_by(0.1, days=days).of[SERVICE].trend.per_hour for days in (1, 4, 20)]
    assert slopes == sorted(slopes, reverse=True)
    assert -0.08 < slopes[0] < 0


def test_a_service_that_is_as_quick_all_day_has_no_trend() -> None:
    assert quicker_by(0.0).of[SERVICE].trend.per_hour == pytest.approx(0, abs=0.01)


def test_visits_of_no_known_day_have_no_trend() -> None:
    assert usual(*visits([10] * 40)).of[SERVICE].trend == Trend()
    assert usual(sessions=SESSIONS).of[SERVICE].trend == Trend()


def test_getting_quicker_is_no_chance_between_visits() -> None:
    known = quicker_by(0.15).of[SERVICE]
    assert known.shape.std() < 0.12


def test_a_trend_is_believed_only_so_far() -> None:
    factors = Trend(-0.3, 2).factor(NOW + HOUR * np.array([0, 2, 3, 12, -20]), NOW)
    assert list(factors) == pytest.approx([1.6, 1, 0.7, LEAST_FACTOR, MOST_FACTOR])


def test_today_is_compared_with_what_is_usual_at_that_hour() -> None:
    known = quicker_by(0.1)
    late = visits([7.5] * 8, days_ago=1 / 24)
    seen = today(*late, opened_at=NOW - 6 * HOUR)
    assert pace(known, seen).speed(SERVICE) == pytest.approx(1, abs=0.05)
    assert pace(known, today(*late)).speed(SERVICE) == pytest.approx(0.85, abs=0.12)
    assert list(pace(known, seen).factor(SERVICE, np.array([NOW]))) == pytest.approx(
        [0.67], abs=0.06
    )
    assert list(pace(known).factor(SERVICE, np.array([NOW, NOW]))) == [1, 1]


# Both, in a forecast


def resting(after: float = 2 * HOUR, *, days: int = 12) -> Usual:
    """A desk that rests for half an hour on so many of twelve days, so long after the opening."""
    pauses = [rest(day, after=after) for day in range(1, days + 1)]
    return usual(*worked(), sessions=SESSIONS, breaks=pauses)


NEVER_RESTING = usual(*worked(), sessions=SESSIONS, pauses=[30 * MINUTE] * 12)


def extra(there: Scene, known: Usual) -> list[float]:
    """How many minutes later each is likely called than if nobody ever rested."""
    pairs = zip(
        likely(forecast_of(there, known)), likely(forecast_of(there, NEVER_RESTING)), strict=True
    )
    return [later - sooner for later, sooner in pairs]


def test_a_break_that_is_made_every_day_is_expected_before_anybody_says_so() -> None:
    later = extra(scene(14), resting())
    assert later[:4] == [0, 0, 0, 0]
    assert later[10:] == pytest.approx([30] * 5, abs=3)
    assert later == pytest.approx(sorted(later), abs=3)


def test_a_break_of_every_other_day_is_made_on_as_many_paths() -> None:
    there = scene(14)
    outlook = forecast_of(there, resting(days=6)).if_joined
    plain = forecast_of(there, NEVER_RESTING).if_joined
    assert outlook is not None
    assert plain is not None
    assert outlook.range.high > plain.range.high + 15 * MINUTE
    assert outlook.range.leave_by < plain.range.leave_by + 15 * MINUTE


@pytest.mark.parametrize(
    "fields",
    [
        {"has_paused": True},
        {"paused_since": NOW - MINUTE},
        {"away": ((NOW - HOUR, NOW - 1),)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_break_that_was_made_or_told_is_not_expected_again(fields: dict[str, Any]) -> None:
    assert extra(scene(14, seat(0, **fields)), resting()) == pytest.approx([0] * 15)


def test_a_break_whose_hour_is_over_is_not_expected_any_more() -> None:
    assert extra(scene(14), resting(after=HOUR / 2)) == [0] * 15


def test_a_break_of_another_desk_changes_nothing() -> None:
    assert extra(scene(14, seat(5)), resting()) == [0] * 15
    nobody = seat(0, service_ids=frozenset({OTHER}))
    assert extra(scene(14, [seat(5), nobody]), resting()) == [0] * 15


def test_a_break_is_expected_in_many_lanes_too() -> None:
    lines = [line(8), line([one(20 + n) for n in range(8)], queue=1, not_before=NOW - 1)]
    later = extra(scene(lines), resting())
    assert later[0] == 0
    assert later[-1] == pytest.approx(30, abs=3)


def test_where_visits_get_shorter_over_the_day_the_last_wait_less_than_that_many_visits() -> None:
    known = quicker_by(0.1)
    opened = today(opened_at=NOW - HOUR)
    for there in (scene(12), scene([line(12), line(0, queue=1, not_before=NOW - 1)])):
        plain, early = (
            likely(forecast_of(there, pace(known, so_far))) for so_far in (None, opened)
        )
        assert early[1] > plain[1]
        assert (early[12] - early[9]) / early[1] < 0.97 * (plain[12] - plain[9]) / plain[1]


def test_only_what_may_still_come_is_expected() -> None:
    pauses = [rest(day, after=(0.5 if day % 2 else 2) * HOUR) for day in DAYS]
    known = usual(*worked(), sessions=SESSIONS, breaks=pauses)
    assert extra(scene(14), known)[:4] == [0, 0, 0, 0]
    assert 0 < extra(scene(14), known)[-1] <= 31


def test_a_break_is_made_by_the_desk_whose_habit_it_is() -> None:
    both = frozenset({SERVICE, OTHER})
    lines = [line([one(20 + n) for n in range(9)], service_id=OTHER), line(0, queue=1)]
    there = scene(lines, [seat(0), seat(1, service_ids=both)])
    assert extra(there, resting()) == [0] * 10


def test_a_break_is_made_once_whoever_overtakes() -> None:
    def last(breaks: bool) -> float:
        busy = [session(day, overtakers=16, hours=8) for day in DAYS]
        made = [rest(day, after=2 * HOUR) for day in DAYS if breaks]
        known = usual(*worked(), sessions=busy, breaks=made)
        found = forecast_of(scene(14), known).if_joined
        assert found is not None
        return found.range.leave_by

    # Those who come meanwhile are seen after it.
    assert 29 * MINUTE < last(True) - last(False) < 60 * MINUTE


def test_who_is_in_hand_late_in_the_day_is_quicker_too() -> None:
    known, there = quicker_by(0.1), scene(1, seat(called_at=NOW))
    late = pace(known, today(opened_at=NOW - 6 * HOUR))
    assert likely(forecast_of(there, late))[0] < 0.8 * likely(forecast_of(there, pace(known)))[0]
