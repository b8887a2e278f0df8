"""The real application on a real server, and people who use it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from qure.application.ports.gateways import Clock
from qure.application.ports.storage import UnitOfWork
from qure.application.waiting import kept_clinic
from qure.bootstrap import build, schema_of
from qure.container import Container
from qure.container import ProcessRole as ContainerRole
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, SessionId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.token import Token
from qure.domain.user import User
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.process.server import uvicorn_options
from qure.entrypoints.process.serving import listen
from qure.settings import Settings
from tests.support.builders import (
    build_clinic,
    build_desk,
    build_secret,
    build_service,
    build_session,
    build_token,
    build_user,
)
from tests.support.prompt_server import PromptServer


@dataclass
class Login:
    """A user with a login."""

    user: User
    session_id: SessionId
    jwt: str

    @property
    def id(self) -> UserId:
        """The user's."""
        return self.user.id

    @property
    def actor(self) -> Actor:
        """As the use cases know them."""
        return self.user.acting(self.session_id)


@dataclass
class SocketService:
    """A running server."""

    container: Container
    url: str
    server: PromptServer
    serving: asyncio.Task[None]

    @property
    def websocket_url(self) -> str:
        """Of the plain WebSocket."""
        return f"{self.url.replace('http', 'ws', 1)}/ws"

    async def person(
        self,
        role: Role = Role.PATIENT,
        clinic: Clinic | None = None,
        *,
        user: User | None = None,
        jwt_age: timedelta = timedelta(0),
    ) -> Login:
        """Somebody who has just logged in (or ``jwt_age`` ago, by their JWT)."""
        now = self.container.clock.now()
        async with self.container.storage.write() as uow:
            if user is None:
                user = build_user(
                    id=UserId(self.container.ids.new_id()),
                    email=f"{self.container.ids.new_id()}@example.org",
                    role=role,
                    clinic_id=clinic.id if clinic else None,
                    created_at=now,
                    updated_at=now,
                )
                await uow.users.add(user)
            session = build_session(
                user.id,
                id=SessionId(self.container.ids.new_id()),
                created_at=now,
                expires_at=now + timedelta(days=7),
            )
            digest = self.container.secrets.new_secret()[:64]
            await uow.sessions.add(session, build_secret(session, digest=digest))
            await uow.commit()
        jwt = self.container.jwts.issue(user, session.id, at=now - jwt_age)
        return Login(user, session.id, jwt)

    async def clinic(self, *, size: int = 50) -> tuple[Clinic, Queue]:
        """A clinic with its queue of today."""
        id = ClinicId(self.container.ids.new_id())
        clinic = build_clinic(id=id, name=f"Clinic {id}", max_queue_size=size)
        clinic.service.id = ServiceId(self.container.ids.new_id())
        async with self.container.storage.write() as uow:
            await uow.clinics.add(clinic)
            queue = await self._open(uow, clinic, clinic.service)
            await uow.commit()
        return clinic, queue

    async def service_of(self, clinic: Clinic, **fields: Any) -> tuple[Service, Queue]:
        """Another service of the clinic, with its queue of today."""
        id = ServiceId(self.container.ids.new_id())
        service = build_service(clinic.id, id=id, **fields)
        async with self.container.storage.write() as uow:
            await uow.services.add(service)
            queue = await self._open(uow, clinic, service)
            await uow.commit()
        return service, queue

    async def desk(self, clinic: Clinic, staff: Login) -> Desk:
        """A desk at which that person sits, for all services."""
        desk = build_desk(
            clinic.id, id=DeskId(self.container.ids.new_id()), since=self.container.clock.now()
        )
        async with self.container.storage.write() as uow:
            await uow.desks.add(desk)
            await uow.commit()
        return await self.container.use_cases.desks.open(desk.id, actor=staff.actor)

    async def display(self, clinic: Clinic) -> Login:
        """A device that looks on there."""
        now = self.container.clock.now()
        user = User.without_login(
            id=UserId(self.container.ids.new_id()), name="Wall", at=now, display_of=clinic.id
        )
        async with self.container.storage.write() as uow:
            await uow.users.add(user)
            await uow.commit()
        return await self.person(user=user)

    async def guest(self, queue: Queue, staff: Login, **fields: Any) -> tuple[Login, Token]:
        """A walk-in, who has opened the link to their token."""
        admitted = await self.container.use_cases.guests.admit_walk_in(
            queue.id, actor=staff.actor, **fields
        )
        async with self.container.storage.read() as uow:
            user = await uow.users.get(admitted.token.patient_id)
        return await self.person(user=user), admitted.token

    async def fill(self, queue: Queue, count: int) -> None:
        """So many stand in the empty queue, the way it may be after a long morning."""
        new_id = self.container.ids.new_id
        patients = [
            build_user(id=UserId(new_id()), email=f"{new_id()}@q.org") for _ in range(count)
        ]
        tokens = [
            build_token(
                queue,
                id=TokenId(new_id()),
                patient_id=patient.id,
                number=number,
                name=patient.full_name,
                note="x" * 200,
            )
            for number, patient in enumerate(patients, start=1)
        ]
        async with self.container.storage.write() as uow:
            filled = await uow.queues.get(queue.id, lock=True)
            assert filled is not None
            for patient in patients:
                await uow.users.add(patient)
            await uow.tokens.add(tokens)
            filled.last_issued_number = filled.waiting_count = count
            filled.last_place = tokens[-1].place
            await uow.queues.save(filled)
            await uow.commit()

    async def _open(self, uow: UnitOfWork, clinic: Clinic, service: Service) -> Queue:
        queue = Queue.open(
            clinic,
            service,
            id=QueueId(self.container.ids.new_id()),
            max_size=None,
            at=self.container.clock.now(),
            by=SYSTEM,
        )
        queue.events.clear()
        await uow.queues.add(queue)
        return queue

    async def take_number(self, queue: Queue, patient: Login) -> Token:
        """What ``POST /api/tokens`` does."""
        return await self.container.use_cases.issuing.issue(queue.id, actor=patient.actor)

    def watched_for_clients(self) -> list[QueueId]:
        """The queues whose board is watched for somebody here, not for a forecast alone."""
        return [
            kept.queue_id
            for kept in self.container.memory.live_boards._kept.values()
            if any(not _is_forecasts(watcher) for watcher in kept.watchers)
        ]

    async def request(
        self, method: str, path: str, person: Login, *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        """An HTTP request, with that idempotency key; the path begins after ``/api``."""
        headers = {"Authorization": f"Bearer {person.jwt}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with httpx.AsyncClient(base_url=self.url) as http:
            return await http.request(method, f"/api{path}", headers=headers, json=body or None)

    async def call(self, method: str, path: str, person: Login, **body: Any) -> Any:
        """An HTTP request that succeeds; its data."""
        answer = await self.request(method, path, person, **body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def status(self, queue: Queue, person: Login) -> Any:
        """A fresh read over HTTP."""
        return await self.call("GET", f"/queues/{queue.id}/status", person)


def _is_forecasts(watcher: Any) -> bool:
    return type(watcher.__self__).__module__ == kept_clinic.__name__


_prepared: list[Path] = []


async def prepared_data() -> Path:
    """A data folder with a migrated database and a key pair: making them is most of a start."""
    if not _prepared:
        folder = Path(tempfile.mkdtemp(prefix="qure-tests-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        settings = Settings(data_dir=folder)
        async with build(settings, role=ContainerRole.COMMAND).running():
            await schema_of(settings).migrate()
        _prepared.append(folder)
    return _prepared[0]


@asynccontextmanager
async def running_service(
    data_dir: Path,
    *,
    graceful_seconds: int = 2,
    port: int = 0,
    server_options: dict[str, Any] | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[SocketService]:
    """Serves until left; whatever is open then is closed. ``data_dir`` may be an earlier one's."""
    if not (data_dir / "qure.db").exists():
        shutil.copytree(await prepared_data(), data_dir, dirs_exist_ok=True)
    given: dict[str, Any] = {"data_dir": data_dir, "bcrypt_rounds": 4} | settings
    chosen = Settings(**given)
    container = build(chosen, clock=clock)
    listening = listen("127.0.0.1", port)
    options = uvicorn_options() | {"timeout_graceful_shutdown": graceful_seconds}
    config = uvicorn.Config(create_asgi(container), **(options | (server_options or {})))
    server = PromptServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(20):
            while not server.started:
                assert not serving.done(), "the server did not start"
                await asyncio.sleep(0.01)
        port = listening.getsockname()[1]
        yield SocketService(container, f"http://127.0.0.1:{port}", server, serving)
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        listening.close()
