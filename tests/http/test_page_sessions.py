"""Pages keep their refresh secret in a cookie that no script reads and no other site can use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import (
    PASSWORD,
    HttpService,
    Person,
    Thing,
    bad_fields,
    data_of,
    refused,
    running_service,
)

REFRESH = "/api/auth/refresh-token"
LOGIN = {"Qure-Session": "login"}
DISPLAY = {"Qure-Session": "display"}


@asynccontextmanager
async def browser_at(service: HttpService) -> AsyncIterator[httpx.AsyncClient]:
    """A browser: it keeps cookies, and sends them where they belong."""
    transport = httpx.ASGITransport(app=cast(Any, service.app))
    async with httpx.AsyncClient(transport=transport, base_url="http://qure.example") as http:
        yield http


@pytest.fixture
async def browser(service: HttpService) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(service) as http:
        yield http


@pytest.fixture
async def email(service: HttpService) -> str:
    return await service.register()


async def log_in(browser: httpx.AsyncClient, email: str) -> Thing:
    """What a page learns when somebody logs in there."""
    given = {"email": email, "password": PASSWORD}
    data: Thing = data_of(await browser.post("/api/auth/login", json=given, headers=LOGIN))
    return data


async def pair(browser: httpx.AsyncClient, service: HttpService, admin: Person) -> Thing:
    """What a page learns when it is let in as a display."""
    clinic = await service.clinic(admin)
    pairing = data_of(await browser.post("/api/displays"))
    given = {"userCode": pairing["userCode"], "name": "Waiting room"}
    data_of(await admin.post(f"/clinic/{clinic['id']}/displays", given), 201)
    asked = {"deviceCode": pairing["deviceCode"]}
    response = await browser.post("/api/displays/token", json=asked, headers=DISPLAY)
    data: Thing = data_of(response)
    return data


def set_cookies(response: httpx.Response) -> dict[str, tuple[str, set[str]]]:
    """Value and attributes of each cookie that it sets."""
    found = {}
    for line in response.headers.get_list("set-cookie"):
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        found[name] = (value.strip('"'), {one.lower() for one in attributes})
    return found


ATTRIBUTES = {"httponly", "samesite=strict", f"path={REFRESH}"}
KEPT = ATTRIBUTES | {"max-age=604800"}
GONE = ("", ATTRIBUTES | {"max-age=0"})


async def test_a_page_gets_its_refresh_secret_in_a_cookie_and_nowhere_else(
    browser: httpx.AsyncClient, email: str
) -> None:
    given = {"email": email, "password": PASSWORD}
    response = await browser.post("/api/auth/login", json=given, headers=LOGIN)
    data = data_of(response)
    assert set(data) == {"user", "accessToken", "refreshToken"}
    assert data["refreshToken"] is None
    cookies = set_cookies(response)
    assert set(cookies) == {"qure_device", "qure_login"}
    secret, attributes = cookies["qure_login"]
    assert attributes == KEPT
    assert len(bytes.fromhex(secret)) == 64
    assert secret not in response.text


async def test_the_cookie_travels_encrypted_where_the_service_does(
    settings: Settings, clock: FixedClock
) -> None:
    public = replace(settings, public_url="https://queue.example")
    async with running_service(public, clock) as service:
        given = {"email": await service.register(), "password": PASSWORD}
        response = await service.http.post("/api/auth/login", json=given, headers=LOGIN)
        assert set_cookies(response)["qure_login"][1] == KEPT | {"secure"}
        response = await service.http.post("/api/auth/logout", headers=LOGIN)
        assert set_cookies(response)["qure_login"] == ("", GONE[1] | {"secure"})


async def test_no_other_address_is_sent_the_cookie(browser: httpx.AsyncClient, email: str) -> None:
    await log_in(browser, email)
    for path in ("/", "/api/auth/login", "/api/auth/logout", "/api/auth/me", "/api/auth"):
        sent = (await browser.get(path)).request.headers.get("cookie", "")
        assert "qure_login" not in sent, path
    sent = (await browser.get(REFRESH)).request.headers["cookie"]
    assert "qure_login" in sent


async def test_a_reloaded_page_knows_who_it_is_from_its_cookie(
    browser: httpx.AsyncClient, email: str
) -> None:
    before = await log_in(browser, email)
    secret = browser.cookies["qure_login"]
    for _ in range(2):
        response = await browser.post(REFRESH, headers=LOGIN)
        data = data_of(response)
        assert set(data) == {"accessToken", "refreshToken", "user"}
        assert data["refreshToken"] is None
        assert data["user"] == before["user"]
        cookies = set_cookies(response)
        assert set(cookies) == {"qure_device", "qure_login"}
        assert cookies["qure_login"][1] == KEPT
        assert cookies["qure_login"][0] not in (secret, "")
        secret = cookies["qure_login"][0]
        headers = {"Authorization": f"Bearer {data['accessToken']}"}
        assert data_of(await browser.get("/api/auth/me", headers=headers))["email"] == email


async def test_a_cookie_that_comes_without_the_header_is_not_looked_at(
    service: HttpService, browser: httpx.AsyncClient, email: str
) -> None:
    """It is how a form of another site would send it."""
    await log_in(browser, email)
    assert bad_fields(await browser.post(REFRESH)) == ["refreshToken"]
    assert bad_fields(await browser.post(REFRESH, json={})) == ["refreshToken"]
    assert bad_fields(await browser.post("/api/auth/logout")) == ["refreshToken"]
    # Who brings a secret of their own goes on with that, and the cookie stays as it was.
    other = await service.patient()
    response = await browser.post(REFRESH, json={"refreshToken": other.refresh_token})
    data = data_of(response)
    assert data["user"]["email"] == other.email
    assert len(bytes.fromhex(data["refreshToken"])) == 64
    assert set(set_cookies(response)) == {"qure_device"}
    data_of(await browser.post(REFRESH, headers=LOGIN))


async def test_with_the_header_a_secret_in_the_body_is_not_looked_at(
    service: HttpService, browser: httpx.AsyncClient, email: str
) -> None:
    other = await service.patient()
    given = {"refreshToken": other.refresh_token}
    response = await browser.post(REFRESH, json=given, headers=LOGIN)
    refused(response, 401, "invalid_refresh_token")
    data_of(await browser.post(REFRESH, json=given))


@pytest.mark.parametrize("word", ["", "Login", "admin", "login, display", "lógin"])
async def test_any_other_word_in_the_header_is_refused_by_its_name(
    browser: httpx.AsyncClient, email: str, word: str
) -> None:
    headers = {b"Qure-Session": word.encode("latin-1")}
    for path in (REFRESH, "/api/auth/logout"):
        assert bad_fields(await browser.post(path, headers=headers)) == ["Qure-Session"]
    response = await browser.post("/api/auth/login", json={"email": email}, headers=headers)
    assert bad_fields(response) == ["Qure-Session", "password"]


async def test_a_login_is_no_display_and_a_display_no_login(
    browser: httpx.AsyncClient, email: str
) -> None:
    given = {"email": email, "password": PASSWORD}
    response = await browser.post("/api/auth/login", json=given, headers=DISPLAY)
    assert bad_fields(response) == ["Qure-Session"]
    response = await browser.post("/api/auth/logout", headers=DISPLAY)
    assert bad_fields(response) == ["Qure-Session"]
    response = await browser.post("/api/displays/token", json={"deviceCode": "x"}, headers=LOGIN)
    assert bad_fields(response) == ["Qure-Session"]
    assert set(browser.cookies) == set()


@pytest.mark.parametrize("cookie", [None, "", "0f" * 64, "%00", '"\\377"', "a;b"])
async def test_a_missing_or_dead_cookie_is_refused_and_taken_back(
    browser: httpx.AsyncClient, cookie: str | None
) -> None:
    for name in ("login", "display"):
        headers = {"Qure-Session": name}
        headers |= {} if cookie is None else {"Cookie": f"qure_{name}={cookie}"}
        response = await browser.post(REFRESH, headers=headers)
        refused(response, 401, "invalid_refresh_token")
        assert response.headers["www-authenticate"] == 'Bearer realm="Qure"'
        assert set_cookies(response) == {f"qure_{name}": GONE}


async def test_whoever_is_no_page_gets_no_cookie_taken_back(service: HttpService) -> None:
    response = await service.http.post(REFRESH, json={"refreshToken": "0f" * 64})
    refused(response, 401, "invalid_refresh_token")
    assert set_cookies(response) == {}


async def test_a_page_that_logs_out_ends_its_login_and_loses_its_cookie(
    browser: httpx.AsyncClient, email: str
) -> None:
    access = (await log_in(browser, email))["accessToken"]
    secret = browser.cookies["qure_login"]
    bearer = {"Authorization": f"Bearer {access}"}
    response = await browser.post("/api/auth/logout", headers=LOGIN | bearer)
    assert data_of(response) is None
    assert set_cookies(response) == {"qure_login": GONE}
    assert set(browser.cookies) == {"qure_device"}
    refused(await browser.get("/api/auth/me", headers=bearer), 401, "session_ended")
    headers = LOGIN | {"Cookie": f"qure_login={secret}"}
    refused(await browser.post(REFRESH, headers=headers), 401, "invalid_refresh_token")


@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic x"])
async def test_logging_out_without_a_valid_access_token_still_takes_the_cookie_back(
    service: HttpService, browser: httpx.AsyncClient, email: str, authorization: str | None
) -> None:
    access = (await log_in(browser, email))["accessToken"]
    headers = LOGIN | ({} if authorization is None else {"Authorization": authorization})
    response = await browser.post("/api/auth/logout", headers=headers)
    assert data_of(response) is None
    assert set_cookies(response) == {"qure_login": GONE}
    headers = {"Authorization": f"Bearer {access}"}
    data_of(await browser.get("/api/auth/me", headers=headers))


async def test_an_access_token_ends_no_login_of_the_app_by_the_way(service: HttpService) -> None:
    here = await service.patient()
    there = await service.log_in(here.email)
    given = {"refreshToken": there.refresh_token}
    response = await here.post("/auth/logout", given)
    assert data_of(response) is None
    assert set_cookies(response) == {}
    data_of(await here.get("/auth/me"))
    refused(await there.get("/auth/me"), 401, "session_ended")


async def test_a_display_and_a_login_in_one_browser_do_not_disturb_one_another(
    service: HttpService, browser: httpx.AsyncClient, admin: Person, email: str
) -> None:
    await log_in(browser, email)
    login = browser.cookies["qure_login"]
    granted = await pair(browser, service, admin)
    assert set(granted) == {"accessToken", "refreshToken", "display"}
    assert granted["refreshToken"] is None
    assert browser.cookies["qure_login"] == login
    display = browser.cookies["qure_display"]

    response = await browser.post(REFRESH, headers=DISPLAY)
    user = data_of(response)["user"]
    assert (user["id"], user["role"]) == (granted["display"]["id"], "DISPLAY")
    assert user["clinicId"] == granted["display"]["clinicId"]
    assert "qure_login" not in set_cookies(response)
    assert browser.cookies["qure_login"] == login
    renewed = browser.cookies["qure_display"]
    assert renewed != display

    access = data_of(await browser.post(REFRESH, headers=LOGIN))["accessToken"]
    headers = LOGIN | {"Authorization": f"Bearer {access}"}
    data_of(await browser.post("/api/auth/logout", headers=headers))
    assert "qure_login" not in browser.cookies
    assert browser.cookies["qure_display"] == renewed
    data_of(await browser.post(REFRESH, headers=DISPLAY))


async def test_a_displays_cookie_is_as_private_as_a_logins(
    service: HttpService, browser: httpx.AsyncClient, admin: Person
) -> None:
    await pair(browser, service, admin)
    response = await browser.post(REFRESH, headers=DISPLAY)
    assert set_cookies(response)["qure_display"][1] == KEPT


async def test_a_stolen_cookie_ends_the_login_for_thief_and_owner(
    service: HttpService, browser: httpx.AsyncClient, email: str
) -> None:
    await log_in(browser, email)
    stolen = browser.cookies["qure_login"]
    access = data_of(await browser.post(REFRESH, headers=LOGIN))["accessToken"]
    service.clock.advance(seconds=11)
    async with browser_at(service) as thief:
        headers = LOGIN | {"Cookie": f"qure_login={stolen}"}
        refused(await thief.post(REFRESH, headers=headers), 401, "invalid_refresh_token")
    response = await browser.post(REFRESH, headers=LOGIN)
    refused(response, 401, "invalid_refresh_token")
    assert "qure_login" not in browser.cookies
    headers = {"Authorization": f"Bearer {access}"}
    refused(await browser.get("/api/auth/me", headers=headers), 401, "session_ended")


@pytest.mark.parametrize("origins", [(), ("https://app.example",), ("*",)])
async def test_a_page_of_another_origin_may_not_send_the_header(
    settings: Settings, clock: FixedClock, origins: tuple[str, ...]
) -> None:
    async with running_service(replace(settings, cors_origins=origins), clock) as service:
        asking = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "qure-session",
        }
        preflight = await service.http.options(REFRESH, headers=asking)
        allowed = preflight.headers.get("access-control-allow-headers", "")
        assert bool(allowed) == bool(origins)
        assert "qure-session" not in allowed.lower()
        assert "*" not in allowed
        answer = await service.http.post(REFRESH, headers=LOGIN | {"Origin": asking["Origin"]})
        for response in (preflight, answer):
            assert "access-control-allow-credentials" not in response.headers
