"""``/api/auth``: accounts, logins, sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import httpx
import jwt
import pytest

from qure.domain.session import REFRESH_LIFE
from qure.settings import Settings
from tests.http.pictures import jpeg
from tests.support.builders import FixedClock
from tests.support.http_service import (
    PASSWORD,
    HttpService,
    bad_fields,
    comes_true,
    data_of,
    refused,
    running_service,
)

PERSON = {
    "firstName": "Maria",
    "lastName": "Curie",
    "email": "maria@example.com",
    "password": PASSWORD,
    "confirmPassword": PASSWORD,
}


async def test_a_registration_is_answered_201_with_nothing_in_it(service: HttpService) -> None:
    assert data_of(await service.http.post("/api/auth/register", json=PERSON), 201) is None


async def test_every_bad_field_of_a_registration_is_listed(service: HttpService) -> None:
    given = {"firstName": "Jo", "email": "nobody", "password": "123", "confirmPassword": 5}
    response = await service.http.post("/api/auth/register", json=given)
    assert bad_fields(response) == [
        "firstName",
        "lastName",
        "email",
        "password",
        "confirmPassword",
    ]


async def test_an_address_is_taken_whatever_its_case(service: HttpService) -> None:
    await service.register("maria@example.com")
    again = {**PERSON, "email": " MARIA@Example.com "}
    response = await service.http.post("/api/auth/register", json=again)
    refused(response, 409, "email_taken")


async def test_nobody_registers_as_an_admin(service: HttpService) -> None:
    given = {**PERSON, "role": "ADMIN", "clinicId": "x", "isActive": False, "id": "x"}
    data_of(await service.http.post("/api/auth/register", json=given), 201)
    person = await service.log_in("maria@example.com")
    assert data_of(await person.get("/auth/me"))["role"] == "PATIENT"


async def test_a_login_gives_the_user_and_both_tokens(service: HttpService) -> None:
    await service.register("maria@example.com")
    response = await service.http.post(
        "/api/auth/login", json={"email": "Maria@example.com ", "password": PASSWORD}
    )
    data = data_of(response)
    assert set(data) == {"user", "accessToken", "refreshToken"}
    assert data["user"] == {
        "id": data["user"]["id"],
        "email": "maria@example.com",
        "firstName": "Maria",
        "lastName": "Curie",
        "role": "PATIENT",
        "clinicId": None,
        "profilePicture": "https://api.dicebear.com/9.x/initials/svg?seed=Maria%20Curie",
        "guest": False,
    }
    assert len(bytes.fromhex(data["refreshToken"])) == 64
    assert jwt.get_unverified_header(data["accessToken"])["alg"] == "RS256"


@pytest.mark.parametrize(
    ("email", "password"), [("maria@example.com", "wrong-one"), ("nobody@example.com", PASSWORD)]
)
async def test_a_wrong_login_is_answered_alike_whatever_was_wrong(
    service: HttpService, email: str, password: str
) -> None:
    await service.register("maria@example.com")
    response = await service.http.post(
        "/api/auth/login", json={"email": email, "password": password}
    )
    body = refused(response, 401, "invalid_credentials")
    assert body["message"] == "The e-mail address or password is wrong."


async def test_too_many_failed_logins_have_to_wait(service: HttpService) -> None:
    await service.register("maria@example.com")
    wrong = {"email": "maria@example.com", "password": "wrong-one"}
    for _ in range(20):
        refused(await service.http.post("/api/auth/login", json=wrong), 401, "invalid_credentials")
    response = await service.http.post("/api/auth/login", json=wrong)
    refused(response, 429, "too_many_tries")
    assert 1 <= int(response.headers["retry-after"]) <= 180


async def test_a_device_that_has_logged_in_before_is_not_slowed_by_others(
    service: HttpService,
) -> None:
    email = await service.register()
    login = {"email": email, "password": PASSWORD}
    response = await service.http.post("/api/auth/login", json=login)
    (cookie,) = response.headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    assert name.startswith("qure_device=")
    assert {one.lower() for one in attributes} == {
        "httponly",
        "max-age=7776000",
        "path=/api/auth",
        "samesite=strict",
    }
    async with stranger(service) as other:
        for _ in range(20):
            response = await other.post("/api/auth/login", json={**login, "password": "wrong-one"})
            refused(response, 401, "invalid_credentials")
        refused(await other.post("/api/auth/login", json=login), 429, "too_many_tries")
        for cookie in ("qure_device", "qure_device=", "qure_device=a.b.c", 'qure_device="%00"'):
            response = await other.post("/api/auth/login", json=login, headers={"cookie": cookie})
            refused(response, 429, "too_many_tries")
    await service.log_in(email)


async def test_a_refresh_makes_the_device_known_too(service: HttpService) -> None:
    patient = await service.patient()
    async with stranger(service) as other:
        given = {"refreshToken": patient.refresh_token}
        response = await other.post("/api/auth/refresh-token", json=given)
        assert set(other.cookies) == {"qure_device"}
        assert response.headers["set-cookie"].startswith("qure_device=")


async def test_the_cookie_travels_encrypted_where_the_service_does(
    settings: Settings, clock: FixedClock
) -> None:
    public = replace(settings, public_url="https://queue.example")
    async with running_service(public, clock) as service:
        email = await service.register()
        response = await service.http.post(
            "/api/auth/login", json={"email": email, "password": PASSWORD}
        )
    assert "secure" in response.headers["set-cookie"].lower().split("; ")


async def test_nobody_registers_without_end_from_one_address(
    settings: Settings, clock: FixedClock
) -> None:
    async with running_service(replace(settings, registrations_per_address=2), clock) as service:
        await service.register()
        # Whatever comes of it, it counts: it cost a hash.
        person = {**PERSON, "email": "person1@example.com"}
        refused(await service.http.post("/api/auth/register", json=person), 409, "email_taken")
        response = await service.http.post("/api/auth/register", json=PERSON)
        refused(response, 429, "too_many_tries")
        assert 1 <= int(response.headers["retry-after"]) <= 300
        refused(
            await service.http.post(
                "/api/auth/login", json={"email": PERSON["email"], "password": PASSWORD}
            ),
            401,
            "invalid_credentials",
        )
        await service.log_in("person1@example.com")


@pytest.mark.parametrize("long", ["x" * 73, "🔑" * 1000])
async def test_every_character_of_a_long_password_counts(service: HttpService, long: str) -> None:
    person = {**PERSON, "password": long, "confirmPassword": long}
    data_of(await service.http.post("/api/auth/register", json=person), 201)
    patient = await service.log_in(PERSON["email"], long)
    for wrong in (long[:-1], long[:72], f"{long[:-1]}y"):
        login = {"email": PERSON["email"], "password": wrong}
        response = await service.http.post("/api/auth/login", json=login)
        refused(response, 401, "invalid_credentials")
    new = long[:-1] + "z"
    given = {"oldPassword": long, "newPassword": new, "confirmNewPassword": new}
    data_of(await patient.put("/auth/update-password", given))
    await service.log_in(PERSON["email"], new)


def stranger(service: HttpService) -> httpx.AsyncClient:
    """Somebody else's client: it has no cookies."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=cast(Any, service.app)), base_url="http://qure.example"
    )


async def test_a_disabled_user_is_told_so_and_is_out_at_once(service: HttpService) -> None:
    admin, patient = await service.admin(), await service.patient()
    data_of(await admin.patch(f"/users/{patient.id}", {"isActive": False}))
    response = await service.http.post(
        "/api/auth/login", json={"email": patient.email, "password": PASSWORD}
    )
    refused(response, 403, "account_disabled")
    refused(await patient.get("/auth/me"), 401, "account_disabled")


async def test_a_refresh_gives_the_next_pair_and_spends_the_old(service: HttpService) -> None:
    patient = await service.patient()
    given = {"refreshToken": patient.refresh_token}
    data = data_of(await service.http.post("/api/auth/refresh-token", json=given))
    assert set(data) == {"accessToken", "refreshToken", "user"}
    assert data["user"]["id"] == patient.id
    data_of(await patient.get("/auth/me"))  # The access token that was replaced goes on.
    patient.access_token = data["accessToken"]
    data_of(await patient.get("/auth/me"))
    again = data_of(await service.http.post("/api/auth/refresh-token", json=given))
    assert again["refreshToken"] == data["refreshToken"]
    service.clock.advance(seconds=11)
    response = await service.http.post("/api/auth/refresh-token", json=given)
    refused(response, 401, "invalid_refresh_token")
    # The spent one was taken for stolen: what came of it is void, too.
    given = {"refreshToken": data["refreshToken"]}
    response = await service.http.post("/api/auth/refresh-token", json=given)
    refused(response, 401, "invalid_refresh_token")
    refused(await patient.get("/auth/me"), 401, "session_ended")


async def test_a_refresh_token_is_good_for_seven_days(service: HttpService) -> None:
    patient = await service.patient()
    service.clock.advance(seconds=REFRESH_LIFE.total_seconds())
    response = await service.http.post(
        "/api/auth/refresh-token", json={"refreshToken": patient.refresh_token}
    )
    refused(response, 401, "invalid_refresh_token")


async def test_logging_out_ends_the_login_and_tells_nothing(service: HttpService) -> None:
    patient = await service.patient()
    for token in (patient.refresh_token, patient.refresh_token, "never-seen"):
        response = await service.http.post("/api/auth/logout", json={"refreshToken": token})
        assert data_of(response) is None
    refused(await patient.get("/auth/me"), 401, "session_ended")


async def test_me_is_the_user_and_since_when(service: HttpService) -> None:
    patient = await service.patient()
    assert data_of(await patient.get("/auth/me")) == {
        "id": patient.id,
        "email": patient.email,
        "firstName": "Maria",
        "lastName": "Curie",
        "role": "PATIENT",
        "clinicId": None,
        "profilePicture": "https://api.dicebear.com/9.x/initials/svg?seed=Maria%20Curie",
        "guest": False,
        "createdAt": "2025-12-30T15:00:00.000Z",
    }


async def test_me_is_never_stale_after_a_change(service: HttpService) -> None:
    patient = await service.patient()
    for name in ("Anna", "Berta", "Clara"):
        data_of(await patient.put("/auth/me", {"firstName": name}))
        assert data_of(await patient.get("/auth/me"))["firstName"] == name


async def test_what_is_left_out_of_a_profile_stays(service: HttpService) -> None:
    patient = await service.patient()
    data = data_of(await patient.put("/auth/me", {"lastName": "Sklodowska"}))
    assert (data["firstName"], data["lastName"]) == ("Maria", "Sklodowska")
    assert data["profilePicture"].endswith("seed=Maria%20Sklodowska")
    assert data_of(await patient.put("/auth/me", {}))["lastName"] == "Sklodowska"


async def test_a_profile_cannot_raise_its_own_role(service: HttpService) -> None:
    patient = await service.patient()
    await patient.put("/auth/me", {"firstName": "Anna", "role": "ADMIN", "email": "x@example.com"})
    data = data_of(await patient.get("/auth/me"))
    assert (data["role"], data["email"]) == ("PATIENT", patient.email)


async def test_a_picture_is_shown_when_its_job_is_done(service: HttpService) -> None:
    patient = await service.patient()
    response = await patient.put(
        "/auth/me",
        data={"firstName": "Anna"},
        files={"profilePicture": ("me.jpg", jpeg(), "image/jpeg")},
    )
    assert data_of(response)["firstName"] == "Anna"

    async def shown() -> bool:
        return "/media/" in data_of(await patient.get("/auth/me"))["profilePicture"]

    await comes_true(shown)
    url = data_of(await patient.get("/auth/me"))["profilePicture"]
    picture = await service.http.get(url)
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff" + b"x" * 100])
async def test_what_is_no_picture_is_refused_by_its_field(
    service: HttpService, content: bytes
) -> None:
    patient = await service.patient()
    response = await patient.put(
        "/auth/me", files={"profilePicture": ("me.jpg", content, "image/jpeg")}
    )
    assert bad_fields(response) == ["profilePicture"]


async def test_a_picture_too_many_is_refused_with_every_other_bad_field(
    service: HttpService,
) -> None:
    patient = await service.patient()
    file = ("me.jpg", jpeg(), "image/jpeg")
    response = await patient.put(
        "/auth/me",
        data={"firstName": "A"},
        files=[("profilePicture", file), ("profilePicture", file)],
    )
    assert bad_fields(response) == ["firstName", "profilePicture"]


async def test_a_new_password_ends_every_other_login(service: HttpService) -> None:
    here = await service.patient()
    there = await service.log_in(here.email)
    given = {
        "oldPassword": PASSWORD,
        "newPassword": "new-secret",
        "confirmNewPassword": "new-secret",
    }
    assert data_of(await here.put("/auth/update-password", given))["id"] == here.id
    refused(await there.get("/auth/me"), 401, "session_ended")
    data_of(await here.get("/auth/me"))
    await service.log_in(here.email, "new-secret")
    refused(
        await service.http.post(
            "/api/auth/login", json={"email": here.email, "password": PASSWORD}
        ),
        401,
        "invalid_credentials",
    )


async def test_a_password_changes_only_for_who_knows_the_old_one(service: HttpService) -> None:
    patient = await service.patient()
    given = {
        "oldPassword": "not-this",
        "newPassword": "new-secret",
        "confirmNewPassword": "new-secret",
    }
    body = refused(await patient.put("/auth/update-password", given), 400, "wrong_password")
    assert [error["path"] for error in body["errors"]] == ["oldPassword"]


async def test_sessions_are_listed_with_device_and_address(service: HttpService) -> None:
    email = await service.register()
    login = {"email": email, "password": PASSWORD}
    device = {"deviceInfo": {"userAgent": "Qure/2.1"}}
    await service.http.post("/api/auth/login", json={**login, **device})
    service.clock.advance(minutes=1)
    here = await service.log_in(email)
    sessions = data_of(await here.get("/auth/sessions"))
    assert [one["current"] for one in sessions] == [True, False]
    assert [one["userAgent"] for one in sessions] == [
        service.http.headers["user-agent"],
        "Qure/2.1",
    ]
    assert {one["ipAddress"] for one in sessions} == {"127.0.0.1"}
    assert sessions[0]["createdAt"] == "2025-12-30T15:01:00.000Z"
    assert sessions[0]["expiresAt"] == "2026-01-06T15:01:00.000Z"
    assert set(sessions[0]) == {
        "id",
        "userAgent",
        "ipAddress",
        "createdAt",
        "expiresAt",
        "current",
    }


async def test_a_forwarded_address_is_not_believed_from_just_anybody(service: HttpService) -> None:
    email = await service.register()
    await service.http.post(
        "/api/auth/login",
        json={"email": email, "password": PASSWORD},
        headers={"X-Forwarded-For": "203.0.113.9"},
    )
    person = await service.log_in(email)
    sessions: list[dict[str, Any]] = data_of(await person.get("/auth/sessions"))
    assert {one["ipAddress"] for one in sessions} == {"127.0.0.1"}


async def test_a_session_is_ended_by_its_owner_alone(service: HttpService) -> None:
    here = await service.patient()
    there = await service.log_in(here.email)
    other = await service.patient()
    sessions = data_of(await here.get("/auth/sessions"))
    elsewhere = next(one["id"] for one in sessions if not one["current"])
    refused(await other.delete(f"/auth/sessions/{elsewhere}"), 403, "forbidden")
    assert data_of(await here.delete(f"/auth/sessions/{elsewhere}")) is None
    refused(await there.get("/auth/me"), 401, "session_ended")
    unknown = "0193f3d0-0000-7000-8000-000000000009"
    refused(await here.delete(f"/auth/sessions/{unknown}"), 404, "session_not_found")
