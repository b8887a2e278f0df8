"""Calling the next patient: from the click to the caller's own status update."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from statistics import median
from uuid import UUID, uuid4

import asyncpg
import websockets

from bench.report import Figure
from bench.world import Login, Program, World, fill_queue, make_logins, make_queue, world
from qure.domain.actor import Role
from qure.domain.ids import ClinicId, QueueId
from qure.domain.token import Priority

_HEAD = (
    "(SELECT * FROM tokens WHERE queue_id = $1 AND priority = '{priority}'"
    " AND status IN ('WAITING') AND NOT on_hold ORDER BY place, number LIMIT 6)"
)
_LINE = " UNION ALL ".join(
    [
        *(_HEAD.format(priority=one.value) for one in Priority),
        "SELECT * FROM tokens WHERE queue_id = $1 AND assigned_to = $2"
        " AND status IN ('CALLED', 'IN_PROGRESS')",
    ]
)
_CONTENT = b'{"x":"' + b"x" * 4000 + b'"}'
_FRONT = json.dumps([{"label": "100", "priority": "NORMAL"}] * 5)
_CALLS = json.dumps([{"token_id": str(uuid4()), "label": "100", "number": 100}] * 6)
"""As large as the real ones."""


def run(*, quick: bool) -> list[Figure]:
    """One caller in turn, over Socket.IO; then the same statements by hand."""
    calls = 100 if quick else 500
    with world("postgres") as made:
        service = made.start_service()
        clinic_id, queue_id = asyncio.run(make_queue(made.settings))
        (staff,) = asyncio.run(make_logins(made.settings, 1, Role.STAFF, clinic_id))
        asyncio.run(fill_queue(made.settings, queue_id, calls + 20))
        whole, trip = asyncio.run(_call(service, staff, queue_id, calls))
        statements = asyncio.run(_by_hand(made, clinic_id, calls))
    return [
        Figure(
            path="call-next, one caller in turn, to the own status update",
            value=whole / (statements + trip),
            target=2.0,
            at_least=False,
            measured=f"p50 {whole * 1000:.2f} ms",
            compared_with=f"raw asyncpg {statements * 1000:.2f} ms"
            f" + one socket round trip {trip * 1000:.2f} ms",
        )
    ]


async def _call(service: Program, staff: Login, queue_id: UUID, calls: int) -> tuple[float, float]:
    url = service.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(url, compression=None) as socket:

        async def until(wanted: str) -> None:
            while True:
                frame = str(await asyncio.wait_for(socket.recv(), 10))
                if frame == "2":
                    await socket.send("3")
                if frame.startswith(wanted):
                    return

        await until("0")
        await socket.send("40" + json.dumps({"token": staff.jwt}))
        await until("40")
        await socket.send("42" + json.dumps(["join-queue", str(queue_id)]))
        await until('42["queue:status_update"')
        whole, trips = [], []
        for turn in range(calls):
            started = time.perf_counter()
            await socket.send("42" + json.dumps(["queue:call_next", str(queue_id)]))
            await until('42["queue:status_update"')
            whole.append(time.perf_counter() - started)
            started = time.perf_counter()
            await socket.send(f"42{turn}" + json.dumps(["leave-queue", str(uuid4())]))
            await until("43")
            trips.append(time.perf_counter() - started)
    return median(whole), median(trips)


async def _by_hand(made: World, clinic_id: ClinicId, calls: int) -> float:
    """What the use case has to say to Postgres, said with nothing in between."""
    _, queue_id = await make_queue(made.settings)
    await fill_queue(made.settings, queue_id, calls + 1)
    (staff,) = await make_logins(made.settings, 1, Role.STAFF, clinic_id)
    db = await asyncpg.connect(made.environment["DATABASE_URL"])
    costs = []
    try:
        for _ in range(calls):
            started = time.perf_counter()
            await _call_by_hand(db, queue_id, staff.user_id)
            costs.append(time.perf_counter() - started)
    finally:
        await db.close()
    return median(costs)


async def _call_by_hand(db: asyncpg.Connection, queue_id: QueueId, staff_id: UUID) -> None:
    now = datetime.now(UTC)
    async with db.transaction():
        queue = await db.fetchrow("SELECT * FROM queues WHERE id = $1 FOR UPDATE", queue_id)
        line = await db.fetch(_LINE, queue_id, staff_id)
        await db.fetchrow("SELECT * FROM desks WHERE staff_id = $1", staff_id)
        token = next(one for one in line if one["status"] == "WAITING")
        assigned = [one["id"] for one in line if one["status"] != "WAITING"]
        moved = [*((id, "COMPLETED") for id in assigned), (token["id"], "CALLED")]
        await db.executemany(
            "UPDATE tokens SET status = $2, called_at = $3, assigned_to = $4,"
            " version = version + 1 WHERE id = $1",
            [(id, status, now, staff_id) for id, status in moved],
        )
        await db.execute(
            "UPDATE queues SET now_serving = $2, waiting_count = waiting_count - 1,"
            " version = version + 1, updated_at = $3, upcoming = $4, calls = $5 WHERE id = $1",
            queue_id,
            token["number"],
            now,
            *(_FRONT, _CALLS),
        )
        entry_id = uuid4()
        await db.executemany(
            "INSERT INTO journal (entry_id, number, created_at, is_pending, event, actor_kind,"
            " actor_id, actor_role, clinic_id, queue_id, token_id, to_status, content)"
            " VALUES ($1, $2, $3, $4, $5, 'USER', $6, 'STAFF', $7, $8, $9, $10, $11)",
            [
                (
                    *(entry_id, number, now, number == 0, "TokenCalled", staff_id),
                    *(queue["clinic_id"], queue_id, token_id, status, _CONTENT),
                )
                for number, (token_id, status) in enumerate(moved)
            ],
        )
