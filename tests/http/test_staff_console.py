"""What a staff member needs for a day at the desk, none of it by an admin."""

from __future__ import annotations

import pytest

from tests.support.http_service import HttpService, Person, Thing, data_of


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> Thing:
    """With two services and a second desk."""
    made = await service.clinic(admin, guestJoin=True)
    await service.add_service(admin, made["id"], "Blood tests")
    await service.add_desk(admin, made["id"], "Room 1")
    await service.add_desk(admin, made["id"], "Room 2")
    return made


async def test_staff_open_the_day_and_see_all_that_it_has(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    staff = await service.staff(admin, clinic["id"])
    colleague = await service.staff(admin, clinic["id"])
    of_clinic = f"/clinic/{clinic['id']}"
    services = data_of(await staff.get(f"{of_clinic}/services"))
    assert [one["name"] for one in services] == ["General", "Blood tests"]
    for one in services:
        opened = await staff.post(f"/queues/init/{clinic['id']}", {"serviceId": one["id"]})
        assert data_of(opened, 201)["serviceName"] == one["name"]
    first, second = data_of(await staff.get(f"{of_clinic}/desks"))
    data_of(await staff.post(f"/desks/{first['id']}/open", {"serviceIds": [services[1]["id"]]}))
    data_of(await colleague.post(f"/desks/{second['id']}/open"))
    desks = data_of(await staff.get(f"{of_clinic}/desks"))
    assert [(one["name"], one["state"], one["staff"]["id"]) for one in desks] == [
        ("Room 1", "OPEN", staff.id),
        ("Room 2", "OPEN", colleague.id),
    ]
    people = data_of(await staff.get(f"{of_clinic}/staff"))
    assert {one["id"] for one in people} == {staff.id, colleague.id}
    queues = data_of(await staff.get(f"{of_clinic}/queues"))
    assert [(one["serviceName"], one["openDesks"]) for one in queues] == [
        ("General", 1),
        ("Blood tests", 2),
    ]


async def test_staff_serve_a_walk_in_from_the_ticket_to_the_end(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    staff = await service.staff(admin, clinic["id"])
    queue = await service.queue(staff, clinic["id"])
    of_queue = f"/queues/{queue['id']}"
    walk_in = data_of(await staff.post(f"{of_queue}/walk-ins", {"name": "Ada"}), 201)
    token = f"/tokens/{walk_in['token']['id']}"
    again = data_of(await staff.post(f"{token}/guest-link"))["guest"]
    assert again["qr"] != walk_in["guest"]["qr"]
    noted = data_of(await staff.put(f"{of_queue}/notice", {"kind": "DELAY", "minutes": 10}))
    assert noted["notice"]["minutes"] == 10
    (waiting,) = data_of(await staff.get(f"{of_queue}/board"))["tokens"]
    assert (waiting["name"], waiting["label"], waiting["ahead"]) == ("Ada", "1", 0)
    desk = data_of(await staff.get(f"/clinic/{clinic['id']}/desks"))[0]
    data_of(await staff.post(f"/desks/{desk['id']}/open"))
    called = data_of(await staff.post(f"/desks/{desk['id']}/call-next"))
    assert (called["name"], called["desk"]["name"]) == ("Ada", "Room 1")
    data_of(await staff.post(f"{of_queue}/undo"))
    data_of(await staff.post(f"{token}/call"))
    data_of(await staff.post(f"{token}/start"))
    data_of(await staff.post(f"{token}/complete"))
    history = data_of(await staff.get(f"{token}/history"))
    assert [one["action"] for one in history] == [
        *("WALK_IN", "CALL", "UNDO", "CALL_SPECIFIC", "START", "COMPLETE")
    ]
    assert {one["by"]["id"] for one in history} == {staff.id}
    assert data_of(await staff.delete(f"{of_queue}/notice"))["notice"] is None


async def test_staff_print_the_poster_and_let_a_display_in(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    staff = await service.staff(admin, clinic["id"])
    of_clinic = f"/clinic/{clinic['id']}"
    code = data_of(await staff.get(f"{of_clinic}/join-code"))["joinCode"]
    assert code == data_of(await staff.get(of_clinic))["joinCode"]
    display = await service.display(staff, clinic["id"])
    (listed,) = data_of(await staff.get(f"{of_clinic}/displays"))
    assert listed["id"] == display.id
    data_of(await staff.delete(f"/displays/{display.id}"))
    assert data_of(await staff.get(f"{of_clinic}/displays")) == []
