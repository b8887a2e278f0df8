"""People without the app: walk-ins, whoever joins at the door, and the links that let them in."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import (
    UNKNOWN,
    HttpService,
    Person,
    Thing,
    bad_fields,
    data_of,
    refused,
    running_service,
    take,
)
from tests.support.qr_codes import drawn


@pytest.fixture
async def clinic(service: HttpService, admin: Person) -> Thing:
    return await service.clinic(admin, guestJoin=True, address="1 Main Street")


@pytest.fixture
async def queue(service: HttpService, admin: Person, clinic: Thing) -> Thing:
    return await service.queue(admin, clinic["id"])


@pytest.fixture
async def staff(service: HttpService, admin: Person, clinic: Thing) -> Person:
    return await service.staff(admin, clinic["id"])


async def admitted(staff: Person, queue: Thing, **noted: object) -> Thing:
    data: Thing = data_of(await staff.post(f"/queues/{queue['id']}/walk-ins", noted), 201)
    return data


async def open_link(service: HttpService, secret: str) -> httpx.Response:
    return await service.http.post("/api/guest/session", json={"secret": secret})


# Walk-ins


async def test_a_walk_in_gets_a_token_and_a_link(staff: Person, queue: Thing) -> None:
    data = await admitted(
        staff,
        queue,
        name=" Ada ",
        phone="+1 (212) 555-0123",
        note="needs\na wheelchair",
        priority="PRIORITY",
    )
    token, guest = data["token"], data["guest"]
    assert set(data) == {"token", "guest"}
    assert (token["status"], token["guest"], token["priority"]) == ("WAITING", True, "PRIORITY")
    assert (token["name"], token["phone"]) == ("Ada", "+1 (212) 555-0123")
    assert token["note"] == "needs\na wheelchair"
    assert set(guest) == {"secret", "url", "qr"}
    assert len(guest["secret"]) == 22
    assert guest["url"] == f"http://qure.example/t#{guest['secret']}"


async def test_the_link_comes_as_a_qr_code_that_is_an_image(staff: Person, queue: Thing) -> None:
    kind, _, drawing = (await admitted(staff, queue))["guest"]["qr"].partition(",")
    assert kind.startswith("data:image/svg+xml")
    svg = ElementTree.fromstring(unquote(drawing))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "style=" not in unquote(drawing)


async def test_nothing_need_be_known_of_a_walk_in(staff: Person, queue: Thing) -> None:
    response = await staff.post(f"/queues/{queue['id']}/walk-ins")
    token = data_of(response, 201)["token"]
    assert (token["name"], token["phone"], token["note"]) == (None, None, None)
    token = (await admitted(staff, queue, name="", phone=" ", note="  "))["token"]
    assert (token["name"], token["phone"], token["note"]) == (None, None, None)


@pytest.mark.parametrize(
    ("noted", "bad"),
    [
        ({"name": "x" * 61}, ["name"]),
        ({"name": "a\nb", "phone": "x"}, ["name", "phone"]),
        ({"phone": "1" * 33, "note": "x" * 501}, ["phone", "note"]),
        ({"phone": "٣"}, ["phone"]),
        ({"phone": "1\n"}, ["phone"]),
        ({"priority": "HIGH", "note": 7}, ["note", "priority"]),
    ],
)
async def test_every_bad_field_of_a_walk_in_is_named_and_nobody_is_admitted(
    staff: Person, queue: Thing, noted: Thing, bad: list[str]
) -> None:
    assert bad_fields(await staff.post(f"/queues/{queue['id']}/walk-ins", noted)) == bad
    assert data_of(await staff.get(f"/tokens/queue/{queue['id']}")) == []


async def test_a_full_queue_admits_no_walk_in(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    queue = await service.queue(admin, clinic["id"], max_size=1)
    await admitted(staff, queue)
    refused(await staff.post(f"/queues/{queue['id']}/walk-ins"), 409, "queue_full")
    data_of(await staff.patch(f"/queues/{queue['id']}/status", {"isActive": False}))
    refused(await staff.post(f"/queues/{queue['id']}/walk-ins"), 409, "queue_inactive")


# Links


async def test_a_link_lets_its_guest_in_as_often_as_they_wish(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    data = await admitted(staff, queue, name="Ada")
    for _ in range(2):
        opened = data_of(await open_link(service, data["guest"]["secret"]))
        assert set(opened) == {"user", "accessToken", "expiresAt"}
        assert opened["user"] == {
            "id": data["token"]["patientId"],
            "email": None,
            "firstName": "Ada",
            "lastName": "",
            "role": "PATIENT",
            "clinicId": None,
            "profilePicture": "https://api.dicebear.com/9.x/initials/svg?seed=Ada",
            "guest": True,
        }
        assert opened["expiresAt"] == "2025-12-30T15:15:00.000Z"


async def test_unknown_dead_and_expired_links_are_the_same_401(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    dead, expired = [(await admitted(staff, queue))["guest"]["secret"] for _ in range(2)]
    tokens = data_of(await staff.get(f"/tokens/queue/{queue['id']}"))
    data_of(await staff.post(f"/tokens/{tokens[0]['id']}/guest-link"))
    # An hour after midnight in New York.
    service.clock.set(datetime(2025, 12, 31, 6, tzinfo=UTC))
    answers = [await open_link(service, secret) for secret in ("unknown", dead, expired)]
    bodies = [refused(answer, 401, "invalid_guest_secret") for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    for secret in (None, "", "x" * 65, 7):
        response = await service.http.post("/api/guest/session", json={"secret": secret})
        assert bad_fields(response) == ["secret"]


async def test_another_link_ends_the_one_before_and_what_it_had_opened(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    guest, token = await service.walk_in(staff, queue)
    data_of(await guest.get(f"/tokens/{guest.id}"))
    data = data_of(await staff.post(f"/tokens/{token['id']}/guest-link"))
    assert data["token"]["id"] == token["id"]
    refused(await guest.get(f"/tokens/{guest.id}"), 401, "session_ended")
    again = await service.guest(data["guest"]["secret"])
    assert again.id == guest.id
    data_of(await again.get(f"/tokens/{again.id}"))
    refused(await staff.post(f"/tokens/{UNKNOWN}/guest-link"), 404, "token_not_found")


async def test_only_guests_have_links(service: HttpService, staff: Person, queue: Thing) -> None:
    token = await take(await service.patient(), queue)
    refused(await staff.post(f"/tokens/{token['id']}/guest-link"), 409, "not_a_guest")


async def test_a_guest_does_with_the_token_what_a_patient_does(
    service: HttpService, staff: Person, queue: Thing
) -> None:
    guest, token = await service.walk_in(staff, queue, name="Ada", note="loud")
    await service.walk_in(staff, queue)
    path = f"/tokens/{token['id']}"
    own = data_of(await guest.get(f"/tokens/{guest.id}"))
    assert own["id"] == token["id"]
    assert {"name", "phone", "note"}.isdisjoint(own)
    data_of(await guest.post(f"{path}/hold"))
    data_of(await guest.post(f"{path}/resume"))
    data_of(await guest.post(f"{path}/postpone", {"pass": 1}))
    assert data_of(await guest.get(f"{path}/place"))["ahead"] == 1
    data_of(await guest.get(f"{path}/history"))
    data_of(await guest.get(f"/queues/{queue['id']}/status"))
    data_of(await guest.get(f"/clinic/{queue['clinicId']}"))
    data_of(await guest.get("/clinic"))
    assert data_of(await guest.delete(path))["status"] == "CANCELLED"


async def test_a_guest_has_no_account_and_takes_no_second_number(
    service: HttpService, admin: Person, staff: Person, queue: Thing
) -> None:
    guest, _ = await service.walk_in(staff, queue)
    for method, path in (
        ("GET", "/auth/me"),
        ("PUT", "/auth/me"),
        ("PUT", "/auth/update-password"),
        ("GET", "/auth/sessions"),
        ("DELETE", f"/auth/sessions/{UNKNOWN}"),
    ):
        refused(await guest.call(method, path), 403, "forbidden")
    elsewhere = await service.queue(admin, (await service.clinic(admin))["id"])
    for one in (queue, elsewhere):
        refused(await guest.post("/tokens", {"queueId": one["id"]}), 403, "forbidden")


async def test_guests_are_not_among_the_users_and_become_no_staff(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    guest, _ = await service.walk_in(staff, queue, name="Zzz")
    assert data_of(await admin.get("/users?query=Zzz"))["users"] == []
    given = {"userId": guest.id}
    refused(await admin.post(f"/clinic/{clinic['id']}/staff", given), 409, "not_an_account")


# At the door


async def join_code(person: Person, clinic: Thing) -> str:
    code: str = data_of(await person.get(f"/clinic/{clinic['id']}"))["joinCode"]
    return code


async def test_a_door_shows_the_clinic_and_its_queues_of_today(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    code = await join_code(admin, clinic)
    door = data_of(await service.http.get(f"/api/join/{code}"))
    status = data_of(await admin.get(f"/queues/{queue['id']}/status"))
    wait = data_of(await admin.get(f"/queues/{queue['id']}/wait"))
    general = {"id": queue["serviceId"], "name": "General", "prefix": "", "wait": wait}
    assert door == {
        "clinicId": clinic["id"],
        "name": clinic["name"],
        "address": "1 Main Street",
        "logo": None,
        "openingHours": {"start": "09:00", "end": "17:00"},
        "timezone": "America/New_York",
        "languages": [],
        "services": [general | {"status": status}],
    }
    await service.queue(admin, clinic["id"], service_id=blood["id"])
    door = data_of(await service.http.get(f"/api/join/{code}"))
    assert [one["prefix"] for one in door["services"]] == ["", "B"]


async def test_a_door_says_what_the_clinic_speaks_and_when_it_is_open_as_it_is_now(
    service: HttpService, admin: Person, clinic: Thing
) -> None:
    path = f"/api/join/{await join_code(admin, clinic)}"
    assert data_of(await service.http.get(path))["languages"] == []
    changed = {
        "languages": ["ar", "en"],
        "timezone": "Asia/Kolkata",
        "openingHours": {"start": "08:30", "end": "12:00"},
    }
    data_of(await admin.put(f"/clinic/{clinic['id']}", changed))
    door = data_of(await service.http.get(path))
    assert {name: door[name] for name in changed} == changed


async def test_a_stranger_takes_a_token_at_the_door(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/api/join/{await join_code(admin, clinic)}"
    joined = data_of(await service.http.post(path), 201)
    assert joined["token"]["queueId"] == queue["id"]
    assert {"name", "phone", "note"}.isdisjoint(joined["token"])
    guest = await service.guest(joined["guest"]["secret"])
    assert data_of(await guest.get(f"/tokens/{guest.id}")) == joined["token"]
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    given = {"serviceId": blood["id"], "name": "Ada"}
    refused(await service.http.post(path, json=given), 409, "queue_not_open")
    other = await service.queue(admin, clinic["id"], service_id=blood["id"])
    token = data_of(await service.http.post(path, json=given), 201)["token"]
    assert (token["queueId"], token["label"]) == (other["id"], "B001")
    (seen,) = data_of(await admin.get(f"/tokens/queue/{other['id']}"))
    assert seen["name"] == "Ada"
    unknown = {"serviceId": UNKNOWN}
    refused(await service.http.post(path, json=unknown), 404, "service_not_found")
    wrong = {"serviceId": "7", "name": "x" * 61}
    assert bad_fields(await service.http.post(path, json=wrong)) == ["serviceId", "name"]


async def test_whoever_stands_in_line_already_gets_their_token(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    code = await join_code(admin, clinic)
    joined = data_of(await service.http.post(f"/api/join/{code}"), 201)
    guest = await service.guest(joined["guest"]["secret"])
    patient = await service.patient()
    token = await take(patient, queue)
    for person, own in ((guest, joined["token"]), (patient, token)):
        body = refused(await person.post(f"/join/{code}"), 409, "active_token_exists")
        assert body["meta"] == {"token": own}
    data_of(await guest.post(f"/tokens/{joined['token']['id']}/cancel"))
    data_of(await guest.post(f"/join/{code}"), 201)


@pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic abc", ""])
async def test_an_access_token_that_is_not_valid_is_passed_over_at_a_door(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing, header: str
) -> None:
    path = f"/api/join/{await join_code(admin, clinic)}"
    response = await service.http.post(path, headers={"Authorization": header})
    assert data_of(response, 201)["token"]["queueId"] == queue["id"]


async def test_a_display_takes_no_token(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    display = await service.display(admin, clinic["id"])
    refused(await display.post(f"/join/{await join_code(admin, clinic)}"), 403, "forbidden")
    assert data_of(await admin.get(f"/tokens/queue/{queue['id']}")) == []


async def test_unknown_renewed_and_switched_off_codes_are_the_same_404(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    renewed = await join_code(admin, clinic)
    code = data_of(await admin.post(f"/clinic/{clinic['id']}/join-code"))["joinCode"]
    assert code != renewed
    data_of(await service.http.get(f"/api/join/{code}"))
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"guestJoin": False}))
    no_codes = (
        "unknown",
        "a" * 22,
        "a" * 64,
        "a" * 65,
        "a" * 5000,
        "%E2%82%AC",
        "a%20b",
        "a.b",
        "~",
    )
    bodies = []
    for one in (renewed, code, *no_codes):
        for method in ("GET", "POST"):
            response = await service.http.request(method, f"/api/join/{one}")
            bodies.append(refused(response, 404, "join_code_not_found"))
    assert all(body == bodies[0] for body in bodies)
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"guestJoin": True}))
    data_of(await service.http.get(f"/api/join/{code}"))


async def test_a_retired_clinic_lets_nobody_in(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    code = await join_code(admin, clinic)
    data_of(await admin.put(f"/clinic/{clinic['id']}", {"isActive": False}))
    refused(await service.http.get(f"/api/join/{code}"), 404, "join_code_not_found")


async def test_at_most_thirty_a_minute_come_from_one_address(
    service: HttpService, admin: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/api/join/{await join_code(admin, clinic)}"
    answers = await asyncio.gather(*(service.http.get(path) for _ in range(32)))
    late = [one for one in answers if one.status_code != 200]
    assert late
    for one in late:
        refused(one, 429, "too_many_tries")
        assert int(one.headers["retry-after"]) >= 1
    refused(await service.http.post(path), 429, "too_many_tries")


# Who sees the join code


async def test_the_join_code_is_for_staff_and_admins_alone(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    elsewhere = await service.clinic(admin, guestJoin=True)
    outsider, patient = await service.staff(admin, elsewhere["id"]), await service.patient()
    guest, _ = await service.walk_in(staff, queue)
    display = await service.display(staff, clinic["id"])
    code = clinic["joinCode"]
    assert len(code) == 22
    path = f"/clinic/{clinic['id']}"
    for _ in range(2):  # The second time from memory.
        for person in (admin, staff):
            assert data_of(await person.get(path))["joinCode"] == code
        for person in (outsider, patient, guest, display):
            assert "joinCode" not in data_of(await person.get(path))
    for query in ("", "?latitude=40.7&longitude=-74&radius=5"):
        found = data_of(await admin.get(f"/clinic{query}"))["clinics"]
        assert len(found) == 2
        assert all("joinCode" not in one for one in found)
    renewed = data_of(await admin.post(f"{path}/join-code"))["joinCode"]
    assert data_of(await staff.get(path))["joinCode"] == renewed != code
    assert data_of(await admin.put(path, {"name": "x"}))["joinCode"] == renewed


async def test_a_poster_carries_the_address_of_the_door_as_text_and_as_a_qr_code(
    service: HttpService, admin: Person, staff: Person, clinic: Thing, queue: Thing
) -> None:
    path = f"/clinic/{clinic['id']}/join-code"
    url = f"http://qure.example/join/{clinic['joinCode']}"
    poster = {"joinCode": clinic["joinCode"], "url": url, "qr": drawn(url)}
    for person in (staff, admin):
        assert data_of(await person.get(path)) == poster
    renewed = data_of(await admin.post(path))
    assert renewed["url"] == f"http://qure.example/join/{renewed['joinCode']}" != url
    assert renewed["qr"] == drawn(renewed["url"])
    seen = data_of(await staff.get(f"/clinic/{clinic['id']}"))
    assert renewed == {**seen, "url": renewed["url"], "qr": renewed["qr"]}
    code = renewed["url"].rpartition("/")[2]
    door = data_of(await service.http.get(f"/api/join/{code}"))
    assert door["clinicId"] == clinic["id"]
    assert data_of(await staff.get(path)) == {name: renewed[name] for name in poster}


async def test_a_poster_that_would_let_nobody_in_is_not_given(
    service: HttpService, admin: Person
) -> None:
    clinic = await service.clinic(admin)
    path = f"/clinic/{clinic['id']}"
    refused(await admin.get(f"{path}/join-code"), 409, "guest_join_off")
    data_of(await admin.put(path, {"guestJoin": True}))
    data_of(await admin.get(f"{path}/join-code"))
    data_of(await admin.put(path, {"isActive": False}))
    refused(await admin.get(f"{path}/join-code"), 409, "clinic_retired")
    refused(await admin.get(f"/clinic/{UNKNOWN}/join-code"), 404, "clinic_not_found")


async def test_a_clinic_without_guests_has_no_code_until_it_takes_some(
    service: HttpService, admin: Person
) -> None:
    clinic = await service.clinic(admin)
    assert (clinic["guestJoin"], clinic["joinCode"]) == (False, None)
    changed = data_of(await admin.put(f"/clinic/{clinic['id']}", {"guestJoin": True}))
    assert len(changed["joinCode"]) == 22
    refused(await admin.post(f"/clinic/{UNKNOWN}/join-code"), 404, "clinic_not_found")


@pytest.mark.parametrize(
    ("given", "bad"),
    [
        ({"noShowMinutes": 0, "rejoinMinutes": -1}, ["noShowMinutes", "rejoinMinutes"]),
        ({"noShowMinutes": 61, "rejoinMinutes": 241}, ["noShowMinutes", "rejoinMinutes"]),
        ({"maxRejoins": 11, "rejoinAfter": 21}, ["maxRejoins", "rejoinAfter"]),
        ({"maxRejoins": "2", "guestJoin": "yes"}, ["maxRejoins", "guestJoin"]),
        ({"refuseBelow": -0.01}, ["refuseBelow"]),
        ({"refuseBelow": 1.01}, ["refuseBelow"]),
        ({"refuseBelow": "0.5"}, ["refuseBelow"]),
        ({"refuseBelow": True, "maxRejoins": 11}, ["maxRejoins", "refuseBelow"]),
    ],
)
async def test_every_bad_field_of_a_clinics_rules_is_named(
    admin: Person, clinic: Thing, given: Thing, bad: list[str]
) -> None:
    place: dict[str, Any] = {"name": "Other", "latitude": 1, "longitude": 1}
    assert bad_fields(await admin.post("/clinic", place | given)) == bad
    assert bad_fields(await admin.put(f"/clinic/{clinic['id']}", given)) == bad


async def test_a_clinics_rules_may_come_in_a_form(admin: Person, clinic: Thing) -> None:
    path = f"/clinic/{clinic['id']}"
    text = {"noShowMinutes": "5", "maxRejoins": "0", "rejoinAfter": "20", "guestJoin": "false"}
    changed = data_of(await admin.put(path, files={"x": ("x", b"x")}, data=text))
    assert [changed[name] for name in text] == [5, 0, 20, False]
    changed = data_of(await admin.put(path, files={"x": ("x", b"x")}, data={"noShowMinutes": ""}))
    assert changed["noShowMinutes"] is None


async def test_below_which_share_a_clinic_refuses_is_its_admins_to_say_and_everybodys_to_see(
    service: HttpService, admin: Person
) -> None:
    place: dict[str, Any] = {"name": "Strict", "latitude": 1, "longitude": 1}
    clinic = data_of(await admin.post("/clinic", place | {"refuseBelow": 0.25}), 201)
    assert clinic["refuseBelow"] == 0.25
    path = f"/clinic/{clinic['id']}"
    patient, staff = await service.patient(), await service.staff(admin, clinic["id"])
    for person in (patient, staff):
        assert data_of(await person.get(path))["refuseBelow"] == 0.25
        refused(await person.put(path, {"refuseBelow": 0}), 403, "forbidden")
    for given, kept in ((1, 1.0), (0, 0.0), (0.1, 0.1)):
        assert data_of(await admin.put(path, {"refuseBelow": given}))["refuseBelow"] == kept
    assert data_of(await admin.put(path, {"name": "Kind"}))["refuseBelow"] == 0.1
    (found,) = data_of(await patient.get("/clinic?search=Kind"))["clinics"]
    assert found["refuseBelow"] == 0.1


async def test_below_which_share_a_clinic_refuses_may_come_in_a_form(
    admin: Person, clinic: Thing
) -> None:
    path = f"/clinic/{clinic['id']}"
    form: dict[str, Any] = {"files": {"x": ("x", b"x")}}
    for text, kept in (("0.35", 0.35), ("1", 1.0), ("0", 0.0)):
        changed = data_of(await admin.put(path, **form, data={"refuseBelow": text}))
        assert changed["refuseBelow"] == kept
    for text in ("1.5", "-1", "nan", "inf", "1e999", "much", "20%"):
        response = await admin.put(path, **form, data={"refuseBelow": text})
        assert bad_fields(response) == ["refuseBelow"]
        assert response.json()["errors"][0]["message"] == "Must be a number from 0 to 1."


# Where links lead


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("clinic.example", "http://clinic.example"),
        ("clinic.example:8080", "http://clinic.example:8080"),
        ("192.0.2.7:3000", "http://192.0.2.7:3000"),
        ("[2001:db8::1]:3000", "http://[2001:db8::1]:3000"),
        ("user@evil.example", ""),
        ("a" * 300, ""),
        ("", ""),
    ],
)
async def test_links_begin_with_what_the_service_was_called_if_that_is_a_host(
    staff: Person, queue: Thing, host: str, base: str
) -> None:
    path = f"/queues/{queue['id']}/walk-ins"
    guest = data_of(await staff.post(path, headers={"Host": host}), 201)["guest"]
    assert guest["url"] == f"{base}/t#{guest['secret']}"


@pytest.mark.parametrize("host", ["evil.example/path?x=", '"><script>'])
async def test_nobody_is_admitted_by_a_request_to_what_is_no_host(
    staff: Person, queue: Thing, host: str
) -> None:
    response = await staff.post(f"/queues/{queue['id']}/walk-ins", headers={"Host": host})
    refused(response, 400, "bad_request")
    assert data_of(await staff.get(f"/tokens/queue/{queue['id']}")) == []


async def test_links_begin_with_the_public_url_where_it_is_set(
    settings: Settings, clock: FixedClock
) -> None:
    public = replace(settings, public_url="https://qure.clinic.example")
    async with running_service(public, clock) as service:
        admin = await service.admin()
        queue = await service.queue(admin, (await service.clinic(admin))["id"])
        guest = (await admitted(admin, queue))["guest"]
        assert guest["url"] == f"https://qure.clinic.example/t#{guest['secret']}"
