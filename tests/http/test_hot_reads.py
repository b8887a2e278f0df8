"""Reads answered from memory before the framework: the same answers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from qure.entrypoints.http.gateway import Gateway
from qure.entrypoints.http.hot_reads import HotReads
from tests.support.http_service import HttpService, Person, bad_fields, comes_true, data_of, refused


@pytest.fixture
def plain_answers(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the framework was asked for, instead of memory."""
    asked: list[str] = []
    gateway = service.app
    assert isinstance(gateway, Gateway)
    hot = gateway._app
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


async def status_path(service: HttpService) -> tuple[Person, str]:
    admin = await service.admin()
    queue = await service.queue(admin, (await service.clinic(admin))["id"])
    return admin, f"/queues/{queue['id']}/status"


async def test_memory_and_the_plain_route_give_the_same_profile(
    service: HttpService, plain_answers: list[str]
) -> None:
    patient = await service.patient()
    plain_answers.clear()
    plain = await patient.get("/auth/me")
    hot = await patient.get("/auth/me")
    assert plain_answers == ["/api/auth/me"]
    assert comparable(hot) == comparable(plain)


async def test_memory_and_the_plain_route_give_the_same_status(
    service: HttpService, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    plain_answers.clear()
    plain = await admin.get(path)
    hot = await admin.get(path)
    assert plain_answers == [f"/api{path}"]
    assert comparable(hot) == comparable(plain)


AROUND = "latitude=40.7128&longitude=-74.006&radius=50"


async def answered_from_memory(person: Person, asked: list[str], query: str) -> httpx.Response:
    """The first such answer: until then the clinics are being read."""
    answers: list[httpx.Response] = []

    async def by_memory() -> bool:
        asked.clear()
        answers.append(await person.get(f"/clinic?{query}"))
        return not asked

    await comes_true(by_memory)
    return answers[-1]


@pytest.mark.parametrize(
    "more",
    ["", "&page=2&limit=2", "&page=9", "&query=STRASSE&type=DENTIST", "&query=%25", "&radius=1"],
)
async def test_memory_and_the_plain_route_give_the_same_search(
    service: HttpService, plain_answers: list[str], more: str
) -> None:
    admin = await service.admin()
    for number in range(5):
        await service.clinic(
            admin,
            name=f"Straße {number}%",
            type="DENTIST" if number % 2 else "ENT",
            latitude=40.7 + number * 0.01,
            description='"quoted", and more',
        )
    await service.clinic(admin, name="far away", latitude=-10)
    plain_answers.clear()
    plain = await admin.get(f"/clinic?{AROUND}{more}")
    assert plain_answers == ["/api/clinic"]
    hot = await answered_from_memory(admin, plain_answers, AROUND + more)
    assert comparable(hot) == comparable(plain)


async def test_who_is_not_known_yet_is_answered_from_memory_too(
    service: HttpService, plain_answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await service.admin()
    await service.clinic(admin)
    known = await answered_from_memory(admin, plain_answers, AROUND)

    async def not_asked(*_: Any, **__: Any) -> Any:
        raise AssertionError("the database is asked")

    monkeypatch.setattr(service.container.use_cases.clinics, "search", not_asked)
    newcomer = await service.patient()
    plain_answers.clear()
    assert comparable(await newcomer.get(f"/clinic?{AROUND}")) == comparable(known)
    assert plain_answers == ["/api/clinic"]


async def test_a_search_is_exact_after_every_change(
    service: HttpService, plain_answers: list[str]
) -> None:
    admin, patient = await service.admin(), await service.patient()

    async def found() -> list[tuple[str, float]]:
        clinics = data_of(await patient.get(f"/clinic?{AROUND}"))["clinics"]
        return [(one["name"], one["latitude"]) for one in clinics]

    clinic = await service.clinic(admin, name="near", latitude=40.7)
    await answered_from_memory(patient, plain_answers, AROUND)
    for change, expected in (
        ({"name": "renamed"}, [("renamed", 40.7)]),
        ({"latitude": 41}, [("renamed", 41.0)]),
        ({"latitude": -41}, []),
        ({"latitude": 40.7}, [("renamed", 40.7)]),
        ({"isActive": False}, []),
        ({"isActive": True}, [("renamed", 40.7)]),
    ):
        data_of(await admin.put(f"/clinic/{clinic['id']}", change))
        assert await found() == expected
        await answered_from_memory(patient, plain_answers, AROUND)
        assert await found() == expected
    await service.clinic(admin, name="nearer", latitude=40.71)
    assert await found() == [("nearer", 40.71), ("renamed", 40.7)]


async def test_a_search_that_is_wrong_or_of_nobody_is_refused_by_the_plain_route(
    service: HttpService, plain_answers: list[str]
) -> None:
    patient = await service.patient()
    await answered_from_memory(patient, plain_answers, AROUND)
    query = "latitude=91&longitude=x&radius=-1&page=0"
    assert bad_fields(await patient.get(f"/clinic?{query}")) == [
        "page",
        "latitude",
        "longitude",
        "radius",
    ]
    assert bad_fields(await patient.get("/clinic?latitude=5")) == ["longitude", "radius"]
    refused(await service.http.get(f"/api/clinic?{AROUND}"), 401, "unauthenticated")
    assert plain_answers == ["/api/clinic"] * 3


async def test_a_remembered_status_is_exact_after_every_change(
    service: HttpService, plain_answers: list[str]
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


async def test_a_changed_profile_is_read_anew(service: HttpService) -> None:
    patient = await service.patient()
    await patient.get("/auth/me")
    data_of(await patient.put("/auth/me", {"firstName": "Renamed"}))
    assert data_of(await patient.get("/auth/me"))["firstName"] == "Renamed"


async def test_whoever_is_not_known_is_told_so_by_the_plain_route(
    service: HttpService, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    plain_answers.clear()
    refused(await service.http.get(f"/api{path}"), 401, "unauthenticated")
    for token in ("garbage", admin.access_token + "x"):
        headers = {"Authorization": f"Bearer {token}"}
        refused(await service.http.get(f"/api{path}", headers=headers), 401, "invalid_token")
    assert len(plain_answers) == 3


async def test_nothing_is_remembered_for_a_login_that_has_ended(service: HttpService) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    await admin.get("/auth/me")
    data_of(await service.http.post("/api/auth/logout", json={"refreshToken": admin.refresh_token}))
    refused(await admin.get(path), 401, "session_ended")
    refused(await admin.get("/auth/me"), 401, "session_ended")


async def test_strange_ids_are_left_to_the_plain_route(service: HttpService) -> None:
    admin, path = await status_path(service)
    await admin.get(path)
    response = await admin.get("/queues/zzzzzzzz-6f58-70ab-bd84-494ee29bcd8d/status")
    assert response.status_code == 400


async def test_both_ways_are_counted_as_the_same_route(
    service: HttpService, plain_answers: list[str]
) -> None:
    admin, path = await status_path(service)
    await admin.get("/auth/me")
    await admin.get(path)
    assert (await admin.get(f"/clinic?{AROUND}")).status_code == 200
    before = (await service.http.get("/metrics")).text.splitlines()
    await admin.get("/auth/me")
    await admin.get(path)
    await answered_from_memory(admin, plain_answers, AROUND)
    after = (await service.http.get("/metrics")).text.splitlines()

    def series(lines: list[str]) -> set[str]:
        return {line.split("}")[0] for line in lines if line.startswith("qure_http_requests")}

    assert series(after) - series(before) <= {
        line.split("}")[0] for line in after if 'route="/metrics"' in line
    }
