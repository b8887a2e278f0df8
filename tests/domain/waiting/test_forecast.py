"""What holds of every forecast, whoever waits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qure.domain.token import Priority
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.forecast import forecast
from qure.domain.waiting.scene import Scene, Seat, Waiting
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import Pause
from qure.domain.waiting.wait import Basis, Reason, told
from tests.domain.waiting.scenes import (
    DAY,
    EXPECTED,
    HOUR,
    MINUTE,
    NOW,
    OTHER,
    SERVICE,
    called,
    desk,
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
    usual,
    varied,
    visits,
    whole_forecast,
)

quick = settings(max_examples=25, deadline=None, database=None)

SEEN = usual(
    *visits(varied(8, 40), at=0),
    *visits(varied(14, 40), at=1, days_ago=3),
    *visits([2] * 9, at=0, came=False),
    *(one for n in range(1, 8) for one in visits([9], at=0, days_ago=n)),
    sessions=[session(n, late=n, overtakers=3, hours=8) for n in range(1, 8)],
    breaks=[
        Pause(desk(0), at, at + HOUR)
        for at in (NOW + 1.5 * HOUR - n * DAY for n in (1, 2, 3, 5, 7))
    ],
)
"""There one desk is slower, some do not come, and one rests after an hour and a half."""

NEW = usual()

people = st.lists(
    st.tuples(st.sampled_from(Priority), st.sampled_from([1.0, 1.0, 0.5])), max_size=7
).map(lambda them: [one(n, priority=p, chance=c) for n, (p, c) in enumerate(them)])
notices = st.sampled_from([None, None, NOW - 1, NOW + 20 * MINUTE])


@st.composite
def seats(draw: st.DrawFn, *, least: int = 1) -> list[Seat]:
    found = []
    for number in range(draw(st.integers(least, 3))):
        state = draw(st.sampled_from(["free", "idle", "busy", "absent", "over", "away", "paused"]))
        serves = draw(st.sampled_from([{SERVICE}, {SERVICE, OTHER}]))
        states: dict[str, dict[str, Any]] = {
            "free": {},
            "idle": {"idle_since": NOW - 5 * MINUTE},
            "busy": {"called_at": NOW - 6 * MINUTE},
            "absent": {"called_at": NOW - MINUTE, "has_come": False},
            "over": {"called_at": NOW - 3 * HOUR},
            "away": {"away": ((NOW - MINUTE, NOW + 20 * MINUTE),)},
            "paused": {"paused_since": NOW - 10 * MINUTE},
        }
        found.append(seat(number, service_ids=frozenset(serves), **states[state]))
    return found


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Small clinics of two services, in whatever state."""
    has_begun = draw(st.booleans())
    opens_at = NOW + draw(st.sampled_from([-HOUR, 600.0]))
    fields: dict[str, Any] = {"has_begun": has_begun, "opens_at": opens_at}
    lines = [
        line(draw(people), not_before=draw(notices), **fields),
        line(
            [one(50 + n) for n in range(draw(st.integers(0, 3)))],
            queue=1,
            service_id=OTHER,
            **fields,
        ),
    ]
    return scene(lines, draw(seats()))


calibrations = st.builds(
    Calibration,
    bias=st.floats(0.7, 1.5),
    late=st.floats(-0.3, 0.7),
    early=st.floats(0, 0.7),
)
experiences = st.sampled_from([NEW, SEEN])


@quick
@given(scenes(), experiences, calibrations)
def test_every_range_is_in_order_and_nothing_in_it_is_over(
    there: Scene, known: Usual, calibration: Calibration
) -> None:
    learned = {(service, n): calibration for service in EXPECTED for n in range(4)}
    for found in whole_forecast(there, known, learned).values():
        if found.unknown is not None:
            continue
        for outlook in outlooks(found):
            range_ = outlook.range
            assert NOW <= range_.leave_by <= range_.low <= range_.likely <= range_.high
            assert np.isfinite(range_.high)
            assert 0 <= outlook.before_closing <= 1
            said = told(range_, now=NOW)
            assert said.leave_by <= said.low <= said.likely <= said.high
            assert said.low <= range_.low
            assert range_.high <= said.high


@quick
@given(scenes(), experiences)
def test_the_same_scene_and_experience_give_the_same_forecast(there: Scene, known: Usual) -> None:
    assert whole_forecast(there, known) == whole_forecast(there, known)


def test_experience_that_was_learned_again_gives_the_same_forecast() -> None:
    known = [usual(*visits(varied(8, 40)), sessions=[session(1, overtakers=3)]) for _ in range(2)]
    assert forecast_of(scene(9, 2), known[0]) == forecast_of(scene(9, 2), known[1])


@quick
@given(people, seats(), experiences, notices)
def test_calls_in_one_line_come_in_its_order_on_every_path(
    waiting: list[Waiting], its_seats: list[Seat], known: Usual, notice: float | None
) -> None:
    instants = called(scene(line(waiting, not_before=notice), its_seats), known)
    for earlier, later in pairwise(waiting):
        assert (instants[earlier.id] <= instants[later.id]).all()


@quick
@given(people, seats(), experiences)
def test_a_newcomer_at_the_end_moves_nobody_before_them(
    waiting: list[Waiting], its_seats: list[Seat], known: Usual
) -> None:
    before = forecast_of(scene(line([*waiting, one(8)]), its_seats), known)
    after = forecast_of(scene(line([*waiting, one(8), one(9)]), its_seats), known)
    for id, outlook in before.waiting.items():
        assert after.waiting[id] == outlook


def test_who_joins_is_told_what_they_were_told_they_would_be() -> None:
    asked = forecast_of(scene(6, 2), SEEN).if_joined
    joined = [*forecast_of(scene(7, 2), SEEN).waiting.values()][-1]
    assert asked is not None
    assert asked.ahead == joined.ahead
    assert asked.range.likely == pytest.approx(joined.range.likely, abs=1)


@quick
@given(
    st.integers(1, 8),
    st.integers(1, 3),
    st.data(),
    st.booleans(),
)
def test_with_one_more_before_you_you_are_never_called_earlier(
    count: int, desks: int, data: st.DataObject, is_busy: bool
) -> None:
    where = data.draw(st.integers(0, count - 1))
    busy = [seat(n, called_at=NOW if is_busy else None) for n in range(desks)]
    waiting = [one(n) for n in range(count)]
    more = [*waiting[:where], one(20), *waiting[where:]]
    before, after = (forecast_of(scene(line(those), busy)) for those in (waiting, more))
    for each in waiting[where:]:
        assert after.waiting[each.id].range.likely >= before.waiting[each.id].range.likely
    assert likely(after)[-1] >= likely(before)[-1]


@quick
@given(st.integers(0, 8), st.integers(1, 3), st.floats(2, 40), st.floats(1, 20), st.booleans())
def test_where_visits_usually_take_longer_nobody_is_called_earlier(
    count: int, desks: int, minutes: float, more: float, is_busy: bool
) -> None:
    busy = [seat(n, called_at=NOW if is_busy else None) for n in range(desks)]

    def at(mean: float) -> list[float]:
        known = usual(expected={SERVICE: mean * MINUTE, OTHER: 600.0})
        return likely(forecast_of(scene(count, busy), known))

    quicker, slower = at(minutes), at(minutes + more)
    assert all(a <= b + 1e-6 for a, b in zip(quicker, slower, strict=True))


def test_a_forecast_lets_others_run_at_least_every_eight_calls() -> None:
    slices = sum(1 for _ in forecast(scene(80), pace(), {}))
    assert slices >= 80 / 8


def test_a_hundred_people_are_all_told_something() -> None:
    found = forecast_of(scene(100, 3))
    assert [each.ahead for each in outlooks(found)] == list(range(101))
    assert_rising([each.range.likely for each in outlooks(found)])


def assert_rising(values: Sequence[float]) -> None:
    assert list(values) == sorted(values)


def test_the_bounds_are_the_promised_shares_of_the_paths() -> None:
    there = scene(4, 1)
    instants, found = called(there), outlooks(forecast_of(there))
    last = instants[there.lines[0].waiting[3].id]
    range_ = found[3].range
    bounds = (range_.leave_by, range_.low, range_.high)
    assert [float(np.mean(last <= bound)) for bound in bounds] == [0.1, 0.2, 0.8]
    # Waits are skewed: half way to the mean.
    assert range_.likely == pytest.approx((np.median(last) + last.mean()) / 2, abs=1e-3)


# What it is reckoned from


def test_on_a_clinics_first_day_what_is_configured_tells() -> None:
    short = usual(expected={SERVICE: 5 * MINUTE, OTHER: HOUR})
    found = forecast_of(scene(6), short)
    assert found.basis is Basis.DEFAULT
    assert likely(found)[-1] == pytest.approx(6 * 5, rel=0.15)


def test_once_ten_visits_were_seen_earlier_days_tell() -> None:
    assert forecast_of(scene(6), usual(*visits([20] * 9))).basis is Basis.DEFAULT
    found = forecast_of(scene(6), usual(*visits([20] * 200)))
    assert found.basis is Basis.HISTORY
    assert likely(found)[-1] == pytest.approx(6 * 20, rel=0.15)


def test_once_five_visits_are_over_today_tells() -> None:
    four, five = (pace(None, today(*visits([20] * n, days_ago=0.2))) for n in (4, 5))
    assert forecast_of(scene(6), four).basis is Basis.DEFAULT
    found = forecast_of(scene(6), five)
    assert found.basis is Basis.LIVE
    assert likely(found)[-1] > 1.2 * likely(forecast_of(scene(6)))[-1]
    assert found.reasons == (Reason.SLOWER_THAN_USUAL,)


def test_a_quicker_day_is_said_to_be() -> None:
    found = forecast_of(scene(6), pace(None, today(*visits([4] * 12, days_ago=0.2))))
    assert found.reasons == (Reason.FASTER_THAN_USUAL,)


def test_a_day_like_any_other_is_not_mentioned() -> None:
    found = forecast_of(scene(6), pace(None, today(*visits([9.5] * 12, days_ago=0.2))))
    assert found.reasons == ()


# What came of earlier forecasts


def test_what_was_learned_of_a_place_in_line_applies_there_only() -> None:
    plain = outlooks(forecast_of(scene(14)))
    learned = {(SERVICE, 1): Calibration(bias=1.2, late=0.5)}
    calibrated = outlooks(forecast_of(scene(14), None, learned))
    for ahead, (before, after) in enumerate(zip(plain, calibrated, strict=True)):
        if 3 <= ahead <= 5:
            assert after.range.likely - NOW == pytest.approx(1.2 * (before.range.likely - NOW))
            assert after.range.high - NOW == pytest.approx(1.8 * (before.range.high - NOW))
        else:
            assert after == before


def test_what_was_learned_of_another_service_does_not_apply() -> None:
    learned = {(OTHER, n): Calibration(bias=1.5) for n in range(4)}
    assert forecast_of(scene(5), None, learned) == forecast_of(scene(5))


@quick
@given(scenes(), experiences)
def test_nobody_but_the_first_in_line_is_next(there: Scene, known: Usual) -> None:
    found = forecast_of(there, known)
    assume(found.unknown is None)
    assert not any(each.is_next for each in outlooks(found)[1:])
