"""The real application on a real server, and people who use it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from qure.bootstrap import build, schema_of
from qure.container import Container
from qure.container import ProcessRole as ContainerRole
from qure.domain.actor import Actor, Role
from qure.domain.clinic import Clinic
from qure.domain.ids import SessionId, UserId
from qure.domain.queue import Queue
from qure.domain.token import Token
from qure.domain.user import User
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.process.server import uvicorn_options
from qure.settings import Settings
from tests.support.builders import build_clinic, build_secret, build_session, build_user


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
        return Actor(
            id=self.user.id,
            session_id=self.session_id,
            role=self.user.role,
            clinic_id=self.user.clinic_id,
        )


@dataclass
class SocketService:
    """A running server."""

    container: Container
    url: str
    server: uvicorn.Server
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
        now = self.container.clock.now()
        new_id = self.container.ids.new_id
        clinic = build_clinic(id=new_id(), name=f"Clinic {new_id()}", max_queue_size=size)
        queue = Queue.open(clinic, id=new_id(), max_size=None, at=now, by=None)  # type: ignore[arg-type]
        queue.events.clear()
        async with self.container.storage.write() as uow:
            await uow.clinics.add(clinic)
            await uow.queues.add(queue)
            await uow.commit()
        return clinic, queue

    async def take_number(self, queue: Queue, patient: Login) -> Token:
        """What ``POST /api/tokens`` does."""
        return await self.container.use_cases.issuing.issue(queue.id, actor=patient.actor)

    async def call(self, method: str, path: str, person: Login, **body: Any) -> Any:
        """An HTTP request that succeeds; its data."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            headers = {"Authorization": f"Bearer {person.jwt}"}
            answer = await http.request(
                method, f"/api{path}", headers=headers, json=body if body else None
            )
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def status(self, queue: Queue, person: Login) -> Any:
        """A fresh read over HTTP."""
        return await self.call("GET", f"/queues/{queue.id}/status", person)


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
    **settings: Any,
) -> AsyncIterator[SocketService]:
    """Serves until left; whatever is open then is closed. ``data_dir`` may be an earlier one's."""
    if not (data_dir / "qure.db").exists():
        shutil.copytree(await prepared_data(), data_dir, dirs_exist_ok=True)
    given: dict[str, Any] = {"data_dir": data_dir, "bcrypt_rounds": 4} | settings
    chosen = Settings(**given)
    container = build(chosen)
    listening = socket.create_server(("127.0.0.1", port))
    options = uvicorn_options() | {"timeout_graceful_shutdown": graceful_seconds}
    config = uvicorn.Config(create_asgi(container), **(options | (server_options or {})))
    server = uvicorn.Server(config)
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
