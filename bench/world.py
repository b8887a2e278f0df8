"""The world a benchmark runs in: real servers, one API process, patients who are logged in."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from qure.application.ports.storage import UnitOfWork
from qure.bootstrap import build, schema_of
from qure.container import Container, ProcessRole
from qure.domain import issuing
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.clinic import Clinic, ClinicType
from qure.domain.ids import ClinicId, QueueId, ServiceId, SessionId, TokenId, UserId
from qure.domain.issuing import Holder
from qure.domain.queue import MAX_QUEUE_SIZE, Queue
from qure.domain.service import Service
from qure.domain.session import REFRESH_LIFE, RefreshSecret, Session
from qure.domain.token import Token
from qure.domain.user import User
from qure.settings import Settings, load_settings
from tests.support.servers.postgres import running_postgres
from tests.support.servers.process import accepts_connections, free_port, wait_until
from tests.support.servers.redis import running_redis

ROOT = Path(__file__).parent.parent
MADE_AT_ONCE = 8


@dataclass(frozen=True)
class Login:
    """Somebody who is logged in."""

    user_id: UserId
    jwt: str


@dataclass(frozen=True)
class BusyClinic:
    """A queue, who calls for it, and the last one in its line."""

    queue_id: QueueId
    staff: list[Login]
    last: Login


class World:
    """Backends, their settings, and programs that run on them."""

    def __init__(self, environment: dict[str, str], stack: ExitStack) -> None:
        self.environment = environment
        self._stack = stack

    @property
    def settings(self) -> Settings:
        """What every program here is started with."""
        return load_settings(self.environment, env_file=None)

    def start(self, module: str, *arguments: str) -> Program:
        """Start ``python -m module PORT arguments`` and wait until it listens."""
        port = free_port()
        return self._run([sys.executable, "-m", module, *arguments], port)

    def start_service(self) -> Program:
        """Start one API process with the real command."""
        port = free_port()
        command = [str(Path(sys.executable).parent / "qure"), "serve", "--port", str(port)]
        return self._run(command, port)

    def start_node(self, script: str, *arguments: str) -> Program:
        """Start one of the programs in ``bench/node`` and wait until it listens."""
        return self._run(["node", str(ROOT / "bench/node" / script), *arguments], free_port())

    def _run(self, command: list[str], port: int) -> Program:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
        )
        self._stack.callback(_end, process)
        wait_until(lambda: accepts_connections(port), 30, f"{command[-1]} listening")
        return Program(port, process)


@dataclass(frozen=True)
class Program:
    """A program under load."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time that it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def resident_megabytes(self) -> float:
        """Memory that it holds."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6


@contextmanager
def world(backend: str) -> Iterator[World]:
    """``postgres`` (with fsync) and Redis, or ``sqlite`` (its own defaults) embedded."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="qure-bench-"))
        environment = {
            "QURE_DATA_DIR": folder,
            "QURE_LOG_LEVEL": "WARNING",
            "QURE_MAX_EVENTS_PER_SECOND": "10000",  # A benchmark's desk is no person.
        }
        if backend == "postgres":
            postgres = stack.enter_context(running_postgres(durable=True))
            environment["DATABASE_URL"] = postgres.dsn
            environment["REDIS_URL"] = stack.enter_context(running_redis()).url
        made = World(environment, stack)
        asyncio.run(schema_of(made.settings).migrate())
        yield made


async def make_logins(
    settings: Settings, count: int, role: Role, clinic_id: ClinicId | None
) -> list[Login]:
    """Users who are logged in, written straight into the database."""
    container = build(settings, role=ProcessRole.COMMAND)
    async with container.running(), container.storage.write() as uow:
        logins = [await _log_in(container, uow, role, clinic_id) for _ in range(count)]
        await uow.commit()
    return logins


async def _log_in(
    container: Container, uow: UnitOfWork, role: Role, clinic_id: ClinicId | None
) -> Login:
    now, id = container.clock.now(), UserId(container.ids.new_id())
    user = User.register(
        id=id,
        first_name="Bench",
        last_name="Mark",
        email=f"{id}@bench.example",
        password_hash="-",
        at=now,
        role=role,
    )
    user.clinic_id = clinic_id
    session = Session(
        id=SessionId(container.ids.new_id()),
        user_id=id,
        user_agent=None,
        ip_address=None,
        created_at=now,
        expires_at=now + REFRESH_LIFE,
    )
    secret = RefreshSecret(
        digest=container.secrets.new_secret()[:64],
        session_id=session.id,
        created_at=now,
        expires_at=session.expires_at,
    )
    await uow.users.add(user)
    await uow.sessions.add(session, secret)
    return Login(id, container.jwts.issue(user, session.id, at=now))


def make_clinic(
    container: Container,
    *,
    name: str,
    latitude: float,
    longitude: float,
    type: ClinicType = ClinicType.GENERAL_PRACTICE,
) -> Clinic:
    """A clinic in UTC that is not stored yet."""
    now, id = container.clock.now(), ClinicId(container.ids.new_id())
    return Clinic(
        id=id,
        name=name,
        latitude=latitude,
        longitude=longitude,
        type=type,
        timezone="UTC",
        created_at=now,
        updated_at=now,
        service=Service(
            id=ServiceId(container.ids.new_id()), clinic_id=id, created_at=now, updated_at=now
        ),
    )


async def make_queue(
    settings: Settings, *, max_size: int = MAX_QUEUE_SIZE
) -> tuple[ClinicId, QueueId]:
    """A clinic and its open queue of today, as large as the benchmark needs."""
    container = build(settings, role=ProcessRole.COMMAND)
    async with container.running(), container.storage.write() as uow:
        clinic, queue = await _open_clinic(container, uow, max_size)
        await uow.commit()
    return clinic.id, queue.id


async def make_busy_clinics(
    settings: Settings, count: int, *, waiting: int, staff: int
) -> list[BusyClinic]:
    """Clinics whose staff have each called somebody, and in which so many wait all the same."""
    container = build(settings, role=ProcessRole.COMMAND)

    async def make() -> BusyClinic:
        async with container.storage.write() as uow:
            clinic, queue = await _open_clinic(container, uow, MAX_QUEUE_SIZE)
            people = [await _log_in(container, uow, Role.STAFF, clinic.id) for _ in range(staff)]
            last = await _log_in(container, uow, Role.PATIENT, None)
            strangers = [
                User.without_login(
                    id=UserId(container.ids.new_id()), name="Guest", at=container.clock.now()
                )
                for _ in range(staff + waiting - 1)
            ]
            for one in strangers:
                await uow.users.add(one)
            holders = [Holder(patient_id=one.id, guest=True) for one in strangers]
            holders.append(Holder(patient_id=last.user_id, guest=False))
            tokens = [_issue(container, queue, holder) for holder in holders]
            await uow.tokens.add(tokens)
            await uow.queues.save(queue)
            await uow.commit()
        for person in people:
            actor = Actor(id=person.user_id, role=Role.STAFF, clinic_id=clinic.id)
            await container.use_cases.calling.call_next(queue.id, actor=actor)
        return BusyClinic(queue.id, people, last)

    async with container.running():
        made: list[BusyClinic] = []
        for start in range(0, count, MADE_AT_ONCE):
            some = min(MADE_AT_ONCE, count - start)
            made += await asyncio.gather(*(make() for _ in range(some)))
    return made


def _issue(container: Container, queue: Queue, holder: Holder) -> Token:
    return issuing.issue(
        queue,
        id=TokenId(container.ids.new_id()),
        holder=holder,
        by=SYSTEM,
        taken=(),
        max_active=1,
        at=container.clock.now(),
    )


async def _open_clinic(
    container: Container, uow: UnitOfWork, max_size: int
) -> tuple[Clinic, Queue]:
    name = f"Clinic {container.ids.new_id()}"
    clinic = make_clinic(container, name=name, latitude=40.0, longitude=-74.0)
    queue = Queue.open(
        clinic,
        clinic.service,
        id=QueueId(container.ids.new_id()),
        max_size=max_size,
        at=container.clock.now(),
        by=SYSTEM,
    )
    await uow.clinics.add(clinic)
    await uow.queues.add(queue)
    return clinic, queue


async def make_service(settings: Settings, clinic_id: ClinicId) -> ServiceId:
    """Another service of the clinic, with an open queue of today."""
    container = build(settings, role=ProcessRole.COMMAND)
    async with container.running():
        admin = Actor(role=Role.ADMIN)
        service = await container.use_cases.services.create(
            clinic_id, fields={"name": "Blood tests", "max_queue_size": MAX_QUEUE_SIZE}, actor=admin
        )
        await container.use_cases.queues.open(clinic_id, service_id=service.id, actor=admin)
    return service.id


async def fill_queue(settings: Settings, queue_id: QueueId, count: int) -> None:
    """Patients who wait there, one token each."""
    logins = await make_logins(settings, count, Role.PATIENT, None)
    await fill_queue_with(settings, queue_id, logins)


async def fill_queue_with(settings: Settings, queue_id: QueueId, logins: list[Login]) -> None:
    """These patients wait there, one token each."""
    container = build(settings, role=ProcessRole.COMMAND)
    async with container.running():
        await asyncio.gather(
            *(
                container.use_cases.issuing.issue(
                    queue_id, actor=Actor(id=login.user_id, role=Role.PATIENT)
                )
                for login in logins
            )
        )


async def empty_queue(settings: Settings, queue_id: QueueId) -> None:
    """Nobody stands there any more: the same patients can take tokens elsewhere."""
    container = build(settings, role=ProcessRole.COMMAND)
    async with container.running():
        await container.use_cases.closing.close(queue_id, actor=Actor(role=Role.ADMIN))


def http_load(job: dict[str, Any]) -> dict[str, Any]:
    """Run the HTTP load program in a process of its own; what it measured."""
    done = subprocess.run(
        ["node", str(ROOT / "bench/node/http_load.mjs")],
        input=json.dumps(job).encode(),
        capture_output=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(12)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
