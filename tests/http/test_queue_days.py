"""A queue's day: its notice, its board, and its end."""

from __future__ import annotations

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
async def queue(service: HttpService, admin: Person) -> Thing:
    return await service.queue(admin, (await service.clinic(admin))["id"])


# The notice


async def test_a_notice_is_in_every_status_at_once_until_it_is_taken_away(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    patient = await service.patient()
    path = f"/queues/{queue['id']}"
    given = {"kind": "DELAY", "minutes": 15, "text": " Dr Okafor is late. "}
    told = data_of(await admin.put(f"{path}/notice", given))
    assert told["notice"] == {
        "kind": "DELAY",
        "minutes": 15,
        "until": "2025-12-30T15:15:00.000Z",
        "text": "Dr Okafor is late.",
        "at": "2025-12-30T15:00:00.000Z",
    }
    assert data_of(await patient.get(f"{path}/status")) == told
    note = {"kind": "NOTE", "text": "Masks, please.", "until": "2025-12-30T16:00:00Z"}
    told = data_of(await admin.put(f"{path}/notice", note))["notice"]
    assert (told["minutes"], told["until"]) == (None, "2025-12-30T16:00:00.000Z")
    gone = data_of(await admin.delete(f"{path}/notice"))
    assert gone["notice"] is None
    assert data_of(await admin.delete(f"{path}/notice")) == gone


async def test_a_notice_goes_by_itself_when_it_is_over(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    path = f"/queues/{queue['id']}"
    data_of(await admin.put(f"{path}/notice", {"kind": "PAUSE", "minutes": 10}))
    service.clock.advance(minutes=10)
    await service.container.use_cases.closing.end_notices()
    assert data_of(await admin.get(f"{path}/status"))["notice"] is None


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({}, ["kind"]),
        ({"kind": "LUNCH", "minutes": 481, "until": "soon"}, ["kind", "minutes", "until"]),
        ({"kind": "PAUSE", "minutes": 0, "text": "x" * 201}, ["minutes", "text"]),
        ({"kind": "DELAY"}, ["minutes"]),
        ({"kind": "DELAY", "until": "2025-12-30T16:00:00.000Z"}, ["minutes"]),
        ({"kind": "NOTE"}, ["text"]),
        ({"kind": "NOTE", "text": "  "}, ["text"]),
        ({"kind": "NOTE", "minutes": 5}, ["minutes", "text"]),
        ({"kind": "PAUSE", "until": "2025-12-30T15:00:00.000Z"}, ["until"]),
        ({"kind": "PAUSE", "until": "2025-12-30T16:00:00"}, ["until"]),
    ],
)
async def test_every_bad_field_of_a_notice_is_named_and_nothing_changes(
    admin: Person, queue: Thing, given: Thing, bad: list[str]
) -> None:
    path = f"/queues/{queue['id']}"
    assert bad_fields(await admin.put(f"{path}/notice", given)) == bad
    status = data_of(await admin.get(f"{path}/status"))
    assert (status["notice"], status["version"]) == (None, 1)


# The board


async def test_the_board_is_in_the_order_of_calls(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    patients = [await service.patient() for _ in range(6)]
    tokens = [await take(patient, queue) for patient in patients]
    data_of(await admin.post(f"/tokens/{tokens[0]['id']}/skip"))
    data_of(await admin.post(f"/tokens/{tokens[1]['id']}/cancel"))
    data_of(await admin.post(f"/tokens/{tokens[2]['id']}/hold"))
    data_of(await admin.put(f"/tokens/{tokens[5]['id']}/priority", {"priority": "URGENT"}))
    data_of(await admin.post(f"/tokens/{tokens[3]['id']}/call"))
    board = data_of(await admin.get(f"/queues/{queue['id']}/board"))
    assert set(board) == {"queue", "status", "version", "tokens"}
    assert board["queue"]["id"] == queue["id"]
    assert board["status"] == data_of(await admin.get(f"/queues/{queue['id']}/status"))
    assert board["version"] == board["status"]["version"]
    assert [(one["tokenNumber"], one["status"], one["ahead"]) for one in board["tokens"]] == [
        (4, "CALLED", None),
        (6, "WAITING", 0),
        (5, "WAITING", 1),
        (3, "WAITING", None),
        (1, "SKIPPED", None),
    ]
    assert {one["name"] for one in board["tokens"]} == {"Maria Curie"}


# The end


async def test_a_queue_that_is_closed_ends_everybodys_wait(
    service: HttpService, admin: Person, queue: Thing
) -> None:
    waiting, called, late = [await service.patient() for _ in range(3)]
    first, second = await take(called, queue), await take(waiting, queue)
    path = f"/queues/{queue['id']}"
    data_of(await admin.post(f"{path}/call-next"))
    data_of(await admin.post(f"/tokens/{first['id']}/start"))
    closed = data_of(await admin.post(f"{path}/close"))
    assert (closed["isActive"], closed["isClosed"]) == (False, True)
    tokens = data_of(await admin.get(f"/tokens/queue/{queue['id']}"))
    assert [(one["status"], one["cancelReason"]) for one in tokens] == [
        ("COMPLETED", None),
        ("CANCELLED", "DAY_ENDED"),
    ]
    assert tokens[1]["id"] == second["id"]
    assert data_of(await admin.post(f"{path}/close")) == closed
    refused(await late.post("/tokens", {"queueId": queue["id"]}), 409, "queue_closed")
    refused(await admin.post(f"{path}/walk-ins"), 409, "queue_closed")
    refused(await admin.patch(f"{path}/status", {"isActive": True}), 409, "queue_closed")
    refused(await admin.put(f"{path}/notice", {"kind": "PAUSE"}), 409, "queue_closed")
    refused(await admin.post(f"{path}/call-next"), 409, "queue_empty")
    status = data_of(await admin.get(f"{path}/status"))
    assert (status["isClosed"], status["waitingCount"]) == (True, 0)


async def test_what_is_not_there_is_404(admin: Person) -> None:
    path = f"/queues/{UNKNOWN}"
    for response in (
        await admin.post(f"{path}/close"),
        await admin.post(f"{path}/undo"),
        await admin.post(f"{path}/walk-ins"),
        await admin.put(f"{path}/notice", {"kind": "PAUSE"}),
        await admin.delete(f"{path}/notice"),
        await admin.get(f"{path}/board"),
    ):
        refused(response, 404, "queue_not_found")
