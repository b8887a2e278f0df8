"""What a process holds, and how long it takes to be there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx

from bench.issuing import TOKENS, issue_all
from bench.report import Figure
from bench.sockets import clients
from bench.world import Login, Program, make_logins, make_queue, world
from qure.domain.actor import Role
from tests.support.servers.process import accepts_connections, free_port


def run(*, quick: bool) -> list[Figure]:
    """Start, idle sockets, and many tokens and connections after each other."""
    return [_start(), *_memory(quick=quick)]


def _start() -> Figure:
    costs = []
    with world("sqlite") as made:
        for _ in range(4):
            port = free_port()
            command = [str(Path(sys.executable).parent / "qure"), "serve", "--port", str(port)]
            started = time.perf_counter()
            process = subprocess.Popen(command, env={**made.environment}, stdout=subprocess.DEVNULL)
            while not _answers(port):
                time.sleep(0.01)
            costs.append(time.perf_counter() - started)
            process.terminate()
            process.wait(12)
    return Figure(
        path="from the command to the first answer, warm, s",
        value=median(costs[1:]),
        target=3.0,
        at_least=False,
        measured=f"{median(costs[1:]):.2f} s",
        compared_with="a bound, no ceiling",
    )


def _answers(port: int) -> bool:
    if not accepts_connections(port):
        return False
    return httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).status_code == 200


def _memory(*, quick: bool) -> list[Figure]:
    tokens, connects = (10_000, 1_000) if quick else (100_000, 10_000)
    with world("postgres") as made:
        _, queue_id = asyncio.run(make_queue(made.settings))
        logins = asyncio.run(make_logins(made.settings, TOKENS, Role.PATIENT, None))
        idle = made.start_service()
        held = asyncio.run(_with_sockets(idle, queue_id, logins))
        service = made.start_service()
        # What is remembered of these patients is remembered once: the first round fills it.
        issue_all(service, "/api/tokens", made, logins)
        asyncio.run(_come_and_go(service, queue_id, logins, 1_000))
        before = service.resident_megabytes()
        for _ in range(tokens // TOKENS):
            issue_all(service, "/api/tokens", made, logins)
        asyncio.run(_come_and_go(service, queue_id, logins, connects))
        after = service.resident_megabytes()
    return [
        Figure(
            path="resident with 1000 idle sockets, MB",
            value=held,
            target=160,
            at_least=False,
            measured=f"{held:.0f} MB",
            compared_with="a bound, no ceiling",
        ),
        Figure(
            path=f"resident after {tokens:,} tokens and {connects:,} connections, against before",
            value=after / before,
            target=1.1,
            at_least=False,
            measured=f"{after:.0f} MB",
            compared_with=f"before: {before:.0f} MB",
        ),
    ]


async def _with_sockets(service: Program, queue_id: UUID, logins: list[Login]) -> float:
    async with clients("socketio", service, 1000, queue_id, logins):
        await asyncio.sleep(2)
        return float(service.resident_megabytes())


async def _come_and_go(
    service: Program, queue_id: UUID, logins: list[Login], connects: int
) -> None:
    for _ in range(connects // 500):
        async with clients("socketio", service, 500, queue_id, logins):
            pass
