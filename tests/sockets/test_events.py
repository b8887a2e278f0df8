"""Every event of the contract, over every transport, on the real application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qure.domain.actor import Role
from qure.wire.socket_events import ERROR_EVENTS
from tests.sockets.clients import Clients
from tests.support.socket_service import SocketService


def as_the_patient_sees_it(token: dict[str, Any]) -> dict[str, Any]:
    """What staff are told of a token, without what is for them alone."""
    assert {"name", "phone", "note"} < set(token)
    return {name: value for name, value in token.items() if name not in ("name", "phone", "note")}


def besides_places(client: Any) -> list[str]:
    """The events that it heard, but those of its place."""
    return [name for name in client.names if name != "queue:your_place"]


async def test_joining_is_answered_by_join_queue_and_one_status(
    service: SocketService, clients: Clients
) -> None:
    _, queue = await service.clinic()
    patient = await service.person()
    phone = await clients(patient)
    answer = await phone.ask("join-queue", str(queue.id))
    assert answer["ok"] is True
    assert await phone.next("queue:status_update") == answer["data"]
    assert answer["data"] == await service.status(queue, patient)
    assert phone.names == ["join-queue", "queue:status_update"]


async def test_a_queue_that_does_not_exist_is_an_error_for_the_sender(
    service: SocketService, clients: Clients
) -> None:
    phone = await clients(await service.person())
    unknown = "00000000-0000-7000-8000-000000000000"
    answer = await phone.ask("join-queue", unknown)
    assert (answer["ok"], answer["code"]) == (False, "queue_not_found")
    assert await phone.next("join-queue-error") == answer["message"]
    assert phone.names == ["join-queue-error"]


async def test_who_has_left_a_queue_hears_of_it_no_more(
    service: SocketService, clients: Clients
) -> None:
    _, queue = await service.clinic()
    staying, leaving = await clients(await service.person()), await clients(await service.person())
    for phone in (staying, leaving):
        await phone.ask("join-queue", str(queue.id))
    answer = await leaving.ask("leave-queue", str(queue.id))
    assert answer == {"ok": True, "data": None}
    await leaving.next("leave-queue")
    await service.take_number(queue, await service.person())
    await staying.next("queue:status_update", lambda status: status["waitingCount"] == 1)
    assert leaving.names.count("queue:status_update") == 1


async def test_a_patient_is_called_started_and_completed_and_everyone_hears_what_is_theirs(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    doctor, patient = await service.person(Role.STAFF, clinic), await service.person()
    desk, phone, tablet = await clients(doctor), await clients(patient), await clients(patient)
    other, display = await clients(await service.person()), await clients(doctor)
    for watcher in (phone, display):
        await watcher.ask("join-queue", str(queue.id))
    token = await service.take_number(queue, patient)

    called = await desk.ask("queue:call_next", str(queue.id))
    assert called["ok"] is True
    assert (called["data"]["id"], called["data"]["status"]) == (str(token.id), "CALLED")
    for device in (phone, tablet):
        heard = await device.next("queue:your_token_called")
        assert heard == as_the_patient_sees_it(called["data"])

    started = await desk.ask("queue:start_token", str(queue.id), str(token.id))
    assert started["data"]["status"] == "IN_PROGRESS"
    completed = await desk.ask("queue:complete_token", str(queue.id), str(token.id))
    assert completed["data"]["status"] == "COMPLETED"
    for device in (phone, tablet):
        heard = await device.next("queue:your_token_started")
        assert heard == as_the_patient_sees_it(started["data"])
        heard = await device.next("queue:your_token_completed")
        assert heard == as_the_patient_sees_it(completed["data"])

    fresh = await service.status(queue, patient)
    for watcher in (phone, display):
        last = await watcher.next(
            "queue:status_update", lambda status: status["version"] == fresh["version"]
        )
        assert last == fresh
        versions = [body["version"] for name, body in watcher.heard if "status" in name]
        assert versions == sorted(set(versions))
    assert desk.names == other.names == []
    assert [name for name in display.names if "your_token" in name] == []


async def test_a_skipped_patient_hears_of_it(service: SocketService, clients: Clients) -> None:
    clinic, queue = await service.clinic()
    patient = await service.person()
    desk, phone = await clients(await service.person(Role.STAFF, clinic)), await clients(patient)
    token = await service.take_number(queue, patient)
    answer = await desk.ask("queue:skip_token", str(queue.id), str(token.id))
    heard = await phone.next("queue:your_token_skipped")
    assert heard == as_the_patient_sees_it(answer["data"])


async def test_calling_when_nobody_waits_says_so_and_is_no_error(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    doctor = await service.person(Role.STAFF, clinic)
    desk, colleague = await clients(doctor), await clients(doctor)
    answer = await desk.ask("queue:call_next", str(queue.id))
    assert (answer["ok"], answer["code"]) == (False, "queue_empty")
    assert await desk.next("queue:empty") == answer["message"]
    assert desk.names == ["queue:empty"]
    assert colleague.names == []


@pytest.mark.parametrize("event", ["call_next", "start_token", "skip_token", "complete_token"])
async def test_a_refusal_reaches_its_sender_only(
    service: SocketService, clients: Clients, event: str
) -> None:
    _, queue = await service.clinic()
    patient = await service.person()
    token = await service.take_number(queue, patient)
    phone, tablet = await clients(patient), await clients(patient)
    answer = await phone.ask(f"queue:{event}", str(queue.id), str(token.id))
    assert (answer["ok"], answer["code"]) == (False, "forbidden")
    assert await phone.next(f"queue:{event}_error") == answer["message"]
    assert besides_places(phone) == [f"queue:{event}_error"]
    assert besides_places(tablet) == []


async def test_staff_of_another_clinic_may_do_nothing_here(
    service: SocketService, clients: Clients
) -> None:
    (_, queue), (elsewhere, _) = await service.clinic(), await service.clinic()
    await service.take_number(queue, await service.person())
    desk = await clients(await service.person(Role.STAFF, elsewhere))
    answer = await desk.ask("queue:call_next", str(queue.id))
    assert (answer["ok"], answer["code"]) == (False, "forbidden")


GARBAGE: list[tuple[Any, ...]] = [
    (),
    (None,),
    (0,),
    (-1.5,),
    (True,),
    ("",),
    ("no uuid",),
    ("x" * 10_000,),
    ("\x00",),
    ([],),
    ({},),
    ([["deep"]],),
    ({"queueId": {"$ne": None}},),
]


async def test_garbage_is_answered_and_the_connection_lives_on(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    doctor = await service.person(Role.STAFF, clinic)
    for event in (*ERROR_EVENTS, "leave-queue", "leave-desk"):
        desk = await clients(doctor)
        for arguments in GARBAGE:
            answer = await desk.ask(event, *arguments)
            assert (answer["ok"], answer["code"]) == (False, "validation_failed"), arguments
            if event in ERROR_EVENTS:
                assert await desk.next(ERROR_EVENTS[event]) == answer["message"]
        if event.endswith("_token"):
            wrong: list[Any] = [7, None, {}]
            for token_id in wrong:
                answer = await desk.ask(event, str(queue.id), token_id)
                assert answer["message"].startswith("tokenId")
        assert (await desk.ask("join-queue", str(queue.id)))["ok"] is True
        await desk.close()
    desk = await clients(doctor)
    for unknown in ("no such event", "", "connect", "disconnect", "__class__", "queue:empty"):
        answer = await desk.ask(unknown, 1, 2, 3)
        assert (answer["ok"], answer["code"]) == (False, "unknown_event")
    assert (await desk.ask("join-queue", str(queue.id)))["ok"] is True


async def test_whoever_asks_whether_they_are_heard_is_answered(
    service: SocketService, clients: Clients
) -> None:
    _, queue = await service.clinic()
    phone = await clients(await service.person())
    for ignored in ([], [1, "anything"]):
        assert await phone.ask("ping", *ignored) == {"ok": True, "data": None}
    assert (await phone.ask("join-queue", str(queue.id)))["ok"] is True


async def test_a_phone_that_was_away_learns_of_its_call_on_coming_back(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    doctor, patient = await service.person(Role.STAFF, clinic), await service.person()
    await service.take_number(queue, patient)
    desk = await clients(doctor)
    called = (await desk.ask("queue:call_next", str(queue.id)))["data"]
    phone = await clients(patient)
    assert await phone.next("queue:your_token_called") == as_the_patient_sees_it(called)
    answer = await desk.ask("queue:start_token", str(queue.id), called["id"])
    started = as_the_patient_sees_it(answer["data"])
    assert await phone.next("queue:your_token_started") == started
    await phone.close()
    phone = await clients(patient)
    assert await phone.next("queue:your_token_started") == started
    assert besides_places(phone) == ["queue:your_token_started"]


async def test_a_change_made_over_http_reaches_the_sockets_and_the_other_way_round(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    doctor, patient = await service.person(Role.STAFF, clinic), await service.person()
    desk, phone = await clients(doctor), await clients(patient)
    for client in (desk, phone):
        await client.ask("join-queue", str(queue.id))

    token = await service.call("POST", "/tokens", patient, queueId=str(queue.id))
    for client in (desk, phone):
        await client.next("queue:status_update", lambda status: status["waitingCount"] == 1)
    await service.call("POST", f"/queues/{queue.id}/call-next", doctor)
    assert (await phone.next("queue:your_token_called"))["id"] == token["id"]

    await desk.ask("queue:start_token", str(queue.id), token["id"])
    mine = await service.call("GET", f"/tokens/{patient.id}", patient)
    assert mine["status"] == "IN_PROGRESS"

    await service.call("PATCH", f"/queues/{queue.id}/status", doctor, isActive=False)
    last = await phone.next("queue:status_update", lambda status: status["isActive"] is False)
    assert last == await service.status(queue, patient)


async def test_two_desks_never_call_the_same_patient(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    desks = [await clients(await service.person(Role.STAFF, clinic)) for _ in range(3)]
    patients = [await service.person() for _ in range(12)]
    await asyncio.gather(*(service.take_number(queue, patient) for patient in patients))
    called: list[int] = []

    async def work(desk: Any) -> None:
        while (answer := await desk.ask("queue:call_next", str(queue.id)))["ok"]:
            called.append(answer["data"]["tokenNumber"])

    await asyncio.gather(*(work(desk) for desk in desks))
    assert sorted(called) == list(range(1, 13))
