"""What tokens show of how long patients take: only what is true of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from qure.application.ports.journal import JournalRecord
from qure.application.ports.waiting import SeenDay, SeenToken
from qure.application.waiting.seen import Pause, by_desk, earlier_days, pauses_in, visits_of
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, UserId
from qure.domain.token import Priority, SkipReason, TokenStatus
from qure.domain.waiting.visits import Pause as SeatPause
from qure.domain.waiting.visits import Visit
from tests.support.builders import NOW, build_entry, new_id

DESK, OTHER = DeskId(new_id()), DeskId(new_id())
STAFF = UserId(new_id())
SERVICE = ServiceId(new_id())


def at(minute: float) -> datetime:
    """So many minutes after the day began."""
    return NOW + timedelta(minutes=minute)


def seen(**fields: Any) -> SeenToken:
    """Who came at 0, was called at that desk at 10, and had been served at 20."""
    given: dict[str, Any] = {
        "service_id": SERVICE,
        "status": TokenStatus.COMPLETED,
        "priority": Priority.NORMAL,
        "created_at": at(0),
        "called_at": at(10),
        "completed_at": at(20),
        "skipped_at": None,
        "skip_reason": None,
        "rejoins": 0,
        "assigned_to": STAFF,
        "desk_id": DESK,
        **fields,
    }
    return SeenToken(**given)


def not_there(**fields: Any) -> SeenToken:
    """Who was called at 10 and given up at 13."""
    given: dict[str, Any] = {
        "status": TokenStatus.SKIPPED,
        "completed_at": None,
        "skipped_at": at(13),
        "skip_reason": SkipReason.NO_SHOW,
        **fields,
    }
    return seen(**given)


def shown_by(
    token: SeenToken, *pauses: Pause, over_at: datetime | None = None
) -> list[tuple[float, bool]]:
    """How many minutes each visit took, and whether the patient came."""
    found = visits_of(token, by_desk(pauses), over_at=over_at)
    return [(one.seconds / 60, one.came) for one in found]


# Visits


def test_who_was_served_was_there_from_the_call_to_the_end() -> None:
    assert visits_of(seen(), {}, over_at=None) == [
        Visit(SERVICE, DESK, at(10).timestamp(), at(20).timestamp())
    ]


def test_who_called_without_a_desk_is_known_by_name() -> None:
    (visit,) = visits_of(seen(desk_id=None), {}, over_at=None)
    assert (visit.seat_id, visit.caller_id) == (STAFF, STAFF)


def test_who_was_called_and_did_not_come_was_waited_for_so_long() -> None:
    assert shown_by(not_there()) == [(3, False)]


@pytest.mark.parametrize(
    "token",
    [
        seen(called_at=None),
        seen(status=TokenStatus.CALLED, completed_at=None),
        seen(status=TokenStatus.IN_PROGRESS, completed_at=None),
        seen(status=TokenStatus.CANCELLED, completed_at=None),
        seen(completed_at=None),
        not_there(skip_reason=SkipReason.STAFF),
        not_there(called_at=None),
    ],
)
def test_who_was_not_called_or_is_not_done_shows_nothing(token: SeenToken) -> None:
    assert shown_by(token) == []


def test_who_was_completed_by_the_days_end_was_only_cleared() -> None:
    assert shown_by(seen(), over_at=at(20)) == []
    assert shown_by(seen(), over_at=at(21)) == [(10, True)]


def test_who_was_open_over_a_pause_of_the_desk_shows_nothing() -> None:
    for pause in (
        Pause(DESK, at(12), at(15)),
        Pause(DESK, at(5), at(11)),
        Pause(DESK, at(19), None),
        Pause(DESK, at(0), None),
    ):
        assert shown_by(seen(), pause) == []


def test_other_pauses_do_not_touch_a_visit() -> None:
    others = [
        Pause(OTHER, at(12), at(15)),
        Pause(DESK, at(2), at(10)),
        Pause(DESK, at(20), at(25)),
        Pause(DESK, at(30), None),
    ]
    assert shown_by(seen(), *others) == [(10, True)]
    assert shown_by(seen(desk_id=None), Pause(DESK, at(12), at(15))) == [(10, True)]


def test_who_came_back_was_not_there_once_and_how_long_is_not_known() -> None:
    (first, then) = visits_of(seen(rejoins=1), {}, over_at=None)
    assert (first.seconds, first.came, first.rejoined, first.seat_id) == (0, False, True, None)
    assert (then.seconds, then.came, then.rejoined) == (600, True, False)


def test_who_came_back_and_has_not_been_called_since_still_was_not_there_once() -> None:
    for token in (
        seen(rejoins=2, called_at=None),
        seen(rejoins=1, status=TokenStatus.CALLED, completed_at=None),
        seen(rejoins=1, completed_at=None),
    ):
        assert shown_by(token) == [(0, False)]
    assert shown_by(seen(rejoins=1), Pause(DESK, at(11), at(12))) == [(0, False)]
    assert shown_by(seen(rejoins=1), over_at=at(15)) == [(0, False)]


# Pauses


def record(event: str, minute: float, *, desk_id: DeskId | None = DESK) -> JournalRecord:
    """What the journal says of a desk."""
    clinic_id = ClinicId(new_id())
    made: events.Event = events.ClinicChanged(clinic_id=clinic_id, actor=SYSTEM, at=at(minute))
    if desk_id is not None:
        made = getattr(events, event)(
            clinic_id=clinic_id,
            desk_id=desk_id,
            desk_name="Desk 1",
            staff_id=STAFF,
            service_ids=(),
            paused_until=None,
            actor=SYSTEM,
            at=at(minute),
        )
    return JournalRecord.of(build_entry(made, created_at=at(minute)), 0, request_id=None)


@pytest.mark.parametrize("end", ["DeskResumed", "DeskOpened", "DeskClosed"])
def test_a_pause_is_from_when_it_was_said_until_it_is_over(end: str) -> None:
    said = [record("DeskOpened", 0), record("DeskPaused", 5), record(end, 20)]
    assert pauses_in(said) == [Pause(DESK, at(5), at(20))]


def test_another_end_is_said_of_the_same_pause() -> None:
    said = [record("DeskPaused", 5), record("DeskPaused", 9), record("DeskResumed", 20)]
    assert pauses_in(said) == [Pause(DESK, at(5), at(20))]


def test_a_pause_that_is_not_over_has_no_end_and_each_desk_its_own() -> None:
    said = [
        record("DeskPaused", 5),
        record("DeskPaused", 6, desk_id=OTHER),
        record("DeskChanged", 7),
        record("ClinicChanged", 8, desk_id=None),
        record("DeskResumed", 9, desk_id=OTHER),
        record("DeskClosed", 10, desk_id=OTHER),
    ]
    assert pauses_in(said) == [Pause(OTHER, at(6), at(9)), Pause(DESK, at(5), None)]


# Days


def day(*tokens: SeenToken, **fields: Any) -> SeenDay:
    given: dict[str, Any] = {
        "queue_id": QueueId(new_id()),
        "service_id": SERVICE,
        "start_time": at(5),
        "end_time": at(5 + 240),
        "over_at": at(600),
        **fields,
    }
    return SeenDay(tokens=tokens, **given)


def test_an_earlier_day_shows_its_visits_by_when_they_ended_and_its_pauses() -> None:
    late = seen(completed_at=at(30), desk_id=OTHER)
    cleared = seen(completed_at=at(700), desk_id=OTHER)
    pauses = [Pause(DESK, at(40), at(50)), Pause(DESK, at(90), None)]
    found = earlier_days([day(late, seen(), cleared), day(not_there())], pauses)
    assert [one.ended_at for one in found.visits] == [at(one).timestamp() for one in (13, 20, 30)]
    assert found.pauses == (SeatPause(DESK, at(40).timestamp(), at(50).timestamp()),)


def test_a_day_tells_when_it_began_with_how_many_seats_and_who_overtook() -> None:
    tokens = [
        seen(called_at=at(12)),
        seen(called_at=at(9), created_at=at(2), desk_id=OTHER, priority=Priority.URGENT),
        seen(called_at=at(15), desk_id=None, priority=Priority.PRIORITY),
        seen(called_at=at(16), desk_id=None, assigned_to=None),
        seen(called_at=None, assigned_to=UserId(UUID(int=1)), desk_id=None, rejoins=1),
    ]
    (session,) = earlier_days([day(*tokens)], []).sessions
    assert (session.service_id, session.opens_at) == (SERVICE, at(5).timestamp())
    assert session.first_arrival_at == at(0).timestamp()
    assert session.first_call_at == at(9).timestamp()
    assert (session.seats, session.overtakers, session.hours) == (3, 2, 4.0)


def test_of_a_day_on_which_nobody_came_no_more_is_known() -> None:
    (session,) = earlier_days([day()], []).sessions
    assert (session.first_arrival_at, session.first_call_at, session.seats) == (None, None, 0)
    assert session.lateness is None
