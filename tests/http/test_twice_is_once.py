"""``Idempotency-Key``: a request that comes again gets the first answer again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.http_service import (
    HttpService,
    Person,
    Thing,
    bad_fields,
    data_of,
    refused,
    take,
)


@dataclass(slots=True)
class Day:
    """A clinic with two services and a desk; two patients and a guest wait."""

    service: HttpService
    admin: Person
    staff: Person
    clinic: Thing
    queue: Thing
    other_service: Thing
    desk: Thing
    patients: list[Person]
    tokens: list[Thing]
    walk_in: Thing
    newcomer: Person

    async def move(self, move: str) -> None:
        data_of(await self.staff.post(f"/tokens/{self.tokens[0]['id']}/{move}"))

    async def call_next(self) -> None:
        data_of(await self.staff.post(f"/queues/{self.queue['id']}/call-next"))

    async def sit_down(self) -> None:
        data_of(await self.staff.post(f"/desks/{self.desk['id']}/open"))

    async def everything(self) -> Any:
        """All that a request could change here."""
        queues = data_of(await self.staff.get(f"/clinic/{self.clinic['id']}/queues"))
        return queues, [
            data_of(await self.staff.get(f"/tokens/queue/{one['queueId']}")) for one in queues
        ]


@pytest.fixture
async def day(service: HttpService) -> Day:
    admin = await service.admin()
    clinic = await service.clinic(admin, guestJoin=True)
    staff = await service.staff(admin, clinic["id"])
    other = await service.add_service(admin, clinic["id"], "Blood tests")
    queue = await service.queue(staff, clinic["id"])
    await service.queue(staff, clinic["id"], service_id=other["id"])
    patients = [await service.patient() for _ in range(2)]
    tokens = [await take(patient, queue) for patient in patients]
    walk_in = data_of(await staff.post(f"/queues/{queue['id']}/walk-ins", {"name": "Ada"}), 201)
    return Day(
        service,
        admin,
        staff,
        clinic,
        queue,
        other,
        await service.add_desk(admin, clinic["id"]),
        patients,
        tokens,
        walk_in,
        await service.patient(),
    )


Prepare = Callable[[Day], Awaitable[object]]


async def nothing(_: Day) -> None:
    """All is ready."""


def move(name: str) -> Prepare:
    return lambda day: day.move(name)


async def call_next(day: Day) -> None:
    await day.call_next()


async def sit_down(day: Day) -> None:
    await day.sit_down()


STAFF: list[tuple[str, str, Thing, Prepare]] = [
    ("POST", "/queues/{queue}/call-next", {}, nothing),
    ("POST", "/queues/{queue}/undo", {}, call_next),
    ("POST", "/queues/{queue}/walk-ins", {"name": "Grace", "phone": "+1 555"}, nothing),
    ("POST", "/desks/{desk}/call-next", {}, sit_down),
    ("POST", "/tokens/{token}/call", {"reason": "first, please"}, nothing),
    ("POST", "/tokens/{token}/recall", {}, call_next),
    ("POST", "/tokens/{token}/start", {}, call_next),
    ("POST", "/tokens/{token}/complete", {}, call_next),
    ("POST", "/tokens/{token}/skip", {}, nothing),
    ("POST", "/tokens/{token}/return", {"to": "AFTER", "after": 1}, call_next),
    ("POST", "/tokens/{token}/transfer", {"serviceId": "{service}"}, nothing),
    ("PUT", "/tokens/{token}/priority", {"priority": "URGENT"}, nothing),
    ("POST", "/tokens/{token}/cancel", {}, nothing),
    ("POST", "/tokens/{token}/rejoin", {}, move("skip")),
    ("POST", "/tokens/{token}/hold", {}, nothing),
    ("POST", "/tokens/{token}/resume", {}, move("hold")),
    ("POST", "/tokens/{walk_in}/guest-link", {}, nothing),
]
PATIENT: list[tuple[str, str, Thing, Prepare]] = [
    ("POST", "/tokens/{token}/cancel", {}, nothing),
    ("POST", "/tokens/{token}/rejoin", {}, move("skip")),
    ("POST", "/tokens/{token}/hold", {}, nothing),
    ("POST", "/tokens/{token}/resume", {}, move("hold")),
    ("POST", "/tokens/{token}/postpone", {"pass": 1}, nothing),
]
CASES = [
    *(("staff", *case) for case in STAFF),
    *(("patient", *case) for case in PATIENT),
    ("newcomer", "POST", "/tokens", {"queueId": "{queue}"}, nothing),
]


def filled(day: Day, text: str) -> str:
    known = {
        "queue": day.queue["id"],
        "desk": day.desk["id"],
        "token": day.tokens[0]["id"],
        "walk_in": day.walk_in["token"]["id"],
        "service": day.other_service["id"],
    }
    for name, id in known.items():
        text = text.replace(f"{{{name}}}", id)
    return text


def asking(
    day: Day, who: str, method: str, path: str, given: Thing
) -> Callable[[str | None], Awaitable[httpx.Response]]:
    """The request, to be made with a key or without one."""
    person = {"staff": day.staff, "patient": day.patients[0], "newcomer": day.newcomer}[who]
    body = {
        name: filled(day, value) if isinstance(value, str) else value
        for name, value in given.items()
    }

    async def ask(key: str | None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key.encode()}
        return await person.call(method, filled(day, path), body, headers=headers)

    return ask


@pytest.mark.parametrize(("who", "method", "path", "given", "prepare"), CASES)
async def test_the_same_key_gets_the_first_answer_and_changes_nothing(
    day: Day, who: str, method: str, path: str, given: Thing, prepare: Prepare
) -> None:
    await prepare(day)
    ask = asking(day, who, method, path, given)
    first = await ask("key-1")
    assert first.status_code in (200, 201), first.text
    after = await day.everything()
    again = await ask("key-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert await day.everything() == after


@pytest.mark.parametrize(("who", "method", "path", "given", "prepare"), CASES)
async def test_two_at_one_moment_are_one(
    day: Day, who: str, method: str, path: str, given: Thing, prepare: Prepare
) -> None:
    await prepare(day)
    before, _ = await day.everything()
    ask = asking(day, who, method, path, given)
    answers = await asyncio.gather(*(ask("key-1") for _ in range(4)))
    assert len({one.text for one in answers}) == 1
    assert answers[0].status_code in (200, 201), answers[0].text
    after, _ = await day.everything()
    if not path.endswith("/guest-link"):
        changes = sum(one["version"] for one in after) - sum(one["version"] for one in before)
        # A desk that calls changes once; a transfer changes both queues.
        assert changes == (2 if path.endswith("/transfer") else 1)


@pytest.mark.parametrize(("who", "method", "path", "given", "prepare"), CASES)
async def test_a_key_that_is_none_is_named_and_nothing_changes(
    day: Day, who: str, method: str, path: str, given: Thing, prepare: Prepare
) -> None:
    await prepare(day)
    before = await day.everything()
    ask = asking(day, who, method, path, given)
    for key in ("", "x" * 65, "a b", "käse", "tab\there"):
        assert bad_fields(await ask(key)) == ["Idempotency-Key"], key
    assert await day.everything() == before
    assert (await ask("x" * 64)).status_code in (200, 201)


async def test_a_bad_key_is_named_with_every_bad_field(day: Day) -> None:
    path = f"/tokens/{day.tokens[0]['id']}/return"
    given = {"to": "NOWHERE", "expectedVersion": 0}
    response = await day.staff.post(path, given, headers={"Idempotency-Key": "a b"})
    assert bad_fields(response) == ["Idempotency-Key", "expectedVersion", "to"]


async def test_a_key_stands_for_one_address_and_one_body(day: Day) -> None:
    key = {"Idempotency-Key": "key-1"}
    first, second = (f"/tokens/{token['id']}" for token in day.tokens)
    data_of(await day.staff.post(f"{first}/skip", {"reason": "STAFF"}, headers=key))
    for path, given in (
        (f"{first}/skip", {"reason": "NO_SHOW"}),
        (f"{first}/skip", {"reason": "STAFF", "expectedVersion": 1}),
        (f"{second}/skip", {"reason": "STAFF"}),
        (f"{second}/hold", {}),
        (f"/queues/{day.queue['id']}/call-next", {}),
        (f"/queues/{day.queue['id']}/walk-ins", {}),
    ):
        refused(await day.staff.post(path, given, headers=key), 409, "idempotency_key_reused")
    given = {"priority": "URGENT"}
    refused(
        await day.staff.put(f"{second}/priority", given, headers=key), 409, "idempotency_key_reused"
    )


async def test_a_key_is_its_persons_own(day: Day) -> None:
    key = {"Idempotency-Key": "key-1"}
    path = f"/queues/{day.queue['id']}/call-next"
    first = data_of(await day.staff.post(path, headers=key))
    second = data_of(await day.admin.post(path, headers=key))
    assert (first["tokenNumber"], second["tokenNumber"]) == (1, 2)


async def test_what_was_refused_may_be_tried_again_with_the_same_key(day: Day) -> None:
    key = {"Idempotency-Key": "key-1"}
    path = f"/tokens/{day.tokens[0]['id']}/start"
    refused(await day.staff.post(path, headers=key), 409, "illegal_transition")
    await day.call_next()
    assert data_of(await day.staff.post(path, headers=key))["status"] == "IN_PROGRESS"


async def test_without_a_key_every_request_counts(day: Day) -> None:
    path = f"/queues/{day.queue['id']}/call-next"
    numbers = [data_of(await day.staff.post(path))["tokenNumber"] for _ in range(2)]
    assert numbers == [1, 2]


async def test_a_key_of_a_door_is_its_codes_own(day: Day) -> None:
    code = data_of(await day.admin.get(f"/clinic/{day.clinic['id']}"))["joinCode"]
    path = f"/api/join/{code}"
    key = {"Idempotency-Key": "key-1"}
    answers = await asyncio.gather(
        *(day.service.http.post(path, json={"name": "Ada"}, headers=key) for _ in range(3))
    )
    assert len({one.text for one in answers}) == 1
    joined = data_of(answers[0], 201)
    assert (
        data_of(await day.service.http.post(path, json={"name": "Ada"}, headers=key), 201) == joined
    )
    guest = await day.service.guest(joined["guest"]["secret"])
    assert guest.id == joined["token"]["patientId"]
    other = await day.service.http.post(path, json={"name": "Grace"}, headers=key)
    refused(other, 409, "idempotency_key_reused")
    bad = await day.service.http.post(path, headers={"Idempotency-Key": "a b"})
    assert bad_fields(bad) == ["Idempotency-Key"]


async def test_a_link_that_is_told_twice_is_the_same_link(day: Day) -> None:
    path = f"/tokens/{day.walk_in['token']['id']}/guest-link"
    key = {"Idempotency-Key": "key-1"}
    first = data_of(await day.staff.post(path, headers=key))
    assert data_of(await day.staff.post(path, headers=key)) == first
    await day.service.guest(first["guest"]["secret"])
    second = data_of(await day.staff.post(path))
    assert second["guest"]["secret"] != first["guest"]["secret"]
