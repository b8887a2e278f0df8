"""Whoever reads a queue's status is never told an old one by a process that came after a crash."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from qure.application.lookup import find_queue
from qure.bootstrap import Container, Role, build
from qure.domain.ids import QueueId, SessionId, UserId
from qure.domain.queue import Queue
from qure.domain.session import REFRESH_LIFE
from qure.settings import load_settings
from tests.builders import build_admin, build_clinic, build_secret, build_session
from tests.servers.postgres import running_postgres
from tests.servers.qure import QureProcess
from tests.servers.redis import running_redis
from tests.waiting import eventually

ROUNDS = int(os.environ.get("QURE_TEST_CRASHES", "8"))
QUEUES = 4
AT_ONCE = 8
CHANGES = 60
"""So many in the rush before the kill: what was announced last has not been marked then."""

pytestmark = pytest.mark.timeout(60 + 10 * ROUNDS)


@contextmanager
def embedded() -> Iterator[QureProcess]:
    """One process on SQLite."""
    process = QureProcess({})
    try:
        process.start()
        yield process
    finally:
        process.close()


@contextmanager
def on_servers() -> Iterator[QureProcess]:
    """One process on Postgres and Redis."""
    with ExitStack() as stack:
        settings = {
            "DATABASE_URL": stack.enter_context(running_postgres()).dsn,
            "REDIS_URL": stack.enter_context(running_redis()).url,
        }
        process = QureProcess(settings)
        stack.callback(process.close)
        process.start()
        yield process


@asynccontextmanager
async def same_data(process: QureProcess) -> AsyncIterator[Container]:
    """The program on the same data, in this process."""
    container = build(load_settings(process.settings, env_file=None), role=Role.COMMAND)
    async with container.running():
        yield container


async def given_queues(container: Container) -> tuple[str, list[QueueId]]:
    """An admin's access JWT, and queues of today."""
    now = datetime.now(UTC)
    admin = build_admin(id=UserId(container.randomness.new_id()))
    session = build_session(
        admin.id,
        id=SessionId(container.randomness.new_id()),
        created_at=now,
        expires_at=now + REFRESH_LIFE,
    )
    queues = []
    async with container.storage.write() as uow:
        await uow.users.add(admin)
        await uow.sessions.add(session, build_secret(session))
        for _ in range(QUEUES):
            clinic = build_clinic(timezone="UTC")
            await uow.clinics.add(clinic)
            id = QueueId(container.randomness.new_id())
            queue = Queue.open(clinic, id=id, max_size=None, at=now, by=None)
            await uow.queues.add(queue)
            queues.append(queue.id)
        await uow.commit()
    return container.jwts.issue(admin, session.id, at=now), queues


async def rush_and_kill(process: QureProcess, http: httpx.AsyncClient, ids: list[QueueId]) -> None:
    """Many changes at once, and SIGKILL in the middle of them."""
    done = count()
    killed = asyncio.Event()
    changes = 0

    async def change(number: int) -> None:
        nonlocal changes
        path = f"/api/queues/{ids[number % QUEUES]}/status"
        for turn in count():
            try:
                answer = await http.patch(path, json={"isActive": (turn + number) % 2 == 0})
            except httpx.TransportError:
                assert process_is_ending
                return
            assert answer.status_code == 200, answer.text
            changes = next(done)

    process_is_ending = False
    tasks = [asyncio.create_task(change(number)) for number in range(AT_ONCE)]
    await eventually(lambda: changes >= CHANGES, within=20)
    process_is_ending = True
    await asyncio.to_thread(process.kill)
    killed.set()
    await asyncio.gather(*tasks)


async def versions_told(http: httpx.AsyncClient, ids: list[QueueId]) -> list[int]:
    """What everybody is told now."""
    answers = await asyncio.gather(*(http.get(f"/api/queues/{id}/status") for id in ids))
    statuses: list[dict[str, Any]] = [answer.json()["data"] for answer in answers]
    return [status["version"] for status in statuses]


async def versions_stored(container: Container, ids: list[QueueId]) -> list[int]:
    """What is true."""
    async with container.storage.read() as uow:
        return [(await find_queue(uow, id)).version for id in ids]


@pytest.mark.parametrize("deployment", [embedded, on_servers], ids=["sqlite", "postgres"])
async def test_a_process_started_after_a_kill_in_a_rush_tells_nobody_an_old_status(
    deployment: Any,
) -> None:
    wrong = []
    with deployment() as process:
        async with same_data(process) as container:
            jwt, ids = await given_queues(container)
            headers = {"Authorization": f"Bearer {jwt}"}
            for crash in range(ROUNDS):
                async with httpx.AsyncClient(
                    base_url=process.url, headers=headers, timeout=20
                ) as http:
                    await rush_and_kill(process, http, ids)
                await asyncio.to_thread(process.start)
                async with httpx.AsyncClient(
                    base_url=process.url, headers=headers, timeout=20
                ) as http:
                    told = await versions_told(http, ids)
                stored = await versions_stored(container, ids)
                if told != stored:
                    wrong.append((crash, told, stored))
    assert wrong == []
