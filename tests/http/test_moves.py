"""What is done with a token over HTTP, by staff and by its patient."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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

FOR_STAFF = {"name", "phone", "note"}


@dataclass(slots=True)
class Line:
    """A queue with three patients who wait, and somebody who calls them."""

    admin: Person
    staff: Person
    clinic: Thing
    queue: Thing
    patients: list[Person]
    tokens: list[Thing]

    async def move(self, person: Person, number: int, move: str, given: object = None) -> Thing:
        """The token of that number (from 1) after the move."""
        method = "PUT" if move == "priority" else "POST"
        response = await person.call(method, self.path(number, move), given)
        token: Thing = data_of(response)
        return token

    def path(self, number: int, move: str) -> str:
        return f"/tokens/{self.tokens[number - 1]['id']}/{move}"

    async def call_next(self) -> Thing:
        token: Thing = data_of(await self.staff.post(f"/queues/{self.queue['id']}/call-next"))
        return token

    async def next_labels(self) -> list[str]:
        status = data_of(await self.staff.get(f"/queues/{self.queue['id']}/status"))
        labels: list[str] = status["next"]
        return labels

    async def undo(self) -> list[Thing]:
        tokens: list[Thing] = data_of(await self.staff.post(f"/queues/{self.queue['id']}/undo"))[
            "tokens"
        ]
        return tokens


@pytest.fixture
async def line(service: HttpService) -> Line:
    admin = await service.admin()
    clinic = await service.clinic(admin)
    queue = await service.queue(admin, clinic["id"])
    staff = await service.staff(admin, clinic["id"])
    patients = [await service.patient() for _ in range(3)]
    tokens = [await take(patient, queue) for patient in patients]
    return Line(admin, staff, clinic, queue, patients, tokens)


# Calling


async def test_staff_call_a_chosen_patient_and_finish_the_one_before(line: Line) -> None:
    await line.call_next()
    called = await line.move(line.staff, 3, "call", {"reason": "asked to be first"})
    assert (called["tokenNumber"], called["status"], called["name"]) == (3, "CALLED", "Maria Curie")
    tokens = data_of(await line.staff.get(f"/tokens/queue/{line.queue['id']}"))
    assert [one["status"] for one in tokens] == ["COMPLETED", "WAITING", "CALLED"]
    refused(await line.staff.post(line.path(3, "call")), 409, "illegal_transition")


async def test_a_recall_counts_and_shows_in_the_calls(service: HttpService, line: Line) -> None:
    await line.call_next()
    service.clock.advance(minutes=1)
    again = await line.move(line.staff, 1, "recall")
    assert (again["status"], again["recallCount"]) == ("CALLED", 1)
    assert again["calledAt"] == "2025-12-30T15:00:00.000Z"
    assert again["lastCalledAt"] == "2025-12-30T15:01:00.000Z"
    (call,) = data_of(await line.staff.get(f"/queues/{line.queue['id']}/status"))["calls"]
    assert (call["label"], call["recallCount"]) == ("1", 1)
    refused(await line.staff.post(line.path(2, "recall")), 409, "illegal_transition")


# Skipping and coming back


@pytest.mark.parametrize(
    ("is_called", "given", "reason"),
    [
        (False, None, "STAFF"),
        (True, None, "NO_SHOW"),
        (False, {"reason": "NO_SHOW"}, "NO_SHOW"),
        (True, {"reason": "STAFF"}, "STAFF"),
        (True, {"reason": None}, "NO_SHOW"),
    ],
)
async def test_a_skip_says_why(line: Line, is_called: bool, given: object, reason: str) -> None:
    if is_called:
        await line.call_next()
    skipped = await line.move(line.staff, 1, "skip", given)
    assert (skipped["status"], skipped["skipReason"]) == ("SKIPPED", reason)
    assert skipped["rejoinUntil"] == "2025-12-30T15:30:00.000Z"


async def test_a_skipped_patient_comes_back_behind_the_next_two(line: Line) -> None:
    await line.move(line.staff, 1, "skip")
    back = await line.move(line.patients[0], 1, "rejoin")
    assert (back["status"], back["tokenNumber"], back["skipReason"]) == ("WAITING", 1, None)
    assert await line.next_labels() == ["2", "3", "1"]
    assert FOR_STAFF.isdisjoint(back)


async def test_a_patient_comes_back_in_time_staff_bring_them_back_all_day(
    service: HttpService, line: Line
) -> None:
    data_of(await line.admin.put(f"/clinic/{line.clinic['id']}", {"rejoinMinutes": 5}))
    await line.move(line.staff, 1, "skip")
    service.clock.advance(minutes=6)
    refused(await line.patients[0].post(line.path(1, "rejoin")), 409, "illegal_transition")
    back = await line.move(line.staff, 1, "rejoin")
    assert (back["status"], back["name"]) == ("WAITING", "Maria Curie")


async def test_a_patient_comes_back_as_often_as_the_clinic_allows(line: Line) -> None:
    data_of(await line.admin.put(f"/clinic/{line.clinic['id']}", {"maxRejoins": 1}))
    await line.move(line.staff, 1, "skip")
    await line.move(line.patients[0], 1, "rejoin")
    await line.move(line.staff, 1, "skip")
    refused(await line.patients[0].post(line.path(1, "rejoin")), 409, "illegal_transition")


async def test_nobody_comes_back_with_a_second_number_or_to_a_closed_queue(line: Line) -> None:
    await line.move(line.staff, 1, "skip")
    await take(line.patients[0], line.queue)
    refused(await line.patients[0].post(line.path(1, "rejoin")), 409, "active_token_exists")
    await line.move(line.staff, 2, "skip")
    data_of(await line.staff.post(f"/queues/{line.queue['id']}/close"))
    refused(await line.patients[1].post(line.path(2, "rejoin")), 409, "queue_closed")


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (None, ["1", "2", "3"]),
        ({"to": "FIRST"}, ["1", "2", "3"]),
        ({"to": "LAST"}, ["2", "3", "1"]),
        ({"to": "AFTER", "after": 0}, ["1", "2", "3"]),
        ({"to": "AFTER", "after": 1}, ["2", "1", "3"]),
        ({"to": "AFTER", "after": 1000}, ["2", "3", "1"]),
    ],
)
async def test_staff_return_a_called_patient_to_a_place_in_the_line(
    line: Line, given: object, order: list[str]
) -> None:
    await line.call_next()
    back = await line.move(line.staff, 1, "return", given)
    assert (back["status"], back["calledAt"], back["desk"]) == ("WAITING", None, None)
    assert await line.next_labels() == order


# Holding, postponing, classes


async def test_a_held_token_is_passed_over_until_it_is_resumed(line: Line) -> None:
    patient = line.patients[0]
    held = await line.move(patient, 1, "hold")
    assert (held["status"], held["onHold"]) == ("WAITING", True)
    assert FOR_STAFF.isdisjoint(held)
    refused(await patient.post(line.path(1, "hold")), 409, "illegal_transition")
    status = data_of(await patient.get(f"/queues/{line.queue['id']}/status"))
    assert (status["waitingCount"], status["onHoldCount"]) == (3, 1)
    assert (await line.call_next())["tokenNumber"] == 2
    resumed = await line.move(line.staff, 1, "resume")
    assert (resumed["onHold"], resumed["name"]) == (False, "Maria Curie")
    refused(await patient.post(line.path(1, "resume")), 409, "illegal_transition")
    assert await line.next_labels() == ["1", "3"]


async def test_a_patient_lets_others_pass_three_times(line: Line) -> None:
    patient = line.patients[0]
    for left in (2, 1):
        moved = await line.move(patient, 1, "postpone", {"pass": 1})
        assert moved["postponesLeft"] == left
    assert await line.next_labels() == ["2", "3", "1"]
    await line.call_next()
    await line.move(line.staff, 2, "return", {"to": "LAST"})
    assert (await line.move(patient, 1, "postpone", {"pass": 1}))["postponesLeft"] == 0
    refused(await patient.post(line.path(1, "postpone"), {"pass": 1}), 409, "illegal_transition")


async def test_nobody_passes_where_nobody_waits_behind(line: Line) -> None:
    response = await line.patients[2].post(line.path(3, "postpone"), {"pass": 20})
    refused(response, 409, "nobody_behind")
    moved = await line.move(line.patients[0], 1, "postpone", {"pass": 20})
    assert moved["postponesLeft"] == 2
    assert await line.next_labels() == ["2", "3", "1"]


async def test_a_class_changes_who_is_next(line: Line) -> None:
    urgent = await line.move(line.staff, 3, "priority", {"priority": "URGENT"})
    assert (urgent["priority"], urgent["tokenNumber"]) == ("URGENT", 3)
    await line.move(line.staff, 2, "priority", {"priority": "PRIORITY"})
    assert await line.next_labels() == ["3", "2", "1"]
    assert data_of(await line.patients[1].get(f"/tokens/{line.patients[1].id}"))["priority"] == (
        "PRIORITY"
    )
    await line.call_next()
    given = {"priority": "NORMAL"}
    refused(await line.staff.put(line.path(3, "priority"), given), 409, "illegal_transition")


# Cancelling, transferring, undoing


async def test_patients_cancel_while_they_wait_staff_while_they_are_called_too(line: Line) -> None:
    left = await line.move(line.patients[1], 2, "cancel")
    assert (left["status"], left["cancelReason"]) == ("CANCELLED", "PATIENT")
    assert FOR_STAFF.isdisjoint(left)
    await line.call_next()
    refused(await line.patients[0].post(line.path(1, "cancel")), 409, "illegal_transition")
    gone = await line.move(line.staff, 1, "cancel", {"reason": "went home"})
    assert (gone["status"], gone["cancelReason"]) == ("CANCELLED", "STAFF")
    assert gone["name"] == "Maria Curie"


async def test_a_transfer_gives_a_token_of_the_other_service(
    service: HttpService, line: Line
) -> None:
    blood = await service.add_service(line.admin, line.clinic["id"], "Blood tests")
    given: Thing = {"serviceId": blood["id"]}
    refused(await line.staff.post(line.path(1, "transfer"), given), 409, "queue_not_open")
    queue = await service.queue(line.admin, line.clinic["id"], service_id=blood["id"])
    await line.call_next()
    old = await line.move(line.staff, 1, "transfer", given | {"priority": "PRIORITY"})
    assert old["status"] == "COMPLETED"
    (new,) = data_of(await line.staff.get(f"/tokens/queue/{queue['id']}"))
    assert (new["label"], new["priority"], new["patientId"]) == (
        "B001",
        "PRIORITY",
        line.patients[0].id,
    )
    assert (old["transferredTo"], new["transferredFrom"]) == (new["id"], old["id"])
    waiting = await line.move(line.staff, 2, "transfer", given | {"to": "FIRST"})
    assert (waiting["status"], waiting["cancelReason"]) == ("CANCELLED", "TRANSFERRED")
    refused(await line.staff.post(line.path(2, "transfer"), given), 409, "illegal_transition")
    same = {"serviceId": line.queue["serviceId"]}
    assert bad_fields(await line.staff.post(line.path(3, "transfer"), same)) == ["serviceId"]
    nowhere = {"serviceId": UNKNOWN}
    refused(await line.staff.post(line.path(3, "transfer"), nowhere), 404, "service_not_found")
    await take(line.patients[2], queue)
    refused(await line.staff.post(line.path(3, "transfer"), given), 409, "active_token_exists")


async def test_an_undone_call_goes_back_with_the_completion_it_made(line: Line) -> None:
    await line.call_next()
    before = data_of(await line.staff.get(f"/queues/{line.queue['id']}/status"))
    await line.call_next()
    undone = await line.undo()
    assert {one["tokenNumber"]: one["status"] for one in undone} == {1: "CALLED", 2: "WAITING"}
    assert all(one["name"] == "Maria Curie" for one in undone)
    after = data_of(await line.staff.get(f"/queues/{line.queue['id']}/status"))
    assert after == before | {"version": after["version"]}
    refused(await line.staff.post(f"/queues/{line.queue['id']}/undo"), 409, "nothing_to_undo")


async def test_nothing_is_undone_after_a_minute(service: HttpService, line: Line) -> None:
    await line.call_next()
    service.clock.advance(seconds=61)
    refused(await line.staff.post(f"/queues/{line.queue['id']}/undo"), 409, "nothing_to_undo")


# What is seen of it


async def test_a_place_is_how_many_are_called_before(line: Line) -> None:
    for number, patient in enumerate(line.patients, start=1):
        place = data_of(await patient.get(line.path(number, "place")))
        assert (place["wait"]["state"], place["wait"]["reason"]) == ("unknown", "no_desk")
        assert place == {
            "tokenId": line.tokens[number - 1]["id"],
            "queueId": line.queue["id"],
            "ahead": number - 1,
            "wait": place["wait"],
            "version": 4,
        }
    await line.move(line.staff, 2, "hold")
    assert data_of(await line.staff.get(line.path(2, "place")))["ahead"] is None
    assert data_of(await line.admin.get(line.path(3, "place")))["ahead"] == 1
    await line.call_next()
    assert data_of(await line.patients[0].get(line.path(1, "place")))["ahead"] is None
    refused(await line.admin.get(f"/tokens/{UNKNOWN}/place"), 404, "token_not_found")


async def test_a_history_has_every_move_and_patients_see_roles_alone(line: Line) -> None:
    await line.call_next()
    await line.move(line.staff, 1, "recall")
    await line.move(line.staff, 1, "skip")
    await line.move(line.patients[0], 1, "rejoin")
    await line.move(line.staff, 1, "cancel", {"reason": "went home"})
    seen = data_of(await line.staff.get(line.path(1, "history")))
    assert [(one["action"], one["from"], one["to"]) for one in seen] == [
        ("ISSUE", None, "WAITING"),
        ("CALL", "WAITING", "CALLED"),
        ("RECALL", "CALLED", "CALLED"),
        ("SKIP", "CALLED", "SKIPPED"),
        ("REJOIN", "SKIPPED", "WAITING"),
        ("CANCEL", "WAITING", "CANCELLED"),
    ]
    assert set(seen[0]) == {"at", "action", "from", "to", "by", "desk", "reason", "wait"}
    assert seen[0]["by"] == {"id": line.patients[0].id, "name": "Maria Curie", "role": "PATIENT"}
    assert seen[1]["by"] == {"id": line.staff.id, "name": "Maria Curie", "role": "STAFF"}
    assert seen[5]["reason"] == "went home"
    own = data_of(await line.patients[0].get(line.path(1, "history")))
    assert [one["by"]["role"] for one in own] == [one["by"]["role"] for one in seen]
    assert all(one["by"]["id"] is None and one["by"]["name"] is None for one in own)


async def test_a_day_that_ends_by_itself_was_ended_by_nobody(
    service: HttpService, line: Line
) -> None:
    service.clock.advance(hours=24)
    await service.container.use_cases.closing.end_days()
    patient = await service.log_in(line.patients[0].email)
    last = data_of(await patient.get(line.path(1, "history")))[-1]
    assert (last["action"], last["to"], last["by"]) == ("CANCEL", "CANCELLED", None)


# What may come along


EVERY_MOVE: list[tuple[str, str, Thing]] = [
    ("POST", "call", {}),
    ("POST", "recall", {}),
    ("POST", "start", {}),
    ("POST", "complete", {}),
    ("POST", "skip", {}),
    ("POST", "return", {}),
    ("POST", "transfer", {"serviceId": UNKNOWN}),
    ("PUT", "priority", {"priority": "URGENT"}),
    ("POST", "cancel", {}),
    ("POST", "rejoin", {}),
    ("POST", "hold", {}),
    ("POST", "resume", {}),
    ("POST", "postpone", {"pass": 1}),
]


@pytest.mark.parametrize(("method", "move", "given"), EVERY_MOVE)
async def test_every_move_of_what_is_not_there_is_404(
    line: Line, method: str, move: str, given: Thing
) -> None:
    person = line.patients[0] if move == "postpone" else line.admin
    response = await person.call(method, f"/tokens/{UNKNOWN}/{move}", given)
    refused(response, 404, "token_not_found")
    response = await person.call(method, f"/tokens/seven/{move}", given)
    assert bad_fields(response) == ["tokenId"]


@pytest.mark.parametrize(("method", "move", "given"), EVERY_MOVE)
async def test_every_move_is_made_only_at_the_version_that_was_expected(
    service: HttpService, line: Line, method: str, move: str, given: Thing
) -> None:
    person = line.patients[0] if move == "postpone" else line.staff
    if move == "transfer":
        blood = await service.add_service(line.admin, line.clinic["id"], "Blood tests")
        await service.queue(line.admin, line.clinic["id"], service_id=blood["id"])
        given = {"serviceId": blood["id"]}
    lawful: dict[str, Callable[[], Awaitable[Any]]] = {
        "recall": line.call_next,
        "start": line.call_next,
        "complete": line.call_next,
        "return": line.call_next,
        "rejoin": lambda: line.move(line.staff, 1, "skip"),
        "resume": lambda: line.move(line.staff, 1, "hold"),
    }
    if move in lawful:
        await lawful[move]()
    version = data_of(await line.staff.get(f"/tokens/queue/{line.queue['id']}?tokenNumber=1"))[
        "version"
    ]
    path = line.path(1, move)
    for wrong in (version + 1, 2_147_483_647):
        response = await person.call(method, path, given | {"expectedVersion": wrong})
        refused(response, 409, "version_conflict")
    for bad in (0, -1, "1", 1.5, 2_147_483_648):
        response = await person.call(method, path, given | {"expectedVersion": bad})
        assert bad_fields(response) == ["expectedVersion"], bad
    moved = data_of(await person.call(method, path, given | {"expectedVersion": version}))
    assert moved["version"] == version + 1


@pytest.mark.parametrize("move", ["call-next", "undo"])
async def test_calling_and_undoing_expect_a_version_of_the_queue(line: Line, move: str) -> None:
    if move == "undo":
        await line.call_next()
    path = f"/queues/{line.queue['id']}"
    version = data_of(await line.staff.get(f"{path}/status"))["version"]
    wrong = {"expectedVersion": version - 1}
    refused(await line.staff.post(f"{path}/{move}", wrong), 409, "version_conflict")
    assert data_of(await line.staff.get(f"{path}/status"))["version"] == version
    data_of(await line.staff.post(f"{path}/{move}", {"expectedVersion": version}))


@pytest.mark.parametrize(
    ("method", "move", "given", "bad"),
    [
        ("POST", "call", {"reason": "x" * 201}, ["reason"]),
        ("POST", "call", {"reason": 7, "expectedVersion": "x"}, ["expectedVersion", "reason"]),
        ("POST", "cancel", {"reason": "a\x00b"}, ["reason"]),
        ("POST", "skip", {"reason": "LATE"}, ["reason"]),
        ("POST", "return", {"to": "MIDDLE"}, ["to"]),
        ("POST", "return", {"to": "AFTER"}, ["after"]),
        ("POST", "return", {"to": "AFTER", "after": 1001}, ["after"]),
        ("POST", "return", {"to": "AFTER", "after": -1}, ["after"]),
        ("POST", "return", {"to": "LAST", "after": 1}, ["after"]),
        ("POST", "return", {"after": 0}, ["after"]),
        ("POST", "transfer", {}, ["serviceId"]),
        (
            "POST",
            "transfer",
            {"serviceId": 7, "to": "AFTER", "priority": "HIGH"},
            ["serviceId", "to", "priority"],
        ),
        ("PUT", "priority", {}, ["priority"]),
        ("PUT", "priority", {"priority": "HIGH"}, ["priority"]),
        ("POST", "postpone", {}, ["pass"]),
        ("POST", "postpone", {"pass": 0}, ["pass"]),
        ("POST", "postpone", {"pass": 21}, ["pass"]),
        ("POST", "postpone", {"pass": "2"}, ["pass"]),
    ],
)
async def test_every_bad_field_of_a_move_is_named_and_nothing_changes(
    line: Line, method: str, move: str, given: Thing, bad: list[str]
) -> None:
    person = line.patients[0] if move == "postpone" else line.staff
    assert bad_fields(await person.call(method, line.path(1, move), given)) == bad
    token = data_of(await line.patients[0].get(f"/tokens/{line.patients[0].id}"))
    assert token == line.tokens[0]
