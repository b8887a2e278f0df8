"""Nobody joins whom the clinic would probably not reach, if it says so; staff let in whom they
like."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from tests.http.test_waits import fill, newest_wait
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, Person, Thing, data_of, refused, take

LATE = datetime.fromisoformat("2025-12-30T21:30:00Z")
"""Half an hour before it closes."""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(LATE)


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> Thing:
    return await service.clinic(admin, guestJoin=True, refuseBelow=0.5)


@pytest.fixture
async def queue(service: HttpService, admin: Person, clinic: Thing) -> Thing:
    return await service.queue(admin, clinic["id"])


@pytest.fixture
async def staff(service: HttpService, admin: Person, clinic: Thing, queue: Thing) -> Person:
    """Who sits at the one desk there is."""
    staff = await service.staff(admin, clinic["id"])
    desk = await service.add_desk(admin, clinic["id"])
    data_of(await staff.post(f"/desks/{desk['id']}/open"))
    assert (await newest_wait(staff, queue))["beforeClosing"] == 1.0
    return staff


async def ask(person: Person, queue: Thing, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await person.post("/tokens", {"queueId": queue["id"]}, headers=headers)


async def at_the_door(
    service: HttpService, clinic: Thing, key: str | None = None
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await service.http.post(f"/api/join/{clinic['joinCode']}", headers=headers)


async def test_who_would_probably_not_be_called_before_closing_is_refused(
    service: HttpService, staff: Person, clinic: Thing, queue: Thing
) -> None:
    await take(await service.patient(), queue)
    data_of(await at_the_door(service, clinic), 201)
    await fill(staff, queue, 6)
    assert (await newest_wait(staff, queue))["beforeClosing"] < 0.5
    before = data_of(await staff.get(f"/queues/{queue['id']}/status"))
    body = refused(await ask(await service.patient(), queue), 409, "too_late_today")
    assert body["message"] == "You would probably not be called before the clinic closes today."
    refused(await at_the_door(service, clinic), 409, "too_late_today")
    assert data_of(await staff.get(f"/queues/{queue['id']}/status")) == before


async def test_staff_admit_walk_ins_however_late_it_is(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 8)
    assert (await newest_wait(staff, queue))["beforeClosing"] < 0.5
    await fill(staff, queue, 1)
    refused(await ask(await service.patient(), queue), 409, "too_late_today")


async def test_a_clinic_that_never_refuses_takes_everybody(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    await fill(staff, queue, 8)
    assert (await newest_wait(staff, queue))["beforeClosing"] < 0.5
    patient = await service.patient()
    refused(await ask(patient, queue), 409, "too_late_today")
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"refuseBelow": 0}))
    data_of(await ask(patient, queue), 201)
    data_of(await at_the_door(service, clinic), 201)
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"refuseBelow": 1}))
    refused(await ask(await service.patient(), queue), 409, "too_late_today")


async def test_the_same_key_gets_the_first_answer_again_though_it_is_too_late_by_then(
    service: HttpService, staff: Person, clinic: Thing, queue: Thing
) -> None:
    patient = await service.patient()
    first = await ask(patient, queue, "key-1")
    joined = await at_the_door(service, clinic, "key-2")
    for answer in (first, joined):
        data_of(answer, 201)
    await fill(staff, queue, 8)
    assert (await newest_wait(staff, queue))["beforeClosing"] < 0.5
    again = await ask(patient, queue, "key-1")
    assert (again.status_code, again.json()) == (201, first.json())
    again = await at_the_door(service, clinic, "key-2")
    assert (again.status_code, again.json()) == (201, joined.json())
    refused(await ask(await service.patient(), queue, "key-1"), 409, "too_late_today")
    refused(await at_the_door(service, clinic, "key-3"), 409, "too_late_today")


async def test_what_was_refused_as_too_late_may_be_tried_again_with_the_same_key(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    await fill(staff, queue, 8)
    await newest_wait(staff, queue)
    patient = await service.patient()
    refused(await ask(patient, queue, "key-1"), 409, "too_late_today")
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"refuseBelow": 0}))
    data_of(await ask(patient, queue, "key-1"), 201)


async def test_where_nothing_is_known_nobody_is_refused(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    assert (await newest_wait(admin, queue))["ifJoinedNow"]["reason"] == "no_desk"
    data_of(await ask(await service.patient(), queue), 201)
    data_of(await at_the_door(service, clinic), 201)


async def test_who_has_a_number_already_is_told_of_it_however_late_it_is(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    patient = await service.patient()
    token = await take(patient, queue)
    await fill(staff, queue, 8)
    assert (await newest_wait(staff, queue))["beforeClosing"] < 0.5
    body = refused(await ask(patient, queue), 409, "active_token_exists")
    assert body["meta"]["token"]["id"] == token["id"]


async def test_other_reasons_to_refuse_come_as_they_did(
    service: HttpService, staff: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/queues/{queue['id']}"
    data_of(await staff.patch(f"{path}/status", {"isActive": False}))
    assert (await newest_wait(staff, queue))["beforeClosing"] == 0.0
    refused(await ask(await service.patient(), queue), 409, "queue_inactive")
    refused(await at_the_door(service, clinic), 409, "queue_inactive")
    data_of(await staff.post(f"{path}/close"))
    await newest_wait(staff, queue)
    refused(await ask(await service.patient(), queue), 409, "queue_closed")
