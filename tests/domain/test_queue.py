"""The rules of one queue: numbering, capacity, one place a patient, who is called, its counters."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM, Role
from qure.domain.calling_order import Line
from qure.domain.errors import Conflict, DomainError, NotFound
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.token import PLACE_STEP, ActiveTokenExists, Priority, Token, TokenStatus
from tests.support.builders import (
    NOW,
    TODAY,
    build_actor,
    build_clinic,
    build_queue,
    build_token,
    new_id,
)

STAFF, OTHER_STAFF = build_actor(role=Role.STAFF), build_actor(role=Role.STAFF)
LATER = NOW + timedelta(minutes=5)


def issue(
    queue: Queue,
    patient_id: UserId | None = None,
    *,
    taken: Collection[Token] = (),
    max_active: int = 5,
    at: datetime = NOW,
) -> Token:
    patient_id = patient_id or UserId(new_id())
    return queue.issue(
        id=TokenId(new_id()),
        patient_id=patient_id,
        by=build_actor(patient_id),
        taken=taken,
        max_active=max_active,
        at=at,
    )


def test_a_queue_opens_empty_active_and_for_the_local_day() -> None:
    clinic = build_clinic(max_queue_size=30)
    queue = Queue.open(clinic, id=QueueId(new_id()), max_size=None, at=NOW, by=STAFF)
    assert queue.date == TODAY
    assert queue.clinic_id == clinic.id
    assert queue.max_size == 30
    assert queue.is_active
    assert queue.version == 1
    assert (queue.last_issued_number, queue.waiting_count) == (0, 0)
    assert (queue.now_serving, queue.last_served_number) == (0, 0)
    assert (queue.created_at, queue.updated_at) == (NOW, NOW)
    assert (queue.start_time, queue.end_time) == (
        datetime(2025, 12, 30, 14, tzinfo=UTC),
        datetime(2025, 12, 30, 22, tzinfo=UTC),
    )
    assert (queue.day_starts_at, queue.day_ends_at) == (
        datetime(2025, 12, 30, 5, tzinfo=UTC),
        datetime(2025, 12, 31, 5, tzinfo=UTC),
    )
    assert queue.events == [events.QueueOpened(actor=STAFF, at=NOW, queue=queue.status())]


def test_a_size_given_at_opening_wins_over_the_clinics() -> None:
    clinic = build_clinic(max_queue_size=30)
    queue = Queue.open(clinic, id=QueueId(new_id()), max_size=7, at=NOW, by=SYSTEM)
    assert queue.max_size == 7


def test_a_retired_clinic_opens_no_queue() -> None:
    with pytest.raises(Conflict) as refused:
        Queue.open(
            build_clinic(is_active=False), id=QueueId(new_id()), max_size=None, at=NOW, by=SYSTEM
        )
    assert refused.value.code == "clinic_retired"


def test_it_is_the_clinics_calendar_that_dates_the_queue() -> None:
    night = datetime(2025, 12, 31, 3, tzinfo=UTC)
    there = build_clinic(timezone="Pacific/Apia")
    here = build_clinic(timezone="America/New_York")
    assert build_queue(there, at=night).date == date(2025, 12, 31)
    assert build_queue(here, at=night).date == date(2025, 12, 30)


def test_numbers_run_from_one_to_the_capacity_without_a_gap_and_then_no_further() -> None:
    queue = build_queue(max_size=3)
    tokens = [issue(queue) for _ in range(3)]
    assert [token.number for token in tokens] == [1, 2, 3]
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            issue(queue)
        assert refused.value.code == "queue_full"
    assert queue.last_issued_number == 3
    assert queue.waiting_count == 3


def test_a_number_is_never_used_again_and_its_place_is_never_free_again() -> None:
    queue = build_queue(max_size=2)
    first = issue(queue)
    queue.cancel(first, by=build_actor(first.patient_id), at=NOW)
    assert issue(queue).number == 2
    with pytest.raises(Conflict) as refused:
        issue(queue)
    assert refused.value.code == "queue_full"


def test_a_fresh_token_waits_for_its_patient() -> None:
    queue, patient, id = build_queue(), UserId(new_id()), TokenId(new_id())
    actor = build_actor(patient)
    token = queue.issue(id=id, patient_id=patient, by=actor, taken=(), max_active=1, at=LATER)
    assert token == Token(
        id=id,
        queue_id=queue.id,
        patient_id=patient,
        number=1,
        place=PLACE_STEP,
        status=TokenStatus.WAITING,
        version=1,
        created_at=LATER,
    )
    assert queue.events == [
        events.TokenIssued(
            token=token, from_status=None, actor=actor, at=LATER, queue=queue.status()
        )
    ]


def test_a_patient_who_stands_in_the_queue_gets_no_second_token_but_is_shown_the_first() -> None:
    queue = build_queue()
    active = issue(queue)
    with pytest.raises(ActiveTokenExists) as refused:
        issue(queue, active.patient_id, taken=[active])
    assert refused.value.code == "active_token_exists"
    assert refused.value.token == active


def test_an_inactive_queue_issues_nothing() -> None:
    queue = build_queue(is_active=False)
    with pytest.raises(Conflict) as refused:
        issue(queue)
    assert refused.value.code == "queue_inactive"


def test_a_patient_takes_three_numbers_of_one_queue_and_no_fourth() -> None:
    queue, patient = build_queue(), UserId(new_id())
    taken: list[Token] = []
    for number in (1, 2, 3):
        token = issue(queue, patient, taken=taken)
        assert token.number == number
        taken.append(queue.cancel(token, by=build_actor(patient), at=NOW))
    before = queue.status()
    with pytest.raises(Conflict) as refused:
        issue(queue, patient, taken=taken)
    assert refused.value.code == "too_many_takes"
    assert queue.status() == before
    assert issue(queue, taken=()).number == 4


def test_numbers_that_ended_elsewhere_or_otherwise_than_by_leaving_count_for_their_queue() -> None:
    ends = (TokenStatus.CANCELLED, TokenStatus.SKIPPED, TokenStatus.COMPLETED)
    queue = build_queue()
    here = [build_token(queue, status=status) for status in ends]
    for taken in (here[:2], here[1:]):
        assert issue(queue, taken=taken).number
    with pytest.raises(Conflict) as refused:
        issue(queue, taken=here)
    assert refused.value.code == "too_many_takes"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_patient_has_so_many_active_tokens_at_once_in_all_and_no_more(most: int) -> None:
    queue = build_queue()
    gone = build_token(queue, status=TokenStatus.CANCELLED)
    elsewhere = [build_token() for _ in range(most)]
    assert issue(queue, taken=[*elsewhere[1:], gone], max_active=most).number == 1
    before = queue.status()
    with pytest.raises(Conflict) as refused:
        issue(queue, taken=[*elsewhere, gone], max_active=most)
    assert refused.value.code == "too_many_active_tokens"
    assert str(most) in refused.value.message
    assert queue.status() == before


def test_what_a_patient_has_comes_before_how_the_queue_is_and_inactive_before_full() -> None:
    queue = build_queue(is_active=False, max_size=1, last_issued_number=1)
    gone = [build_token(queue, status=TokenStatus.CANCELLED) for _ in range(3)]
    elsewhere = [build_token() for _ in range(5)]
    active = build_token(queue)
    for taken, code in (
        ([*gone, *elsewhere, active], "active_token_exists"),
        ([*gone, *elsewhere], "too_many_takes"),
        (elsewhere, "too_many_active_tokens"),
        ([], "queue_inactive"),
    ):
        with pytest.raises(Conflict) as refused:
            issue(queue, taken=taken)
        assert refused.value.code == code


def test_only_todays_queue_issues_tokens_from_its_first_instant_to_its_last() -> None:
    queue = build_queue()
    instant = timedelta(milliseconds=1)
    for at in (queue.day_starts_at - instant, queue.day_ends_at):
        assert not queue.is_of_day(at)
        with pytest.raises(NotFound) as refused:
            issue(queue, at=at)
        assert refused.value.code == "queue_not_found"
    for at in (queue.day_starts_at, queue.day_ends_at - instant):
        assert queue.is_of_day(at)
        issue(queue, at=at)


def test_calling_makes_the_number_current_and_one_less_wait() -> None:
    queue = build_queue()
    token, _ = issue(queue), issue(queue)
    called, completed = queue.call(token, assigned=[], by=STAFF, at=LATER)
    assert called.status is TokenStatus.CALLED
    assert called.assigned_to == STAFF.user_id
    assert completed == []
    assert (queue.now_serving, queue.waiting_count, queue.last_served_number) == (1, 1, 0)
    assert queue.updated_at == LATER


def test_calling_completes_what_the_caller_still_held_in_one_and_the_same_change() -> None:
    queue = build_queue()
    first, second = issue(queue), issue(queue)
    held, _ = queue.call(first, assigned=[], by=STAFF, at=NOW)
    queue.events.clear()
    version = queue.version
    called, completed = queue.call(second, assigned=[held], by=STAFF, at=LATER)
    assert [one.status for one in completed] == [TokenStatus.COMPLETED]
    assert completed[0].id == first.id
    assert queue.version == version + 1
    assert queue.last_served_number == 1
    assert queue.events == [
        events.TokenCompleted(
            token=completed[0],
            from_status=TokenStatus.CALLED,
            actor=STAFF,
            at=LATER,
            queue=queue.status(),
        ),
        events.TokenCalled(
            token=called,
            from_status=TokenStatus.WAITING,
            actor=STAFF,
            at=LATER,
            queue=queue.status(),
        ),
    ]


def test_the_last_of_several_held_tokens_is_the_last_served() -> None:
    queue = build_queue()
    tokens = [issue(queue) for _ in range(3)]
    held = [replace(token, status=TokenStatus.IN_PROGRESS) for token in tokens[:2]]
    _, completed = queue.call(tokens[2], assigned=held, by=STAFF, at=NOW)
    assert [one.number for one in completed] == [1, 2]
    assert queue.last_served_number == 2


def test_two_doctors_work_one_queue_without_finishing_each_others_patients() -> None:
    queue = build_queue()
    first, second, third = (issue(queue) for _ in range(3))
    mine, _ = queue.call(first, assigned=[], by=STAFF, at=NOW)
    theirs, completed = queue.call(second, assigned=[], by=OTHER_STAFF, at=NOW)
    assert completed == []
    _, completed = queue.call(third, assigned=[mine], by=STAFF, at=NOW)
    assert [one.number for one in completed] == [1]
    assert theirs.is_active


def test_a_token_that_does_not_wait_cannot_be_called() -> None:
    queue = build_queue()
    called, _ = queue.call(issue(queue), assigned=[], by=STAFF, at=NOW)
    before = queue.status()
    with pytest.raises(Conflict):
        queue.call(called, assigned=[], by=OTHER_STAFF, at=NOW)
    assert queue.status() == before


def test_what_cannot_be_completed_stops_the_call_before_anything_has_changed() -> None:
    queue = build_queue()
    token = issue(queue)
    before, told = queue.status(), list(queue.events)
    with pytest.raises(Conflict):
        held = [build_token(queue, status=TokenStatus.SKIPPED)]
        queue.call(token, assigned=held, by=STAFF, at=NOW)
    assert (queue.status(), queue.events) == (before, told)


def called_by(queue: Queue) -> Token:
    return queue.call(issue(queue), assigned=[], by=STAFF, at=NOW)[0]


def test_starting_is_told_and_changes_no_counter() -> None:
    queue = build_queue()
    token = called_by(queue)
    before = queue.status()
    started = queue.start(token, by=STAFF, at=LATER)
    assert started.status is TokenStatus.IN_PROGRESS
    assert queue.status() == replace(before, version=before.version + 1)
    assert queue.events[-1] == events.TokenStarted(
        token=started,
        from_status=TokenStatus.CALLED,
        actor=STAFF,
        at=LATER,
        queue=queue.status(),
    )


def test_completing_makes_the_number_the_last_served() -> None:
    queue = build_queue()
    token = called_by(queue)
    completed = queue.complete(token, by=STAFF, at=LATER)
    assert completed.status is TokenStatus.COMPLETED
    assert (queue.last_served_number, queue.waiting_count) == (1, 0)
    assert isinstance(queue.events[-1], events.TokenCompleted)


def test_skipping_who_was_called_leaves_the_number_waiting_as_it_was() -> None:
    queue = build_queue()
    token = called_by(queue)
    issue(queue)
    skipped = queue.skip(token, by=STAFF, at=LATER)
    assert skipped.status is TokenStatus.SKIPPED
    assert (queue.waiting_count, queue.last_served_number, queue.now_serving) == (1, 0, 1)
    assert isinstance(queue.events[-1], events.TokenSkipped)


def test_skipping_who_still_waits_makes_one_less_wait() -> None:
    queue = build_queue()
    queue.skip(issue(queue), by=STAFF, at=LATER)
    assert queue.waiting_count == 0
    assert queue.now_serving == 0


def test_leaving_makes_one_less_wait_and_calls_nobody() -> None:
    queue = build_queue()
    token = issue(queue)
    patient = build_actor(token.patient_id)
    cancelled = queue.cancel(token, by=patient, at=LATER)
    assert cancelled.status is TokenStatus.CANCELLED
    assert (queue.waiting_count, queue.now_serving, queue.last_served_number) == (0, 0, 0)
    assert queue.events[-1] == events.TokenCancelled(
        token=cancelled,
        from_status=TokenStatus.WAITING,
        actor=patient,
        at=LATER,
        queue=queue.status(),
    )


@pytest.mark.parametrize("action", [Queue.cancel, Queue.start, Queue.complete, Queue.skip])
def test_a_refused_action_leaves_the_queue_as_it_was(action: Callable[..., Token]) -> None:
    queue = build_queue(waiting_count=3, last_issued_number=5)
    before = queue.status()
    with pytest.raises(DomainError):
        action(queue, build_token(queue, status=TokenStatus.COMPLETED), by=STAFF, at=LATER)
    assert (queue.status(), queue.events, queue.updated_at) == (before, [], NOW)


def test_each_change_makes_the_version_grow_by_exactly_one_and_says_so_in_its_event() -> None:
    queue = build_queue()
    first, second = issue(queue), issue(queue)
    called, _ = queue.call(first, assigned=[], by=STAFF, at=NOW)
    started = queue.start(called, by=STAFF, at=NOW)
    queue.complete(started, by=STAFF, at=NOW)
    queue.cancel(second, by=build_actor(second.patient_id), at=NOW)
    queue.set_active(False, by=STAFF, at=NOW)
    told = [event.queue.version for event in queue.events if isinstance(event, events.QueueChanged)]
    assert told == [2, 3, 4, 5, 6, 7, 8]


def test_closing_a_queue_and_opening_it_again_are_changes_that_are_told() -> None:
    queue = build_queue()
    assert queue.set_active(False, by=STAFF, at=LATER)
    assert not queue.status().is_active
    assert queue.events == [events.QueueDeactivated(actor=STAFF, at=LATER, queue=queue.status())]
    assert queue.set_active(True, by=STAFF, at=LATER)
    assert queue.status().is_active
    assert queue.events[1:] == [events.QueueActivated(actor=STAFF, at=LATER, queue=queue.status())]


@pytest.mark.parametrize("active", [True, False])
def test_setting_what_is_set_already_is_no_change(active: bool) -> None:
    queue = build_queue(is_active=active)
    assert not queue.set_active(active, by=STAFF, at=LATER)
    assert (queue.version, queue.events, queue.updated_at) == (1, [], NOW)


def test_an_inactive_queue_still_serves_those_who_stand_in_it() -> None:
    queue = build_queue()
    token = issue(queue)
    queue.set_active(False, by=STAFF, at=NOW)
    called, _ = queue.call(token, assigned=[], by=STAFF, at=NOW)
    assert queue.complete(called, by=STAFF, at=NOW).status is TokenStatus.COMPLETED


def test_the_status_shows_the_queue_as_it_stands() -> None:
    queue = build_queue(
        waiting_count=4, last_issued_number=9, now_serving=5, last_served_number=3, version=17
    )
    status = queue.status()
    assert (status.queue_id, status.clinic_id) == (queue.id, queue.clinic_id)
    assert (status.now_serving, status.waiting_count, status.last_served_number) == (5, 4, 3)
    assert (status.start_time, status.end_time) == (queue.start_time, queue.end_time)
    assert (status.is_active, status.version) == (True, 17)


def test_the_next_is_called_by_the_calling_order_and_the_run_is_kept() -> None:
    queue = build_queue(last_issued_number=2, waiting_count=2)
    normal = build_token(queue, number=1)
    priority = build_token(queue, number=2, priority=Priority.PRIORITY)
    called, completed = queue.call_next(Line(heads=(normal, priority)), by=STAFF, at=NOW)
    assert (called.id, completed) == (priority.id, [])
    assert (queue.priority_run, queue.waiting_count, queue.now_serving) == (1, 1, 2)


def test_the_next_call_completes_what_the_caller_has_in_hand() -> None:
    queue = build_queue()
    first, second = issue(queue), issue(queue)
    assigned, _ = queue.call(first, assigned=[], by=STAFF, at=NOW)
    called, completed = queue.call_next(
        Line(heads=(second,), assigned=(assigned,)), by=STAFF, at=LATER
    )
    assert (called.id, [one.id for one in completed]) == (second.id, [first.id])


def test_when_nobody_waits_calling_the_next_changes_nothing() -> None:
    queue = build_queue()
    assigned, _ = queue.call(issue(queue), assigned=[], by=STAFF, at=NOW)
    before, told = queue.status(), list(queue.events)
    with pytest.raises(Conflict) as refused:
        queue.call_next(Line(heads=(), assigned=(assigned,)), by=STAFF, at=LATER)
    assert refused.value.code == "queue_empty"
    assert (queue.status(), queue.events) == (before, told)
