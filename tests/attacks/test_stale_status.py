"""Nobody is told an old status by a process that came after a crash, however soon they ask."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from time import monotonic

import httpx
import pytest

from qure.application.lookup import get_queue
from qure.bootstrap import build
from qure.container import Container, ProcessRole
from qure.domain.actor import SYSTEM, Actor, Role
from qure.domain.ids import QueueId, SessionId, UserId
from qure.domain.queue import Queue
from qure.domain.session import REFRESH_LIFE
from qure.settings import load_settings
from tests.support.builders import (
    FixedClock,
    build_admin,
    build_clinic,
    build_secret,
    build_session,
)
from tests.support.servers.postgres import running_postgres
from tests.support.servers.qure import QureProcess
from tests.support.servers.redis import running_redis
from tests.support.waiting import eventually

CRASHES = int(os.environ.get("QURE_TEST_CRASHES", "3"))
QUEUES = 4
AT_ONCE = 8
CHANGES_IN_THE_RUSH = 40
CHANGES_LEFT = 24

OF_A_LONG_RUN = {"JWT_EXPIRES_IN": "1d"}

pytestmark = pytest.mark.timeout(60 + 30 * CRASHES)


@contextmanager
def embedded() -> Iterator[QureProcess]:
    """One process on SQLite."""
    process = QureProcess(OF_A_LONG_RUN)
    try:
        yield process
    finally:
        process.close()


@contextmanager
def on_servers() -> Iterator[QureProcess]:
    """One process on Postgres and Redis."""
    with ExitStack() as stack:
        settings = OF_A_LONG_RUN | {
            "DATABASE_URL": stack.enter_context(running_postgres()).dsn,
            "REDIS_URL": stack.enter_context(running_redis()).url,
        }
        process = QureProcess(settings)
        stack.callback(process.close)
        yield process


@pytest.mark.parametrize("deployment", [embedded, on_servers], ids=["sqlite", "postgres"])
async def test_a_process_started_after_a_kill_in_a_rush_tells_nobody_an_old_status(
    deployment: Callable[[], AbstractContextManager[QureProcess]],
) -> None:
    old = []
    with deployment() as process:
        start_seconds = await started(process)
        clock = FixedClock(datetime.now(UTC))
        async with same_data(process, clock) as container:
            admin, jwt, ids = await given_queues(container)
            for crash in range(CRASHES):
                async with client(process, jwt) as http:
                    await rush_and_kill(process, http, ids)
                await leave_unannounced(container, clock, admin, ids, start_seconds + 1.5)
                start_seconds = await started(process)
                async with client(process, jwt) as http:
                    told = await versions_told(http, ids)
                stored = await versions_stored(container, ids)
                if told != stored:
                    old.append((crash, told, stored))
    assert old == []


async def started(process: QureProcess) -> float:
    """How many seconds it took."""
    began = monotonic()
    await asyncio.to_thread(process.start)
    return monotonic() - began


async def rush_and_kill(process: QureProcess, http: httpx.AsyncClient, ids: list[QueueId]) -> None:
    """Many changes at once, and SIGKILL in the middle of them."""
    changes = 0
    is_ending = False

    async def change_again_and_again(number: int) -> None:
        nonlocal changes
        path = f"/api/queues/{ids[number % QUEUES]}/status"
        for turn in count(number):
            try:
                answer = await http.patch(path, json={"isActive": turn % 2 == 0})
            except httpx.TransportError:
                assert is_ending
                return
            if answer.status_code != 503:  # Busy, as any rush may make it.
                assert answer.status_code == 200, answer.text
                changes += 1

    tasks = [asyncio.create_task(change_again_and_again(number)) for number in range(AT_ONCE)]
    await eventually(lambda: changes >= CHANGES_IN_THE_RUSH, within=20)
    is_ending = True
    await asyncio.to_thread(process.kill)
    await asyncio.gather(*tasks)


async def leave_unannounced(
    container: Container, clock: FixedClock, admin: UserId, ids: list[QueueId], seconds: float
) -> None:
    """The changes of a process that died right after each COMMIT, as of the next ``seconds``.

    So the first sweep of the process that starts now finds a part of them: it leaves those of the
    last second to who has committed them.
    """
    actor = Actor(
        id=admin,
        session_id=SessionId(container.ids.new_id()),
        role=Role.ADMIN,
        clinic_id=None,
    )
    now = datetime.now(UTC)
    for number in range(CHANGES_LEFT):
        clock.set(now + timedelta(seconds=seconds * number / CHANGES_LEFT))
        queue_id = ids[number % QUEUES]
        async with container.storage.read() as uow:
            is_active = (await get_queue(uow, queue_id)).is_active
        await container.use_cases.queues.set_active(queue_id, active=not is_active, actor=actor)


async def versions_told(http: httpx.AsyncClient, ids: list[QueueId]) -> list[int]:
    """What whoever asks is told now."""

    async def version_told(id: QueueId) -> int:
        while (answer := await http.get(f"/api/queues/{id}/status")).status_code == 503:
            continue  # It says itself that it is too busy to know.
        assert answer.status_code == 200, answer.text
        return int(answer.json()["data"]["version"])

    return list(await asyncio.gather(*map(version_told, ids)))


async def versions_stored(container: Container, ids: list[QueueId]) -> list[int]:
    """What is true."""
    async with container.storage.read() as uow:
        return [(await get_queue(uow, id)).version for id in ids]


@asynccontextmanager
async def same_data(process: QureProcess, clock: FixedClock) -> AsyncIterator[Container]:
    """The program on the same data, in this process: what it commits it does not announce."""
    settings = load_settings(process.settings, env_file=None)
    async with build(settings, role=ProcessRole.COMMAND, clock=clock).running() as container:
        yield container


@asynccontextmanager
async def client(process: QureProcess, jwt: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody logged in; new connections, as the old ones die with the process."""
    headers = {"Authorization": f"Bearer {jwt}"}
    async with httpx.AsyncClient(base_url=process.url, headers=headers, timeout=20) as http:
        yield http


async def given_queues(container: Container) -> tuple[UserId, str, list[QueueId]]:
    """An admin, their access JWT, and open queues of today."""
    now = container.clock.now()
    admin = build_admin(id=UserId(container.ids.new_id()))
    session = build_session(
        admin.id,
        id=SessionId(container.ids.new_id()),
        created_at=now,
        expires_at=now + REFRESH_LIFE,
    )
    ids = [QueueId(container.ids.new_id()) for _ in range(QUEUES)]
    async with container.storage.write() as uow:
        await uow.users.add(admin)
        await uow.sessions.add(session, build_secret(session))
        for id in ids:
            clinic = build_clinic(timezone="UTC")
            await uow.clinics.add(clinic)
            queue = Queue.open(clinic, clinic.service, id=id, max_size=None, at=now, by=SYSTEM)
            await uow.queues.add(queue)
        await uow.commit()
    return admin.id, container.jwts.issue(admin, session.id, at=now), ids
