"""What is learned from earlier days: pooled, weighted by age, and safe from what cannot be."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from qure.domain.ids import ServiceId
from qure.domain.waiting.draws import lognormal
from qure.domain.waiting.scene import SeatId
from qure.domain.waiting.usual import Level, Usual, UsualService, level_of
from qure.domain.waiting.visits import EarlierDays, Visit
from tests.domain.waiting.scenes import (
    DAY,
    EXPECTED,
    MINUTE,
    OTHER,
    SERVICE,
    desk,
    forecast_of,
    likely,
    scene,
    session,
    usual,
    varied,
    visits,
)


def of(*seen: Visit, **days: object) -> UsualService:
    """The service, after these visits."""
    return usual(*seen, **days).of[SERVICE]  # type: ignore[arg-type]


def minutes(known: UsualService, seat: SeatId | None = None) -> float:
    return (known.mean if seat is None else known.by_seat[seat]) / MINUTE


# How long visits take


def test_before_any_visit_what_is_configured_holds() -> None:
    known = of()
    assert (known.rows, known.median, minutes(known)) == (0, None, 10)
    assert known.cv == pytest.approx(0.6)
    assert (known.shape == lognormal(0.6)).all()
    assert known.by_seat == {}


def test_few_visits_are_drawn_to_what_is_configured_and_many_speak_for_themselves() -> None:
    means = [minutes(of(*visits([20] * count))) for count in (0, 1, 4, 16, 64, 400)]
    assert means == sorted(means)
    assert means[1] < 14
    assert means[-1] == pytest.approx(20, rel=0.01)


def test_other_services_of_the_clinic_tell_how_far_configured_minutes_are_off() -> None:
    known = usual(*visits([20] * 100, service_id=OTHER))
    assert known.of[SERVICE].mean == pytest.approx(20 * MINUTE, rel=0.05)
    assert known.of[SERVICE].rows == 0


def test_a_service_that_is_not_offered_any_more_tells_nothing() -> None:
    gone = ServiceId(desk(55))
    assert minutes(of(*visits([60] * 100, service_id=gone))) == 10


def test_after_28_days_a_visit_counts_half() -> None:
    old = of(*visits([20] * 50, days_ago=28))
    new = of(*visits([20] * 50, days_ago=0.35))
    assert old.came == pytest.approx(0.5 * new.came, rel=0.02)
    both = [*visits([20] * 200, days_ago=29), *visits([10] * 200, days_ago=1)]
    assert minutes(of(*both)) == pytest.approx((0.5 * 20 + 10) / 1.5, rel=0.02)


def test_a_visit_that_ends_after_now_counts_once() -> None:
    assert of(*visits([10], days_ago=-1)).came == 1


def test_one_forgotten_completion_does_not_double_the_mean() -> None:
    plain, forgotten = of(*visits([10] * 20)), of(*visits([10] * 19 + [600]))
    assert forgotten.mean < 1.3 * plain.mean
    assert forgotten.mean > plain.mean


def test_one_slip_of_the_finger_does_not_shorten_it_either() -> None:
    plain, slipped = of(*visits([10] * 20)), of(*visits([10] * 19 + [0.01]))
    assert slipped.mean == pytest.approx(plain.mean, rel=0.05)


def test_visits_of_no_length_at_all_are_believed_only_so_far() -> None:
    known = usual(*visits([0.0] * 60))
    assert np.isfinite(known.of[SERVICE].shape).all()
    assert all(0 <= one < 60 for one in likely(forecast_of(scene(5), known)))


def test_desks_that_differ_are_told_apart() -> None:
    known = of(*visits([6] * 60, at=0), *visits([18] * 60, at=1))
    assert minutes(known, desk(0)) == pytest.approx(6, rel=0.15)
    assert minutes(known, desk(1)) == pytest.approx(18, rel=0.1)
    assert minutes(known) == pytest.approx(12, rel=0.05)


def test_a_desk_with_few_visits_is_drawn_to_its_service() -> None:
    known = of(*visits([10] * 100, at=0), *visits([30] * 2, at=1))
    assert 10 < minutes(known, desk(1)) < 17


def test_a_visit_at_no_desk_tells_of_the_service_only() -> None:
    known = of(*visits([20] * 60, at=None))
    assert known.by_seat == {}
    assert minutes(known) > 18


# How they differ


def test_visits_that_are_all_alike_are_still_thought_to_differ_a_little() -> None:
    assert of(*visits([10] * 200)).cv >= 0.25


def test_from_thirty_visits_on_their_own_distribution_is_taken() -> None:
    lengths = [5.0] * 20 + [20.0] * 10
    few, enough = of(*visits(lengths[:29])), of(*visits(lengths))
    assert (few.shape == lognormal(few.cv)).all()
    assert enough.shape.mean() == pytest.approx(1)
    assert enough.shape[-1] / enough.shape[0] == pytest.approx(4, rel=0.01)


def test_desks_that_differ_do_not_make_visits_differ() -> None:
    apart = of(*visits([6] * 100, at=0), *visits([18] * 100, at=1))
    mixed = of(*visits([6, 18] * 100, at=0))
    assert apart.cv < 0.75 * mixed.cv


def test_a_service_that_is_new_is_thought_to_differ_as_the_others_do() -> None:
    known = usual(*visits(varied(20, 200), service_id=OTHER)).of[SERVICE]
    assert known.cv == pytest.approx(0.29, abs=0.02)


# How days differ


def days_of(*means: float) -> UsualService:
    seen = [
        one
        for number, mean in enumerate(means)
        for one in visits(varied(mean, 12), days_ago=number + 1)
    ]
    return of(*seen)


def test_the_more_alike_the_days_the_more_what_is_usual_counts() -> None:
    alike = days_of(*[10] * 10)
    unlike = days_of(*[5, 15] * 5)
    assert 8 <= unlike.between_days < alike.between_days <= 80


def test_days_that_differ_as_their_visits_do_are_alike() -> None:
    chance = Random(5)
    seen = [
        one
        for day in range(1, 15)
        for one in visits([10 * chance.lognormvariate(0, 0.5) for _ in range(8)], days_ago=day)
    ]
    assert of(*seen).between_days > 20


def test_before_four_days_with_four_visits_nobody_knows_how_days_differ() -> None:
    assert of().between_days == 8
    assert days_of(10, 10, 10).between_days == 8
    threes = [one for day in range(1, 9) for one in visits([10] * 3, days_ago=day)]
    assert of(*threes).between_days == 8


# Who does not come


def test_who_did_not_come_is_counted_beside_who_came() -> None:
    known = of(*visits([10] * 6, days_ago=0.1), *visits([2] * 4, came=False, days_ago=0.1))
    assert known.missed == pytest.approx(4, rel=0.01)
    assert known.came == pytest.approx(6, rel=0.01)


def test_how_long_who_does_not_come_is_waited_for() -> None:
    few, enough = (usual(*visits([5] * count, came=False)) for count in (9, 10))
    assert few.patience.mean() == pytest.approx(2 * MINUTE)
    assert (enough.patience == 5 * MINUTE).all()


def test_of_who_came_back_nobody_knows_how_long_they_were_waited_for() -> None:
    known = usual(
        *visits([5] * 10, came=False), *visits([0] * 30, came=False, rejoined=True, at=None)
    )
    assert (known.patience == 5 * MINUTE).all()


def test_the_share_of_those_who_come_back_is_learned() -> None:
    def share(back: int, gone: int) -> float:
        seen = [*visits([2] * back, came=False, rejoined=True), *visits([2] * gone, came=False)]
        return usual(*seen).comeback

    assert share(0, 0) == pytest.approx(0.2)
    assert share(10, 0) == pytest.approx(11 / 15)
    assert share(50, 50) == pytest.approx(51 / 105)


# Of days


def test_lateness_is_that_of_the_last_ten_days() -> None:
    known = of(sessions=[session(n, late=n) for n in range(15, 0, -1)])
    assert list(known.lateness / MINUTE) == list(range(1, 11))


def test_a_day_on_which_nobody_came_or_was_called_tells_nothing_of_lateness() -> None:
    known = of(
        sessions=[session(1, late=None), session(2, first_arrival_at=None), session(3, late=5)]
    )
    assert list(known.lateness / MINUTE) == [5]


def test_lateness_begins_when_somebody_was_there() -> None:
    opens_at = session(1).opens_at
    known = of(sessions=[session(1, late=30, first_arrival_at=opens_at + 20 * MINUTE)])
    assert list(known.lateness / MINUTE) == [10]


def test_as_many_seats_are_usual_as_the_last_day_had() -> None:
    assert of(sessions=[session(1, seats=2), session(3, seats=5)]).seats == 2
    assert of().seats == 0


def test_those_who_overtook_are_counted_with_the_hours_they_did_it_in() -> None:
    known = of(sessions=[session(n, overtakers=3, hours=7.5) for n in (1, 2)])
    assert (known.overtakers, known.hours) == (6, 15)


def test_pauses_come_in_order() -> None:
    assert list(usual(pauses=[30, 10, 20]).pauses) == [10, 20, 30]


# Levels


def test_of_nothing_nothing_is_known() -> None:
    known = level_of(np.array([]), np.array([]))
    assert known.count == 0
    assert known.under(Level(5, 3, 2), 8) == Level(0, 3, 2)


def test_equal_weights_count_as_many_as_they_are() -> None:
    known = level_of(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, 0.5]))
    assert (known.count, known.mean, known.variance) == pytest.approx((3, 2, 1))


def test_a_level_is_drawn_to_its_parent_by_how_much_each_counts() -> None:
    assert Level(8, 10, 4).under(Level(100, 20, 8), 8) == Level(8, 15, 6)


def test_learning_lets_others_run_between_services() -> None:
    assert sum(1 for _ in Usual.learned(EXPECTED, EarlierDays(), now=DAY)) >= 2 * len(EXPECTED)
