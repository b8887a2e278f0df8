"""A clinic's desks: where patients go, and who sits there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

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


@dataclass(slots=True)
class Place:
    """A clinic with a desk, two people who work there, and its queue of today."""

    admin: Person
    clinic: Thing
    queue: Thing
    desk: Thing
    staff: Person
    colleague: Person

    def path(self, move: str) -> str:
        return f"/desks/{self.desk['id']}/{move}"


@pytest.fixture
async def place(service: HttpService) -> Place:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    return Place(
        admin,
        clinic,
        await service.queue(admin, clinic["id"]),
        await service.add_desk(admin, clinic["id"], "Room 2"),
        await service.staff(admin, clinic["id"]),
        await service.staff(admin, clinic["id"]),
    )


async def test_a_desk_begins_closed(place: Place) -> None:
    assert place.desk == {
        "id": place.desk["id"],
        "clinicId": place.clinic["id"],
        "name": "Room 2",
        "isActive": True,
        "state": "CLOSED",
        "staff": None,
        "serviceIds": [],
        "since": "2025-12-30T15:00:00.000Z",
        "pausedUntil": None,
    }


async def test_a_desk_is_opened_paused_resumed_and_closed(
    service: HttpService, place: Place
) -> None:
    service.clock.advance(minutes=1)
    opened = data_of(await place.staff.post(place.path("open")))
    assert opened == place.desk | {
        "state": "OPEN",
        "staff": {"id": place.staff.id, "firstName": "Maria"},
        "serviceIds": [place.queue["serviceId"]],
        "since": "2025-12-30T15:01:00.000Z",
    }
    status = f"/queues/{place.queue['id']}/status"
    assert data_of(await place.staff.get(status))["openDesks"] == 1
    until = "2025-12-30T15:30:00Z"
    paused = data_of(await place.staff.post(place.path("pause"), {"until": until}))
    assert (paused["state"], paused["pausedUntil"]) == ("PAUSED", "2025-12-30T15:30:00.000Z")
    assert data_of(await place.staff.get(status))["openDesks"] == 0
    resumed = data_of(await place.staff.post(place.path("resume")))
    assert (resumed["state"], resumed["pausedUntil"]) == ("OPEN", None)
    assert data_of(await place.staff.post(place.path("pause")))["pausedUntil"] is None
    closed = data_of(await place.staff.post(place.path("close")))
    assert (closed["state"], closed["staff"]) == ("CLOSED", None)
    assert data_of(await place.staff.post(place.path("close"))) == closed
    for move in ("pause", "resume", "call-next"):
        refused(await place.staff.post(place.path(move)), 409, "desk_closed")
    assert data_of(await place.staff.get(f"/clinic/{place.clinic['id']}/desks")) == [closed]


async def test_a_desk_is_whoever_sits_theres(place: Place) -> None:
    data_of(await place.staff.post(place.path("open")))
    refused(await place.colleague.post(place.path("open")), 409, "desk_taken")
    for move in ("pause", "resume", "close", "call-next"):
        refused(await place.colleague.post(place.path(move)), 403, "forbidden")
    refused(await place.admin.post(place.path("call-next")), 403, "forbidden")
    for move in ("pause", "resume", "close"):
        data_of(await place.admin.post(place.path(move)))


async def test_whoever_opens_a_second_desk_leaves_the_first(
    service: HttpService, place: Place
) -> None:
    second = await service.add_desk(place.admin, place.clinic["id"], "Room 1")
    data_of(await place.staff.post(place.path("open")))
    data_of(await place.staff.post(f"/desks/{second['id']}/open"))
    desks = data_of(await place.staff.get(f"/clinic/{place.clinic['id']}/desks"))
    assert [(one["name"], one["state"]) for one in desks] == [
        ("Room 1", "OPEN"),
        ("Room 2", "CLOSED"),
    ]


async def test_a_call_carries_the_desk_of_who_calls(service: HttpService, place: Place) -> None:
    desk = {"id": place.desk["id"], "name": "Room 2"}
    await take(await service.patient(), place.queue)
    await take(await service.patient(), place.queue)
    data_of(await place.staff.post(place.path("open")))
    refused(await place.colleague.post(place.path("call-next")), 403, "forbidden")
    called = data_of(await place.staff.post(place.path("call-next")))
    assert (called["status"], called["desk"], called["label"]) == ("CALLED", desk, "1")
    elsewhere = data_of(await place.colleague.post(f"/queues/{place.queue['id']}/call-next"))
    assert (elsewhere["label"], elsewhere["desk"]) == ("2", None)
    calls = data_of(await place.staff.get(f"/queues/{place.queue['id']}/status"))["calls"]
    assert [(one["label"], one["desk"]) for one in calls] == [("2", None), ("1", desk)]
    refused(await place.staff.post(place.path("call-next")), 409, "queue_empty")


async def test_a_paused_desk_resumes_by_calling(service: HttpService, place: Place) -> None:
    await take(await service.patient(), place.queue)
    data_of(await place.staff.post(place.path("open")))
    data_of(await place.staff.post(place.path("pause")))
    data_of(await place.staff.post(place.path("call-next")))
    (desk,) = data_of(await place.staff.get(f"/clinic/{place.clinic['id']}/desks"))
    assert desk["state"] == "OPEN"


async def test_a_desk_calls_for_the_services_that_were_named(
    service: HttpService, place: Place
) -> None:
    blood = await service.add_service(place.admin, place.clinic["id"], "Blood tests")
    queue = await service.queue(place.admin, place.clinic["id"], service_id=blood["id"])
    await take(await service.patient(), place.queue)
    service.clock.advance(minutes=1)
    await take(await service.patient(), queue)
    given = {"serviceIds": [blood["id"], blood["id"]]}
    opened = data_of(await place.staff.post(place.path("open"), given))
    assert opened["serviceIds"] == [blood["id"]]
    assert data_of(await place.staff.post(place.path("call-next")))["label"] == "B001"
    # Whoever sits there already changes what it serves.
    data_of(await place.staff.post(place.path("open")))
    assert data_of(await place.staff.post(place.path("call-next")))["label"] == "1"


async def test_a_desk_out_of_use_is_shown_to_admins_alone_and_opened_by_nobody(
    place: Place,
) -> None:
    data_of(await place.staff.post(place.path("open")))
    changed = data_of(
        await place.admin.put(f"/desks/{place.desk['id']}", {"name": "Store", "isActive": False})
    )
    assert (changed["name"], changed["isActive"], changed["state"]) == ("Store", False, "CLOSED")
    path = f"/clinic/{place.clinic['id']}/desks"
    assert data_of(await place.admin.get(path)) == [changed]
    assert data_of(await place.staff.get(path)) == []
    refused(await place.staff.post(place.path("open")), 409, "desk_retired")


async def test_every_bad_field_of_a_desk_is_named_and_nothing_changes(
    service: HttpService, place: Place
) -> None:
    elsewhere = await service.clinic(place.admin)
    foreign = await service.add_service(place.admin, elsewhere["id"], "X-ray")
    path = f"/clinic/{place.clinic['id']}/desks"
    for name in (None, "", " ", "x" * 41, 7):
        assert bad_fields(await place.admin.post(path, {"name": name})) == ["name"]
    wrong = {"name": "", "isActive": None}
    assert bad_fields(await place.admin.put(f"/desks/{place.desk['id']}", wrong)) == [
        "name",
        "isActive",
    ]
    for ids, bad in (
        ([], "serviceIds"),
        ("all", "serviceIds"),
        ([UNKNOWN] * 51, "serviceIds"),
        ([place.queue["serviceId"], "7"], "serviceIds.1"),
        ([place.queue["serviceId"], UNKNOWN], "serviceIds.1"),
        ([foreign["id"]], "serviceIds.0"),
    ):
        response = await place.staff.post(place.path("open"), {"serviceIds": ids})
        assert bad_fields(response) == [bad], ids
    assert data_of(await place.admin.get(path)) == [place.desk]
    data_of(await place.staff.post(place.path("open")))
    for until in (
        "2025-12-30T15:00:00.000Z",  # now
        "2025-12-30T14:00:00.000Z",
        "2025-12-30T16:00:00.000",
        "2025-12-30T16:00:00+01:00",
        "2025-12-30",
        "2025-13-30T16:00:00Z",
        "2025-12-30T16:00:00.000Z\n",
        1767110400,
    ):
        response = await place.staff.post(place.path("pause"), {"until": until})
        assert bad_fields(response) == ["until"], until
    (desk,) = data_of(await place.staff.get(path))
    assert desk["state"] == "OPEN"


async def test_what_is_not_there_is_404(place: Place) -> None:
    for move in ("open", "pause", "resume", "close", "call-next"):
        refused(await place.admin.post(f"/desks/{UNKNOWN}/{move}"), 404, "desk_not_found")
    refused(await place.admin.put(f"/desks/{UNKNOWN}", {}), 404, "desk_not_found")
    refused(await place.admin.get(f"/clinic/{UNKNOWN}/desks"), 404, "clinic_not_found")
    response = await place.admin.post(f"/clinic/{UNKNOWN}/desks", {"name": "x"})
    refused(response, 404, "clinic_not_found")


async def test_a_desk_of_yesterday_may_be_opened_anew(service: HttpService, place: Place) -> None:
    data_of(await place.staff.post(place.path("open")))
    service.clock.set(datetime(2025, 12, 31, 15, tzinfo=UTC))
    await service.container.use_cases.desks.close_deserted()
    colleague = await service.log_in(place.colleague.email)
    assert data_of(await colleague.post(place.path("open")))["state"] == "OPEN"
