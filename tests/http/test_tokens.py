"""``/api/tokens``: a patient's place in a queue, and what staff do with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.http_service import (
    UNKNOWN,
    HttpService,
    Person,
    bad_fields,
    data_of,
    refused,
)


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> dict[str, Any]:
    return await service.clinic(admin)


@pytest.fixture
async def queue(service: HttpService, admin: Person, clinic: dict[str, Any]) -> dict[str, Any]:
    return await service.queue(admin, clinic["id"], max_size=3)


async def take(person: Person, queue: dict[str, Any]) -> dict[str, Any]:
    token: dict[str, Any] = data_of(await person.post("/tokens", {"queueId": queue["id"]}), 201)
    return token


async def test_a_patient_takes_the_next_number(service: HttpService, queue: dict[str, Any]) -> None:
    first, second = await service.patient(), await service.patient()
    token = await take(first, queue)
    assert token == {
        "id": token["id"],
        "queueId": queue["id"],
        "patientId": first.id,
        "tokenNumber": 1,
        "status": "WAITING",
        "createdAt": "2025-12-30T15:00:00.000Z",
        "calledAt": None,
        "startedAt": None,
        "completedAt": None,
        "skippedAt": None,
        "cancelledAt": None,
        "label": "1",
        "serviceId": queue["serviceId"],
        "priority": "NORMAL",
        "onHold": False,
        "desk": None,
        "recallCount": 0,
        "lastCalledAt": None,
        "skipReason": None,
        "cancelReason": None,
        "rejoinUntil": None,
        "postponesLeft": 3,
        "transferredFrom": None,
        "transferredTo": None,
        "guest": False,
        "version": 1,
    }
    assert (await take(second, queue))["tokenNumber"] == 2


async def test_a_second_token_is_refused_with_the_active_one(
    service: HttpService, queue: dict[str, Any]
) -> None:
    patient = await service.patient()
    token = await take(patient, queue)
    response = await patient.post("/tokens", {"queueId": queue["id"]})
    body = refused(response, 409, "active_token_exists")
    assert body["meta"] == {"token": token}


async def test_however_many_ask_at_once_numbers_have_no_gap_and_the_queue_fills_exactly(
    service: HttpService, queue: dict[str, Any]
) -> None:
    patients = [await service.patient() for _ in range(6)]
    responses = await asyncio.gather(
        *(patient.post("/tokens", {"queueId": queue["id"]}) for patient in patients)
    )
    issued = [data_of(one, 201)["tokenNumber"] for one in responses if one.status_code == 201]
    assert sorted(issued) == [1, 2, 3]
    for response in responses:
        if response.status_code != 201:
            refused(response, 409, "queue_full")


async def test_one_patient_who_asks_many_times_at_once_gets_one_token(
    service: HttpService, queue: dict[str, Any]
) -> None:
    patient = await service.patient()
    responses = await asyncio.gather(
        *(patient.post("/tokens", {"queueId": queue["id"]}) for _ in range(5))
    )
    assert sorted(one.status_code for one in responses) == [201, 409, 409, 409, 409]


async def test_only_patients_take_tokens(
    service: HttpService, admin: Person, clinic: dict[str, Any], queue: dict[str, Any]
) -> None:
    staff = await service.staff(admin, clinic["id"])
    for person in (admin, staff):
        refused(await person.post("/tokens", {"queueId": queue["id"]}), 403, "forbidden")


async def test_a_queue_that_is_unknown_or_not_todays_is_404(
    service: HttpService, queue: dict[str, Any]
) -> None:
    patient = await service.patient()
    refused(await patient.post("/tokens", {"queueId": UNKNOWN}), 404, "queue_not_found")
    service.clock.set(datetime(2025, 12, 31, 5, tzinfo=UTC))
    patient = await service.log_in(patient.email)
    refused(await patient.post("/tokens", {"queueId": queue["id"]}), 404, "queue_not_found")
    assert bad_fields(await patient.post("/tokens", {})) == ["queueId"]
    assert bad_fields(await patient.post("/tokens", {"queueId": "7"})) == ["queueId"]


async def test_a_patient_leaves_and_may_come_back_with_a_new_number(
    service: HttpService, queue: dict[str, Any]
) -> None:
    patient = await service.patient()
    token = await take(patient, queue)
    left = data_of(await patient.delete(f"/tokens/{token['id']}"))
    assert left["status"] == "CANCELLED"
    refused(await patient.delete(f"/tokens/{token['id']}"), 409, "illegal_transition")
    assert (await take(patient, queue))["tokenNumber"] == 2


async def test_a_patient_sees_every_line_they_stand_in_and_where_they_may_come_back(
    service: HttpService, admin: Person, clinic: dict[str, Any], queue: dict[str, Any]
) -> None:
    patient, other = await service.patient(), await service.patient()
    assert data_of(await patient.get(f"/tokens/{patient.id}/today")) == []
    eye_tests = await service.add_service(admin, clinic["id"], "Eye tests")
    there = await service.queue(admin, clinic["id"], service_id=eye_tests["id"])
    await take(other, queue)
    first, second = await take(patient, there), await take(patient, queue)
    assert data_of(await patient.get(f"/tokens/{patient.id}/today")) == [first, second]
    data_of(await admin.post(f"/tokens/{first['id']}/skip"))
    data_of(await patient.delete(f"/tokens/{second['id']}"))
    (left,) = data_of(await patient.get(f"/tokens/{patient.id}/today"))
    assert (left["id"], left["status"]) == (first["id"], "SKIPPED")
    refused(await other.get(f"/tokens/{patient.id}/today"), 403, "forbidden")


async def test_a_token_is_cancelled_by_its_patient_alone_and_only_while_waiting(
    service: HttpService, admin: Person, queue: dict[str, Any]
) -> None:
    patient, other = await service.patient(), await service.patient()
    token = await take(patient, queue)
    path = f"/tokens/{token['id']}"
    for person in (other, admin):
        refused(await person.delete(path), 403, "forbidden")
    refused(await patient.delete(f"/tokens/{UNKNOWN}"), 404, "token_not_found")
    data_of(await admin.post(f"/queues/{queue['id']}/call-next"))
    refused(await patient.delete(path), 409, "illegal_transition")


async def test_the_active_token_is_its_patients_to_see(
    service: HttpService, admin: Person, queue: dict[str, Any]
) -> None:
    patient, other = await service.patient(), await service.patient()
    assert data_of(await patient.get(f"/tokens/{patient.id}")) is None
    token = await take(patient, queue)
    assert data_of(await patient.get(f"/tokens/{patient.id}")) == token
    for person in (other, admin):
        refused(await person.get(f"/tokens/{patient.id}"), 403, "forbidden")
    data_of(await patient.delete(f"/tokens/{token['id']}"))
    assert data_of(await patient.get(f"/tokens/{patient.id}")) is None


async def test_staff_list_the_tokens_in_order_and_by_number_and_status(
    service: HttpService, admin: Person, clinic: dict[str, Any], queue: dict[str, Any]
) -> None:
    staff = await service.staff(admin, clinic["id"])
    for_staff = {"name": "Maria Curie", "phone": None, "note": None}
    tokens = [await take(await service.patient(), queue) | for_staff for _ in range(3)]
    path = f"/tokens/queue/{queue['id']}"
    assert data_of(await staff.get(path)) == tokens
    assert data_of(await staff.get(f"{path}?tokenNumber=2")) == tokens[1]
    assert data_of(await staff.get(f"{path}?tokenNumber=9")) is None
    called = data_of(await staff.post(f"/queues/{queue['id']}/call-next"))
    assert data_of(await staff.get(f"{path}?status=CALLED")) == [called]
    assert data_of(await staff.get(f"{path}?status=WAITING")) == tokens[1:]
    assert data_of(await staff.get(f"{path}?status=WAITING&tokenNumber=1")) is None
    assert bad_fields(await staff.get(f"{path}?status=GONE&tokenNumber=0")) == [
        "tokenNumber",
        "status",
    ]
    refused(await staff.get(f"/tokens/queue/{UNKNOWN}"), 404, "queue_not_found")


async def test_the_list_is_for_admins_and_that_clinics_staff(
    service: HttpService, admin: Person, queue: dict[str, Any]
) -> None:
    elsewhere = await service.clinic(admin)
    outsider, patient = await service.staff(admin, elsewhere["id"]), await service.patient()
    for person in (outsider, patient):
        refused(await person.get(f"/tokens/queue/{queue['id']}"), 403, "forbidden")


async def test_staff_start_and_complete_a_called_token(
    service: HttpService, admin: Person, clinic: dict[str, Any], queue: dict[str, Any]
) -> None:
    staff = await service.staff(admin, clinic["id"])
    token = await take(await service.patient(), queue)
    path = f"/tokens/{token['id']}"
    refused(await staff.post(f"{path}/start"), 409, "illegal_transition")
    refused(await staff.post(f"{path}/complete"), 409, "illegal_transition")
    called = data_of(await staff.post(f"/queues/{queue['id']}/call-next"))
    assert (called["status"], called["calledAt"]) == ("CALLED", "2025-12-30T15:00:00.000Z")
    service.clock.advance(minutes=1)
    started = data_of(await staff.post(f"{path}/start"))
    assert (started["status"], started["startedAt"]) == (
        "IN_PROGRESS",
        "2025-12-30T15:01:00.000Z",
    )
    refused(await staff.post(f"{path}/skip"), 409, "illegal_transition")
    completed = data_of(await staff.post(f"{path}/complete"))
    assert (completed["status"], completed["completedAt"]) == (
        "COMPLETED",
        "2025-12-30T15:01:00.000Z",
    )


async def test_staff_skip_who_is_not_there(
    service: HttpService, admin: Person, queue: dict[str, Any]
) -> None:
    token = await take(await service.patient(), queue)
    skipped = data_of(await admin.post(f"/tokens/{token['id']}/skip"))
    assert (skipped["status"], skipped["skippedAt"]) == ("SKIPPED", "2025-12-30T15:00:00.000Z")


@pytest.mark.parametrize("action", ["start", "complete", "skip"])
async def test_only_staff_of_the_clinic_act_on_a_token(
    service: HttpService, admin: Person, queue: dict[str, Any], action: str
) -> None:
    patient = await service.patient()
    token = await take(patient, queue)
    elsewhere = await service.clinic(admin)
    outsider = await service.staff(admin, elsewhere["id"])
    for person in (patient, outsider):
        refused(await person.post(f"/tokens/{token['id']}/{action}"), 403, "forbidden")
    refused(await admin.post(f"/tokens/{UNKNOWN}/{action}"), 404, "token_not_found")
