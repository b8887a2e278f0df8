"""``/api/queues``: the queue of the day, and calling the next patient."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.http_service import UNKNOWN, HttpService, bad_fields, data_of, refused


async def test_a_queue_is_opened_for_the_clinics_local_day(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin, timezone="Pacific/Auckland", maxQueueSize=7)
    queue = data_of(await admin.post(f"/queues/init/{clinic['id']}"), 201)
    assert queue == {
        "id": queue["id"],
        "clinicId": clinic["id"],
        # 15:00 UTC on the 30th is the morning of the 31st in Auckland, at UTC+13.
        "queueDate": "2025-12-31T00:00:00.000Z",
        "currentTokenNo": 0,
        "maxQueueSize": 7,
        "startTime": "2025-12-30T20:00:00.000Z",
        "endTime": "2025-12-31T04:00:00.000Z",
        "isActive": True,
        "createdAt": "2025-12-30T15:00:00.000Z",
        "updatedAt": "2025-12-30T15:00:00.000Z",
        "version": 1,
        "serviceId": queue["serviceId"],
        "serviceName": "General",
        "prefix": "",
        "isClosed": False,
    }
    assert data_of(await admin.get(f"/queues/{clinic['id']}")) == queue
    refused(await admin.post(f"/queues/init/{clinic['id']}"), 409, "queue_exists")


async def test_a_queue_may_be_opened_with_a_size_of_its_own(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    path = f"/queues/init/{clinic['id']}"
    for size in (0, 1001, "5", 1.5):
        assert bad_fields(await admin.post(path, {"maxQueueSize": size})) == ["maxQueueSize"]
    assert data_of(await admin.post(path, {"maxQueueSize": 1}), 201)["maxQueueSize"] == 1


async def test_the_day_has_a_queue_only_when_it_was_opened(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    refused(await admin.get(f"/queues/{clinic['id']}"), 404, "queue_not_found")
    await service.queue(admin, clinic["id"])
    data_of(await admin.get(f"/queues/{clinic['id']}"))
    service.clock.set(datetime(2025, 12, 31, 5, tzinfo=UTC))
    admin = await service.log_in(admin.email)
    refused(await admin.get(f"/queues/{clinic['id']}"), 404, "queue_not_found")


async def test_a_queue_is_run_by_admins_and_that_clinics_staff(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    here, there = await service.clinic(admin), await service.clinic(admin)
    staff, outsider = [await service.staff(admin, one["id"]) for one in (here, there)]
    for person in (patient, outsider):
        refused(await person.post(f"/queues/init/{here['id']}"), 403, "forbidden")
    queue = await service.queue(staff, here["id"])
    for person in (patient, outsider):
        path = f"/queues/{queue['id']}"
        refused(await person.patch(f"{path}/status", {"isActive": False}), 403, "forbidden")
        refused(await person.post(f"{path}/call-next"), 403, "forbidden")


async def test_a_retired_clinic_opens_no_queue(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"isActive": False}))
    refused(await admin.post(f"/queues/init/{clinic['id']}"), 409, "clinic_retired")


async def test_the_status_is_exact_after_every_change(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    queue = await service.queue(admin, clinic["id"])
    path = f"/queues/{queue['id']}/status"
    status = data_of(await admin.get(path))
    assert status == {
        "queueId": queue["id"],
        "clinicId": clinic["id"],
        "currentTokenNo": 0,
        "waitingCount": 0,
        "startTime": queue["startTime"],
        "endTime": queue["endTime"],
        "isActive": True,
        "lastServedTokenNumber": 0,
        "version": 1,
        "serviceId": queue["serviceId"],
        "serviceName": "General",
        "prefix": "",
        "openDesks": 0,
        "onHoldCount": 0,
        "next": [],
        "calls": [],
        "notice": None,
        "isClosed": False,
    }
    patients = [await service.patient() for _ in range(3)]
    for number, patient in enumerate(patients, start=1):
        data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201)
        assert data_of(await admin.get(path))["waitingCount"] == number
    data_of(await admin.post(f"/queues/{queue['id']}/call-next"))
    data_of(await admin.post(f"/queues/{queue['id']}/call-next"))
    data_of(await admin.patch(path, {"isActive": False}))
    assert data_of(await patients[0].get(path)) == {
        **status,
        "currentTokenNo": 2,
        "waitingCount": 1,
        "lastServedTokenNumber": 1,
        "isActive": False,
        "version": 7,
        "next": ["3"],
        "calls": [
            {
                "label": label,
                "tokenNumber": int(label),
                "desk": None,
                "calledAt": "2025-12-30T15:00:00.000Z",
                "recallCount": 0,
            }
            for label in ("2", "1")
        ],
    }


async def test_a_closed_queue_takes_no_tokens_but_is_still_called(service: HttpService) -> None:
    admin, patient, late = [
        await service.admin(),
        await service.patient(),
        await service.patient(),
    ]
    clinic = await service.clinic(admin)
    queue = await service.queue(admin, clinic["id"])
    data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201)
    path = f"/queues/{queue['id']}"
    assert data_of(await admin.patch(f"{path}/status", {"isActive": False}))["isActive"] is False
    refused(await late.post("/tokens", {"queueId": queue["id"]}), 409, "queue_inactive")
    assert data_of(await admin.post(f"{path}/call-next"))["tokenNumber"] == 1
    assert data_of(await admin.patch(f"{path}/status", {"isActive": True}))["isActive"] is True
    data_of(await late.post("/tokens", {"queueId": queue["id"]}), 201)


async def test_calling_an_empty_queue_says_so(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    queue = await service.queue(admin, clinic["id"])
    refused(await admin.post(f"/queues/{queue['id']}/call-next"), 409, "queue_empty")


async def test_two_doctors_never_finish_each_others_patients(service: HttpService) -> None:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    first, second = [await service.staff(admin, clinic["id"]) for _ in range(2)]
    queue = await service.queue(first, clinic["id"])
    patients = [await service.patient() for _ in range(3)]
    for patient in patients:
        data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201)
    call = f"/queues/{queue['id']}/call-next"
    one = data_of(await first.post(call))
    two = data_of(await second.post(call))
    three = data_of(await first.post(call))
    assert [t["tokenNumber"] for t in (one, two, three)] == [1, 2, 3]
    tokens = data_of(await admin.get(f"/tokens/queue/{queue['id']}"))
    assert [t["status"] for t in tokens] == ["COMPLETED", "CALLED", "CALLED"]


async def test_unknown_queues_and_clinics_are_404(service: HttpService) -> None:
    admin = await service.admin()
    refused(await admin.post(f"/queues/init/{UNKNOWN}"), 404, "clinic_not_found")
    refused(await admin.get(f"/queues/{UNKNOWN}"), 404, "clinic_not_found")
    for response in (
        await admin.get(f"/queues/{UNKNOWN}/status"),
        await admin.patch(f"/queues/{UNKNOWN}/status", {"isActive": True}),
        await admin.post(f"/queues/{UNKNOWN}/call-next"),
    ):
        refused(response, 404, "queue_not_found")
