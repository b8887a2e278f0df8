"""Fan-out, bursts and joins: one change to many sockets, compared with Node and a bare loop."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import httpx

from bench.world import ROOT, Login, Program, World
from qure.adapters.redis.bus import RedisBus
from qure.application.ports.storage import OutboxEntry
from qure.domain.events import QueueActivated
from qure.domain.ids import ClinicId, EntryId, QueueId
from qure.domain.queue_status import QueueStatus
from qure.wire.responses import StatusBody, encode

PAUSE_SECONDS = 0.12


@dataclass(frozen=True)
class FanOut:
    """One change to many sockets, over several rounds."""

    cpu_microseconds: float
    p50_milliseconds: float
    p99_milliseconds: float


class Clients:
    """The lean clients' process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, seconds: float = 30) -> str:
        """The next line they print."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        if not line:
            raise RuntimeError("the socket clients have ended")
        return line.decode().strip()

    async def reached(self, version: int) -> float:
        """Wait until that version has reached everyone; the wall clock of the last one."""
        while True:
            told = json.loads(await self.line())
            if told.get("version") == version:
                return float(told["last"]) / 1000

    async def totals(self) -> dict[str, int]:
        """End them; how many messages they received, and the oldest of their newest versions."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        while True:
            told = json.loads(await self.line())
            if "received" in told:
                return dict(told)


@asynccontextmanager
async def clients(
    protocol: str, server: Program, count: int, queue_id: UUID, logins: list[Login], *, is_bare: bool = False
) -> AsyncIterator[Clients]:
    """``count`` clients that have joined the queue's room."""
    with tempfile.NamedTemporaryFile("w", suffix=".jwts") as file:
        file.write("\n".join(login.jwt for login in logins))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            "node",
            str(ROOT / "bench/node/socket_clients.mjs"),
            protocol,
            server.url,
            str(count),
            str(queue_id),
            file.name,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **({"NODE_ROOM": "1"} if is_bare else {})},
        )
        try:
            made = Clients(process)
            while await made.line(60) != "ready":
                continue
            await asyncio.sleep(0.5)
            yield made
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def fan_out(
    server: Program, listening: Clients, count: int, rounds: int, emit: Callable[[int], Awaitable[None]]
) -> FanOut:
    """``emit(version)`` makes one change; measured from its call to the last socket."""
    for version in range(2, 7):  # warm
        await emit(version)
        await listening.reached(version)
        await asyncio.sleep(PAUSE_SECONDS)
    latencies = []
    cpu = server.cpu_seconds()
    for version in range(7, 7 + rounds):
        started = time.time()
        await emit(version)
        latencies.append((await listening.reached(version) - started) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    cpu = server.cpu_seconds() - cpu
    latencies.sort()
    return FanOut(
        cpu / (rounds * count) * 1e6, median(latencies), latencies[int(len(latencies) * 0.99)]
    )


def status_at(queue_id: QueueId, clinic_id: ClinicId, version: int, now: object) -> QueueStatus:
    """A status of that version."""
    return QueueStatus(
        queue_id=queue_id,
        clinic_id=clinic_id,
        current_number=version % 1000,
        waiting_count=version % 1000,
        start_time=now,  # type: ignore[arg-type]
        end_time=now,  # type: ignore[arg-type]
        is_active=True,
        last_served_number=version % 1000,
        version=version,
    )
