"""The queue of a day: how it opens and ends, what it shows, and how it counts its changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM, Role
from qure.domain.calling import call, call_next
from qure.domain.errors import Conflict
from qure.domain.ids import DeskId, QueueId, TokenId
from qure.domain.moves import cancel, complete, start
from qure.domain.queue import Queue
from qure.domain.queue_status import Call, Notice, NoticeKind, QueueStatus, Upcoming
from qure.domain.token import Priority, TokenStatus
from tests.domain.every_move import fields_of
from tests.domain.kept import KeptQueue
from tests.support.builders import (
    NOW,
    TODAY,
    build_actor,
    build_clinic,
    build_queue,
    build_service,
    new_id,
)

STAFF = build_actor(role=Role.STAFF)
LATER = NOW + timedelta(minutes=5)


def test_a_queue_opens_empty_active_and_for_the_local_day() -> None:
    clinic = build_clinic(max_queue_size=30)
    queue = Queue.open(
        clinic, clinic.service, id=QueueId(new_id()), max_size=None, at=NOW, by=STAFF
    )
    assert queue.date == TODAY
    assert queue.clinic_id == clinic.id
    assert queue.max_size == 30
    assert queue.is_active
    assert not queue.is_closed
    assert queue.version == 1
    assert (queue.last_issued_number, queue.last_place, queue.waiting_count) == (0, 0, 0)
    assert (queue.now_serving, queue.last_served_number) == (0, 0)
    assert (queue.on_hold_count, queue.priority_run, queue.open_desks) == (0, 0, 0)
    assert (queue.upcoming, queue.calls, queue.notice) == ((), (), None)
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


def test_a_queue_is_a_services_and_knows_how_many_desks_call_for_it_already() -> None:
    clinic = build_clinic(max_queue_size=30)
    service = build_service(clinic.id, name="Blood tests", prefix="B", max_queue_size=80)
    queue = Queue.open(
        clinic, service, id=QueueId(new_id()), max_size=None, open_desks=2, at=NOW, by=STAFF
    )
    assert (queue.service_id, queue.service_name, queue.prefix) == (service.id, "Blood tests", "B")
    assert (queue.max_size, queue.open_desks) == (80, 2)
    assert queue.status().open_desks == 2


def test_a_size_given_at_opening_wins_over_the_services() -> None:
    clinic = build_clinic(max_queue_size=30)
    queue = Queue.open(clinic, clinic.service, id=QueueId(new_id()), max_size=7, at=NOW, by=SYSTEM)
    assert queue.max_size == 7


@pytest.mark.parametrize(
    ("clinic", "service", "code"),
    [
        (build_clinic(is_active=False), build_service(), "clinic_retired"),
        (build_clinic(), build_service(is_active=False), "service_retired"),
    ],
    ids=["clinic", "service"],
)
def test_what_is_retired_opens_no_queue(clinic: object, service: object, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        Queue.open(clinic, service, id=QueueId(new_id()), max_size=None, at=NOW, by=SYSTEM)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_it_is_the_clinics_calendar_that_dates_the_queue() -> None:
    night = datetime(2025, 12, 31, 3, tzinfo=UTC)
    there = build_clinic(timezone="Pacific/Apia")
    here = build_clinic(timezone="America/New_York")
    assert build_queue(there, at=night).date == date(2025, 12, 31)
    assert build_queue(here, at=night).date == date(2025, 12, 30)


# Open, inactive, closed


def test_taking_no_more_tokens_and_taking_them_again_are_changes_that_are_told() -> None:
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
    kept = KeptQueue(build_queue())
    token = kept.take()
    kept.queue.set_active(False, by=STAFF, at=NOW)
    called, _ = call(kept.queue, token, kept.line(), by=STAFF, at=NOW)
    assert complete(kept.queue, called, by=STAFF, at=NOW).status is TokenStatus.COMPLETED


@pytest.mark.parametrize("active", [True, False])
def test_a_queue_whose_day_has_ended_is_closed_for_good_and_that_is_told(active: bool) -> None:
    queue = build_queue(is_active=active)
    assert queue.close(by=STAFF, at=LATER)
    assert (queue.closed_at, queue.is_closed, queue.is_active) == (LATER, True, False)
    status = queue.status()
    assert (status.is_closed, status.is_active, status.version) == (True, False, 2)
    assert queue.events == [events.QueueClosed(actor=STAFF, at=LATER, queue=status)]


def test_a_closed_queue_is_not_closed_again_and_takes_no_tokens_ever_again() -> None:
    queue = build_queue()
    queue.close(by=STAFF, at=NOW)
    queue.events.clear()
    before = fields_of(queue)
    assert not queue.close(by=SYSTEM, at=LATER)
    assert not queue.set_active(False, by=STAFF, at=LATER)
    with pytest.raises(Conflict) as refused:
        queue.set_active(True, by=STAFF, at=LATER)
    assert refused.value.code == "queue_closed"
    assert (fields_of(queue), queue.events) == (before, [])


# What staff and the clinic say


def notice(**said: object) -> Notice:
    return Notice(kind=NoticeKind.DELAY, at=LATER, **said)  # type: ignore[arg-type]


def test_a_notice_is_in_the_status_until_another_one_or_none_is_given() -> None:
    queue = build_queue()
    first, second = notice(minutes=20), notice(text="Dr Okafor is at the hospital.")
    for given in (first, second, None):
        assert queue.give_notice(given, by=STAFF, at=LATER)
        assert queue.status().notice == given
        assert queue.events[-1] == events.QueueNoticeChanged(
            actor=STAFF, at=LATER, queue=queue.status()
        )
    assert queue.version == 4


def test_where_there_is_no_notice_none_is_taken_away() -> None:
    queue = build_queue()
    assert not queue.give_notice(None, by=STAFF, at=LATER)
    assert (queue.version, queue.events) == (1, [])


def test_a_closed_queue_gives_no_notice_but_its_last_one_is_taken_away() -> None:
    queue = build_queue(notice=notice())
    queue.close(by=SYSTEM, at=NOW)
    with pytest.raises(Conflict) as refused:
        queue.give_notice(notice(text="We are closed."), by=STAFF, at=LATER)
    assert refused.value.code == "queue_closed"
    assert queue.notice == notice()
    assert queue.give_notice(None, by=SYSTEM, at=LATER)
    assert queue.notice is None


def test_how_many_desks_call_for_it_is_told_when_it_changes() -> None:
    queue = build_queue()
    assert queue.set_desks(2, by=STAFF, at=LATER)
    assert not queue.set_desks(2, by=STAFF, at=LATER)
    assert queue.status().open_desks == 2
    assert queue.events == [events.QueueDesksChanged(actor=STAFF, at=LATER, queue=queue.status())]


def test_a_service_that_is_renamed_shows_its_new_name_and_keeps_the_printed_prefix() -> None:
    queue = build_queue(prefix="B")
    assert queue.rename("Blood tests", by=STAFF, at=LATER)
    assert not queue.rename("Blood tests", by=STAFF, at=LATER)
    assert (queue.status().service_name, queue.status().prefix) == ("Blood tests", "B")
    assert queue.events == [events.QueueDesksChanged(actor=STAFF, at=LATER, queue=queue.status())]


def test_that_the_places_were_numbered_anew_is_told() -> None:
    queue = build_queue()
    queue.spaced_out(by=SYSTEM, at=LATER)
    assert queue.events == [events.QueueSpacedOut(actor=SYSTEM, at=LATER, queue=queue.status())]
    assert (queue.version, queue.updated_at) == (2, LATER)


def test_the_status_shows_the_queue_as_it_stands() -> None:
    one_call = Call(
        token_id=TokenId(new_id()),
        label="B005",
        number=5,
        desk_id=DeskId(new_id()),
        desk_name="Room 3",
        called_at=NOW,
        recall_count=1,
    )
    queue = build_queue(
        service_name="Blood tests",
        prefix="B",
        waiting_count=4,
        on_hold_count=1,
        open_desks=2,
        last_issued_number=9,
        now_serving=5,
        last_served_number=3,
        priority_run=2,
        upcoming=(Upcoming("B006", Priority.URGENT), Upcoming("B008", Priority.NORMAL)),
        calls=(one_call,),
        notice=notice(minutes=20),
        version=17,
    )
    assert queue.status() == QueueStatus(
        queue_id=queue.id,
        clinic_id=queue.clinic_id,
        service_id=queue.service_id,
        service_name="Blood tests",
        prefix="B",
        now_serving=5,
        waiting_count=4,
        on_hold_count=1,
        open_desks=2,
        start_time=queue.start_time,
        end_time=queue.end_time,
        is_active=True,
        is_closed=False,
        last_served_number=3,
        next=("B006", "B008"),
        calls=(one_call,),
        notice=notice(minutes=20),
        priority_run=2,
        version=17,
    )


# Counting


def test_each_change_makes_the_version_grow_by_exactly_one_and_says_so_in_its_event() -> None:
    kept = KeptQueue(build_queue())
    queue = kept.queue
    first, second = kept.take(), kept.take()
    called, _ = call_next(queue, kept.line(), by=STAFF, at=NOW)
    kept.keep(called)
    started = start(queue, called, by=STAFF, at=NOW)
    complete(queue, started, by=STAFF, at=NOW)
    cancel(queue, second, kept.line(), by=build_actor(second.patient_id), at=NOW)
    queue.set_active(False, by=STAFF, at=NOW)
    queue.close(by=STAFF, at=LATER)
    told = [event.queue.version for event in queue.events if isinstance(event, events.QueueChanged)]
    assert called.id == first.id
    assert told == [2, 3, 4, 5, 6, 7, 8, 9]
    assert queue.updated_at == LATER


def test_events_are_no_part_of_what_a_queue_is() -> None:
    queue = build_queue()
    same = build_queue(**fields_of(queue))
    queue.events.append(events.QueueClosed(actor=STAFF, at=LATER, queue=queue.status()))
    assert queue == same
