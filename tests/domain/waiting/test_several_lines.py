"""Lines that share desks: a desk takes the best class, then who has waited longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from qure.domain.ids import ServiceId
from qure.domain.token import Priority
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import Scene, Seat, Waiting
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import Today
from tests.domain.waiting.scenes import (
    MINUTE,
    NOW,
    OTHER,
    SERVICE,
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
    whole_forecast,
)

URGENT, PRIORITY = Priority.URGENT, Priority.PRIORITY
BOTH = frozenset({SERVICE, OTHER})
FOR_EVER = float("inf")


def two_lines(
    first: Sequence[Waiting], second: Sequence[Waiting], *seats: Seat, **of_second: float
) -> Scene:
    """Of two services; a desk for both unless others are given."""
    lines = [line(first), line(second, queue=1, service_id=OTHER, **of_second)]
    return scene(lines, seats or [seat(0, service_ids=BOTH)])


def in_order(there: Scene, known: Usual | None = None) -> list[int]:
    """The numbers of those who wait by when they are called, which is the same on every path."""
    instants = called(there, known)
    everybody = [one.id for each in there.lines for one in each.waiting]
    stacked = np.stack([instants[id] for id in everybody])
    order = stacked.argsort(axis=0, kind="stable")
    assert (order == order[:, :1]).all()
    by_id = {token(number): number for number in range(100)}
    return [by_id[everybody[place]] for place in order[:, 0]]


# On the same terms: one lane


def test_of_two_lines_a_desk_takes_who_has_waited_longest() -> None:
    assert in_order(two_lines([one(1), one(4)], [one(2), one(3)])) == [1, 2, 3, 4]


def test_of_two_lines_a_desk_takes_the_best_class_first() -> None:
    there = two_lines([one(3, priority=URGENT), one(1)], [one(2, priority=PRIORITY), one(4)])
    assert in_order(there) == [3, 2, 1, 4]


def test_a_line_keeps_its_own_order_whoever_has_waited_longest() -> None:
    assert in_order(two_lines([one(5), one(1)], [one(3), one(4)])) == [3, 4, 5, 1]


def test_those_of_the_other_line_are_waited_for_but_not_ahead() -> None:
    found = forecast_of(two_lines([one(9)], [one(1), one(2)]))
    assert outlooks(found)[0].ahead == 0
    assert likely(found)[0] == pytest.approx(20, rel=0.2)


def test_a_line_of_another_desk_changes_nothing() -> None:
    own = seat(0), seat(1, service_ids=frozenset({OTHER}))
    found = forecast_of(two_lines([one(1), one(2)], [one(3)] * 1, *own))
    assert outlooks(found) == outlooks(forecast_of(scene(line([one(1), one(2)]), 1)))


def test_each_queue_of_the_clinic_has_its_forecast() -> None:
    there = two_lines([one(1)], [one(2)])
    found = whole_forecast(there)
    assert list(found) == [each.queue_id for each in there.lines]
    assert [list(each.waiting) for each in found.values()] == [[token(1)], [token(2)]]


def test_a_closed_line_takes_nobody_from_the_other() -> None:
    there = two_lines([one(3)], [one(1), one(2)])
    closed = replace(there, lines=(there.lines[0], replace(there.lines[1], is_closed=True)))
    assert likely(forecast_of(closed))[0] == 0
    assert whole_forecast(closed)[there.lines[1].queue_id].if_joined is None


# Not on the same terms: many lanes


def test_a_desk_that_serves_both_shares_its_time_between_them() -> None:
    own = [seat(0), seat(1, service_ids=BOTH)]
    first, second = [one(2 * n) for n in range(6)], [one(2 * n + 1) for n in range(6)]
    found, other = whole_forecast(two_lines(first, second, *own)).values()
    alone = forecast_of(scene(line(first), 1))
    shared = forecast_of(scene(line(first), 2))
    assert likely(shared)[5] < likely(found)[5] < likely(alone)[5]
    assert likely(other)[-1] > likely(found)[-1]


def test_a_desk_for_one_line_never_takes_from_the_other() -> None:
    own = [seat(0), seat(1, service_ids=BOTH, away=((NOW, FOR_EVER),))]
    found = whole_forecast(two_lines([one(1), one(2)], [one(3)], *own))
    mine, other = found.values()
    assert likely(mine)[:2] == pytest.approx(likely(forecast_of(scene(line([one(1), one(2)]))))[:2])
    assert dict(other.waiting) == {}


def test_a_line_that_may_not_be_called_yet_lets_the_other_go_first() -> None:
    there = two_lines([one(4), one(5)], [one(1), one(2)], not_before=NOW + 15 * MINUTE)
    mine, held = whole_forecast(there).values()
    assert likely(mine)[0] == 0
    assert likely(mine)[1] == pytest.approx(9, rel=0.2)
    assert outlooks(held)[0].range.leave_by >= NOW + 15 * MINUTE
    assert likely(held)[0] < 30


def test_who_could_not_be_called_comes_first_once_they_may() -> None:
    there = two_lines([one(n) for n in range(5, 15)], [one(1)], not_before=NOW + MINUTE)
    mine, held = whole_forecast(there).values()
    assert likely(mine)[0] == 0
    assert likely(held)[0] == pytest.approx(likely(mine)[1], abs=15)
    assert likely(held)[0] < likely(mine)[1] < likely(mine)[2]


def test_a_desk_with_nobody_else_waits_for_the_line_that_may_not_be_called_yet() -> None:
    there = two_lines([], [one(1)], not_before=NOW + 40 * MINUTE)
    mine, held = whole_forecast(there).values()
    assert likely(mine) == [0]
    assert likely(held)[0] == 40


def test_desks_that_leave_for_ever_leave_some_uncalled() -> None:
    gone = seat(0, service_ids=BOTH, away=((NOW, FOR_EVER),))
    there = two_lines([one(1)], [one(2)], gone, not_before=NOW + MINUTE)
    assert all(dict(each.waiting) == {} for each in whole_forecast(there).values())


def test_a_break_of_a_shared_desk_delays_both() -> None:
    rest = seat(0, service_ids=BOTH, away=((NOW + MINUTE, NOW + 60 * MINUTE),))
    there = two_lines([one(1)], [one(2), one(3)], rest, not_before=NOW - 1)
    mine, other = whole_forecast(there).values()
    assert likely(mine)[0] == 0
    assert likely(other)[0] == 60


def test_urgent_cases_lengthen_waits_of_lines_that_share_a_desk() -> None:
    own = [seat(0), seat(1, service_ids=BOTH)]
    first, second = [one(2 * n) for n in range(8)], [one(2 * n + 1) for n in range(8)]
    there = two_lines(first, second, *own)
    quiet = likely(forecast_of(there))
    known = usual(sessions=[session(n, overtakers=12, hours=8) for n in range(1, 11)])
    assert likely(forecast_of(there, known))[-1] > 1.05 * quiet[-1]
    busy = pace(None, today(overtakers=12))
    assert likely(forecast_of(there, busy))[-1] > 1.05 * quiet[-1]


def test_more_urgent_cases_than_can_be_seen_end_with_the_day_in_many_lanes() -> None:
    known = usual(sessions=[session(n, overtakers=90, hours=8) for n in range(1, 11)])
    there = two_lines([one(1)], [one(n) for n in range(2, 5)], not_before=NOW - 1)
    lines = tuple(replace(each, closes_at=NOW + 60 * MINUTE) for each in there.lines)
    found = forecast_of(replace(there, lines=lines), known)
    assert all(minutes < 24 * 60 for minutes in likely(found))


def test_many_who_wait_in_many_lanes_are_all_called() -> None:
    own = [seat(0), seat(1, service_ids=BOTH), seat(2, service_ids=frozenset({OTHER}))]
    first, second = [one(2 * n) for n in range(20)], [one(2 * n + 1) for n in range(20)]
    instants = called(two_lines(first, second, *own))
    assert all(np.isfinite(each).all() for each in instants.values())


def test_lanes_that_are_joined_by_a_third_are_one_group() -> None:
    """Desks: one for each line, and one for both that is listed last."""
    own = [seat(0), seat(1, service_ids=frozenset({OTHER})), seat(2, service_ids=BOTH)]
    third = line([one(7)], queue=2)
    there = two_lines([one(1)], [one(2)], *own)
    found = whole_forecast(replace(there, lines=(*there.lines, replace(third, not_before=NOW - 1))))
    assert [len(each.waiting) for each in found.values()] == [1, 1, 1]
    assert [likely(each)[0] for each in found.values()] == [0, 0, 0]


def test_those_who_ask_do_not_stand_before_each_other() -> None:
    for notice in ({}, {"not_before": NOW - 1}):
        found = whole_forecast(two_lines([], [], **notice)).values()
        assert [likely(each) for each in found] == [[0], [0]]


def busy(service: ServiceId) -> Pace:
    """Twenty have overtaken others of that service today."""
    return pace(None, Today([], {service: 20}))


def test_nobody_is_overtaken_at_a_desk_where_those_who_overtake_are_not_seen() -> None:
    own = [seat(0), seat(1, service_ids=BOTH, away=((NOW, FOR_EVER),))]
    there = two_lines([one(n) for n in range(6)], [], *own)
    assert outlooks(forecast_of(there, busy(OTHER))) == outlooks(forecast_of(there))
    assert likely(forecast_of(there, busy(SERVICE)))[-1] > 1.2 * likely(forecast_of(there))[-1]


def test_who_may_not_be_called_yet_overtakes_nobody_until_then() -> None:
    there = two_lines([one(n) for n in range(6)], [], not_before=NOW + 300 * MINUTE)
    assert outlooks(forecast_of(there, busy(OTHER))) == outlooks(forecast_of(there))


def test_urgent_cases_of_both_lines_are_waited_for() -> None:
    lines = [line([one(n) for n in range(12)]), line([], queue=1)]
    known = usual(sessions=[session(n, overtakers=6, hours=8) for n in range(1, 11)])
    both = likely(forecast_of(scene(lines), known))[-1]
    assert both > 1.08 * likely(forecast_of(scene(lines[0]), known))[-1]


def test_a_desk_that_nobody_of_its_own_waits_for_is_not_slow_to_call() -> None:
    waiting = [one(0, since=NOW - 30 * MINUTE)]
    own = [seat(0), seat(1, service_ids=frozenset({OTHER}), idle_since=NOW - 60 * MINUTE)]
    _, other = whole_forecast(two_lines(waiting, [], *own)).values()
    assert likely(other) == [0]
