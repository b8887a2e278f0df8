"""Giving numbers: capacity, one active token a patient, how many a patient takes, and transfers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import pytest

from qure.domain import events, issuing
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Conflict, DomainError, NotFound
from qure.domain.ids import TokenId, UserId
from qure.domain.issuing import Holder
from qure.domain.moves import cancel
from qure.domain.queue import Queue
from qure.domain.token import PLACE_STEP, ActiveTokenExists, Priority, Token, TokenStatus
from tests.domain.every_move import fields_of
from tests.domain.kept import line_of
from tests.support.builders import (
    NOW,
    build_actor,
    build_clinic,
    build_queue,
    build_service,
    build_token,
    new_id,
)

STAFF = build_actor(role=Role.STAFF)
LATER = NOW + timedelta(minutes=5)
NORMAL, PRIORITY, URGENT = Priority

ENDS = (TokenStatus.CANCELLED, TokenStatus.SKIPPED, TokenStatus.COMPLETED)


def issue(
    queue: Queue,
    patient_id: UserId | None = None,
    *,
    taken: Collection[Token] = (),
    max_active: int = 5,
    at: Any = NOW,
    **asked: Any,
) -> Token:
    patient_id = patient_id or UserId(new_id())
    return issuing.issue(
        queue,
        id=TokenId(new_id()),
        holder=Holder(patient_id=patient_id),
        by=build_actor(patient_id),
        taken=taken,
        max_active=max_active,
        at=at,
        **asked,
    )


def refused(attempt: Callable[..., Token], queue: Queue, *args: Any, **asked: Any) -> DomainError:
    """How it is refused; that it leaves everything as it was."""
    before, told = fields_of(queue), list(queue.events)
    with pytest.raises(DomainError) as caught:
        attempt(queue, *args, **asked)
    assert (fields_of(queue), queue.events) == (before, told)
    return caught.value


def test_numbers_run_from_one_to_the_capacity_without_a_gap_and_then_no_further() -> None:
    queue = build_queue(max_size=3)
    tokens = [issue(queue) for _ in range(3)]
    assert [token.number for token in tokens] == [1, 2, 3]
    for _ in range(2):
        assert refused(issue, queue).code == "queue_full"
    assert queue.last_issued_number == 3
    assert queue.waiting_count == 3


def test_places_are_in_the_order_of_arrival_with_room_between_them() -> None:
    queue = build_queue()
    tokens = [issue(queue) for _ in range(3)]
    assert [token.place for token in tokens] == [PLACE_STEP, 2 * PLACE_STEP, 3 * PLACE_STEP]


def test_a_number_is_never_used_again_and_its_room_is_never_free_again() -> None:
    queue = build_queue(max_size=2)
    first = issue(queue)
    cancel(queue, first, line_of([first]), by=build_actor(first.patient_id), at=NOW)
    assert issue(queue).number == 2
    assert refused(issue, queue).code == "queue_full"


def test_a_fresh_token_waits_for_its_patient() -> None:
    clinic = build_clinic()
    queue = build_queue(clinic, service=build_service(clinic.id, prefix="B"))
    patient, id = UserId(new_id()), TokenId(new_id())
    actor = build_actor(patient)
    token = issuing.issue(
        queue,
        id=id,
        holder=Holder(patient_id=patient, name="Ada Lovelace"),
        by=actor,
        taken=(),
        max_active=1,
        at=LATER,
    )
    assert token == Token(
        id=id,
        queue_id=queue.id,
        service_id=queue.service_id,
        patient_id=patient,
        number=1,
        label="B001",
        place=PLACE_STEP,
        priority=NORMAL,
        status=TokenStatus.WAITING,
        version=1,
        created_at=LATER,
        name="Ada Lovelace",
    )
    assert queue.events == [
        events.TokenIssued(
            token=token, from_status=None, actor=actor, at=LATER, queue=queue.status()
        )
    ]
    assert queue.status().next == ("B001",)


def test_a_walk_in_is_given_by_staff_and_carries_what_was_said_of_them() -> None:
    queue, guest = build_queue(), UserId(new_id())
    holder = Holder(patient_id=guest, guest=True, name="Grace", phone="555 0100", note="deaf")
    token = issuing.issue(
        queue,
        id=TokenId(new_id()),
        holder=holder,
        by=STAFF,
        taken=(),
        max_active=5,
        at=LATER,
        line=line_of([]),
        priority=URGENT,
        walk_in=True,
    )
    assert (token.patient_id, token.guest, token.priority) == (guest, True, URGENT)
    assert (token.name, token.phone, token.note) == ("Grace", "555 0100", "deaf")
    assert queue.events == [
        events.WalkInIssued(
            token=token, from_status=None, actor=STAFF, at=LATER, queue=queue.status()
        )
    ]


def test_a_patient_who_stands_in_the_queue_gets_no_second_token_but_is_shown_the_first() -> None:
    queue = build_queue()
    active = issue(queue)
    refusal = refused(issue, queue, active.patient_id, taken=[active])
    assert isinstance(refusal, ActiveTokenExists)
    assert (refusal.code, refusal.token) == ("active_token_exists", active)


def test_an_inactive_queue_issues_nothing() -> None:
    queue = build_queue(is_active=False)
    assert refused(issue, queue).code == "queue_inactive"


def test_a_closed_queue_issues_nothing() -> None:
    queue = build_queue()
    queue.close(by=SYSTEM, at=NOW)
    assert refused(issue, queue).code == "queue_closed"


def test_a_patient_takes_three_numbers_of_one_queue_and_no_fourth() -> None:
    queue, patient = build_queue(), UserId(new_id())
    taken: list[Token] = []
    for number in (1, 2, 3):
        token = issue(queue, patient, taken=taken)
        assert token.number == number
        taken.append(cancel(queue, token, line_of([token]), by=build_actor(patient), at=NOW))
    assert refused(issue, queue, patient, taken=taken).code == "too_many_takes"
    assert issue(queue, taken=()).number == 4


def test_numbers_that_ended_elsewhere_or_otherwise_than_by_leaving_count_for_their_queue() -> None:
    queue = build_queue()
    here = [build_token(queue, status=status) for status in ENDS]
    for taken in (here[:2], here[1:]):
        assert issue(queue, taken=taken).number
    assert refused(issue, queue, taken=here).code == "too_many_takes"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_patient_has_so_many_active_tokens_at_once_in_all_and_no_more(most: int) -> None:
    queue = build_queue()
    gone = build_token(queue, status=TokenStatus.CANCELLED)
    elsewhere = [build_token() for _ in range(most)]
    assert issue(queue, taken=[*elsewhere[1:], gone], max_active=most).number == 1
    refusal = refused(issue, queue, taken=[*elsewhere, gone], max_active=most)
    assert refusal.code == "too_many_active_tokens"
    assert str(most) in refusal.message


def test_what_a_transfer_gave_is_no_take_and_does_not_count_as_active() -> None:
    queue = build_queue()
    given: dict[str, Any] = {"transferred_from": TokenId(new_id())}
    here = [build_token(queue, status=status, **given) for status in ENDS]
    elsewhere = [build_token(**given) for _ in range(5)]
    assert issue(queue, taken=[*here, *elsewhere], max_active=1).number == 1


def test_what_a_transfer_gave_is_an_active_token_here_all_the_same() -> None:
    queue = build_queue()
    active = build_token(queue, transferred_from=TokenId(new_id()))
    refusal = refused(issue, queue, active.patient_id, taken=[active])
    assert refusal.code == "active_token_exists"


def test_what_a_patient_has_comes_before_how_the_queue_is_and_closed_and_inactive_before_full() -> (
    None
):
    queue = build_queue(is_active=False, closed_at=NOW, max_size=1, last_issued_number=1)
    gone = [build_token(queue, status=TokenStatus.CANCELLED) for _ in range(3)]
    elsewhere = [build_token() for _ in range(5)]
    active = build_token(queue)
    for taken, code in (
        ([*gone, *elsewhere, active], "active_token_exists"),
        ([*gone, *elsewhere], "too_many_takes"),
        (elsewhere, "too_many_active_tokens"),
        ([], "queue_closed"),
    ):
        assert refused(issue, queue, taken=taken).code == code
    queue.closed_at = None
    assert refused(issue, queue).code == "queue_inactive"
    queue.is_active = True
    assert refused(issue, queue).code == "queue_full"


def test_only_todays_queue_issues_tokens_from_its_first_instant_to_its_last() -> None:
    queue = build_queue()
    instant = timedelta(milliseconds=1)
    for at in (queue.day_starts_at - instant, queue.day_ends_at):
        assert not queue.is_of_day(at)
        refusal = refused(issue, queue, at=at)
        assert isinstance(refusal, NotFound)
        assert refusal.code == "queue_not_found"
    for at in (queue.day_starts_at, queue.day_ends_at - instant):
        assert queue.is_of_day(at)
        issue(queue, at=at)


# Who is next, after a number was given


def test_a_normal_token_comes_last_of_the_next_five_without_a_look_at_the_line() -> None:
    queue = build_queue()
    for shown in ("1", "12", "123", "1234", "12345", "12345", "12345"):
        assert not issuing.needs_line(queue)
        issue(queue)
        assert "".join(queue.status().next) == shown


@pytest.mark.parametrize("priority", [PRIORITY, URGENT])
def test_a_token_of_another_class_needs_a_look_at_the_line(priority: Priority) -> None:
    queue = build_queue()
    first = issue(queue)
    assert issuing.needs_line(queue, priority)
    issue(queue, priority=priority, line=line_of([first]))
    assert queue.status().next == ("2", "1")
    assert issuing.needs_line(queue), "a NORMAL one may come between two of other classes"


def test_a_normal_token_comes_between_those_of_other_classes() -> None:
    queue = build_queue()
    waiting: list[Token] = []
    for priority in (PRIORITY, PRIORITY, PRIORITY, NORMAL):
        waiting.append(issue(queue, priority=priority, line=line_of(waiting)))
    assert queue.status().next == ("1", "2", "4", "3")


# Whoever comes over from another queue


def take_over(
    queue: Queue,
    token: Token,
    *,
    waiting: Collection[Token] = (),
    first: bool = False,
    priority: Priority | None = None,
    taken: Collection[Token] = (),
    at: Any = LATER,
) -> Token:
    return issuing.take_over(
        queue,
        token,
        id=TokenId(new_id()),
        first=first,
        priority=priority,
        taken=taken,
        line=line_of(waiting),
        by=STAFF,
        at=at,
    )


def test_whoever_comes_over_gets_the_next_number_at_the_end_and_stays_who_they_are() -> None:
    queue = build_queue()
    waiting = [issue(queue)]
    queue.events.clear()
    token = build_token(
        status=TokenStatus.CALLED,
        priority=PRIORITY,
        guest=True,
        name="Grace",
        phone="555 0100",
        note="deaf",
    )
    new = take_over(queue, token, waiting=waiting)
    assert new == Token(
        id=new.id,
        queue_id=queue.id,
        service_id=queue.service_id,
        patient_id=token.patient_id,
        number=2,
        label="2",
        place=2 * PLACE_STEP,
        priority=PRIORITY,
        status=TokenStatus.WAITING,
        created_at=LATER,
        transferred_from=token.id,
        guest=True,
        name="Grace",
        phone="555 0100",
        note="deaf",
    )
    assert queue.status().next == ("2", "1")
    assert queue.events == [
        events.TokenIssued(token=new, from_status=None, actor=STAFF, at=LATER, queue=queue.status())
    ]


def test_whoever_comes_over_first_comes_before_all_of_their_class() -> None:
    queue = build_queue()
    waiting: list[Token] = []
    for priority in (NORMAL, NORMAL, PRIORITY):
        waiting.append(issue(queue, priority=priority, line=line_of(waiting)))
    new = take_over(queue, build_token(), waiting=waiting, first=True)
    assert new.number == 4
    assert queue.status().next == ("3", "4", "1", "2")


def test_whoever_comes_over_may_be_given_another_class() -> None:
    queue = build_queue()
    first = issue(queue)
    urgent = take_over(queue, build_token(), waiting=[first], priority=URGENT)
    normal = take_over(
        queue, build_token(priority=URGENT), waiting=[first, urgent], priority=NORMAL
    )
    assert (urgent.priority, normal.priority) == (URGENT, NORMAL)
    assert queue.status().next == ("2", "1", "3")


def test_whoever_comes_over_first_of_the_given_class_comes_before_that_one() -> None:
    queue = build_queue()
    waiting = [issue(queue), issue(queue)]
    new = take_over(
        queue, build_token(priority=URGENT), waiting=waiting, first=True, priority=NORMAL
    )
    assert queue.status().next == (new.label, "1", "2")


def test_how_many_numbers_they_have_taken_stops_nobody_who_is_handed_over() -> None:
    queue = build_queue()
    token = build_token()
    taken = [build_token(queue, patient_id=token.patient_id, status=status) for status in ENDS]
    assert take_over(queue, token, taken=[*taken, *(build_token() for _ in range(9))]).number == 1


def test_nobody_is_handed_over_to_a_queue_in_which_they_stand() -> None:
    queue, token = build_queue(), build_token()
    active = build_token(queue, patient_id=token.patient_id)
    refusal = refused(take_over, queue, token, taken=[token, active])
    assert isinstance(refusal, ActiveTokenExists)
    assert refusal.token == active


def test_nobody_is_handed_over_to_a_full_queue() -> None:
    queue = build_queue(max_size=1, last_issued_number=1)
    for first in (False, True):
        refusal = refused(take_over, queue, build_token(), first=first)
        assert refusal.code == "queue_full"


@pytest.mark.parametrize("state", ["inactive", "closed", "of another day"])
def test_nobody_is_handed_over_to_a_queue_that_takes_nobody(state: str) -> None:
    queue = build_queue(is_active=state != "inactive")
    if state == "closed":
        queue.close(by=SYSTEM, at=NOW)
    at = queue.day_ends_at if state == "of another day" else LATER
    refusal = refused(take_over, queue, build_token(), at=at)
    assert isinstance(refusal, Conflict)
    assert refusal.code == "queue_not_open"
