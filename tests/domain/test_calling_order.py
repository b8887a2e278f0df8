"""Who is next: by class, by place within it, and so that nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qure.domain.calling_order import MAX_PRIORITY_RUN, next_of
from qure.domain.token import Priority, Token
from tests.support.builders import build_queue, build_token

URGENT, PRIORITY, NORMAL = Priority.URGENT, Priority.PRIORITY, Priority.NORMAL
QUEUE = build_queue()

classes = st.lists(st.sampled_from(Priority), max_size=30)


def line(priorities: list[Priority]) -> list[Token]:
    """Tokens of those classes, in the order of their arrival."""
    return [
        build_token(QUEUE, number=number, priority=priority)
        for number, priority in enumerate(priorities, start=1)
    ]


def heads(waiting: list[Token]) -> list[Token]:
    """What a storage finds: the first by place of each class."""
    first: dict[Priority, Token] = {}
    for token in sorted(waiting, key=lambda token: token.place):
        first.setdefault(token.priority, token)
    return list(first.values())


def called_in_order(waiting: list[Token], *, priority_run: int = 0) -> list[Token]:
    """All of them, as they are called when nobody else comes."""
    left, called = list(waiting), list[Token]()
    while (found := next_of(heads(left), priority_run=priority_run)) is not None:
        token, priority_run = found
        left.remove(token)
        called.append(token)
    assert left == []
    return called


def classes_called(*priorities: Priority, priority_run: int = 0) -> list[Priority]:
    return [one.priority for one in called_in_order(line([*priorities]), priority_run=priority_run)]


def test_nobody_is_next_where_nobody_waits() -> None:
    assert next_of([], priority_run=0) is None


def test_an_urgent_token_goes_before_all_whoever_came_first() -> None:
    assert classes_called(NORMAL, PRIORITY, URGENT) == [URGENT, PRIORITY, NORMAL]


def test_at_most_two_priority_tokens_are_called_in_a_row_while_a_normal_one_waits() -> None:
    called = classes_called(PRIORITY, PRIORITY, PRIORITY, NORMAL, NORMAL)
    assert called == [PRIORITY, PRIORITY, NORMAL, PRIORITY, NORMAL]


def test_an_urgent_call_between_does_not_renew_the_run() -> None:
    called = classes_called(URGENT, PRIORITY, NORMAL, priority_run=MAX_PRIORITY_RUN)
    assert called == [URGENT, NORMAL, PRIORITY]


def test_priority_calls_count_only_while_a_normal_token_waits() -> None:
    found = next_of(line([PRIORITY]), priority_run=MAX_PRIORITY_RUN)
    assert found is not None
    assert found[1] == 0


@given(classes, st.integers(0, MAX_PRIORITY_RUN))
def test_within_a_class_tokens_are_called_by_place(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    for priority in Priority:
        places = [token.place for token in called if token.priority is priority]
        assert places == sorted(places)


@given(classes, st.integers(0, MAX_PRIORITY_RUN), st.randoms())
def test_it_is_the_place_that_counts_and_not_the_number(
    priorities: list[Priority], priority_run: int, random: st.DrawFn
) -> None:
    waiting = line(priorities)
    shuffled = list(waiting)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    in_order = called_in_order(waiting, priority_run=priority_run)
    assert called_in_order(shuffled, priority_run=priority_run) == in_order


@given(classes, st.integers(0, MAX_PRIORITY_RUN))
def test_a_normal_token_is_reached_after_three_calls_for_each_normal_one_up_to_it(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    not_urgent = [token for token in called if token.priority is not URGENT]
    normal = [at for at, token in enumerate(not_urgent, start=1) if token.priority is NORMAL]
    assert all(at <= 3 * (before + 1) for before, at in enumerate(normal))


@given(classes, st.integers(0, MAX_PRIORITY_RUN))
def test_no_urgent_token_waits_while_another_is_called(
    priorities: list[Priority], priority_run: int
) -> None:
    called = called_in_order(line(priorities), priority_run=priority_run)
    urgent = [token.priority is URGENT for token in called]
    assert urgent == sorted(urgent, reverse=True)


@given(classes, st.integers(0, MAX_PRIORITY_RUN))
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
