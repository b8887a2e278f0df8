"""Waits: of a queue, what if, how often they held, and what was told when somebody joined."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from qure.domain.ids import QueueId
from qure.domain.queue import Queue
from tests.contracts.storage.given import given_tokens
from tests.support.builders import NOW, build_promise
from tests.support.http_service import (
    UNKNOWN,
    HttpService,
    Person,
    Thing,
    bad_fields,
    comes_true,
    data_of,
    refused,
    take,
)

NOTHING = {"ifJoinedNow": None, "beforeClosing": None}


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> Thing:
    return await service.clinic(admin)


@pytest.fixture
async def queue(service: HttpService, admin: Person, clinic: Thing) -> Thing:
    return await service.queue(admin, clinic["id"])


@pytest.fixture
async def staff(service: HttpService, admin: Person, clinic: Thing) -> Person:
    """Who sits at the one desk there is."""
    staff = await service.staff(admin, clinic["id"])
    desk = await service.add_desk(admin, clinic["id"])
    data_of(await staff.post(f"/desks/{desk['id']}/open"))
    return staff


async def newest_wait(person: Person, queue: Thing) -> Thing:
    """What is told of the queue as it stands now."""
    told: list[Thing] = []

    async def is_made() -> bool:
        status = data_of(await person.get(f"/queues/{queue['id']}/status"))
        told.append(data_of(await person.get(f"/queues/{queue['id']}/wait")))
        wait = told[-1]["ifJoinedNow"]
        return bool(wait and wait["version"] == status["version"])

    await comes_true(is_made)
    return told[-1]


async def fill(staff: Person, queue: Thing, count: int) -> None:
    """So many more wait there."""
    for _ in range(count):
        data_of(await staff.post(f"/queues/{queue['id']}/walk-ins"), 201)


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Of a queue


async def test_whoever_joins_now_is_told_a_range_and_how_likely_it_is_before_closing(
    admin: Person, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 3)
    told = await newest_wait(admin, queue)
    assert set(told) == {"ifJoinedNow", "beforeClosing"}
    wait = told["ifJoinedNow"]
    assert set(wait) == {
        *("state", "reason", "low", "likely", "high", "leaveBy"),
        *("basis", "reasons", "asOf", "version"),
    }
    assert (wait["state"], wait["reason"], wait["basis"]) == ("estimated", None, "default")
    assert wait["leaveBy"] <= wait["low"] <= wait["likely"] <= wait["high"]
    assert instant_of(wait["likely"]) - NOW > timedelta(minutes=10)
    assert told["beforeClosing"] == 1.0


async def test_nobody_ahead_and_a_free_desk_is_next_and_never_no_minutes(
    admin: Person, staff: Person, queue: Thing
) -> None:
    wait = (await newest_wait(staff, queue))["ifJoinedNow"]
    assert wait["state"] == "next"
    assert wait["low"] == wait["likely"] == wait["high"] == wait["leaveBy"] == wait["asOf"]


async def test_why_nothing_is_known_is_said(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    nothing = dict.fromkeys(("low", "likely", "high", "leaveBy"))
    told = await newest_wait(admin, queue)
    assert told["ifJoinedNow"].items() >= (nothing | {"reason": "no_desk"}).items()
    assert told["beforeClosing"] is None
    data_of(await admin.put(f"/queues/{queue['id']}/notice", {"kind": "PAUSE"}))
    told = await newest_wait(admin, queue)
    assert (told["ifJoinedNow"]["reason"], told["beforeClosing"]) == ("paused", None)
    data_of(await admin.post(f"/queues/{queue['id']}/close"))
    told = await newest_wait(admin, queue)
    assert told["ifJoinedNow"].items() >= (nothing | {"reason": "closed"}).items()
    assert told["beforeClosing"] == 0.0


async def test_everybody_may_see_a_wait_but_a_display_of_another_clinic(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    elsewhere = await service.clinic(admin)
    guest, _ = await service.walk_in(staff, queue)
    path = f"/queues/{queue['id']}/wait"
    people = [
        admin,
        staff,
        guest,
        await service.patient(),
        await service.staff(admin, elsewhere["id"]),
        await service.display(staff, clinic["id"]),
    ]
    told = await newest_wait(admin, queue)
    for person in people:
        assert data_of(await person.get(path)) == told
    foreign = await service.display(admin, elsewhere["id"])
    refused(await foreign.get(path), 403, "forbidden")
    refused(await service.http.get(f"/api{path}"), 401, "unauthenticated")


async def test_a_queue_that_is_not_there_has_no_wait(admin: Person) -> None:
    refused(await admin.get(f"/queues/{UNKNOWN}/wait"), 404, "queue_not_found")
    refused(await admin.post(f"/queues/{UNKNOWN}/what-if", {"desks": 1}), 404, "queue_not_found")
    assert bad_fields(await admin.get("/queues/7/wait")) == ["queueId"]


async def test_of_yesterdays_queue_nothing_is_told(service: HttpService, queue: Thing) -> None:
    service.clock.advance(days=1)
    later = await service.admin()
    assert data_of(await later.get(f"/queues/{queue['id']}/wait")) == NOTHING


async def test_the_queues_of_a_clinic_and_its_door_show_the_same_wait(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"guestJoin": True}))
    await fill(staff, queue, 2)
    told = await newest_wait(admin, queue)
    (listed,) = data_of(await admin.get(f"/clinic/{clinic['id']}/queues"))
    assert listed["wait"] == told
    code = data_of(await admin.get(f"/clinic/{clinic['id']}"))["joinCode"]
    (offered,) = data_of(await service.http.get(f"/api/join/{code}"))["services"]
    assert offered["wait"] == told


# What if


async def test_with_more_desks_a_line_ends_earlier_and_nothing_is_changed(
    admin: Person, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 8)
    await newest_wait(admin, queue)
    before = data_of(await staff.get(f"/queues/{queue['id']}/board"))
    found = data_of(await staff.post(f"/queues/{queue['id']}/what-if", {"desks": 3}))
    now, then = found["now"], found["then"]
    assert [one["tokenId"] for one in now["byToken"]] == [one["id"] for one in before["tokens"]]
    assert [one["tokenId"] for one in then["byToken"]] == [one["id"] for one in before["tokens"]]
    assert [one["wait"] for one in now["byToken"]] == [one["wait"] for one in before["tokens"]]
    for plan in (now, then):
        assert plan["finish"] == plan["byToken"][-1]["wait"]
    for name in ("low", "likely", "high"):
        assert then["finish"][name] < now["finish"][name]
    assert data_of(await staff.get(f"/queues/{queue['id']}/board")) == before


async def test_as_many_desks_as_there_are_change_nothing_and_fewer_later_come_out_later(
    admin: Person, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 6)
    await newest_wait(admin, queue)
    path = f"/queues/{queue['id']}/what-if"
    same = data_of(await staff.post(path, {"desks": 1}))
    assert same["now"] == same["then"]
    between = {
        "from": (NOW + timedelta(minutes=20)).isoformat().replace("+00:00", "Z"),
        "until": (NOW + timedelta(minutes=80)).isoformat().replace("+00:00", "Z"),
    }
    found = data_of(await admin.post(path, {"desks": 0, **between}))
    assert (
        found["then"]["byToken"][0]["wait"]["likely"]
        == found["now"]["byToken"][0]["wait"]["likely"]
    )
    gone = instant_of(found["then"]["finish"]["low"]) - instant_of(found["now"]["finish"]["low"])
    assert gone >= timedelta(minutes=30)


async def test_without_any_desk_nothing_is_known_of_anybody(
    admin: Person, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 2)
    await newest_wait(admin, queue)
    found = data_of(await admin.post(f"/queues/{queue['id']}/what-if", {"desks": 0}))
    assert found["now"]["finish"]["state"] == "estimated"
    for wait in (found["then"]["finish"], *(one["wait"] for one in found["then"]["byToken"])):
        assert (wait["state"], wait["reason"], wait["likely"]) == ("unknown", "no_desk", None)
    assert len(found["then"]["byToken"]) == 2


async def test_where_there_is_no_desk_yet_it_is_said_what_one_would_do(
    admin: Person, queue: Thing
) -> None:
    await fill(admin, queue, 2)
    await newest_wait(admin, queue)
    found = data_of(await admin.post(f"/queues/{queue['id']}/what-if", {"desks": 1}))
    assert found["now"]["finish"]["reason"] == "no_desk"
    assert [one["wait"]["state"] for one in found["then"]["byToken"]] == ["next", "estimated"]


async def test_where_nobody_waits_there_is_nobody_to_finish(
    admin: Person, staff: Person, queue: Thing
) -> None:
    await newest_wait(admin, queue)
    found = data_of(await admin.post(f"/queues/{queue['id']}/what-if", {"desks": 2}))
    assert found == {side: {"finish": None, "byToken": []} for side in ("now", "then")}


async def test_only_staff_of_the_clinic_and_admins_ask_what_if(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    elsewhere = await service.clinic(admin)
    guest, _ = await service.walk_in(staff, queue)
    for person in (
        guest,
        await service.patient(),
        await service.staff(admin, elsewhere["id"]),
        await service.display(staff, clinic["id"]),
    ):
        response = await person.post(f"/queues/{queue['id']}/what-if", {"desks": 1})
        refused(response, 403, "forbidden")


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({}, ["desks"]),
        ({"desks": -1}, ["desks"]),
        ({"desks": 51}, ["desks"]),
        ({"desks": "2"}, ["desks"]),
        ({"desks": 1.5, "from": "soon"}, ["desks", "from"]),
        ({"desks": 1, "from": "2025-13-30T10:00:00.000Z"}, ["from"]),
        ({"desks": 1, "until": 7}, ["until"]),
        ({"desks": 1, "from": "x", "until": "y"}, ["from", "until"]),
        ({"desks": 1, "until": "2025-12-30T15:00:00.000Z"}, ["until"]),
        (
            {
                "desks": 1,
                "from": "2025-12-30T16:00:00.000Z",
                "until": "2025-12-30T15:59:00.000Z",
            },
            ["until"],
        ),
    ],
)
async def test_every_bad_field_of_what_if_is_named(
    admin: Person, staff: Person, queue: Thing, given: Thing, bad: list[str]
) -> None:
    assert bad_fields(await staff.post(f"/queues/{queue['id']}/what-if", given)) == bad


# How often what was told held


async def queue_of(service: HttpService, queue: Thing) -> Queue:
    async with service.container.storage.read() as uow:
        found = await uow.queues.get(QueueId(UUID(queue["id"])))
    assert found is not None
    return found


async def called(service: HttpService, queue: Thing, *minutes: float) -> None:
    """So many were told 10 to 30 minutes, probably 20, and called after so many."""
    of = await queue_of(service, queue)
    storage = service.container.storage
    told_at = NOW - timedelta(hours=1)
    tokens = await given_tokens(
        storage, of, *({"number": 100 + n, "place": 100 + n} for n in range(len(minutes)))
    )
    promises = [
        build_promise(
            token,
            clinic_id=of.clinic_id,
            as_of=told_at,
            leave_by=told_at + timedelta(minutes=5),
            low=told_at + timedelta(minutes=10),
            likely=told_at + timedelta(minutes=20),
            high=told_at + timedelta(minutes=30),
        )
        for token in tokens
    ]
    async with storage.write() as uow:
        await uow.promises.add(promises)
        await uow.promises.settle(
            {
                token.id: told_at + timedelta(minutes=number)
                for token, number in zip(tokens, minutes, strict=True)
            }
        )
        await uow.commit()


async def test_below_thirty_samples_only_their_number_is_said(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/clinic/{clinic['id']}/wait-accuracy"
    unsaid: dict[str, Any] = dict.fromkeys(
        ("calledBeforeHigh", "calledBeforeLow", "medianErrorMinutes")
    )
    assert data_of(await admin.get(path)) == {"samples": 0, **unsaid, "byService": []}
    await called(service, queue, *[20] * 29)
    of_service = {"serviceId": queue["serviceId"], "samples": 29, **unsaid}
    assert data_of(await admin.get(path)) == {"samples": 29, **unsaid, "byService": [of_service]}


async def test_from_thirty_samples_on_it_is_said_how_often_they_held(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    other = await service.queue(admin, clinic["id"], service_id=blood["id"])
    # Before low, at low, within, at high, after high.
    await called(service, queue, *[8] * 6, *[10] * 3, *[26] * 9, *[30] * 6, *[45] * 6)
    await called(service, other, *[20] * 10)
    path = f"/clinic/{clinic['id']}/wait-accuracy"
    found = data_of(await admin.get(path))
    by_service = {one.pop("serviceId"): one for one in found.pop("byService")}
    assert found == {
        "samples": 40,
        "calledBeforeHigh": 0.85,
        "calledBeforeLow": 0.15,
        "medianErrorMinutes": 10.0,
    }
    assert by_service == {
        queue["serviceId"]: {
            "samples": 30,
            "calledBeforeHigh": 0.8,
            "calledBeforeLow": 0.2,
            "medianErrorMinutes": 10.0,
        },
        blood["id"]: {
            "samples": 10,
            "calledBeforeHigh": None,
            "calledBeforeLow": None,
            "medianErrorMinutes": None,
        },
    }


async def test_how_often_they_held_is_said_of_the_days_that_were_asked_for(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    await called(service, queue, *[20] * 3)
    service.clock.advance(days=10)
    later = await service.admin()
    path = f"/clinic/{clinic['id']}/wait-accuracy"
    for query, samples in (("", 3), ("?days=60", 3), ("?days=11", 3), ("?days=9", 0)):
        assert data_of(await later.get(f"{path}{query}"))["samples"] == samples
    for days in ("0", "61", "x", "1.5", "-3"):
        assert bad_fields(await later.get(f"{path}?days={days}")) == ["days"]
    refused(await later.get(f"/clinic/{UNKNOWN}/wait-accuracy"), 404, "clinic_not_found")


async def test_everybody_may_see_how_often_they_held_but_a_display_of_another_clinic(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/clinic/{clinic['id']}/wait-accuracy"
    guest, _ = await service.walk_in(staff, queue)
    display = await service.display(staff, clinic["id"])
    for person in (await service.patient(), guest, staff, admin, display):
        assert data_of(await person.get(path))["samples"] == 0
    elsewhere = await service.clinic(admin)
    foreign = await service.display(admin, elsewhere["id"])
    refused(await foreign.get(path), 403, "forbidden")
    refused(await service.http.get(f"/api{path}"), 401, "unauthenticated")


# What was told


async def test_a_history_shows_what_was_told_at_joining_whatever_is_forecast_later(
    service: HttpService, admin: Person, staff: Person, queue: Thing
) -> None:
    await fill(staff, queue, 2)
    await newest_wait(admin, queue)
    patient = await service.patient()
    token = await take(patient, queue)
    path = f"/tokens/{token['id']}"

    async def is_kept() -> bool:
        return data_of(await patient.get(f"{path}/history"))[0]["wait"] is not None

    await comes_true(is_kept)
    (joined,) = data_of(await patient.get(f"{path}/history"))
    told = joined["wait"]
    assert told["state"] == "estimated"
    assert told == data_of(await patient.get(f"{path}/place"))["wait"]

    notice = {"kind": "DELAY", "minutes": 60}
    data_of(await staff.put(f"/queues/{queue['id']}/notice", notice))
    await newest_wait(admin, queue)
    later = data_of(await patient.get(f"{path}/place"))["wait"]
    assert later["low"] > told["high"]
    assert data_of(await patient.get(f"{path}/history")) == [joined]
    data_of(await staff.post(f"{path}/call"))
    for person in (patient, staff):
        issued, call = data_of(await person.get(f"{path}/history"))
        assert (issued["wait"], call["wait"]) == (told, None)


async def test_who_was_told_nothing_has_no_wait_in_their_history(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    patient = await service.patient()
    token = await take(patient, queue)
    assert (await newest_wait(admin, queue))["ifJoinedNow"]["reason"] == "no_desk"
    (joined,) = data_of(await patient.get(f"/tokens/{token['id']}/history"))
    assert joined["wait"] is None


async def test_a_board_and_a_place_show_when_each_is_called(
    service: HttpService, admin: Person, staff: Person, queue: Thing
) -> None:
    patient = await service.patient()
    await fill(staff, queue, 2)
    token = await take(patient, queue)
    await newest_wait(admin, queue)
    board = data_of(await staff.get(f"/queues/{queue['id']}/board"))["tokens"]
    assert [one["wait"]["state"] for one in board] == ["next", "estimated", "estimated"]
    place = data_of(await patient.get(f"/tokens/{token['id']}/place"))
    assert (place["ahead"], place["wait"]) == (2, board[2]["wait"])
    data_of(await patient.post(f"/tokens/{token['id']}/hold"))
    assert data_of(await patient.get(f"/tokens/{token['id']}/place"))["wait"]["reason"] == "on_hold"
    called = data_of(await staff.post(f"/queues/{queue['id']}/call-next"))
    place = data_of(await staff.get(f"/tokens/{called['id']}/place"))
    assert place["wait"]["reason"] == "not_waiting"
