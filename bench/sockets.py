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
from datetime import UTC, datetime
from statistics import median
from uuid import UUID, uuid4

from bench.report import Figure
from bench.world import (
    ROOT,
    Login,
    Program,
    World,
    http_load,
    make_logins,
    make_queue,
    world,
)
from qure.adapters.redis.bus import RedisBus
from qure.application.ports.journal import JournalEntry
from qure.domain.actor import SYSTEM, Role
from qure.domain.events import QueueActivated
from qure.domain.ids import ClinicId, EntryId, QueueId, ServiceId
from qure.domain.queue_status import QueueStatus
from qure.wire.body import encode
from qure.wire.queues import StatusBody

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
    protocol: str,
    server: Program,
    count: int,
    queue_id: UUID,
    logins: list[Login],
    *,
    is_bare: bool = False,
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


class Emitter:
    """Makes one change after another, each a version on, wherever it is asked to."""

    def __init__(self, queue_id: QueueId, clinic_id: ClinicId) -> None:
        self._queue_id = queue_id
        self._clinic_id = clinic_id
        self._service_id = ServiceId(uuid4())
        self._now = datetime.now(UTC)
        self.version = 1

    def next_status(self) -> QueueStatus:
        """The status of the next version."""
        self.version += 1
        return QueueStatus(
            queue_id=self._queue_id,
            clinic_id=self._clinic_id,
            service_id=self._service_id,
            service_name="General",
            prefix="",
            now_serving=self.version % 1000,
            waiting_count=self.version % 1000,
            start_time=self._now,
            end_time=self._now,
            is_active=True,
            last_served_number=self.version % 1000,
            version=self.version,
        )

    async def over_bus(self, bus: RedisBus) -> None:
        """As another process of the service would tell of a change."""
        event = QueueActivated(actor=SYSTEM, at=self._now, queue=self.next_status())
        entry = JournalEntry(id=EntryId(uuid4()), created_at=self._now, events=(event,))
        await bus.publish([entry])

    async def over_http(self, server: Program) -> None:
        """To a ceiling: one request on a new connection, as short as can be."""
        body = encode(StatusBody.of(self.next_status()))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"POST /emit HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def _fan_out(
    server: Program,
    listening: Clients,
    count: int,
    rounds: int,
    emitter: Emitter,
    emit: Callable[[], Awaitable[None]],
) -> FanOut:
    latencies = []
    cpu = 0.0
    for turn in range(-5, rounds):
        if turn == 0:  # it is warm
            cpu = server.cpu_seconds()
        started = time.time()
        emitted = asyncio.ensure_future(emit())
        await asyncio.sleep(0)
        reached = await listening.reached(emitter.version)
        await emitted
        if turn >= 0:
            latencies.append((reached - started) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    cpu = server.cpu_seconds() - cpu
    latencies.sort()
    return FanOut(
        cpu / (rounds * count) * 1e6, median(latencies), latencies[int(len(latencies) * 0.99)]
    )


def run(*, quick: bool) -> list[Figure]:
    """Fan-out, a burst, and a thousand joins, each on a service of its own."""
    figures = []
    with world("postgres") as made:
        clinic_id, queue_id = asyncio.run(make_queue(made.settings))
        logins = asyncio.run(make_logins(made.settings, 100, Role.PATIENT, None))
        figures += asyncio.run(_fan_outs(made, clinic_id, queue_id, logins, quick=quick))
        figures.append(asyncio.run(_joins(made, queue_id, logins)))
        figures += asyncio.run(_burst(made, logins))
    return figures


async def _fan_outs(
    made: World, clinic_id: ClinicId, queue_id: QueueId, logins: list[Login], *, quick: bool
) -> list[Figure]:
    service, node = made.start_service(), made.start_node("socketio_server.mjs")
    bare = made.start("bench.bare_sockets")
    emitter = Emitter(queue_id, clinic_id)
    bus = RedisBus(str(made.settings.redis_url))
    await bus.start()
    servers: dict[str, tuple[str, Program, Callable[[], Awaitable[None]]]] = {
        "Qure, Socket.IO": ("socketio", service, lambda: emitter.over_bus(bus)),
        "Node": ("socketio", node, lambda: emitter.over_http(node)),
        "Qure, WebSocket": ("plain", service, lambda: emitter.over_bus(bus)),
        "bare loop": ("plain", bare, lambda: emitter.over_http(bare)),
    }
    figures = []
    for count in (100, 500) if quick else (100, 500, 1000):
        results: dict[str, list[FanOut]] = {name: [] for name in servers}
        for _ in range(1 if quick else 3):
            for name, (protocol, server, emit) in servers.items():
                is_bare = server is not service
                listening = clients(protocol, server, count, queue_id, logins, is_bare=is_bare)
                async with listening as one:
                    rounds = 15 if quick else 40
                    result = await _fan_out(server, one, count, rounds, emitter, emit)
                    results[name].append(result)
        medians = {
            name: FanOut(
                median(one.cpu_microseconds for one in found),
                median(one.p50_milliseconds for one in found),
                median(one.p99_milliseconds for one in found),
            )
            for name, found in results.items()
        }
        figures += _held_against(medians, count)
    await bus.close()
    return figures


def _held_against(results: dict[str, FanOut], count: int) -> list[Figure]:
    figures = []
    for ours, other, target in (
        ("Qure, Socket.IO", "Node", 1.0),
        ("Qure, WebSocket", "Node", 0.9),
        ("Qure, Socket.IO", "bare loop", 1.3),
        ("Qure, WebSocket", "bare loop", 1.3),
    ):
        mine, theirs = results[ours], results[other]
        for what, a, b in (
            ("CPU a message, µs", mine.cpu_microseconds, theirs.cpu_microseconds),
            ("p50 to the last, ms", mine.p50_milliseconds, theirs.p50_milliseconds),
        ):
            figures.append(
                Figure(
                    path=f"fan-out to {count}, {ours}: {what}",
                    value=a / b,
                    target=target,
                    at_least=False,
                    measured=f"{a:.1f}",
                    compared_with=f"{other}: {b:.1f}",
                )
            )
    for ours in ("Qure, Socket.IO", "Qure, WebSocket"):
        mine = results[ours]
        figures.append(
            Figure(
                path=f"fan-out to {count}, {ours}: p99",
                value=mine.p99_milliseconds / mine.p50_milliseconds,
                target=2.0,
                at_least=False,
                measured=f"p99 {mine.p99_milliseconds:.1f} ms",
                compared_with=f"its p50: {mine.p50_milliseconds:.1f} ms",
            )
        )
    return figures


async def _joins(made: World, queue_id: QueueId, logins: list[Login]) -> Figure:
    service = made.start_service()
    async with clients("socketio", service, 1000, queue_id, logins) as joined:
        totals = await joined.totals()
    return Figure(
        path="1000 sockets join one room: status messages a join",
        value=totals["received"] / 1000,
        target=3.0,
        at_least=False,
        measured=f"{totals['received']} messages",
        compared_with="1000 joins",
    )


async def _burst(made: World, logins: list[Login]) -> list[Figure]:
    service = made.start_service()
    _, queue_id = await make_queue(made.settings)
    askers = await make_logins(made.settings, 200, Role.PATIENT, None)
    requests = [
        {
            "path": "/api/tokens",
            "body": json.dumps({"queueId": str(queue_id)}),
            "headers": {
                "authorization": f"Bearer {login.jwt}",
                "content-type": "application/json",
            },
        }
        for login in askers
    ]
    async with clients("socketio", service, 300, queue_id, logins) as listening:
        job = {"url": service.url, "connections": 200, "requests": requests}
        loading = asyncio.create_task(asyncio.to_thread(http_load, job))
        reached = await listening.reached(201)
        ended = float((await loading)["ended"])
        totals = await listening.totals()
    if totals["newest"] != 201:
        raise RuntimeError(f"somebody was left behind: {totals}")
    messages = totals["received"] - 300  # one each for joining
    return [
        Figure(
            path="burst of 200 tokens, 300 sockets listening: messages",
            value=messages / 60_000,
            target=0.25,
            at_least=False,
            measured=f"{messages} messages, everyone on version 201",
            compared_with="60,000 without merging",
        ),
        Figure(
            path="burst: last state everywhere after the last answer, ms",
            value=max(0.0, (reached - ended) * 1000),
            target=250,
            at_least=False,
            measured=f"{(reached - ended) * 1000:.0f} ms",
            compared_with="the last commit's answer",
        ),
    ]
