"""``/health``: alive, and able to serve."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qure.domain.errors import Unavailable
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, running_service


async def test_a_living_process_says_so_and_touches_nothing(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.container.storage), "read", None)
    monkeypatch.setattr(type(service.container.storage), "ping", None)
    response = await service.http.get("/health")
    assert response.status_code == 200
    assert response.json() == {
        "health": "ok",
        "timestamp": "2025-12-30T15:00:00.000Z",
        "version": "1.0.0",
        "message": "Server is running",
    }


async def test_readiness_names_each_backend(service: HttpService) -> None:
    response = await service.http.get("/health/ready")
    assert response.status_code == 200
    body = response.json()
    assert body["backends"] == {"database": "up", "redis": "not used", "jobs": "up"}
    assert body["failedImages"] == 0


@pytest.mark.parametrize(("part", "name"), [("storage", "database"), ("jobs", "jobs")])
async def test_a_backend_that_is_away_makes_it_unready(
    service: HttpService, monkeypatch: pytest.MonkeyPatch, part: str, name: str
) -> None:
    async def away(_: object) -> None:
        raise Unavailable("Away.")

    monkeypatch.setattr(type(getattr(service.container, part)), "ping", away)
    response = await service.http.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["backends"][name] == "down"
    assert response.json()["health"] == "unavailable"


async def test_a_backend_that_hangs_is_not_waited_for(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("qure.entrypoints.http.health._TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(type(service.container.storage), "ping", hang)
    async with asyncio.timeout(2):
        response = await service.http.get("/health/ready")
    assert response.json()["backends"]["database"] == "down"


async def test_failed_pictures_are_not_counted_while_the_database_is_away(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise Unavailable("Away.")

    monkeypatch.setattr(type(service.container.storage), "read", away)
    response = await service.http.get("/health/ready")
    assert response.json()["failedImages"] is None


async def test_redis_is_named_when_it_is_used(
    settings: Settings, clock: FixedClock, redis_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_service(replace(settings, redis_url=redis_database), clock) as service:
        response = await service.http.get("/health/ready")
        assert response.json()["backends"] == {"database": "up", "redis": "up", "jobs": "up"}
        monkeypatch.setattr(type(service.container.bus), "generation", lambda _: None)
        response = await service.http.get("/health/ready")
        assert response.status_code == 503
        assert response.json()["backends"]["redis"] == "down"
