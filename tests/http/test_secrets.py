"""What lets people and devices in is kept as a hash alone, and is in no log, figure or span."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from qure.entrypoints.http.gateway import Gateway
from qure.entrypoints.observability.logs import configure_logging
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, data_of, running_service


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All log lines, of every level."""
    stream = io.StringIO()
    configure_logging(level="DEBUG", format="json", stream=stream)
    yield stream
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            root.removeHandler(handler)
    root.setLevel(logging.WARNING)


def said(log: io.StringIO) -> str:
    """What was logged, but by the client of these tests."""
    lines = log.getvalue().splitlines()
    return "\n".join(line for line in lines if json.loads(line)["logger"] != "httpx")


async def whole_day(service: HttpService) -> dict[str, list[str]]:
    """Everything that makes a secret or uses one; the secrets, by what they are."""
    admin = await service.admin()
    clinic = await service.clinic(admin, guestJoin=True)
    queue = await service.queue(admin, clinic["id"])
    code = data_of(await admin.get(f"/clinic/{clinic['id']}/join-code"))["joinCode"]
    key = {"Idempotency-Key": "key-1"}
    door = f"/api/join/{code}"
    data_of(await service.http.get(door))
    joined = data_of(await service.http.post(door, headers=key), 201)
    data_of(await service.http.post(door, headers=key), 201)
    walk_in = data_of(await admin.post(f"/queues/{queue['id']}/walk-ins", headers=key), 201)
    link = f"/tokens/{walk_in['token']['id']}/guest-link"
    again = data_of(await admin.post(link, headers={"Idempotency-Key": "key-2"}))
    guests = [joined["guest"]["secret"], again["guest"]["secret"]]
    for secret in guests:
        await service.guest(secret)
    pairing = data_of(await service.http.post("/api/displays"))
    given = {"userCode": pairing["userCode"], "name": "Waiting room"}
    waits = await service.http.post(
        "/api/displays/token", json={"deviceCode": pairing["deviceCode"]}
    )
    assert waits.status_code == 400
    data_of(await admin.post(f"/clinic/{clinic['id']}/displays", given), 201)
    display = await service.display(admin, clinic["id"])
    # What is wrong is no less secret.
    for path in (f"/api/join/{code}x", f"{door}/nothing", f"/api/joint/{code}"):
        assert (await service.http.get(path)).status_code == 404
    assert (await service.http.delete(door)).status_code == 405
    return {
        "join codes": [code],
        "guests": [*guests, walk_in["guest"]["secret"]],
        "devices": [pairing["deviceCode"]],
        "refresh": [display.refresh_token],
    }


def kept(settings: Settings) -> bytes:
    """Every byte of the database."""
    return b"".join(file.read_bytes() for file in settings.data_dir.glob("qure.db*"))


async def test_the_database_keeps_hashes_and_no_secret(
    settings: Settings, clock: FixedClock
) -> None:
    async with running_service(settings, clock) as service:
        secrets = await whole_day(service)
        everything = kept(settings)
    everything += kept(settings)
    for kind, values in secrets.items():
        for value in values:
            assert value.encode() not in everything, kind
            assert sha256(value.encode()).hexdigest().encode() in everything, kind


async def test_no_log_line_and_no_figure_has_a_secret(
    settings: Settings, clock: FixedClock, log: io.StringIO
) -> None:
    async with running_service(replace(settings, access_log=True), clock) as service:
        secrets = await whole_day(service)
        figures = (await service.http.get("/metrics")).text
    assert "POST /api/join/{joinCode} 201" in said(log)
    assert 'route="/api/join/{joinCode}"' in figures
    for kind, values in secrets.items():
        for value in values:
            assert value not in said(log), kind
            assert value not in figures, kind


async def test_the_setup_code_is_kept_nowhere_and_in_no_log_line(
    settings: Settings, clock: FixedClock, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: str) -> str:
        raise RuntimeError("on purpose")

    async with running_service(replace(settings, access_log=True), clock) as service:
        code = await service.container.use_cases.first_admin.code()
        assert code is not None
        names = {"firstName": "Grace", "lastName": "Hopper", "email": "grace@example.com"}
        given = {**names, "password": "secret1", "confirmPassword": "secret1", "code": code}
        passwords = service.container.use_cases.first_admin._passwords
        with monkeypatch.context() as patch:
            patch.setattr(passwords, "hash", broken)
            assert (await service.http.post("/api/setup", json=given)).status_code == 500
        assert (await service.http.post("/api/setup", json=given)).status_code == 201
        assert (await service.http.post("/api/setup", json=given)).status_code == 409
        everything = kept(settings) + said(log).encode()
        figures = (await service.http.get("/metrics")).text
    everything += kept(settings) + said(log).encode() + figures.encode()
    assert b"POST /api/setup 201" in everything
    for spelt in (code, code.replace("-", ""), sha256(code.encode()).hexdigest()):
        assert spelt.encode() not in everything


async def test_a_fault_at_a_door_is_logged_without_its_code(
    service: HttpService, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(service.container.use_cases.guests, "look", broken)
    assert (await service.http.get("/api/join/such-a-secret-code")).status_code == 500
    assert "GET /api/join/{joinCode}" in said(log)
    assert "such-a-secret-code" not in said(log)


async def test_a_span_is_named_after_the_route(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans, figures and logs take their names from here."""
    gateway = service.app
    assert isinstance(gateway, Gateway)
    names: list[str] = []
    monkeypatch.setattr(
        gateway, "_on_answer", lambda scope, *_: names.append(scope.get("path_template", ""))
    )
    await service.http.get("/api/join/such-a-secret-code")
    await service.http.post("/api/join/such-a-secret-code")
    await service.http.get("/api/join/such-a-secret-code/")
    await service.http.get("/api/join/such-a-secret-code/more")
    assert names == ["/api/join/{joinCode}"] * 3 + [""]
