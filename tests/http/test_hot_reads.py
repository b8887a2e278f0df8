"""Reads answered from memory before the framework: the same answers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from qure.entrypoints.http.edge import Edge
from qure.entrypoints.http.hot_reads import HotReads
from tests.http.service import Person, Service, data_of, refused


@pytest.fixture
def plain_answers(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the framework was asked for, instead of memory."""
    asked: list[str] = []
    edge = service.app.asgi_handler
    assert isinstance(edge, Edge)
    hot = edge._app
    assert isinstance(hot, HotReads)
    app: Callable[..., Any] = hot._app

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await app(scope, receive, send)

    monkeypatch.setattr(hot, "_app", counted)
    return asked


def comparable(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = dict(response.headers)
    del headers["x-request-id"]
    return response.status_code, response.content, headers


async def status_path(service: Service) -> tuple[Person, str]:
    admin = await service.admin()
    queue = await service.queue(admin, (await service.clinic(admin))["id"])
    return admin, f"/queues/{queue['id']}/status"


async def test_memory_and_the_plain_route_give_the_same_profile(
    service: Service, plain_answers: list[str]
) -> None:
    patient = await service.patient()
    plain_answers.clear()
    plain = await patient.get("/auth/me")
    hot = await patient.get("/auth/me")
    assert plain_answers == ["/api/auth/me"]
    assert comparable(hot) == comparable(plain)


async def test_memory_and_the_plain_route_give_the_same_status(
    service: Service, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    plain_answers.clear()
    plain = await admin.get(path)
    hot = await admin.get(path)
    assert plain_answers == [f"/api{path}"]
    assert comparable(hot) == comparable(plain)


async def test_a_remembered_status_is_exact_after_every_change(
    service: Service, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    queue_id = path.split("/")[2]
    await admin.get(path)
    for number in range(1, 4):
        patient = await service.patient()
        data_of(await patient.post("/tokens", {"queueId": queue_id}), 201)
        plain_answers.clear()
        assert data_of(await admin.get(path))["waitingCount"] == number
        assert plain_answers == []


async def test_a_changed_profile_is_read_anew(service: Service) -> None:
    patient = await service.patient()
    await patient.get("/auth/me")
    data_of(await patient.put("/auth/me", {"firstName": "Renamed"}))
    assert data_of(await patient.get("/auth/me"))["firstName"] == "Renamed"


async def test_whoever_is_not_known_is_told_so_by_the_plain_route(
    service: Service, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    plain_answers.clear()
    refused(await service.http.get(f"/api{path}"), 401, "unauthenticated")
    for token in ("garbage", admin.access_token + "x"):
        headers = {"Authorization": f"Bearer {token}"}
        refused(await service.http.get(f"/api{path}", headers=headers), 401, "invalid_token")
    assert len(plain_answers) == 3


async def test_nothing_is_remembered_for_a_login_that_has_ended(service: Service) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    await admin.get("/auth/me")
    data_of(await service.http.post("/api/auth/logout", json={"refreshToken": admin.refresh_token}))
    refused(await admin.get(path), 401, "session_ended")
    refused(await admin.get("/auth/me"), 401, "session_ended")


async def test_strange_ids_are_left_to_the_plain_route(service: Service) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    response = await admin.get("/queues/zzzzzzzz-6f58-70ab-bd84-494ee29bcd8d/status")
    assert response.status_code == 400


async def test_both_ways_are_counted_as_the_same_route(service: Service) -> None:
    admin, path = await status_path(service)
    await admin.get("/auth/me")
    await admin.get(path)
    before = (await service.http.get("/metrics")).text.splitlines()
    await admin.get("/auth/me")
    await admin.get(path)
    after = (await service.http.get("/metrics")).text.splitlines()

    def series(lines: list[str]) -> set[str]:
        return {line.split("}")[0] for line in lines if line.startswith("qure_http_requests")}

    assert series(after) - series(before) <= {
        line.split("}")[0] for line in after if 'route="/metrics"' in line
    }
