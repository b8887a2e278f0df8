"""No-shows, people who may come back, and those who go before others."""

from __future__ import annotations

import numpy as np
import pytest

from qure.domain.token import Priority
from qure.domain.waiting.lanes import Lane
from qure.domain.waiting.paths import Play
from qure.domain.waiting.seating import seating
from qure.domain.waiting.slices import finished
from qure.domain.waiting.wait import Reason
from tests.domain.waiting.scenes import (
    HOUR,
    MINUTE,
    NOW,
    called,
    forecast_of,
    likely,
    line,
    one,
    outlooks,
    pace,
    scene,
    seat,
    session,
    today,
    token,
    usual,
    visits,
)

FOR_EVER = float("inf")

# Who does not come


def test_where_nobody_ever_came_waits_shrink_to_how_long_one_is_waited_for() -> None:
    nobody = usual(*visits([2] * 200, came=False))
    found = likely(forecast_of(scene(10), nobody))
    assert found[-1] == pytest.approx(10 * 2, rel=0.15)
    assert found[-1] < 0.5 * likely(forecast_of(scene(10)))[-1]


def test_the_more_did_not_come_the_shorter_is_the_wait() -> None:
    def last(missed: int) -> float:
        known = usual(*visits([10] * (60 - missed)), *visits([1] * missed, came=False))
        return likely(forecast_of(scene(10), known))[-1]

    assert last(0) > last(15) > last(30)


def test_who_does_not_come_now_but_comes_back_takes_as_long_as_anybody() -> None:
    gone = usual(*visits([1] * 100, came=False))
    back = usual(*visits([1] * 100, came=False, rejoined=True))
    assert likely(forecast_of(scene(8), back))[-1] > 3 * likely(forecast_of(scene(8), gone))[-1]


# Who may be there


def test_who_may_be_there_is_told_nothing_and_not_counted() -> None:
    waiting = [one(0), one(1, chance=0.5), one(2)]
    found = forecast_of(scene(line(waiting)))
    assert list(found.waiting) == [token(0), token(2)]
    assert [one.ahead for one in outlooks(found)] == [0, 1, 2]


def test_who_may_be_there_takes_their_share_of_a_visit() -> None:
    def last(chance: float) -> float:
        waiting = [one(n, chance=chance) for n in range(20)]
        return likely(forecast_of(scene(line([*waiting, one(20)]))))[0]

    assert last(0.0) == 0
    assert last(0.25) == pytest.approx(20 * 9.2 * 0.25, rel=0.25)
    assert last(0.25) < last(0.5) < last(0.75) < last(0.999)


def test_who_is_held_is_passed_over_on_as_many_paths_as_they_are_away() -> None:
    instants = called(scene(line([one(0, chance=0.3), one(1)])))[token(1)]
    assert np.mean(instants == NOW) == pytest.approx(0.7, abs=0.01)


def test_those_behind_who_may_come_back_are_called_while_that_one_is_away() -> None:
    found = forecast_of(scene(line([one(0, chance=0.2), one(1)])))
    assert outlooks(found)[0].is_next
    assert outlooks(found)[0].range.low == NOW
    assert likely(found)[0] < 1


# Who goes before others


def test_an_urgent_case_delays_those_behind_not_who_is_in_hand() -> None:
    busy = seat(called_at=NOW - MINUTE)
    before = forecast_of(scene(line([one(n) for n in range(3)]), busy))
    urgent = one(9, priority=Priority.URGENT)
    after = forecast_of(scene(line([urgent, *(one(n) for n in range(3))]), busy))
    assert outlooks(after)[0].range == outlooks(before)[0].range
    for n in range(3):
        then, now = before.waiting[token(n)], after.waiting[token(n)]
        assert now.range.likely > then.range.likely + 5 * MINUTE
    assert after.reasons == (Reason.URGENT_CASES,)
    assert before.reasons == ()


def test_where_urgent_cases_come_often_waits_are_longer() -> None:
    def last(overtakers: int) -> float:
        known = usual(sessions=[session(n, overtakers=overtakers, hours=8) for n in range(1, 11)])
        return likely(forecast_of(scene(12), known))[-1]

    none, some, many = last(0), last(4), last(16)
    assert none < some < many
    # Of each hour, 160 in 88 hours leave 42 minutes of one that is seen for ten.
    assert many == pytest.approx(none * 60 / 42, rel=0.05)


def test_those_of_today_count_too() -> None:
    quiet, busy = pace(), pace(None, today(overtakers=6))
    assert likely(forecast_of(scene(12), busy))[-1] > likely(forecast_of(scene(12), quiet))[-1]


def test_as_many_in_more_hours_are_fewer() -> None:
    at = pace(None, today(overtakers=8))
    early, late = (scene(line(12, opens_at=NOW - hours * HOUR)) for hours in (1, 8))
    assert likely(forecast_of(late, at))[-1] < 0.95 * likely(forecast_of(early, at))[-1]


def test_nobody_is_overtaken_while_a_desk_is_free_for_them() -> None:
    known = usual(sessions=[session(n, overtakers=16, hours=8) for n in range(1, 11)])
    assert likely(forecast_of(scene(3, 2), known))[:2] == [0, 0]


def test_more_urgent_cases_than_can_be_seen_are_an_end_of_the_day_not_of_the_forecast() -> None:
    known = usual(sessions=[session(n, overtakers=90, hours=8) for n in range(1, 11)])
    found = forecast_of(scene(line(3, closes_at=NOW + HOUR)), known)
    assert 0 < likely(found)[1] < likely(found)[2] < 8 * 60


def test_they_do_not_come_for_ever_to_desks_that_have_left() -> None:
    known = usual(sessions=[session(n, overtakers=16, hours=8) for n in range(1, 11)])
    found = forecast_of(scene(3, seat(away=((NOW, FOR_EVER),))), known)
    assert dict(found.waiting) == {}


def test_after_closing_time_none_come() -> None:
    known = usual(sessions=[session(n, overtakers=16, hours=8) for n in range(1, 11)])
    closed = scene(line(12, closes_at=NOW - MINUTE))
    assert likely(forecast_of(closed, known)) == likely(forecast_of(scene(12)))


def test_where_nobody_waits_nobody_is_overtaken() -> None:
    there, at = scene(0), pace(None, today(overtakers=6))
    play = Play(there, [Lane([0], [], 0.0, 1 / 600)], seating(there, at), at)
    finished(play.run())
    assert play.called == {}
