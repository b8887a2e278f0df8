"""Places in the line: at its end, at its front, and between two others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.places import NoRoom, end_of_line, front_of_line, place_behind
from qure.domain.token import PLACE_STEP, Priority
from tests.domain.kept import line_of
from tests.support.builders import build_queue, build_token

NORMAL, PRIORITY, URGENT = Priority


def test_the_end_of_the_line_is_behind_everybody_and_nobody_gets_it_twice() -> None:
    queue = build_queue(last_place=3 * PLACE_STEP)
    assert [end_of_line(queue), end_of_line(queue)] == [4 * PLACE_STEP, 5 * PLACE_STEP]
    assert queue.last_place == 5 * PLACE_STEP


def test_the_front_of_the_line_is_before_all_that_wait_in_the_class() -> None:
    queue = build_queue(last_place=9 * PLACE_STEP)
    line = line_of(
        [
            build_token(queue, number=1, priority=URGENT),
            build_token(queue, number=2, on_hold=True),
            build_token(queue, number=4),
            build_token(queue, number=3),
        ]
    )
    assert front_of_line(queue, line, NORMAL) == 2.5 * PLACE_STEP
    assert front_of_line(queue, line, URGENT) == 0.5 * PLACE_STEP
    assert queue.last_place == 9 * PLACE_STEP


def test_where_nobody_of_the_class_waits_the_front_of_the_line_is_its_end() -> None:
    queue = build_queue(last_place=9 * PLACE_STEP)
    assert front_of_line(queue, line_of([build_token(queue)]), PRIORITY) == 10 * PLACE_STEP
    assert queue.last_place == 10 * PLACE_STEP


def test_behind_more_than_wait_there_is_no_place_but_the_end_of_the_line() -> None:
    assert place_behind([], 0) is None
    assert place_behind([10, 20], 2) is None
    assert place_behind([10, 20], 3) is None


sorted_places = st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=8, unique=True).map(
    sorted
)


@settings(max_examples=40, deadline=None, database=None)
@given(sorted_places, st.integers(0, 9))
def test_the_place_behind_so_many_has_exactly_so_many_before_it(
    places: list[int], how_many: int
) -> None:
    try:
        place = place_behind(places, how_many)
    except NoRoom:
        assert places[how_many] - places[how_many - 1] == 1
        return
    if place is None:
        assert len(places) <= how_many
    else:
        assert sum(one < place for one in places) == how_many
        assert place not in places


@pytest.mark.parametrize(("ahead", "behind"), [(7, 7), (7, 8)])
def test_between_two_neighbours_without_a_number_between_them_there_is_no_room(
    ahead: int, behind: int
) -> None:
    with pytest.raises(NoRoom):
        place_behind([1, ahead, behind], 2)
    assert place_behind([1, ahead, behind], 0) == 1 - PLACE_STEP // 2


def test_dozens_come_between_the_same_two_before_there_is_no_room() -> None:
    places = [PLACE_STEP, 2 * PLACE_STEP]
    came_between = 0
    with pytest.raises(NoRoom):
        while (place := place_behind(places, 1)) is not None:
            places = [places[0], place]
            came_between += 1
    assert came_between == 56


@given(held=st.sets(st.integers(1, 60)), how_many=st.integers(0, 20))
def test_nobody_gets_the_place_of_one_who_is_held(held: set[int], how_many: int) -> None:
    waiting = [number * PLACE_STEP for number in range(1, 61) if number not in held]
    place = place_behind(waiting, how_many)
    assert place not in {number * PLACE_STEP for number in held}
