"""Displays: devices with a right to look, paired by a code that they show."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

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
    return await service.clinic(admin)


@pytest.fixture
async def staff(service: HttpService, admin: Person, clinic: Thing) -> Person:
    return await service.staff(admin, clinic["id"])


async def started(service: HttpService) -> Thing:
    pairing: Thing = data_of(await service.http.post("/api/displays"))
    return pairing


async def poll(service: HttpService, pairing: Thing) -> httpx.Response:
    given = {"deviceCode": pairing["deviceCode"]}
    return await service.http.post("/api/displays/token", json=given)


async def let_in(staff: Person, clinic: Thing, pairing: Thing, **more: object) -> Thing:
    given = {"userCode": pairing["userCode"], "name": "Waiting room", **more}
    display: Thing = data_of(await staff.post(f"/clinic/{clinic['id']}/displays", given), 201)
    return display


async def test_a_display_is_let_in_by_the_code_that_it_shows(
    service: HttpService, staff: Person, clinic: Thing
) -> None:
    pairing = await started(service)
    assert set(pairing) == {
        *("deviceCode", "userCode", "expiresIn", "interval"),
        *("verificationUri", "verificationUriComplete", "qr"),
    }
    assert (pairing["expiresIn"], pairing["interval"]) == (600, 3)
    assert len(pairing["deviceCode"]) == 22
    waiting = refused(await poll(service, pairing), 400, "authorization_pending")
    assert waiting["errors"] is None
    display = await let_in(staff, clinic, pairing)
    assert display == {
        "id": display["id"],
        "clinicId": clinic["id"],
        "name": "Waiting room",
        "serviceIds": None,
        "createdAt": "2025-12-30T15:00:00.000Z",
    }
    service.clock.advance(seconds=3)
    granted = data_of(await poll(service, pairing))
    assert set(granted) == {"accessToken", "refreshToken", "display"}
    assert granted["display"] == display
    # It is told once.
    refused(await poll(service, pairing), 400, "expired_token")
    assert data_of(await staff.get(f"/clinic/{clinic['id']}/displays")) == [display]


async def test_a_display_shows_where_staff_let_it_in(
    service: HttpService, staff: Person, clinic: Thing
) -> None:
    pairing = await started(service)
    assert pairing["verificationUri"] == "http://qure.example/desk#pair"
    complete = f"http://qure.example/desk#pair={pairing['userCode']}"
    assert pairing["verificationUriComplete"] == complete
    assert pairing["qr"] == drawn(complete)
    scanned = complete.partition("#pair=")[2]
    assert re.fullmatch("[A-Z]{8}", scanned)
    await let_in(staff, clinic, {"userCode": scanned})


async def test_where_staff_let_it_in_is_at_the_public_url_if_that_is_set(
    settings: Settings, clock: FixedClock
) -> None:
    public = replace(settings, public_url="https://qure.clinic.example")
    async with running_service(public, clock) as service:
        pairing = await started(service)
    uri = "https://qure.clinic.example/desk#pair"
    assert pairing["verificationUri"] == uri
    assert pairing["verificationUriComplete"] == f"{uri}={pairing['userCode']}"
    assert pairing["qr"] == drawn(pairing["verificationUriComplete"])


async def test_a_display_that_asks_too_often_is_told_to_slow_down(service: HttpService) -> None:
    pairing = await started(service)
    refused(await poll(service, pairing), 400, "authorization_pending")
    service.clock.advance(seconds=2)
    assert refused(await poll(service, pairing), 400, "slow_down")["errors"] is None
    service.clock.advance(seconds=3)
    refused(await poll(service, pairing), 400, "authorization_pending")


async def test_codes_live_ten_minutes(service: HttpService, staff: Person, clinic: Thing) -> None:
    pairing = await started(service)
    service.clock.advance(minutes=10)
    assert refused(await poll(service, pairing), 400, "expired_token")["errors"] is None
    refused(await poll(service, {"deviceCode": "unknown"}), 400, "expired_token")
    given = {"userCode": pairing["userCode"], "name": "x"}
    assert bad_fields(await staff.post(f"/clinic/{clinic['id']}/displays", given)) == ["userCode"]


async def test_a_code_may_be_typed_in_any_case_with_dashes_or_spaces(
    service: HttpService, staff: Person, clinic: Thing
) -> None:
    pairing = await started(service)
    code = pairing["userCode"].lower()
    await let_in(staff, clinic, {"userCode": f" {code[:4]}-{code[4:6]} {code[6:]} "})
    data_of(await poll(service, pairing))


async def test_a_code_lets_one_display_into_one_clinic(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    pairing = await started(service)
    elsewhere = await service.clinic(admin)
    paths = [f"/clinic/{one['id']}/displays" for one in (clinic, elsewhere)]
    given = {"userCode": pairing["userCode"], "name": "x"}
    answers = await asyncio.gather(*(admin.post(path, given) for path in paths * 2))
    assert sorted(one.status_code for one in answers) == [201, 400, 400, 400]


async def test_the_services_that_a_display_shows_are_the_clinics_own(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    elsewhere = await service.clinic(admin)
    foreign = await service.add_service(admin, elsewhere["id"], "X-ray")
    blood = await service.add_service(admin, clinic["id"], "Blood tests")
    pairing = await started(service)
    path = f"/clinic/{clinic['id']}/displays"
    for given, bad in (
        ({}, ["userCode", "name"]),
        ({"userCode": "", "name": " "}, ["userCode", "name"]),
        ({"userCode": "x" * 33, "name": "x" * 41}, ["userCode", "name"]),
        ({"userCode": "BCDFGHJK", "name": "x"}, ["userCode"]),
        ({"userCode": pairing["userCode"], "name": "x", "serviceIds": []}, ["serviceIds"]),
        ({"userCode": pairing["userCode"], "name": "x", "serviceIds": ["7"]}, ["serviceIds.0"]),
        (
            {
                "userCode": pairing["userCode"],
                "name": "x",
                "serviceIds": [blood["id"], foreign["id"]],
            },
            ["serviceIds.1"],
        ),
    ):
        assert bad_fields(await staff.post(path, given)) == bad, given
    assert data_of(await staff.get(path)) == []
    display = await let_in(staff, clinic, pairing, serviceIds=[blood["id"]])
    assert display["serviceIds"] == [blood["id"]]
    for code in (None, "", "x" * 65, 7):
        response = await service.http.post("/api/displays/token", json={"deviceCode": code})
        assert bad_fields(response) == ["deviceCode"]


async def test_a_display_reads_its_own_clinic_and_nothing_else(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    elsewhere = await service.clinic(admin)
    queue = await service.queue(admin, clinic["id"])
    foreign = await service.queue(admin, elsewhere["id"])
    display = await service.display(staff, clinic["id"])
    for _ in range(2):  # The second time, others are answered from memory.
        for one, its, status in ((clinic, queue, 200), (elsewhere, foreign, 403)):
            for path in (
                f"/clinic/{one['id']}",
                f"/clinic/{one['id']}/services",
                f"/clinic/{one['id']}/queues",
                f"/queues/{one['id']}",
                f"/queues/{its['id']}/status",
            ):
                data_of(await admin.get(path))
                assert (await display.get(path)).status_code == status, path
        around = "/clinic?latitude=40.7&longitude=-74&radius=5"
        for path in ("/auth/me", "/auth/sessions", "/clinic", around, "/users"):
            await admin.get(path)
            refused(await display.get(path), 403, "forbidden")
    refused(await display.post("/tokens", {"queueId": queue["id"]}), 403, "forbidden")
    token = await take(await service.patient(), queue)
    for path in ("place", "history"):
        refused(await display.get(f"/tokens/{token['id']}/{path}"), 403, "forbidden")
    refused(await display.get(f"/tokens/{display.id}"), 403, "forbidden")


async def test_a_display_renews_its_tokens_like_a_login(
    service: HttpService, staff: Person, clinic: Thing
) -> None:
    display = await service.display(staff, clinic["id"])
    service.clock.advance(minutes=16)
    path = f"/clinic/{clinic['id']}"
    refused(await display.get(path), 401, "token_expired")
    given = {"refreshToken": display.refresh_token}
    renewed = data_of(await service.http.post("/api/auth/refresh-token", json=given))
    display.access_token = renewed["accessToken"]
    data_of(await display.get(path))


async def test_a_display_that_was_ended_is_out_at_once(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    display = await service.display(staff, clinic["id"])
    data_of(await display.get(f"/clinic/{clinic['id']}"))
    path = f"/displays/{display.id}"
    outsider = await service.staff(admin, (await service.clinic(admin))["id"])
    refused(await outsider.delete(path), 403, "forbidden")
    assert data_of(await staff.delete(path)) is None
    response = await display.get(f"/clinic/{clinic['id']}")
    assert response.status_code == 401
    given = {"refreshToken": display.refresh_token}
    response = await service.http.post("/api/auth/refresh-token", json=given)
    assert response.status_code in (401, 403)
    refused(await staff.delete(path), 404, "display_not_found")
    refused(await staff.delete(f"/displays/{UNKNOWN}"), 404, "display_not_found")
    assert data_of(await staff.get(f"/clinic/{clinic['id']}/displays")) == []
    refused(await admin.get(f"/clinic/{UNKNOWN}/displays"), 404, "clinic_not_found")


async def test_a_display_that_is_ended_before_it_asks_gets_nothing(
    service: HttpService, staff: Person, clinic: Thing
) -> None:
    pairing = await started(service)
    display = await let_in(staff, clinic, pairing)
    data_of(await staff.delete(f"/displays/{display['id']}"))
    refused(await poll(service, pairing), 400, "expired_token")


async def test_displays_are_not_among_the_users_and_no_role_to_look_for(
    service: HttpService, admin: Person, staff: Person, clinic: Thing
) -> None:
    display = await service.display(staff, clinic["id"], name="Zzz")
    assert data_of(await admin.get("/users?query=Zzz"))["users"] == []
    assert bad_fields(await admin.get("/users?role=DISPLAY")) == ["role"]
    given = {"userId": display.id}
    refused(await admin.post(f"/clinic/{clinic['id']}/staff", given), 409, "not_an_account")


async def test_at_most_twenty_displays_a_minute_ask_from_one_address(service: HttpService) -> None:
    answers = [await service.http.post("/api/displays") for _ in range(21)]
    assert [one.status_code for one in answers[:20]] == [200] * 20
    refused(answers[20], 429, "too_many_tries")
    assert timedelta(seconds=int(answers[20].headers["retry-after"])) <= timedelta(minutes=1)
