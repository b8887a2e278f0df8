"""A running service, and people who use it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.types import ASGIApp

from qure.bootstrap import build
from qure.container import Container
from qure.entrypoints.asgi import around
from qure.entrypoints.observability.metrics import Metrics
from qure.entrypoints.routes import create_routes
from qure.settings import Settings
from tests.support.builders import FixedClock

PASSWORD = "secret1"

UNKNOWN = "0193f3d0-0000-7000-8000-000000000009"
"""An id of nothing."""

Thing = dict[str, Any]
"""What an answer tells of something."""


@dataclass(slots=True)
class Person:
    """Somebody who is logged in."""

    http: httpx.AsyncClient
    email: str
    id: str
    access_token: str
    refresh_token: str
    extra: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, path: str, json: object = None, **options: Any
    ) -> httpx.Response:
        """A request with the access token; the path begins after ``/api``."""
        headers = {"Authorization": f"Bearer {self.access_token}", **options.pop("headers", {})}
        if json is not None:
            options["json"] = json
        return await self.http.request(method, f"/api{path}", headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json, **options)

    async def put(self, path: str, json: object = None, **options: Any) -> httpx.Response:
        return await self.call("PUT", path, json, **options)

    async def patch(self, path: str, json: object = None, **options: Any) -> httpx.Response:
        return await self.call("PATCH", path, json, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("DELETE", path, **options)


@dataclass(slots=True)
class FrontDoor:
    """Shortcuts through the front door of a service, wherever it runs."""

    http: httpx.AsyncClient
    _numbers: int = field(default=0, init=False)

    async def register(self, email: str | None = None) -> str:
        """A new patient's e-mail address."""
        self._numbers += 1
        email = email or f"person{self._numbers}@example.com"
        response = await self.http.post(
            "/api/auth/register",
            json={
                "firstName": "Maria",
                "lastName": "Curie",
                "email": email,
                "password": PASSWORD,
                "confirmPassword": PASSWORD,
            },
        )
        assert response.status_code == 201, response.text
        return email

    async def log_in(self, email: str, password: str = PASSWORD) -> Person:
        """That user, logged in once more."""
        response = await self.http.post(
            "/api/auth/login", json={"email": email, "password": password}
        )
        data = data_of(response)
        return Person(
            self.http, email, data["user"]["id"], data["accessToken"], data["refreshToken"]
        )

    async def patient(self) -> Person:
        """A new patient."""
        return await self.log_in(await self.register())

    async def clinic(self, admin: Person, **fields: Any) -> dict[str, Any]:
        """A new clinic."""
        self._numbers += 1
        given = {"name": f"Clinic {self._numbers}", "latitude": 40.7, "longitude": -74.0, **fields}
        clinic: dict[str, Any] = data_of(await admin.post("/clinic", given), 201)
        return clinic

    async def staff(self, admin: Person, clinic_id: str) -> Person:
        """A new staff member of that clinic."""
        person = await self.patient()
        data_of(await admin.post(f"/clinic/{clinic_id}/staff", {"userId": person.id}), 201)
        return person

    async def add_service(self, admin: Person, clinic_id: str, name: str, **more: Any) -> Thing:
        """A new service of that clinic."""
        given = {"name": name, **more}
        service: Thing = data_of(await admin.post(f"/clinic/{clinic_id}/services", given), 201)
        return service

    async def add_desk(self, admin: Person, clinic_id: str, name: str = "Room 1") -> Thing:
        """A new desk of that clinic, at which nobody sits."""
        desk: Thing = data_of(await admin.post(f"/clinic/{clinic_id}/desks", {"name": name}), 201)
        return desk

    async def walk_in(self, staff: Person, queue: Thing, **noted: Any) -> tuple[Person, Thing]:
        """A guest who has opened the link of a new token, and that token as staff see it."""
        data = await self.walk_in_link(staff, queue, **noted)
        return await self.guest(data["guest"]["secret"]), data["token"]

    async def walk_in_link(self, staff: Person, queue: Thing, **noted: Any) -> Thing:
        """What staff hand to somebody who came without the app: ``token`` and ``guest``."""
        given: Thing = data_of(await staff.post(f"/queues/{queue['id']}/walk-ins", noted), 201)
        return given

    async def guest(self, secret: str) -> Person:
        """Whoever holds the link with that secret."""
        data = data_of(await self.http.post("/api/guest/session", json={"secret": secret}))
        return Person(self.http, "", data["user"]["id"], data["accessToken"], "")

    async def display(self, staff: Person, clinic_id: str, **more: Any) -> Person:
        """A display that staff have let in."""
        pairing = data_of(await self.http.post("/api/displays"))
        await self.let_in(staff, clinic_id, pairing["userCode"], **more)
        asked = {"deviceCode": pairing["deviceCode"]}
        data = data_of(await self.http.post("/api/displays/token", json=asked))
        return Person(
            self.http, "", data["display"]["id"], data["accessToken"], data["refreshToken"]
        )

    async def let_in(self, staff: Person, clinic_id: str, user_code: str, **more: Any) -> Thing:
        """The display that shows this code, which is the clinic's from now on."""
        given = {"userCode": user_code, "name": "Waiting room", **more}
        display: Thing = data_of(await staff.post(f"/clinic/{clinic_id}/displays", given), 201)
        return display

    async def queue(
        self,
        opener: Person,
        clinic_id: str,
        max_size: int | None = None,
        *,
        service_id: str | None = None,
    ) -> dict[str, Any]:
        """The clinic's queue of today, open: that service's, or the default one's."""
        given = {"maxQueueSize": max_size, "serviceId": service_id}
        queue: dict[str, Any] = data_of(await opener.post(f"/queues/init/{clinic_id}", given), 201)
        return queue


@dataclass(slots=True)
class HttpService(FrontDoor):
    """The application under test, with its front door.

    ``app`` is all of HTTP, ``routes`` what the framework has of it.
    """

    app: ASGIApp
    routes: Litestar
    container: Container
    clock: FixedClock

    async def admin(self) -> Person:
        """A new admin."""
        self._numbers += 1
        email = f"admin{self._numbers}@example.com"
        await self.container.use_cases.registration.create_admin(
            email=email,
            first_name="Grace",
            last_name="Hopper",
            password=PASSWORD,
        )
        return await self.log_in(email)


async def take(person: Person, queue: Thing) -> Thing:
    """The token that they take in that queue."""
    token: Thing = data_of(await person.post("/tokens", {"queueId": queue["id"]}), 201)
    return token


@asynccontextmanager
async def running_service(settings: Settings, clock: FixedClock) -> AsyncIterator[HttpService]:
    """The service on those settings; a fault in it is answered, as a server would."""
    container = build(settings, clock=clock)
    metrics = Metrics(container) if settings.metrics else None
    routes = create_routes(settings)
    app = around(routes, container, metrics=metrics)
    transport = httpx.ASGITransport(app=cast(Any, app), raise_app_exceptions=False)
    async with (
        container.running(),
        httpx.AsyncClient(transport=transport, base_url="http://qure.example") as http,
    ):
        yield HttpService(http, app, routes, container, clock)


def data_of(response: httpx.Response, status: int = 200) -> Any:
    """The ``data`` of an answer that must have worked, its envelope checked."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"success", "data", "message", "meta"}
    assert body["success"] is True
    assert body["message"].endswith(".")
    return body["data"]


def refused(response: httpx.Response, status: int, code: str) -> Mapping[str, Any]:
    """The envelope of an answer that must have failed like that."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body: Mapping[str, Any] = response.json()
    assert set(body) == {"success", "message", "code", "errors", "meta"}
    assert body["success"] is False
    assert body["code"] == code, body
    assert body["message"].endswith(".")
    return body


def bad_fields(response: httpx.Response) -> list[str]:
    """The paths of the fields that a validation complained about."""
    body = refused(response, 400, "validation_failed")
    return [error["path"] for error in body["errors"]]


async def comes_true(condition: Callable[[], Awaitable[bool]], *, within: float = 10.0) -> None:
    """Return as soon as the service says so; fails the test after ``within`` seconds."""
    deadline = monotonic() + within
    while not await condition():
        assert monotonic() < deadline, f"it did not come true within {within:g} s"
        await asyncio.sleep(0.01)
