"""What holds for every answer: request id, security headers, CORS."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from qure.application import correlation
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, data_of, running_service

EVERYWHERE = ["/health", "/api/auth/me", "/api/nothing", "/media/x.jpg", "/docs", "/nothing"]


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_has_an_id_and_may_not_be_sniffed(
    service: HttpService, path: str
) -> None:
    headers = (await service.http.get(path)).headers
    assert len(headers["x-request-id"]) == 32
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    framed = "'self'" if path == "/docs" else "'none'"
    assert f"frame-ancestors {framed}" in headers["content-security-policy"]


async def test_answers_of_the_api_are_kept_by_nobody(service: HttpService) -> None:
    patient = await service.patient()
    for response in (
        await patient.get("/auth/me"),
        await patient.get("/nothing"),
        await service.http.get("/health"),
    ):
        assert response.headers["cache-control"] == "no-store"


async def test_a_clients_own_request_id_is_taken_when_it_is_a_sane_one(
    service: HttpService,
) -> None:
    for given in ("abc", "A-1_b.2", "x" * 64):
        response = await service.http.get("/health", headers={"X-Request-ID": given})
        assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", "é", "a;b"])
async def test_a_request_id_that_is_none_is_replaced(service: HttpService, given: str) -> None:
    headers = [(b"x-request-id", given.encode())]
    response = await service.http.get("/health", headers=headers)
    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 32


async def test_the_request_id_is_there_for_whatever_is_logged_meanwhile(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    async def ping() -> None:
        seen.append(correlation.request_id.get())

    monkeypatch.setattr(type(service.container.jobs), "ping", lambda _: ping())
    await service.http.get("/health/ready", headers={"X-Request-ID": "abc"})
    assert "abc" in seen


async def test_no_page_may_read_answers_by_default(service: HttpService) -> None:
    headers = {"Origin": "https://evil.example"}
    response = await service.http.get("/health", headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers
    preflight = await service.http.options(
        "/api/auth/login", headers={**headers, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 204
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-methods" not in preflight.headers


async def test_pages_of_the_origins_that_are_set_may_read_answers(
    settings: Settings, clock: FixedClock
) -> None:
    friend, stranger = "https://app.example", "https://app.example.evil"
    async with running_service(replace(settings, cors_origins=(friend,)), clock) as service:
        for path in ("/health", "/api/auth/me", "/api/nothing"):
            response = await service.http.get(path, headers={"Origin": friend})
            assert response.headers["access-control-allow-origin"] == friend
            assert response.headers["vary"] == "Origin"
            response = await service.http.get(path, headers={"Origin": stranger})
            assert "access-control-allow-origin" not in response.headers
            assert response.headers["vary"] == "Origin"
        asking = {"Access-Control-Request-Method": "PUT"}
        allowed = await service.http.options("/api/auth/me", headers={**asking, "Origin": friend})
        assert allowed.headers["access-control-allow-origin"] == friend
        assert "PUT" in allowed.headers["access-control-allow-methods"]
        for header in ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"):
            assert header in allowed.headers["access-control-allow-headers"]
        refused = await service.http.options("/api/auth/me", headers={**asking, "Origin": stranger})
        assert "access-control-allow-methods" not in refused.headers


async def test_the_access_log_is_off_unless_it_is_set_and_names_no_ids(
    settings: Settings, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="qure.access")
    async with running_service(settings, clock) as service:
        patient = await service.patient()
        data_of(await patient.get("/auth/me"))
    assert [one for one in caplog.records if one.name == "qure.access"] == []
    async with running_service(replace(settings, access_log=True), clock) as service:
        patient = await service.log_in(patient.email)
        data_of(await patient.get(f"/tokens/{patient.id}?x=secret"))
    lines = [one.getMessage() for one in caplog.records if one.name == "qure.access"]
    assert lines[-1].startswith("GET /api/tokens/{patientId")
    assert " 200 " in lines[-1]
    assert "secret" not in "".join(lines)
    assert patient.id not in "".join(lines)
