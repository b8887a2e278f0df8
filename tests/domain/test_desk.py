"""A desk: who sits there, for which services it calls, and when its states began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.domain import events
from qure.domain.actor import SYSTEM, Role
from qure.domain.desk import Desk
from qure.domain.errors import Conflict, Invalid
from qure.domain.events import DeskState
from qure.domain.ids import ServiceId
from tests.support.builders import NOW, build_actor, build_admin, build_desk, new_id

STAFF, COLLEAGUE = build_actor(role=Role.STAFF), build_actor(role=Role.STAFF)
ADMIN = build_actor(build_admin())
LATER, MIDNIGHT = NOW + timedelta(minutes=5), NOW + timedelta(hours=14)
GENERAL, BLOOD = ServiceId(new_id()), ServiceId(new_id())


def sit_down(desk: Desk, *, by: Any = STAFF, services: Any = (GENERAL,), at: Any = NOW) -> None:
    desk.open(staff_name="Ada", service_ids=services, closes_at=MIDNIGHT, by=by, at=at)


def open_desk(**fields: Any) -> Desk:
    desk = build_desk(**fields)
    sit_down(desk)
    desk.events.clear()
    return desk


def told(desk: Desk, kind: type[events.DeskChanged], **fields: Any) -> events.DeskChanged:
    said: dict[str, Any] = {
        "clinic_id": desk.clinic_id,
        "desk_id": desk.id,
        "desk_name": desk.name,
        "staff_id": STAFF.user_id,
        "service_ids": (GENERAL,),
        "paused_until": None,
        "actor": STAFF,
        "at": LATER,
    }
    return kind(**(said | fields))


def refused(desk: Desk, attempt: Callable[[], object]) -> str:
    """The code of the refusal, which leaves the desk as it was."""
    before, told = replace(desk), list(desk.events)
    with pytest.raises((Conflict, Invalid)) as caught:
        attempt()
    assert (desk, desk.events) == (before, told)
    return caught.value.code


def test_at_a_new_desk_nobody_sits() -> None:
    desk = build_desk()
    assert desk.state is DeskState.CLOSED
    assert desk.staff_id != STAFF.user_id
    assert not desk.serves(GENERAL)


def test_whoever_sits_down_calls_for_these_services_until_the_day_ends() -> None:
    desk = build_desk()
    sit_down(desk, services=(GENERAL, BLOOD), at=LATER)
    assert desk.state is DeskState.OPEN
    assert (desk.staff_id, desk.staff_name) == (STAFF.user_id, "Ada")
    assert (desk.service_ids, desk.closes_at) == ((GENERAL, BLOOD), MIDNIGHT)
    assert (desk.since, desk.updated_at) == (LATER, LATER)
    assert desk.staff_id == STAFF.user_id
    assert desk.staff_id != COLLEAGUE.user_id
    assert desk.serves(BLOOD)
    assert not desk.serves(ServiceId(new_id()))
    assert desk.events == [told(desk, events.DeskOpened, service_ids=(GENERAL, BLOOD))]


@pytest.mark.parametrize("pausing", [False, True])
def test_nobody_sits_down_where_somebody_else_sits(pausing: bool) -> None:
    desk = open_desk()
    if pausing:
        desk.pause(until=None, by=STAFF, at=NOW)
    assert refused(desk, lambda: sit_down(desk, by=COLLEAGUE)) == "desk_taken"


def test_nobody_sits_down_at_a_desk_that_is_no_longer_in_use() -> None:
    desk = build_desk(is_active=False)
    assert refused(desk, lambda: sit_down(desk)) == "desk_retired"


def test_whoever_sits_there_changes_the_services_and_sits_there_as_long_as_before() -> None:
    desk = open_desk()
    sit_down(desk, services=(BLOOD,), at=LATER)
    assert (desk.service_ids, desk.since) == ((BLOOD,), NOW)
    assert desk.events == [told(desk, events.DeskOpened, service_ids=(BLOOD,))]


def test_whoever_opens_a_desk_at_which_they_pause_ends_the_pause() -> None:
    desk = open_desk()
    desk.pause(until=LATER + timedelta(minutes=1), by=STAFF, at=NOW)
    sit_down(desk, at=LATER)
    assert (desk.state, desk.paused_until, desk.since) == (DeskState.OPEN, None, LATER)


def test_at_a_paused_desk_somebody_sits_and_nobody_is_called() -> None:
    desk, until = open_desk(), LATER + timedelta(minutes=10)
    desk.pause(until=until, by=STAFF, at=LATER)
    assert (desk.state, desk.paused_until, desk.since) == (DeskState.PAUSED, until, LATER)
    assert desk.staff_id == STAFF.user_id
    assert not desk.serves(GENERAL)
    assert desk.events == [told(desk, events.DeskPaused, paused_until=until)]


def test_pausing_again_says_another_end_of_the_same_pause() -> None:
    desk = open_desk()
    desk.pause(until=LATER + timedelta(minutes=10), by=STAFF, at=NOW)
    desk.pause(until=None, by=ADMIN, at=LATER)
    assert (desk.state, desk.paused_until) == (DeskState.PAUSED, None)
    assert (desk.since, desk.updated_at) == (NOW, LATER)


@pytest.mark.parametrize("until", [LATER, LATER - timedelta(seconds=1)])
def test_a_pause_does_not_end_in_the_past(until: Any) -> None:
    desk = open_desk()
    assert refused(desk, lambda: desk.pause(until=until, by=STAFF, at=LATER)) == "validation_failed"


def test_when_a_pause_is_over_patients_are_called_again() -> None:
    desk = open_desk()
    desk.pause(until=None, by=STAFF, at=NOW)
    desk.events.clear()
    assert desk.resume(by=STAFF, at=LATER)
    assert (desk.state, desk.paused_until, desk.since) == (DeskState.OPEN, None, LATER)
    assert desk.serves(GENERAL)
    assert desk.events == [told(desk, events.DeskResumed)]


def test_where_nobody_paused_resuming_is_no_change() -> None:
    desk = open_desk()
    before = replace(desk)
    assert not desk.resume(by=STAFF, at=LATER)
    assert (desk, desk.events) == (before, [])


@pytest.mark.parametrize(
    "attempt",
    [
        lambda desk: desk.require_open(),
        lambda desk: desk.pause(until=None, by=STAFF, at=LATER),
        lambda desk: desk.resume(by=STAFF, at=LATER),
    ],
    ids=["require_open", "pause", "resume"],
)
def test_at_a_closed_desk_nobody_pauses_or_resumes(attempt: Callable[[Desk], object]) -> None:
    desk = build_desk()
    assert refused(desk, lambda: attempt(desk)) == "desk_closed"


@pytest.mark.parametrize("pausing", [False, True])
def test_a_closed_desk_keeps_nothing_of_whoever_sat_there_but_says_who_it_was(
    pausing: bool,
) -> None:
    desk, until = open_desk(), None
    if pausing:
        until = LATER + timedelta(minutes=10)
        desk.pause(until=until, by=STAFF, at=NOW)
        desk.events.clear()
    assert desk.close(by=SYSTEM, at=LATER)
    assert desk == replace(
        build_desk(id=desk.id, clinic_id=desk.clinic_id, name=desk.name),
        since=LATER,
        updated_at=LATER,
    )
    assert desk.events == [told(desk, events.DeskClosed, actor=SYSTEM, paused_until=until)]


def test_a_closed_desk_is_not_closed_again() -> None:
    desk = build_desk()
    before = replace(desk)
    assert not desk.close(by=STAFF, at=LATER)
    assert (desk, desk.events) == (before, [])


def test_a_desk_is_renamed_while_somebody_sits_there() -> None:
    desk = open_desk()
    desk.edit(name="Room 7", is_active=True, by=ADMIN, at=LATER)
    assert (desk.name, desk.state, desk.updated_at) == ("Room 7", DeskState.OPEN, LATER)
    assert desk.events == [told(desk, events.DeskChanged, actor=ADMIN)]


def test_a_desk_that_is_taken_out_of_use_closes() -> None:
    desk = open_desk()
    desk.edit(name=desk.name, is_active=False, by=ADMIN, at=LATER)
    assert (desk.is_active, desk.state, desk.staff_id) == (False, DeskState.CLOSED, None)
    assert desk.events == [
        told(desk, events.DeskChanged, actor=ADMIN),
        told(desk, events.DeskClosed, actor=ADMIN),
    ]


def test_events_are_no_part_of_what_a_desk_is() -> None:
    desk = build_desk()
    before = replace(desk, events=[])
    desk.edit(name=desk.name, is_active=True, by=ADMIN, at=desk.updated_at)
    assert desk == before
