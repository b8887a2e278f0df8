"""Who is next: by class, by place within it, and so that nobody waits for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.domain.calling_order import (
    HEADS,
    MAX_PRIORITY_RUN,
    Line,
    call_order,
    first_across,
    next_of,
    run_after,
)
from qure.domain.ids import TokenId
from qure.domain.queue_status import SHOWN_NEXT
from qure.domain.token import LAWFUL_MOVES, Move, Priority, Token, TokenStatus
from tests.domain.kept import line_of
from tests.support.builders import NOW, build_queue, build_token, sequential_id

URGENT, PRIORITY, NORMAL = Priority.URGENT, Priority.PRIORITY, Priority.NORMAL
QUEUE = build_queue()

IDS = [TokenId(sequential_id(number, series=2)) for number in range(100)]

classes = st.lists(st.sampled_from(Priority), max_size=20)
runs = st.integers(0, MAX_PRIORITY_RUN)

quick = settings(max_examples=40, deadline=None, database=None)
thorough = settings(quick, max_examples=120)


def line(priorities: list[Priority]) -> list[Token]:
    """Tokens of those classes, in the order of their arrival."""
    return [arrived(number, priority) for number, priority in enumerate(priorities, start=1)]


@cache
def arrived(number: int, priority: Priority) -> Token:
    return build_token(QUEUE, number=number, priority=priority)


def called_in_order(waiting: list[Token], *, priority_run: int = 0) -> list[Token]:
    """All of them, as they are called one by one when nobody else comes."""
    left, called = list(waiting), list[Token]()
    while (found := line_of(left).next(priority_run=priority_run)) is not None:
        token, priority_run = found
        left.remove(token)
        called.append(token)
    assert left == []
    return called


def classes_called(*priorities: Priority, priority_run: int = 0) -> list[Priority]:
    return [one.priority for one in called_in_order(line([*priorities]), priority_run=priority_run)]


def test_nobody_is_next_where_nobody_waits() -> None:
    assert next_of([], priority_run=0) is None


# Between the classes


def test_an_urgent_token_goes_before_all_whoever_came_first() -> None:
    assert classes_called(NORMAL, PRIORITY, URGENT) == [URGENT, PRIORITY, NORMAL]


def test_at_most_two_priority_tokens_are_called_in_a_row_while_a_normal_one_waits() -> None:
    called = classes_called(PRIORITY, PRIORITY, PRIORITY, NORMAL, NORMAL)
    assert called == [PRIORITY, PRIORITY, NORMAL, PRIORITY, NORMAL]


def test_a_priority_token_overtakes_normal_ones_that_came_before_it() -> None:
    called = classes_called(NORMAL, NORMAL, NORMAL, PRIORITY)
    assert called == [PRIORITY, NORMAL, NORMAL, NORMAL]


def test_an_urgent_call_between_does_not_renew_the_run() -> None:
    called = classes_called(URGENT, PRIORITY, NORMAL, priority_run=MAX_PRIORITY_RUN)
    assert called == [URGENT, NORMAL, PRIORITY]


def test_priority_calls_count_only_while_a_normal_token_waits() -> None:
    found = next_of(line([PRIORITY]), priority_run=MAX_PRIORITY_RUN)
    assert found is not None
    assert found[1] == 0


@pytest.mark.parametrize("priority_run", range(MAX_PRIORITY_RUN + 1))
@pytest.mark.parametrize("normal_waits", [False, True])
def test_a_normal_call_begins_a_new_run_and_an_urgent_one_leaves_it(
    normal_waits: bool, priority_run: int
) -> None:
    assert run_after(NORMAL, normal_waits, priority_run) == 0
    assert run_after(URGENT, normal_waits, priority_run) == priority_run


@quick
@given(classes, runs)
def test_no_urgent_token_waits_while_another_is_called(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    urgent = [token.priority is URGENT for token in called]
    assert urgent == sorted(urgent, reverse=True)


@quick
@given(classes, runs)
def test_never_more_than_two_priority_calls_follow_each_other_while_a_normal_token_waits(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    run = priority_run
    for at, token in enumerate(called):
        if token.priority is PRIORITY and any(one.priority is NORMAL for one in called[at:]):
            run += 1
            assert run <= MAX_PRIORITY_RUN
        elif token.priority is NORMAL:
            run = 0


@quick
@given(classes, runs)
def test_a_priority_token_waits_for_a_normal_one_only_when_two_have_gone_before(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    not_urgent = [PRIORITY] * priority_run + [
        one.priority for one in called if one.priority is not URGENT
    ]
    for at, priority in enumerate(not_urgent):
        if priority is NORMAL and PRIORITY in not_urgent[at:]:
            assert not_urgent[at - 2 : at] == [PRIORITY, PRIORITY]


# Within a class


@quick
@given(classes, runs)
def test_within_a_class_tokens_are_called_by_place(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    for priority in Priority:
        places = [token.place for token in called if token.priority is priority]
        assert places == sorted(places)


@quick
@given(classes, runs, st.data())
def test_it_is_the_place_that_counts_and_not_the_number_or_who_is_looked_at_first(
    priorities: list[Priority], priority_run: int, data: st.DataObject
) -> None:
    waiting = line(priorities)
    in_order = called_in_order(waiting, priority_run=priority_run)
    shuffled = data.draw(st.permutations(waiting))
    assert called_in_order(shuffled, priority_run=priority_run) == in_order
    numbered_anew = [
        replace(token, number=number) for number, token in enumerate(shuffled, start=1)
    ]
    called = called_in_order(numbered_anew, priority_run=priority_run)
    assert [one.id for one in called] == [one.id for one in in_order]


def test_of_two_at_one_place_the_lower_number_goes_first() -> None:
    second, first = build_token(QUEUE, number=7, place=3), build_token(QUEUE, number=6, place=3)
    assert called_in_order([second, first]) == [first, second]
    assert call_order([second, first], priority_run=0) == [first, second]


# Nobody starves


@quick
@given(classes, runs)
def test_a_normal_token_is_reached_after_three_calls_for_each_normal_one_up_to_it(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    not_urgent = [token for token in called if token.priority is not URGENT]
    normal = [at for at, token in enumerate(not_urgent, start=1) if token.priority is NORMAL]
    assert all(at <= 3 * (before + 1) for before, at in enumerate(normal))


@quick
@given(classes, runs, st.lists(st.sampled_from([*Priority, None]), max_size=30))
def test_so_it_is_whoever_arrives_meanwhile(
    waiting_first: list[Priority], priority_run: int, then: list[Priority | None]
) -> None:
    waiting: list[Token] = []
    number = 0
    left: dict[TokenId, int] = {}  # So many calls that are not urgent a NORMAL token waits for yet.

    def arrives(priority: Priority) -> None:
        nonlocal number
        number += 1
        token = arrived(number, priority)
        if priority is NORMAL:
            left[token.id] = 3 * (len(left) + 1)
        waiting.append(token)

    def somebody_is_called() -> None:
        nonlocal priority_run
        found = line_of(waiting).next(priority_run=priority_run)
        if found is None:
            return
        token, priority_run = found
        waiting.remove(token)
        if token.priority is not URGENT:
            for id in left:
                left[id] -= 1
                assert left[id] >= 0
        left.pop(token.id, None)

    for priority in waiting_first:
        arrives(priority)
    for step in then:
        if step is None:
            somebody_is_called()
        else:
            arrives(step)
    while left:
        arrives(PRIORITY)  # The worst that can come, without end.
        somebody_is_called()


# The whole order, and its front


@quick
@given(classes, runs)
def test_the_order_of_calls_is_who_is_next_again_and_again(
    priorities: list[Priority], priority_run: int
) -> None:
    waiting = line(priorities)
    assert call_order(waiting, priority_run=priority_run) == called_in_order(
        waiting, priority_run=priority_run
    )


@quick
@given(classes, runs, st.integers(0, 31))
def test_so_many_of_the_order_are_its_first(
    priorities: list[Priority], priority_run: int, most: int
) -> None:
    waiting = line(priorities)
    whole = call_order(waiting, priority_run=priority_run)
    assert call_order(waiting, priority_run=priority_run, most=most) == whole[:most]


def test_to_know_the_next_five_after_a_move_six_of_each_class_are_looked_at() -> None:
    assert (SHOWN_NEXT, HEADS) == (5, 6)


lives = st.lists(
    st.tuples(st.sampled_from(Priority), st.booleans(), st.integers(0, 50)), max_size=30
)


@cache
def standing(number: int, priority: Priority, on_hold: bool, place: int) -> Token:
    id = IDS[number]
    return build_token(QUEUE, id=id, number=number, priority=priority, on_hold=on_hold, place=place)


def in_the_queue(lived: list[tuple[Priority, bool, int]]) -> dict[TokenId, Token]:
    """WAITING tokens of those classes, held or not, at those places, by id."""
    tokens = [standing(number, *life) for number, life in enumerate(lived, start=1)]
    return {token.id: token for token in tokens}


def next_five(tokens: dict[TokenId, Token], priority_run: int) -> list[Token]:
    """Of all there are."""
    waiting = [one for one in tokens.values() if one.waits]
    return call_order(waiting, priority_run=priority_run)[:SHOWN_NEXT]


@quick
@given(lives, runs)
def test_the_front_of_the_line_knows_the_next_five_and_whether_a_normal_one_waits(
    lived: list[tuple[Priority, bool, int]], priority_run: int
) -> None:
    tokens = in_the_queue(lived)
    front = line_of(tokens.values())
    assert len(front.heads) <= HEADS * len(Priority)
    assert front.upcoming(SHOWN_NEXT, priority_run=priority_run) == next_five(tokens, priority_run)
    assert front.normal_waits() == any(
        one.waits and one.priority is NORMAL for one in tokens.values()
    )


@thorough
@given(
    lives,
    runs,
    st.integers(0, 30),
    st.sampled_from(Priority),
    st.sampled_from(["waits", "held", "called"]),
    st.integers(-1, 51),
)
def test_after_any_one_change_the_front_of_the_line_still_knows_the_next_five(
    lived: list[tuple[Priority, bool, int]],
    priority_run: int,
    which: int,
    priority: Priority,
    how: str,
    place: int,
) -> None:
    tokens = in_the_queue(lived)
    front = line_of(tokens.values())
    number = 1 + which % (len(tokens) + 1)  # One that is there, or a new one.
    changed = standing(number, priority, how == "held", place)
    if how == "called":
        changed = changed.moved(Move.CALL, at=NOW)
    tokens[changed.id] = changed
    front.changed(changed)
    assert front.upcoming(SHOWN_NEXT, priority_run=priority_run) == next_five(tokens, priority_run)


@quick
@given(lives, runs, st.lists(st.sampled_from(Priority), max_size=8))
def test_so_it_does_however_many_come_to_the_end_of_the_line(
    lived: list[tuple[Priority, bool, int]], priority_run: int, come: list[Priority]
) -> None:
    tokens = in_the_queue(lived)
    front = line_of(tokens.values())
    for number, priority in enumerate(come, start=len(tokens) + 1):
        token = build_token(
            QUEUE, id=IDS[number], number=number, priority=priority, place=100 + number
        )
        tokens[token.id] = token
        front.changed(token)
        found = front.upcoming(SHOWN_NEXT, priority_run=priority_run)
        assert found == next_five(tokens, priority_run)


def test_the_front_of_the_line_keeps_what_the_caller_has_in_hand() -> None:
    assigned = (build_token(QUEUE, status=TokenStatus.CALLED),)
    assert Line([], iter(assigned)).assigned == assigned


# Across the queues of a desk


def test_of_what_each_queue_calls_next_the_best_class_goes_first() -> None:
    heads = [
        build_token(priority=priority, created_at=NOW + timedelta(minutes=late))
        for late, priority in enumerate((NORMAL, PRIORITY, URGENT))
    ]
    for order in permutations(heads):
        assert first_across(order).priority is URGENT
    assert first_across(heads[:2]).priority is PRIORITY


def test_within_the_best_class_whoever_has_waited_longest_goes_first_and_then_the_older_id() -> (
    None
):
    late, first, second = (
        build_token(number=3, created_at=NOW + timedelta(seconds=1)),
        build_token(number=2, created_at=NOW),
        build_token(number=1, created_at=NOW),
    )
    for order in permutations((late, first, second)):
        assert first_across(order) == first


@quick
@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 3)), min_size=1, max_size=6))
def test_nobody_of_a_better_class_and_nobody_who_came_earlier_is_passed_over(
    heads: list[tuple[Priority, int]],
) -> None:
    tokens = [
        build_token(priority=priority, created_at=NOW + timedelta(minutes=minute))
        for priority, minute in heads
    ]
    first = first_across(tokens)
    better = {NORMAL: {PRIORITY, URGENT}, PRIORITY: {URGENT}, URGENT: set[Priority]()}
    for token in tokens:
        assert token.priority not in better[first.priority]
        if token.priority is first.priority:
            assert first.created_at <= token.created_at


def test_nothing_that_a_token_can_do_changes_its_number() -> None:
    for move, ways in LAWFUL_MOVES.items():
        for status in ways:
            token = build_token(QUEUE, number=12, status=status)
            assert token.moved(move, at=NOW).number == 12
    assert set(LAWFUL_MOVES) == set(Move)
