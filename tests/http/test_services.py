"""A clinic's services, and a queue of the day for each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_service import (
    UNKNOWN,
    HttpService,
    Person,
    Thing,
    bad_fields,
    data_of,
    refused,
    take,
)


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> Thing:
    return await service.clinic(admin, maxQueueSize=7)


async def names(person: Person, clinic: Thing) -> list[str]:
    services = data_of(await person.get(f"/clinic/{clinic['id']}/services"))
    return [one["name"] for one in services]


async def test_every_clinic_is_born_with_a_default_service(
    service: HttpService, clinic: Thing
) -> None:
    patient = await service.patient()
    (general,) = data_of(await patient.get(f"/clinic/{clinic['id']}/services"))
    assert general == {
        "id": general["id"],
        "clinicId": clinic["id"],
        "name": "General",
        "prefix": "",
        "expectedMinutes": 10,
        "maxQueueSize": 7,
        "autoOpenQueue": False,
        "isDefault": True,
        "isActive": True,
        "position": 0,
        "createdAt": "2025-12-30T15:00:00.000Z",
        "updatedAt": "2025-12-30T15:00:00.000Z",
    }


async def test_a_new_service_comes_last_and_gets_a_free_letter(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    assert (blood["prefix"], blood["position"], blood["maxQueueSize"]) == ("B", 1, 50)
    bandages = await service.add_service(
        admin,
        clinic["id"],
        " Bandages ",
        expectedMinutes=240,
        maxQueueSize=1,
        autoOpenQueue=True,
        prefix=None,
        position=None,
    )
    assert (bandages["name"], bandages["prefix"], bandages["position"]) == ("Bandages", "A", 2)
    assert (bandages["expectedMinutes"], bandages["maxQueueSize"]) == (240, 1)
    assert bandages["autoOpenQueue"] is True
    first = await service.add_service(admin, clinic["id"], "First", position=0, prefix="X9")
    assert first["prefix"] == "X9"
    assert await names(admin, clinic) == ["General", "First", "Blood tests", "Bandages"]


async def test_names_and_prefixes_of_active_services_differ(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    path = f"/clinic/{clinic['id']}/services"
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    refused(await admin.post(path, {"name": "blood TESTS"}), 409, "service_exists")
    for prefix in ("B", ""):
        refused(await admin.post(path, {"name": "X-ray", "prefix": prefix}), 409, "prefix_taken")
    data_of(await admin.put(f"/services/{blood['id']}", {"isActive": False}))
    again = await service.add_service(admin, clinic["id"], "Blood tests", prefix="B")
    refused(await admin.put(f"/services/{blood['id']}", {"isActive": True}), 409, "service_exists")
    refused(await admin.put(f"/services/{again['id']}", {"prefix": ""}), 409, "prefix_taken")


async def test_a_retired_service_is_shown_to_admins_alone(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    staff, patient = await service.staff(admin, clinic["id"]), await service.patient()
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    retired = data_of(await admin.put(f"/services/{blood['id']}", {"isActive": False}))
    assert retired["isActive"] is False
    assert await names(admin, clinic) == ["General", "Blood tests"]
    for person in (staff, patient):
        assert await names(person, clinic) == ["General"]
    given = {"serviceId": blood["id"]}
    refused(await staff.post(f"/queues/init/{clinic['id']}", given), 409, "service_retired")


async def test_the_default_service_cannot_be_retired(admin: Person, clinic: Thing) -> None:
    (general,) = data_of(await admin.get(f"/clinic/{clinic['id']}/services"))
    path = f"/services/{general['id']}"
    refused(await admin.put(path, {"isActive": False}), 409, "default_service")
    changed = data_of(await admin.put(path, {"name": "Dr Okafor", "maxQueueSize": 9}))
    assert (changed["name"], changed["maxQueueSize"]) == ("Dr Okafor", 9)
    # The clinic's own number is the default service's.
    assert data_of(await admin.get(f"/clinic/{clinic['id']}"))["maxQueueSize"] == 9


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({}, ["name"]),
        ({"name": " "}, ["name"]),
        ({"name": "x" * 61}, ["name"]),
        ({"name": "x\ny", "prefix": "b"}, ["name", "prefix"]),
        ({"name": "x", "prefix": "ABCD"}, ["prefix"]),
        ({"name": "x", "prefix": "B\n"}, ["prefix"]),
        ({"name": "x", "expectedMinutes": 0, "position": -1}, ["expectedMinutes", "position"]),
        ({"name": "x", "expectedMinutes": 241, "position": 1001}, ["expectedMinutes", "position"]),
        (
            {"name": "x", "maxQueueSize": 1001, "autoOpenQueue": 1},
            ["maxQueueSize", "autoOpenQueue"],
        ),
    ],
)
async def test_every_bad_field_of_a_service_is_named_and_nothing_changes(
    admin: Person, clinic: Thing, given: Thing, bad: list[str]
) -> None:
    assert bad_fields(await admin.post(f"/clinic/{clinic['id']}/services", given)) == bad
    (general,) = data_of(await admin.get(f"/clinic/{clinic['id']}/services"))
    wrong = {**given, "isActive": "yes"}
    expected = [one for one in bad if one in given]
    assert sorted(bad_fields(await admin.put(f"/services/{general['id']}", wrong))) == sorted(
        [*expected, "isActive"]
    )
    assert data_of(await admin.get(f"/clinic/{clinic['id']}/services")) == [general]


async def test_each_service_has_a_queue_of_its_own(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    patient = await service.patient()
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    general = await service.queue(admin, clinic["id"])
    path = f"/queues/{clinic['id']}?serviceId={blood['id']}"
    refused(await patient.get(path), 404, "queue_not_found")
    queue = await service.queue(admin, clinic["id"], service_id=blood["id"])
    assert (queue["serviceId"], queue["serviceName"], queue["prefix"]) == (
        blood["id"],
        "Blood tests",
        "B",
    )
    assert queue["maxQueueSize"] == 50
    assert data_of(await patient.get(path)) == queue
    assert data_of(await patient.get(f"/queues/{clinic['id']}")) == general
    given = {"serviceId": blood["id"]}
    refused(await admin.post(f"/queues/init/{clinic['id']}", given), 409, "queue_exists")
    assert (await take(patient, queue))["label"] == "B001"
    assert (await take(patient, general))["label"] == "1"
    statuses = data_of(await patient.get(f"/clinic/{clinic['id']}/queues"))
    assert [one["queueId"] for one in statuses] == [general["id"], queue["id"]]
    for status in statuses:
        assert set(status.pop("wait")) == {"ifJoinedNow", "beforeClosing"}
        assert status == data_of(await patient.get(f"/queues/{status['queueId']}/status"))


async def test_a_service_of_another_clinic_has_no_queue_here(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    elsewhere = await service.clinic(admin)
    foreign = await service.add_service(admin, elsewhere["id"], "X-ray")
    for service_id in (foreign["id"], UNKNOWN):
        given: dict[str, Any] = {"serviceId": service_id}
        response = await admin.post(f"/queues/init/{clinic['id']}", given)
        refused(response, 404, "service_not_found")
        response = await admin.get(f"/queues/{clinic['id']}?serviceId={service_id}")
        refused(response, 404, "service_not_found")
    assert bad_fields(await admin.get(f"/queues/{clinic['id']}?serviceId=7")) == ["serviceId"]
    refused(await admin.put(f"/services/{UNKNOWN}", {}), 404, "service_not_found")
    for path in ("services", "queues"):
        refused(await admin.get(f"/clinic/{UNKNOWN}/{path}"), 404, "clinic_not_found")
    refused(await admin.post(f"/clinic/{UNKNOWN}/services", {"name": "x"}), 404, "clinic_not_found")


async def test_a_new_name_shows_in_todays_queue_at_once_a_new_prefix_does_not(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    queue = await service.queue(admin, clinic["id"], service_id=blood["id"])
    data_of(await admin.put(f"/services/{blood['id']}", {"name": "Samples", "prefix": "S"}))
    status = data_of(await admin.get(f"/queues/{queue['id']}/status"))
    assert (status["serviceName"], status["prefix"], status["version"]) == ("Samples", "B", 2)
