"""Calling patients: the next one, a chosen one, across the queues of a desk, the same one again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from qure.domain import calling, events
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.errors import Conflict
from qure.domain.moves import hold, return_to_line, start
from qure.domain.queue import Queue
from qure.domain.queue_status import SHOWN_CALLS, Call
from qure.domain.token import PLACE_STEP, Priority, Token, TokenStatus
from tests.domain.every_move import fields_of
from tests.domain.kept import KeptQueue, line_of
from tests.support.builders import (
    NOW,
    build_actor,
    build_clinic,
    build_desk,
    build_queue,
    build_service,
    build_token,
)

STAFF, COLLEAGUE = build_actor(role=Role.STAFF), build_actor(role=Role.STAFF)
LATER = NOW + timedelta(minutes=5)
DESK = build_desk(name="Room 3")
NORMAL, PRIORITY, URGENT = Priority


def a_queue(*classes: Priority) -> KeptQueue:
    """With one token of each of these classes, numbered in that order; nothing to tell any more."""
    owner = build_clinic()
    kept = KeptQueue(build_queue(owner, service=build_service(owner.id, prefix="")))
    for priority in classes:
        kept.take(priority)
    kept.queue.events.clear()
    return kept


def call_next(kept: KeptQueue, *, by: Actor = STAFF) -> tuple[Token, list[Token]]:
    called, completed = calling.call_next(kept.queue, kept.line(by), by=by, at=LATER)
    kept.keep(*completed, called)
    return called, completed


def token(kept: KeptQueue, number: int) -> Token:
    return list(kept.tokens.values())[number - 1]


def refused(attempt: Callable[[], object], *queues: Queue) -> str:
    """The code of the refusal, which leaves the queues as they were."""
    before = [(fields_of(queue), list(queue.events)) for queue in queues]
    with pytest.raises(Conflict) as caught:
        attempt()
    assert [(fields_of(queue), queue.events) for queue in queues] == before
    return caught.value.code


# The next one


def test_the_next_one_is_called_at_the_desk_of_whoever_calls() -> None:
    kept = a_queue(NORMAL, NORMAL)
    first = token(kept, 1)
    called, completed = calling.call_next(kept.queue, kept.line(), by=STAFF, at=LATER, desk=DESK)
    assert called == replace(
        first,
        status=TokenStatus.CALLED,
        version=2,
        called_at=LATER,
        last_called_at=LATER,
        assigned_to=STAFF.user_id,
        desk_id=DESK.id,
        desk_name="Room 3",
    )
    assert completed == []
    assert kept.queue.calls == (
        Call(
            token_id=first.id,
            label="1",
            number=1,
            desk_id=DESK.id,
            desk_name="Room 3",
            called_at=LATER,
            recall_count=0,
        ),
    )


def test_calling_makes_the_number_current_and_one_less_wait() -> None:
    kept = a_queue(NORMAL, NORMAL)
    queue = kept.queue
    call_next(kept)
    assert (queue.now_serving, queue.waiting_count, queue.last_served_number) == (1, 1, 0)
    assert queue.status().next == ("2",)
    assert queue.updated_at == LATER


def test_whoever_calls_without_a_desk_calls_to_none() -> None:
    called, _ = call_next(a_queue(NORMAL))
    assert (called.desk_id, called.desk_name) == (None, None)


def test_the_next_is_called_by_the_calling_order_and_the_run_is_kept() -> None:
    kept = a_queue(NORMAL, PRIORITY, PRIORITY, PRIORITY, URGENT)
    runs = []
    numbers = []
    for _ in range(5):
        called, _ = call_next(kept)
        numbers.append(called.number)
        runs.append(kept.queue.priority_run)
    assert numbers == [5, 2, 3, 1, 4]
    assert runs == [0, 1, 2, 0, 0]


def test_held_ones_do_not_wait() -> None:
    kept = a_queue(NORMAL, PRIORITY, NORMAL)
    for number in (1, 3):
        kept.keep(hold(kept.queue, token(kept, number), kept.line(), by=STAFF, at=NOW))
    called, _ = call_next(kept)
    assert called.number == 2
    assert kept.queue.priority_run == 0, "while no NORMAL one waits nothing is counted"
    assert refused(lambda: call_next(kept), kept.queue) == "queue_empty"
    assert (kept.queue.waiting_count, kept.queue.on_hold_count) == (2, 2)


def test_the_next_call_completes_what_the_caller_has_in_hand_in_one_and_the_same_change() -> None:
    kept = a_queue(NORMAL, NORMAL)
    held, _ = call_next(kept)
    queue = kept.queue
    queue.events.clear()
    shown = queue.calls
    before = events.Before(
        token=held, now_serving=1, last_served_number=0, priority_run=0, calls=()
    )
    waiting = token(kept, 2)
    called, completed = call_next(kept)
    assert [(one.id, one.status) for one in completed] == [(held.id, TokenStatus.COMPLETED)]
    assert (queue.version, queue.last_served_number, queue.now_serving) == (5, 1, 2)
    assert queue.events == [
        events.TokenCompleted(
            token=completed[0],
            from_status=TokenStatus.CALLED,
            before=before,
            actor=STAFF,
            at=LATER,
            queue=queue.status(),
        ),
        events.TokenCalled(
            token=called,
            from_status=TokenStatus.WAITING,
            before=replace(before, token=waiting, calls=shown),
            actor=STAFF,
            at=LATER,
            queue=queue.status(),
        ),
    ]


def test_the_last_of_several_held_tokens_is_the_last_served() -> None:
    queue = build_queue(last_issued_number=3, waiting_count=1)
    held = [
        build_token(queue, number=number, status=TokenStatus.IN_PROGRESS, assigned_to=STAFF.user_id)
        for number in (2, 1)
    ]
    line = line_of([*held, build_token(queue, number=3)], STAFF)
    _, completed = calling.call_next(queue, line, by=STAFF, at=NOW)
    assert [one.number for one in completed] == [1, 2]
    assert queue.last_served_number == 2


def test_two_doctors_work_one_queue_without_finishing_each_others_patients() -> None:
    kept = a_queue(NORMAL, NORMAL, NORMAL)
    mine, _ = call_next(kept)
    theirs, completed = call_next(kept, by=COLLEAGUE)
    assert completed == []
    _, completed = call_next(kept)
    assert [one.id for one in completed] == [mine.id]
    assert kept.tokens[theirs.id].is_active


def test_when_nobody_waits_calling_the_next_changes_nothing() -> None:
    kept = a_queue(NORMAL)
    call_next(kept)
    assert refused(lambda: call_next(kept), kept.queue) == "queue_empty"


def test_what_cannot_be_completed_stops_the_call_before_anything_has_changed() -> None:
    kept = a_queue(NORMAL)
    line = kept.line()
    line.assigned = (build_token(kept.queue, status=TokenStatus.SKIPPED),)
    assert (
        refused(lambda: calling.call_next(kept.queue, line, by=STAFF, at=NOW), kept.queue)
        == "illegal_transition"
    )


def test_nobody_is_called_by_who_is_no_person() -> None:
    kept = a_queue(NORMAL)
    before = fields_of(kept.queue)
    with pytest.raises(LookupError):
        call_next(kept, by=SYSTEM)
    assert fields_of(kept.queue) == before


# A chosen one


def choose(kept: KeptQueue, number: int, *, by: Actor = STAFF) -> tuple[Token, list[Token]]:
    called, completed = calling.call(
        kept.queue,
        token(kept, number),
        kept.line(by),
        by=by,
        at=LATER,
        reason="in pain",
    )
    kept.keep(*completed, called)
    return called, completed


def test_a_chosen_one_is_called_before_its_turn_and_the_others_keep_theirs() -> None:
    kept = a_queue(NORMAL, PRIORITY, NORMAL)
    called, _ = choose(kept, 3)
    assert called.number == 3
    assert kept.queue.status().next == ("2", "1")
    (told,) = kept.queue.events
    assert isinstance(told, events.TokenChosen)
    assert told.reason == "in pain"


def test_a_chosen_one_may_be_held_and_is_held_no_more() -> None:
    kept = a_queue(NORMAL)
    kept.keep(hold(kept.queue, token(kept, 1), kept.line(), by=STAFF, at=NOW))
    called, _ = choose(kept, 1)
    assert (called.status, called.on_hold) == (TokenStatus.CALLED, False)
    assert (kept.queue.waiting_count, kept.queue.on_hold_count) == (0, 0)


def test_choosing_one_completes_what_the_caller_has_in_hand() -> None:
    kept = a_queue(NORMAL, NORMAL, NORMAL)
    first, _ = call_next(kept)
    _, completed = choose(kept, 3)
    assert [one.id for one in completed] == [first.id]


@pytest.mark.parametrize(("priority", "run"), [(NORMAL, 0), (PRIORITY, 2), (URGENT, 1)])
def test_a_call_out_of_order_counts_as_any_other_of_its_class(priority: Priority, run: int) -> None:
    kept = a_queue(NORMAL, priority)
    kept.queue.priority_run = 1
    choose(kept, 2)
    assert kept.queue.priority_run == run


def test_however_many_priority_tokens_are_chosen_the_run_says_no_more_than_two() -> None:
    kept = a_queue(NORMAL, PRIORITY, PRIORITY, PRIORITY)
    for number in (2, 3, 4):
        choose(kept, number)
    assert kept.queue.priority_run == 2


def test_a_token_that_does_not_wait_cannot_be_called() -> None:
    kept = a_queue(NORMAL)
    call_next(kept)
    assert refused(lambda: choose(kept, 1, by=COLLEAGUE), kept.queue) == "illegal_transition"


# Again


def recall(kept: KeptQueue, number: int, *, at: datetime = LATER) -> Token:
    again = calling.recall(kept.queue, token(kept, number), by=STAFF, at=at)
    kept.keep(again)
    return again


def test_a_recall_counts_and_keeps_when_it_was_called_first() -> None:
    kept = a_queue(NORMAL)
    call_next(kept)
    third = LATER + timedelta(minutes=2)
    recall(kept, 1)
    again = recall(kept, 1, at=third)
    assert (again.recall_count, again.called_at, again.last_called_at) == (2, LATER, third)
    (call,) = kept.queue.status().calls
    assert (call.recall_count, call.called_at) == (2, LATER)


def test_a_recall_is_shown_where_the_call_is_shown() -> None:
    kept = a_queue(NORMAL, NORMAL)
    call_next(kept)
    call_next(kept, by=COLLEAGUE)
    recall(kept, 1)
    shown = [(call.number, call.recall_count) for call in kept.queue.calls]
    assert shown == [(2, 0), (1, 1)]
    assert kept.queue.now_serving == 2


def test_a_recall_of_a_call_that_is_shown_no_longer_is_shown_as_the_newest() -> None:
    kept = a_queue(*[NORMAL] * 7)
    for _ in range(7):
        call_next(kept, by=build_actor(role=Role.STAFF))
    assert [call.number for call in kept.queue.calls] == [7, 6, 5, 4, 3, 2]
    recall(kept, 1)
    assert [call.number for call in kept.queue.calls] == [1, 7, 6, 5, 4, 3]
    assert kept.queue.calls[0].recall_count == 1


def test_who_is_called_anew_after_a_return_has_not_been_recalled() -> None:
    kept = a_queue(NORMAL, NORMAL)
    call_next(kept)
    called = recall(kept, 1)
    back = return_to_line(kept.queue, called, kept.line(), place=0, by=STAFF, at=LATER)
    kept.keep(back)
    call_next(kept)
    assert [(call.number, call.recall_count) for call in kept.queue.calls] == [(1, 0)]


# What was called last


def test_the_last_six_calls_are_shown_the_newest_first_each_token_once() -> None:
    kept = a_queue(*[NORMAL] * 8)
    for _ in range(7):
        call_next(kept)
    assert SHOWN_CALLS == 6
    assert [call.label for call in kept.queue.status().calls] == ["7", "6", "5", "4", "3", "2"]
    back = return_to_line(
        kept.queue, token(kept, 7), kept.line(), place=PLACE_STEP, by=STAFF, at=LATER
    )
    kept.keep(back)
    choose(kept, 8)
    choose(kept, 7)
    assert [call.label for call in kept.queue.status().calls] == ["7", "8", "6", "5", "4", "3"]


# Across the queues of a desk


def call_across(*kept: KeptQueue, by: Actor = STAFF) -> tuple[Token, list[Token]]:
    called, completed = calling.call_across(
        [one.queue for one in kept],
        {one.queue.id: one.line(by) for one in kept},
        by=by,
        at=LATER,
        desk=DESK,
    )
    for one in kept:
        one.keep(*(it for it in (called, *completed) if it.queue_id == one.queue.id))
    return called, completed


def made_at(kept: KeptQueue, number: int, seconds: int) -> None:
    kept.keep(replace(token(kept, number), created_at=NOW + timedelta(seconds=seconds)))


def test_of_what_each_queue_names_the_best_class_goes_first() -> None:
    normal, priority, urgent = a_queue(NORMAL), a_queue(NORMAL, PRIORITY), a_queue(NORMAL, URGENT)
    made_at(normal, 1, -60)
    for queues in permutations((normal, priority, urgent)):
        waiting = [KeptQueue(replace(one.queue, events=[]), one.tokens.values()) for one in queues]
        called = [call_across(*waiting, by=build_actor(role=Role.STAFF))[0] for _ in range(3)]
        assert [one.queue_id for one in called] == [
            urgent.queue.id,
            priority.queue.id,
            normal.queue.id,
        ]


def test_within_the_best_class_whoever_has_waited_longest_goes_first() -> None:
    one, other = a_queue(NORMAL, NORMAL), a_queue(NORMAL, NORMAL)
    for kept, seconds in ((one, (2, 3)), (other, (1, 4))):
        for number, second in enumerate(seconds, start=1):
            made_at(kept, number, second)
    called = [call_across(one, other, by=build_actor(role=Role.STAFF))[0] for _ in range(4)]
    assert [(it.created_at - NOW).seconds for it in called] == [1, 2, 3, 4]


def test_each_queue_names_its_next_by_its_own_rule() -> None:
    one, other = a_queue(NORMAL, PRIORITY), a_queue(NORMAL)
    made_at(other, 1, 60)
    one.queue.priority_run = 2
    called, _ = call_across(one, other)
    assert (called.queue_id, called.priority) == (one.queue.id, NORMAL)


def test_a_call_across_completes_what_the_caller_has_in_hand_in_all_of_the_queues() -> None:
    one, other = a_queue(NORMAL, NORMAL), a_queue(NORMAL)
    made_at(other, 1, 1)
    made_at(one, 2, 2)
    first, _ = call_across(one, other)
    one.keep(start(one.queue, first, by=STAFF, at=NOW))
    for kept in (one, other):
        kept.queue.events.clear()
    before = (one.queue.now_serving, one.queue.version, other.queue.version)
    second, completed = call_across(one, other)
    assert second.queue_id == other.queue.id
    assert [(it.id, it.status) for it in completed] == [(first.id, TokenStatus.COMPLETED)]
    assert (one.queue.now_serving, one.queue.version - 1, other.queue.version - 1) == before
    assert one.queue.last_served_number == 1
    (done,), (called,) = one.queue.events, other.queue.events
    assert isinstance(done, events.TokenCompleted)
    assert isinstance(called, events.TokenCalled)
    assert done.before is not None
    assert (done.before.token.status, done.queue) == (TokenStatus.IN_PROGRESS, one.queue.status())
    assert (called.token.desk_id, called.queue) == (DESK.id, other.queue.status())


def test_a_queue_in_which_nothing_happens_does_not_change_by_a_call_across() -> None:
    one, other = a_queue(NORMAL), a_queue(NORMAL)
    made_at(other, 1, 1)
    before = fields_of(other.queue)
    call_across(one, other)
    assert (fields_of(other.queue), other.queue.events) == (before, [])


def test_when_nobody_waits_in_any_queue_a_call_across_changes_nothing() -> None:
    one, other = a_queue(NORMAL), a_queue()
    call_across(one, other)
    assert refused(lambda: call_across(one, other), one.queue, other.queue) == "queue_empty"


def test_several_that_are_completed_for_a_call_elsewhere_are_one_change() -> None:
    queue = build_queue(last_issued_number=2)
    assigned = [build_token(queue, number=number, status=TokenStatus.CALLED) for number in (1, 2)]
    done = calling.finish(queue, assigned, by=STAFF, at=LATER)
    assert [one.status for one in done] == [TokenStatus.COMPLETED] * 2
    assert (queue.version, queue.last_served_number, queue.updated_at) == (2, 2, LATER)
    told = [one for one in queue.events if isinstance(one, events.TokenCompleted)]
    assert [one.token for one in told] == done
    assert {one.queue for one in told} == {queue.status()}
