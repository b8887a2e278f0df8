"""``/api/setup``: the first admin of a new installation, made in the browser."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from tests.support.http_service import (
    PASSWORD,
    HttpService,
    Thing,
    bad_fields,
    data_of,
    refused,
)

PERSON = {
    "firstName": "Grace",
    "lastName": "Hopper",
    "email": "grace@example.com",
    "password": PASSWORD,
    "confirmPassword": PASSWORD,
}


@pytest.fixture
async def code(service: HttpService) -> str:
    """What `qure serve` shows."""
    code = await service.container.use_cases.first_admin.code()
    assert code is not None
    return code


async def set_up(service: HttpService, **given: object) -> httpx.Response:
    return await service.http.post("/api/setup", json={**PERSON, **given})


async def is_needed(service: HttpService) -> bool:
    data: Thing = data_of(await service.http.get("/api/setup"))
    assert set(data) == {"needed"}
    needed: bool = data["needed"]
    return needed


async def test_whoever_has_the_code_makes_the_first_admin_and_logs_in(
    service: HttpService, code: str
) -> None:
    assert await is_needed(service)
    assert data_of(await set_up(service, code=code.lower().replace("-", " ")), 201) is None
    assert not await is_needed(service)
    admin = await service.log_in("grace@example.com")
    assert data_of(await admin.get("/auth/me"))["role"] == "ADMIN"
    refused(await set_up(service, code=code), 409, "already_set_up")


async def test_a_wrong_code_makes_nothing(service: HttpService) -> None:
    refused(await set_up(service, code="AAAA-AAAA-AAAA"), 403, "wrong_setup_code")
    assert await is_needed(service)
    given = {"email": PERSON["email"], "password": PASSWORD}
    response = await service.http.post("/api/auth/login", json=given)
    refused(response, 401, "invalid_credentials")


async def test_the_rules_are_those_of_a_registration_and_all_are_named(
    service: HttpService, code: str
) -> None:
    given = {"firstName": "Jo", "email": "nobody", "password": "123", "code": 7}
    response = await service.http.post("/api/setup", json=given)
    assert set(bad_fields(response)) == {
        *("firstName", "lastName", "email", "password", "confirmPassword", "code"),
    }
    response = await set_up(service, code=code, confirmPassword="another one")
    assert bad_fields(response) == ["confirmPassword"]
    for wrong in ("", " ", "x" * 65, None):
        assert bad_fields(await set_up(service, code=wrong)) == ["code"]
    assert await is_needed(service)


async def test_an_address_that_is_taken_is_refused(service: HttpService, code: str) -> None:
    await service.register("grace@example.com")
    refused(await set_up(service, code=code), 409, "email_taken")
    assert await is_needed(service)


async def test_where_there_is_an_admin_nothing_is_to_be_set_up(
    service: HttpService, code: str
) -> None:
    admin = await service.admin()
    other = await service.admin()
    data_of(await admin.patch(f"/users/{other.id}", {"isActive": False}))
    assert not await is_needed(service)
    for given in (code, "AAAA-AAAA-AAAA"):
        refused(await set_up(service, code=given), 409, "already_set_up")


async def test_one_network_has_ten_tries_in_ten_minutes(service: HttpService, code: str) -> None:
    for _ in range(10):
        refused(await set_up(service, code="wrong"), 403, "wrong_setup_code")
    response = await set_up(service, code=code)
    refused(response, 429, "too_many_tries")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    await service.register()  # Patients are counted apart.


async def test_of_several_who_ask_at_once_one_is_the_admin(service: HttpService, code: str) -> None:
    answers = await asyncio.gather(
        *(set_up(service, code=code, email=f"grace{n}@example.com") for n in range(8))
    )
    assert Counter(one.status_code for one in answers) == {201: 1, 409: 7}
    admins = [n for n, one in enumerate(answers) if one.status_code == 201]
    admin = await service.log_in(f"grace{admins[0]}@example.com")
    found = data_of(await admin.get("/users?role=ADMIN"))["users"]
    assert [one["id"] for one in found] == [admin.id]
