"""Who calls: how many, how quickly, and from when until when."""

from __future__ import annotations

import math

import pytest

from qure.domain.waiting.draws import lognormal
from qure.domain.waiting.forecast import QueueForecast
from qure.domain.waiting.scene import Waiting
from qure.domain.waiting.wait import Basis, Reason, Unknown
from tests.domain.waiting.scenes import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OTHER,
    forecast_of,
    likely,
    line,
    one,
    outlooks,
    scene,
    seat,
    token,
    usual,
    varied,
    visits,
    whole_forecast,
)

FOR_EVER = float("inf")


def is_later(one: QueueForecast, other: QueueForecast, *, by: float = 0.0) -> bool:
    """Whether everybody is likely called at least so many minutes later in the first."""
    return all(a >= b + by for a, b in zip(likely(one), likely(other), strict=True))


# How many


def test_without_a_desk_nothing_is_known() -> None:
    found = forecast_of(scene(3, 0))
    assert found.unknown is Unknown.NO_DESK
    assert (dict(found.waiting), found.if_joined, found.basis) == ({}, None, Basis.DEFAULT)


def test_a_desk_for_another_service_is_no_desk() -> None:
    found = forecast_of(scene(3, seat(service_ids=frozenset({OTHER}))))
    assert found.unknown is Unknown.NO_DESK


def test_one_free_desk_takes_one_after_the_other() -> None:
    found = forecast_of(scene(3, 1))
    assert [one.ahead for one in outlooks(found)] == [0, 1, 2, 3]
    assert [one.is_next for one in outlooks(found)] == [True, False, False, False]
    minutes = likely(found)
    assert minutes[0] == 0
    assert minutes[3] == pytest.approx(30, rel=0.15)


def test_with_many_desks_the_wait_falls_by_as_many() -> None:
    alone = likely(forecast_of(scene(24, 1)))[-1]
    for count in range(2, 7):
        shared = likely(forecast_of(scene(24, count)))[-1]
        assert shared == pytest.approx(alone / count, rel=0.2)


def test_with_a_desk_for_everybody_all_are_called_now() -> None:
    assert likely(forecast_of(scene(3, 4))) == [0, 0, 0, 0]


def test_when_a_desk_leaves_everybody_is_later() -> None:
    both, one_left = forecast_of(scene(8, 2)), forecast_of(scene(8, 1))
    assert is_later(one_left, both)
    assert likely(one_left)[-1] > 1.7 * likely(both)[-1]


def test_a_desk_that_will_leave_takes_nobody_after_that() -> None:
    leaves = scene(8, [seat(0), seat(1, away=((NOW + 15 * MINUTE, FOR_EVER),))])
    stays = forecast_of(scene(8, 2))
    found = forecast_of(leaves)
    assert likely(found)[:2] == likely(stays)[:2] == [0, 0]
    assert is_later(found, stays)
    assert is_later(forecast_of(scene(8, 1)), found)


def test_who_is_not_reached_before_the_last_desk_leaves_is_told_nothing() -> None:
    found = forecast_of(scene(5, seat(away=((NOW + 20 * MINUTE, FOR_EVER),))))
    assert found.unknown is None
    assert list(found.waiting) == [token(0), token(1)]
    assert found.if_joined is None


def test_when_every_desk_has_left_nothing_is_known() -> None:
    found = forecast_of(scene(3, seat(away=((NOW, FOR_EVER),))))
    assert (found.unknown, dict(found.waiting)) == (Unknown.NO_DESK, {})


# How quickly


def test_a_slow_desk_takes_fewer() -> None:
    quick = visits([5] * 60, at=0)
    slow = visits([20] * 60, at=1)
    known = usual(*quick, *slow)
    both = likely(forecast_of(scene(15, 2), known))[-1]
    two_quick = likely(forecast_of(scene(15, 2), usual(*quick)))[-1]
    two_slow = likely(forecast_of(scene(15, 2), usual(*slow)))[-1]
    assert two_quick < both < two_slow
    # As of pipes: 1/5 + 1/20 a minute.
    assert both == pytest.approx(15 * 4, rel=0.25)


def test_the_same_people_wait_longer_behind_who_is_slow() -> None:
    known = usual(*visits([5] * 60, at=0), *visits([20] * 60, at=1))
    assert is_later(
        forecast_of(scene(5, seat(1)), known), forecast_of(scene(5, seat(0)), known), by=0
    )


# In hand


def test_who_has_just_been_called_takes_a_whole_visit() -> None:
    found = forecast_of(scene(2, seat(called_at=NOW)))
    assert likely(found)[0] == pytest.approx(10, rel=0.2)
    assert not outlooks(found)[0].is_next


def test_who_has_been_there_for_long_takes_what_longer_visits_take_more() -> None:
    known = usual(*visits(varied(10, 60)))
    begun = likely(forecast_of(scene(1, seat(called_at=NOW)), known))[0]
    half = likely(forecast_of(scene(1, seat(called_at=NOW - 9 * MINUTE)), known))[0]
    assert half < begun
    assert half == pytest.approx(3, abs=0.7)


def test_a_clock_that_is_behind_does_no_harm() -> None:
    ahead = forecast_of(scene(2, seat(called_at=NOW + MINUTE)))
    assert likely(ahead) == likely(forecast_of(scene(2, seat(called_at=NOW))))


def test_a_forgotten_visit_is_nearly_over_and_said_to_run_over() -> None:
    found = forecast_of(scene(3, seat(called_at=NOW - 3 * HOUR)))
    assert Reason.RUNNING_OVER in found.reasons
    first, second, *_ = likely(found)
    assert 0 < first < 5
    assert second - first == pytest.approx(10, rel=0.35)
    assert all(math.isfinite(one.range.high) for one in outlooks(found))


def test_a_visit_forgotten_since_yesterday_is_no_other_case() -> None:
    lately = forecast_of(scene(3, seat(called_at=NOW - 3 * HOUR)))
    assert likely(lately) == likely(forecast_of(scene(3, seat(called_at=NOW - DAY))))


def test_a_visit_runs_over_once_it_is_longer_than_99_of_100() -> None:
    lengths = 10 * MINUTE * lognormal(0.6)
    for number, is_over in ((197, False), (198, True)):
        elapsed = float(lengths[number] + lengths[number + 1]) / 2
        found = forecast_of(scene(1, seat(called_at=NOW - elapsed)))
        assert (Reason.RUNNING_OVER in found.reasons) == is_over


def test_only_who_waits_for_that_desk_is_told_that_it_runs_over() -> None:
    lines = [line(2), line([], queue=1, service_id=OTHER)]
    seats = [seat(0, called_at=NOW - 3 * HOUR), seat(1, service_ids=frozenset({OTHER}))]
    there = scene(lines, seats)
    mine, others = whole_forecast(there).values()
    assert Reason.RUNNING_OVER in mine.reasons
    assert Reason.RUNNING_OVER not in others.reasons


def test_whom_nobody_has_seen_come_may_be_given_up_soon() -> None:
    came = forecast_of(scene(1, seat(called_at=NOW - 2 * MINUTE)))
    absent = forecast_of(scene(1, seat(called_at=NOW - 2 * MINUTE, has_come=False)))
    assert outlooks(absent)[0].range.low < outlooks(came)[0].range.low
    assert likely(absent)[0] < likely(came)[0]


def test_the_longer_somebody_does_not_come_the_likelier_they_were_only_not_marked() -> None:
    for elapsed in (20 * MINUTE, DAY):
        unmarked = forecast_of(scene(1, seat(called_at=NOW - elapsed, has_come=False)))
        assert unmarked == forecast_of(scene(1, seat(called_at=NOW - elapsed)))


# Breaks


def test_during_a_break_with_an_end_nobody_is_called_before_it() -> None:
    away = ((NOW - 5 * MINUTE, NOW + 25 * MINUTE),)
    found = forecast_of(scene(3, seat(away=away)))
    assert likely(found)[0] == 25
    assert found.reasons == (Reason.BREAK_UNTIL,)
    assert not outlooks(found)[0].is_next
    assert outlooks(found)[0].range.leave_by == NOW + 25 * MINUTE


def test_who_is_in_hand_when_a_break_begins_does_not_lengthen_it() -> None:
    away = ((NOW, NOW + HOUR),)
    assert likely(forecast_of(scene(1, seat(called_at=NOW, away=away))))[0] == 60


def test_a_break_to_come_delays_only_who_would_be_called_in_it() -> None:
    away = ((NOW + 15 * MINUTE, NOW + 45 * MINUTE),)
    found, without = forecast_of(scene(4, seat(away=away))), forecast_of(scene(4, 1))
    assert [one.range.low for one in outlooks(found)[:2]] == [
        one.range.low for one in outlooks(without)[:2]
    ]
    assert likely(found)[1] < likely(without)[1] + 3
    assert likely(found)[3] > likely(without)[3] + 10
    assert found.reasons == ()


def test_one_desks_break_is_not_everybodys() -> None:
    there = scene(2, [seat(0, away=((NOW, NOW + HOUR),)), seat(1)])
    found = forecast_of(there)
    assert found.reasons == ()
    assert likely(found)[0] == 0
    assert outlooks(found)[0].is_next


def test_nobody_knows_when_a_break_without_an_end_is_over_but_not_at_once() -> None:
    found = forecast_of(scene(2, seat(paused_since=NOW)))
    assert likely(found)[0] == pytest.approx(15, rel=0.25)
    assert outlooks(found)[0].range.low < outlooks(found)[0].range.high
    assert not outlooks(found)[0].is_next


def test_breaks_without_an_end_last_as_long_as_they_did() -> None:
    known = usual(pauses=[40 * MINUTE, 50 * MINUTE, 60 * MINUTE])
    assert likely(forecast_of(scene(1, seat(paused_since=NOW)), known))[0] == pytest.approx(50)
    later = scene(1, seat(paused_since=NOW - 45 * MINUTE))
    assert 5 <= likely(forecast_of(later, known))[0] <= 15


def test_two_breaks_tell_nothing_of_how_long_they_last() -> None:
    known = usual(pauses=[HOUR, HOUR])
    assert likely(forecast_of(scene(1, seat(paused_since=NOW)), known))[0] < 20


def test_a_break_that_outlasts_all_before_it_ends_some_time() -> None:
    there = scene(1, seat(paused_since=NOW - 5 * HOUR))
    assert likely(forecast_of(there))[0] == pytest.approx(7.5)


# Idle


def test_a_desk_that_has_just_let_somebody_go_calls_at_once() -> None:
    assert likely(forecast_of(scene(1, seat(idle_since=NOW - 30))))[0] == 0


def test_a_desk_that_calls_nobody_who_waits_for_it_has_another_reason() -> None:
    waiting = line([token_since(NOW - 20 * MINUTE)])
    found = forecast_of(scene(waiting, seat(idle_since=NOW - 10 * MINUTE)))
    assert likely(found)[0] == pytest.approx(5)


def test_a_desk_that_nobody_came_to_for_an_hour_calls_the_first_at_once() -> None:
    found = forecast_of(scene(line([token_since(NOW - 1)]), seat(idle_since=NOW - HOUR)))
    assert likely(found)[0] == 0
    empty = forecast_of(scene(0, seat(idle_since=NOW - HOUR)))
    assert likely(empty) == [0]


def token_since(since: float) -> Waiting:
    return one(0, since=since)


def test_a_desk_that_is_not_known_yet_takes_what_is_usual() -> None:
    known = usual(*visits([20] * 80, at=7))
    assert likely(forecast_of(scene(1, seat(7)), known))[1] == pytest.approx(20, rel=0.15)
    assert likely(forecast_of(scene(1, seat(8)), known))[1] == pytest.approx(20, rel=0.15)
