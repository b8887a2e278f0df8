"""Before the first call, under a notice, and towards closing time."""

from __future__ import annotations

import pytest

from qure.domain.waiting.wait import Reason, Unknown
from tests.domain.waiting.scenes import (
    HOUR,
    MINUTE,
    NOW,
    forecast_of,
    likely,
    line,
    one,
    outlooks,
    scene,
    seat,
    session,
    usual,
)

MONTHS_LATE = usual(sessions=[session(n, late=20 + n) for n in range(1, 11)])
"""The doctor comes 21 to 30 minutes after the opening."""

LONG_WAITING = [one(n, since=NOW - 2 * HOUR + n) for n in range(2)]

# Before the opening


def test_before_the_opening_nobody_is_next() -> None:
    found = forecast_of(scene(line(LONG_WAITING, has_begun=False, opens_at=NOW + HOUR)))
    assert likely(found)[0] == 60
    assert [one.is_next for one in outlooks(found)] == [False, False, False]
    assert found.reasons == ()


def test_a_doctor_who_always_comes_late_is_expected_late() -> None:
    there = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW + HOUR))
    assert likely(forecast_of(there, MONTHS_LATE))[0] == pytest.approx(60 + 25.5, abs=0.6)


def test_a_doctor_who_comes_before_the_opening_is_not_expected_before_now() -> None:
    early = usual(sessions=[session(n, late=-30) for n in range(1, 11)])
    soon = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW + 10 * MINUTE))
    assert likely(forecast_of(soon, early))[0] == 0
    later = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW + HOUR))
    assert likely(forecast_of(later, early))[0] == pytest.approx(30)


# After it


def test_a_doctor_who_is_as_late_as_usual_is_expected_then() -> None:
    there = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW - 20 * MINUTE))
    found = forecast_of(there, MONTHS_LATE)
    assert likely(found)[0] == pytest.approx(5.5, abs=0.6)
    assert found.reasons == (Reason.DOCTOR_LATE,)


def test_a_doctor_who_is_later_than_ever_is_expected_within_as_long_again() -> None:
    there = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW - 40 * MINUTE))
    assert likely(forecast_of(there, MONTHS_LATE))[0] == pytest.approx(7.5)


def test_a_late_doctor_of_whom_nothing_is_known_is_expected_within_as_long_again() -> None:
    there = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW - 10 * MINUTE))
    found = forecast_of(there)
    assert likely(found)[0] == pytest.approx(5)
    assert found.reasons == (Reason.DOCTOR_LATE,)


def test_a_minute_after_the_opening_is_not_late() -> None:
    found = forecast_of(scene(line(LONG_WAITING, has_begun=False, opens_at=NOW - 50)))
    assert likely(found)[0] == 0
    assert found.reasons == ()


def test_nobody_is_late_where_nobody_came_yet() -> None:
    found = forecast_of(scene(line(0, has_begun=False, opens_at=NOW - HOUR)))
    assert likely(found) == [0]
    assert found.reasons == ()


def test_a_doctor_is_late_only_since_the_first_patient_came() -> None:
    first = one(0, since=NOW - 10 * MINUTE)
    found = forecast_of(scene(line([first], has_begun=False, opens_at=NOW - 2 * HOUR)))
    assert likely(found)[0] == pytest.approx(5)


def test_who_is_held_does_not_make_a_doctor_late() -> None:
    held = one(0, since=NOW - HOUR, chance=0.5)
    found = forecast_of(scene(line([held], has_begun=False, opens_at=NOW - 2 * HOUR)))
    assert found.reasons == ()


def test_a_day_without_calls_tells_nothing_of_lateness() -> None:
    idle = usual(sessions=[session(n, late=None) for n in range(1, 11)])
    there = scene(line(LONG_WAITING, has_begun=False, opens_at=NOW + HOUR))
    assert likely(forecast_of(there, idle)) == likely(forecast_of(there))


def test_once_somebody_was_called_nobody_is_late() -> None:
    found = forecast_of(scene(line(LONG_WAITING, has_begun=True)), MONTHS_LATE)
    assert likely(found)[0] == 0
    assert found.reasons == ()


def test_a_day_that_began_before_its_opening_has_begun() -> None:
    found = forecast_of(scene(line(LONG_WAITING, opens_at=NOW + HOUR)))
    assert outlooks(found)[0].is_next
    assert likely(found)[0] == 0


def test_a_desk_that_has_somebody_in_hand_has_begun_whatever_the_line_says() -> None:
    waiting = line(LONG_WAITING, has_begun=False, opens_at=NOW + HOUR)
    there = scene(waiting, seat(called_at=NOW))
    assert likely(forecast_of(there))[0] == likely(forecast_of(scene(1, seat(called_at=NOW))))[0]
    assert forecast_of(there).reasons == ()


# Under a notice


def test_a_notice_of_delay_goes_before_usual_lateness() -> None:
    there = scene(
        line(
            LONG_WAITING, has_begun=False, opens_at=NOW - 20 * MINUTE, not_before=NOW + 45 * MINUTE
        )
    )
    found = forecast_of(there, MONTHS_LATE)
    assert likely(found)[0] == 45
    assert outlooks(found)[0].range.leave_by == NOW + 45 * MINUTE
    assert found.reasons == (Reason.DOCTOR_LATE,)
    assert not outlooks(found)[0].is_next


def test_a_notice_in_the_middle_of_the_day_holds_everybody_up() -> None:
    found = forecast_of(scene(line(3, not_before=NOW + 30 * MINUTE)))
    without = forecast_of(scene(3))
    assert likely(found) == pytest.approx([30 + minutes for minutes in likely(without)])


def test_a_notice_that_is_over_changes_nothing() -> None:
    found = forecast_of(scene(line(3, not_before=NOW - MINUTE)))
    assert outlooks(found) == outlooks(forecast_of(scene(3)))
    assert found.reasons == ()


def test_a_notice_does_not_add_to_the_visit_that_goes_on() -> None:
    there = scene(line(1, not_before=NOW + 2 * MINUTE), seat(called_at=NOW))
    assert likely(forecast_of(there)) == pytest.approx(
        likely(forecast_of(scene(1, seat(called_at=NOW)))), abs=0.5
    )


def test_while_calling_is_paused_for_nobody_knows_how_long_nothing_is_known() -> None:
    found = forecast_of(scene(line(3, is_paused=True)))
    assert (found.unknown, dict(found.waiting)) == (Unknown.PAUSED, {})


def test_of_a_closed_queue_nothing_is_known() -> None:
    found = forecast_of(scene(line(3, is_closed=True, is_paused=True)))
    assert (found.unknown, found.if_joined) == (Unknown.CLOSED, None)


# Towards the end


def test_who_is_next_is_called_before_closing() -> None:
    assert outlooks(forecast_of(scene(3)))[0].before_closing == 1


def test_the_fewer_hours_are_left_the_fewer_are_reached() -> None:
    found = forecast_of(scene(line(20, closes_at=NOW + HOUR)))
    shares = [one.before_closing for one in outlooks(found)]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] > 0.95
    assert 0.2 < shares[6] < 0.9
    assert shares[-1] < 0.02


def test_after_closing_time_nobody_is_called_before_it_but_waits_are_known() -> None:
    found = forecast_of(scene(line(3, closes_at=NOW - MINUTE)))
    assert [one.before_closing for one in outlooks(found)] == [0, 0, 0, 0]
    assert likely(found) == likely(forecast_of(scene(3)))
