"""What staff do over a socket: every move, what may come along with it, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from qure.domain.actor import Role
from qure.domain.clinic import Clinic
from qure.domain.queue import Queue
from qure.wire.socket_events import ERROR_EVENTS, STAFF_EVENTS
from tests.sockets.board_client import BoardClient
from tests.sockets.clients import Clients
from tests.support.socket_service import Login, SocketService
from tests.support.waiting import eventually

NOWHERE = "00000000-0000-7000-8000-000000000000"


class Desk:
    """Somebody at work, over a socket."""

    def __init__(self, client: Any, queue: Queue) -> None:
        self.client = client
        self.queue_id = str(queue.id)

    async def ask(self, event: str, *arguments: Any) -> Any:
        """The acknowledgement of an event of this queue."""
        return await self.client.ask(f"queue:{event}", self.queue_id, *arguments)

    async def do(self, event: str, *arguments: Any) -> Any:
        """What a success is acknowledged with."""
        answer = await self.ask(event, *arguments)
        assert answer["ok"] is True, answer
        return answer["data"]


async def at_work(
    service: SocketService, clients: Clients, size: int = 50
) -> tuple[Clinic, Queue, Login, Desk]:
    clinic, queue = await service.clinic(size=size)
    doctor = await service.person(Role.STAFF, clinic)
    return clinic, queue, doctor, Desk(await clients(doctor), queue)


def personal(phone: Any) -> list[tuple[str, str]]:
    """What was told of the patient's tokens, and how each stood then."""
    return [
        (name.removeprefix("queue:your_token_"), body["status"])
        for name, body in phone.heard
        if name.startswith("queue:your_token_")
    ]


async def test_every_move_of_a_token_is_made_acknowledged_and_heard(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue, doctor, desk = await at_work(service, clients)
    seat = await service.desk(clinic, doctor)
    patient = await service.person()
    phone = await clients(patient)
    id = str((await service.take_number(queue, patient)).id)
    await service.take_number(queue, await service.person())

    called = await desk.do("call_token", id, {"reason": "asked to be seen first"})
    assert called["desk"] == {"id": str(seat.id), "name": seat.name}
    assert (called["name"], called["note"]) == ("Ada Lovelace", None)
    assert (await desk.do("recall_token", id))["recallCount"] == 1
    assert (await desk.do("start_token", id, {}))["status"] == "IN_PROGRESS"
    assert (await desk.do("return_token", id, {"to": "AFTER", "after": 1}))["status"] == "WAITING"
    assert (await desk.do("hold_token", id))["onHold"] is True
    assert (await desk.do("resume_token", id))["onHold"] is False
    assert (await desk.do("priority_token", id, {"priority": "URGENT"}))["priority"] == "URGENT"
    assert (await desk.do("call_next"))["id"] == id
    assert (await desk.do("skip_token", id, {"reason": "STAFF"}))["skipReason"] == "STAFF"
    assert (await desk.do("rejoin_token", id))["status"] == "WAITING"
    assert (await desk.do("cancel_token", id, {"reason": "went home"}))["cancelReason"] == "STAFF"

    wanted = [
        ("called", "CALLED"),
        ("called", "CALLED"),
        ("started", "IN_PROGRESS"),
        ("changed", "WAITING"),
        ("changed", "WAITING"),
        ("changed", "WAITING"),
        ("changed", "WAITING"),
        ("called", "CALLED"),
        ("skipped", "SKIPPED"),
        ("changed", "WAITING"),
        ("changed", "CANCELLED"),
    ]
    await eventually(lambda: personal(phone) == wanted)
    for _, body in phone.heard:
        assert not {"name", "phone", "note"} & set(body), "these are for staff alone"
    history = await service.call("GET", f"/tokens/{id}/history", doctor)
    assert history[1]["reason"] == "asked to be seen first"
    assert history[-1]["reason"] == "went home"


async def test_a_transfer_tells_its_patient_of_both_tokens(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue, _, desk = await at_work(service, clients)
    other, elsewhere = await service.service_of(clinic, prefix="B")
    patient = await service.person()
    phone = await clients(patient)
    token = await service.take_number(queue, patient)
    gone = await desk.do("transfer_token", str(token.id), {"serviceId": str(other.id)})
    assert (gone["status"], gone["cancelReason"]) == ("CANCELLED", "TRANSFERRED")
    left = await phone.next("queue:your_token_changed")
    new = await phone.next("queue:your_token_changed")
    assert (left["id"], left["transferredTo"]) == (gone["id"], new["id"])
    assert (new["label"], new["transferredFrom"]) == ("B001", gone["id"])
    await phone.next("queue:your_place", lambda place: place["queueId"] == str(elsewhere.id))


async def test_the_last_move_is_taken_back_and_its_patients_hear_of_it(
    service: SocketService, clients: Clients
) -> None:
    _, queue, _, desk = await at_work(service, clients)
    patients = [await service.person() for _ in range(2)]
    first, second = [await clients(patient) for patient in patients]
    for patient in patients:
        await service.take_number(queue, patient)
    await desk.do("call_next")
    await desk.do("call_next")
    undone = await desk.do("undo")
    assert {token["status"] for token in undone["tokens"]} == {"CALLED", "WAITING"}
    assert all("name" in token for token in undone["tokens"])
    await eventually(
        lambda: (
            personal(first)
            == [("called", "CALLED"), ("completed", "COMPLETED"), ("changed", "CALLED")]
        )
    )
    await eventually(lambda: personal(second) == [("called", "CALLED"), ("changed", "WAITING")])
    place = await second.next("queue:your_place", lambda place: place["ahead"] == 0)
    assert place["version"] > undone["tokens"][0]["version"]
    for _ in range(2):  # The move before, and then there is nothing left.
        answer = await desk.ask("undo")
    assert (answer["ok"], answer["code"]) == (False, "nothing_to_undo")
    assert await desk.client.next("queue:undo_error") == answer["message"]


async def test_a_desk_calls_the_next_of_all_that_it_serves(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue, doctor, desk = await at_work(service, clients)
    _, elsewhere = await service.service_of(clinic)
    seat = await service.desk(clinic, doctor)
    tokens = [await service.take_number(one, await service.person()) for one in (queue, elsewhere)]
    for token in tokens:
        answer = await desk.client.ask("desk:call_next", str(seat.id))
        assert (answer["data"]["id"], answer["data"]["desk"]["name"]) == (str(token.id), seat.name)
    answer = await desk.client.ask("desk:call_next", str(seat.id), {})
    assert (answer["ok"], answer["code"]) == (False, "queue_empty")
    assert await desk.client.next("queue:empty") == answer["message"]
    await service.call("POST", f"/desks/{seat.id}/close", doctor)
    answer = await desk.client.ask("desk:call_next", str(seat.id))
    assert (answer["ok"], answer["code"]) == (False, "desk_closed")
    assert await desk.client.next("desk:call_next_error") == answer["message"]


async def test_a_refusal_is_told_to_its_sender_alone_by_the_error_event_of_what_was_asked(
    service: SocketService, clients: Clients
) -> None:
    _, queue, doctor, desk = await at_work(service, clients)
    colleague = await clients(doctor)
    token = await service.take_number(queue, await service.person())
    for move in ("recall", "start", "complete", "rejoin", "return", "resume"):
        answer = await desk.ask(f"{move}_token", str(token.id))
        assert (answer["ok"], answer["code"]) == (False, "illegal_transition")
        assert await desk.client.next(f"queue:{move}_token_error") == answer["message"]
    answer = await desk.ask("call_token", NOWHERE)
    assert (answer["ok"], answer["code"]) == (False, "token_not_found")
    assert await desk.client.next("queue:call_token_error") == answer["message"]
    assert colleague.names == []


@pytest.mark.parametrize("who", ["the patient", "a guest", "a display", "staff elsewhere"])
async def test_others_than_staff_of_the_clinic_are_refused_every_one_of_them(
    service: SocketService, clients: Clients, who: str
) -> None:
    clinic, queue, doctor, _ = await at_work(service, clients)
    if who == "the patient":
        person = await service.person()
        token = await service.take_number(queue, person)
    elif who == "a guest":
        person, token = await service.guest(queue, doctor, name="Zoe")
    else:
        token = await service.take_number(queue, await service.person())
        if who == "a display":
            person = await service.display(clinic)
        else:
            elsewhere, _ = await service.clinic()
            person = await service.person(Role.STAFF, elsewhere)
    seat = await service.desk(clinic, doctor)
    other, _ = await service.service_of(clinic)
    client = await clients(person)
    options = {"priority": "URGENT", "serviceId": str(other.id)}
    for event in (*STAFF_EVENTS, "join-desk"):
        ids = {"desk:call_next": [str(seat.id)], "join-desk": [str(queue.id)]}.get(
            event, [str(queue.id), *([str(token.id)] if event.endswith("_token") else [])]
        )
        answer = await client.ask(event, *ids, options)
        assert (answer["ok"], answer["code"]) == (False, "forbidden"), event
        assert await client.next(ERROR_EVENTS[event]) == answer["message"]
    standing = await service.call("GET", f"/tokens/queue/{queue.id}?tokenNumber=1", doctor)
    assert (standing["status"], standing["version"]) == ("WAITING", 1)


# Twice is once


async def test_the_same_key_gets_the_same_answer_and_nothing_is_done_twice(
    service: SocketService, clients: Clients
) -> None:
    _, queue, doctor, desk = await at_work(service, clients)
    for _ in range(3):
        await service.take_number(queue, await service.person())
    first = await desk.ask("call_next", {"idempotencyKey": "key-1"})
    assert await desk.ask("call_next", {"idempotencyKey": "key-1"}) == first
    over_http = await service.request("POST", f"/queues/{queue.id}/call-next", doctor, key="key-1")
    assert over_http.json()["data"] == first["data"]
    id = first["data"]["id"]
    started = await desk.ask("start_token", id, {"idempotencyKey": "key-2"})
    await desk.ask("complete_token", id)
    assert await desk.ask("start_token", id, {"idempotencyKey": "key-2"}) == started
    undone = await desk.ask("undo", {"idempotencyKey": "key-3"})
    assert await desk.ask("undo", {"idempotencyKey": "key-3"}) == undone
    answer = await desk.ask("complete_token", id, {"idempotencyKey": "key-1"})
    assert (answer["ok"], answer["code"]) == (False, "idempotency_key_reused")
    assert await desk.client.next("queue:complete_token_error") == answer["message"]
    assert (await service.status(queue, doctor))["currentTokenNo"] == 1


async def test_a_move_that_expects_another_version_changes_nothing(
    service: SocketService, clients: Clients
) -> None:
    _, queue, doctor, desk = await at_work(service, clients)
    token = await service.take_number(queue, await service.person())
    for event, arguments in (
        ("call_next", [{"expectedVersion": 1}]),
        ("call_token", [str(token.id), {"expectedVersion": 2}]),
        ("hold_token", [str(token.id), {"expectedVersion": 7}]),
    ):
        answer = await desk.ask(event, *arguments)
        assert (answer["ok"], answer["code"]) == (False, "version_conflict")
        assert await desk.client.next(f"queue:{event}_error") == answer["message"]
    version = (await service.status(queue, doctor))["version"]
    assert (await desk.do("call_next", {"expectedVersion": version}))["version"] == 2
    assert (await desk.do("start_token", str(token.id), {"expectedVersion": 2}))["version"] == 3


async def test_wrong_options_are_named_one_by_one(service: SocketService, clients: Clients) -> None:
    _, queue, _, desk = await at_work(service, clients)
    id = str((await service.take_number(queue, await service.person())).id)
    key = "options.idempotencyKey: Must be 1 to 64 visible ASCII characters."
    version = "options.expectedVersion: Must be a whole number of at least 1."
    for event, arguments, message in (
        ("priority_token", [id], "options.priority: This field is required."),
        (
            "priority_token",
            [id, {"priority": "HIGH", "expectedVersion": 0}],
            f"{version} options.priority: Must be one of NORMAL, PRIORITY, URGENT.",
        ),
        ("return_token", [id, {"after": 3}], "options.after: Give this only with to: AFTER."),
        ("transfer_token", [id, {"serviceId": 7}], "options.serviceId: Must be a UUID."),
        ("hold_token", [id, {"idempotencyKey": "x" * 65}], key),
        ("hold_token", [id, {"idempotencyKey": "", "expectedVersion": "1"}], f"{version} {key}"),
        ("call_next", [{"idempotencyKey": 7}], key),
        ("hold_token", [id, "soon"], "options: Send a JSON object."),
        ("undo", [[]], "options: Send a JSON object."),
    ):
        answer = await desk.ask(event, *arguments)
        assert (answer["ok"], answer["code"]) == (False, "validation_failed"), arguments
        assert answer["message"] == message
        assert await desk.client.next(f"queue:{event}_error") == message


async def test_what_older_clients_give_besides_the_ids_is_passed_over(
    service: SocketService, clients: Clients
) -> None:
    _, queue, _, desk = await at_work(service, clients)
    for _ in range(3):
        await service.take_number(queue, await service.person())
    id = (await desk.do("call_next", "whatever"))["id"]
    await desk.do("start_token", id, None, 3)
    await desk.do("complete_token", id, 7)
    await desk.do("skip_token", (await desk.do("call_next", 0))["id"], [])


# Boards and displays


async def test_a_board_is_refused_for_a_queue_that_is_not_there_and_for_nonsense(
    service: SocketService, clients: Clients
) -> None:
    _, _, _, desk = await at_work(service, clients)
    for id, code in ((NOWHERE, "queue_not_found"), ("no uuid", "validation_failed")):
        answer = await desk.client.ask("join-desk", id)
        assert (answer["ok"], answer["code"]) == (False, code)
        assert await desk.client.next("join-desk-error") == answer["message"]
    assert (await desk.client.ask("leave-desk", "no uuid"))["code"] == "validation_failed"
    assert (await desk.client.ask("leave-desk", NOWHERE)) == {"ok": True, "data": None}
    assert service.container.hub.watched_queues() == 0


async def test_a_board_is_acknowledged_followed_and_left(
    service: SocketService, clients: Clients
) -> None:
    _, queue, doctor, desk = await at_work(service, clients)
    await service.take_number(queue, await service.person())
    screen = BoardClient(desk.client, queue)
    answer = await screen.join()
    assert answer["data"] == await service.call("GET", f"/queues/{queue.id}/board", doctor)
    await desk.do("call_next")
    await screen.reach(3)
    assert [token["status"] for token in screen.tokens] == ["CALLED"]
    assert await desk.client.ask("leave-desk", str(queue.id)) == {"ok": True, "data": None}
    await service.take_number(queue, await service.person())
    await desk.client.ask("join-queue", str(queue.id))
    await desk.client.next("queue:status_update", lambda status: status["version"] == 4)
    assert desk.client.names.count("queue:board_update") == 1
    assert service.watched_for_clients() == []


async def test_the_longest_board_there_can_be_arrives_and_is_followed(
    service: SocketService, clients: Clients
) -> None:
    _, queue, _, desk = await at_work(service, clients, size=1000)
    await service.fill(queue, 1000)
    screen = BoardClient(desk.client, queue)
    assert len((await screen.join())["data"]["tokens"]) == 1000
    for _ in range(3):
        await desk.do("call_next")
    await screen.reach(screen.version + 3)
    assert [token["status"] for token in screen.tokens[:2]] == ["CALLED", "WAITING"]
    assert len(screen.tokens) == 998


@pytest.mark.parametrize("loses", ["the role", "the account"])
async def test_who_loses_the_right_to_the_clinic_loses_the_board_within_two_seconds(
    service: SocketService, clients: Clients, loses: str
) -> None:
    clinic, queue, doctor, desk = await at_work(service, clients)
    admin, patients = await service.person(Role.ADMIN), [await service.person() for _ in range(2)]
    screen = BoardClient(desk.client, queue)
    await screen.join()
    await service.take_number(queue, patients[0])
    await screen.reach(2)
    if loses == "the role":
        await service.call("DELETE", f"/clinic/{clinic.id}/staff/{doctor.id}", admin)
        await desk.client.next("join-desk-error", seconds=2)
    else:
        await service.call("PATCH", f"/users/{doctor.id}", admin, isActive=False)
        await eventually(desk.client.gone.is_set, within=2)
    assert service.watched_for_clients() == []
    assert service.container.hub.watched_queues() == 0
    await service.take_number(queue, patients[1])
    if loses == "the role":
        assert (await desk.client.ask("join-desk", str(queue.id)))["code"] == "forbidden"
    assert desk.client.names.count("queue:board_update") == 1


async def test_a_display_watches_the_queues_of_its_clinic_and_no_others(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue, _, desk = await at_work(service, clients)
    _, elsewhere = await service.clinic()
    wall = await clients(await service.display(clinic))
    assert (await wall.ask("join-queue", str(queue.id)))["ok"] is True
    answer = await wall.ask("join-queue", str(elsewhere.id))
    assert (answer["ok"], answer["code"]) == (False, "forbidden")
    assert await wall.next("join-queue-error") == answer["message"]
    await service.take_number(queue, await service.person())
    called = await desk.do("call_next")
    status = await wall.next("queue:status_update", lambda status: status["currentTokenNo"] == 1)
    (call,) = status["calls"]
    assert (call["label"], call["tokenNumber"]) == ("1", called["tokenNumber"])
    assert (await wall.ask("leave-queue", str(queue.id)))["ok"] is True


async def test_a_guest_hears_of_the_place_and_of_every_move(
    service: SocketService, clients: Clients
) -> None:
    _, queue, doctor, desk = await at_work(service, clients)
    await service.take_number(queue, await service.person())
    guest, token = await service.guest(queue, doctor, name="Zoe", note="in a wheelchair")
    phone = await clients(guest)
    assert (await phone.next("queue:your_place"))["ahead"] == 1
    await desk.do("call_token", str(token.id))
    heard = await phone.next("queue:your_token_called")
    assert (heard["id"], heard["guest"]) == (str(token.id), True)
    assert "Zoe" not in str(phone.heard)
    assert "wheelchair" not in str(phone.heard)
    place = await phone.next("queue:your_place", lambda place: place["ahead"] is None)
    assert (place["wait"]["state"], place["wait"]["reason"]) == ("unknown", "not_waiting")
    assert (await phone.ask("join-queue", str(queue.id)))["ok"] is True
