"""Taking tokens: 32 at once on one queue, against a bare handler and a bare database."""

from __future__ import annotations

import asyncio
import json
import time
from statistics import median
from uuid import UUID, uuid4

import asyncpg
import httpx

from bench.report import Figure
from bench.world import (
    Login,
    Program,
    World,
    empty_queue,
    http_load,
    make_logins,
    make_queue,
    world,
)
from qure.domain.actor import Role

AT_ONCE = 32
TOKENS = 992  # as many for each connection
_ISSUE = """
WITH numbered AS (
    UPDATE queues SET last_issued_number = last_issued_number + 1,
        waiting_count = waiting_count + 1, version = version + 1
    WHERE id = $1 AND is_active AND last_issued_number < max_size
    RETURNING last_issued_number, service_id
)
INSERT INTO tokens
    (id, queue_id, service_id, patient_id, number, label, place, priority, status, on_hold,
     version, created_at, recall_count, rejoins, postpones, guest)
SELECT $2, $1, service_id, $3, last_issued_number, last_issued_number::text,
    last_issued_number * 1099511627776::bigint, 'NORMAL', 'WAITING', false, 1, now(), 0, 0, 0, false
FROM numbered RETURNING number
"""


def run(*, quick: bool) -> list[Figure]:
    """Each round a new queue, the three in turn, the median of the ratios round by round."""
    rounds = 2 if quick else 5
    with world("postgres") as made:
        logins = asyncio.run(make_logins(made.settings, TOKENS, Role.PATIENT, None))
        bare, service = made.start("bench.bare"), made.start_service()
        _look_first(bare, "/me", logins)
        _look_first(service, "/api/auth/me", logins)
        rates = []
        for _ in range(rounds + 1):
            ours = issue_all(service, "/api/tokens", made, logins)
            ceiling = issue_all(bare, "/tokens", made, logins)
            rates.append((ours, ceiling, asyncio.run(_raw(made, logins))))
        rates = rates[1:]  # the first warms
        steadiness = asyncio.run(_last_against_first(made, service))
        ours, ceiling, raw = (median(one) for one in zip(*rates, strict=True))
    with world("sqlite") as made:
        logins = asyncio.run(make_logins(made.settings, TOKENS, Role.PATIENT, None))
        service = made.start_service()
        _look_first(service, "/api/auth/me", logins)
        sqlite = median([issue_all(service, "/api/tokens", made, logins) for _ in range(rounds)])
    name = "POST /api/tokens, 32 at once, one queue"
    return [
        Figure(
            path=f"{name}, Postgres",
            value=median(a / b for a, b, _ in rates),
            target=0.30,
            at_least=True,
            measured=f"{ours:,.0f} tokens/s, 1..{TOKENS} exact",
            compared_with=f"bare POST handler: {ceiling:,.0f} requests/s",
        ),
        Figure(
            path=f"{name}, Postgres",
            value=median(a / c for a, _, c in rates),
            target=1.0,
            at_least=True,
            measured=f"{ours:,.0f} tokens/s",
            compared_with=f"raw database, one statement each: {raw:,.0f} tokens/s",
        ),
        steadiness,
        Figure(
            path=f"{name}, SQLite",
            value=sqlite / ours,
            target=0.3,
            at_least=True,
            measured=f"{sqlite:,.0f} tokens/s",
            compared_with=f"Postgres: {ours:,.0f} tokens/s",
        ),
    ]


def _look_first(program: Program, path: str, logins: list[Login]) -> None:
    """What a phone does before it asks for a token: from then on the process knows it."""
    requests = [
        {"method": "GET", "path": path, "headers": {"authorization": f"Bearer {login.jwt}"}}
        for login in logins
    ]
    http_load({"url": program.url, "connections": AT_ONCE, "requests": requests})


def issue_all(program: Program, path: str, made: World, logins: list[Login]) -> float:
    """Tokens a second, each login one; raises unless all were issued and counted."""
    _, queue_id = asyncio.run(make_queue(made.settings))
    body = json.dumps({"queueId": str(queue_id)})
    requests = [
        {
            "path": path,
            "body": body,
            "headers": {
                "authorization": f"Bearer {login.jwt}",
                "content-type": "application/json",
            },
        }
        for login in logins
    ]
    result = http_load({"url": program.url, "connections": AT_ONCE, "requests": requests})
    if result["statuses"] != {"201": TOKENS}:
        raise RuntimeError(f"not every token was issued: {result['statuses']}")
    if path == "/api/tokens":
        headers = {"authorization": f"Bearer {logins[0].jwt}"}
        status = httpx.get(f"{program.url}/api/queues/{queue_id}/status", headers=headers).json()
        if status["data"]["waitingCount"] != TOKENS:
            raise RuntimeError(f"not exact: {status}")
        asyncio.run(empty_queue(made.settings, queue_id))
    return float(TOKENS / result["seconds"])


async def _raw(made: World, logins: list[Login]) -> float:
    _, queue_id = await make_queue(made.settings)
    pool = await asyncpg.create_pool(
        made.environment["DATABASE_URL"], min_size=AT_ONCE, max_size=AT_ONCE
    )
    left = [login.user_id for login in logins]

    async def client(connection: asyncpg.Connection) -> None:
        statement = await connection.prepare(_ISSUE)
        while left:
            await statement.fetchval(queue_id, uuid4(), left.pop())

    connections = [await pool.acquire() for _ in range(AT_ONCE)]
    started = time.perf_counter()
    await asyncio.gather(*(client(one) for one in connections))
    seconds = time.perf_counter() - started
    for one in connections:
        await pool.release(one)
    await pool.close()
    await empty_queue(made.settings, queue_id)
    return TOKENS / seconds


async def _last_against_first(made: World, service: Program) -> Figure:
    _, queue_id = await make_queue(made.settings)
    logins = await make_logins(made.settings, 1000, Role.PATIENT, None)
    async with httpx.AsyncClient(base_url=service.url) as http:
        for login in logins:
            await http.get("/api/auth/me", headers={"authorization": f"Bearer {login.jwt}"})
        costs = [await _one(http, login, queue_id) for login in logins]
    first, last = median(costs[:100]), median(costs[-100:])
    return Figure(
        path="the 1000th token against the first, one at a time (within ±20 %)",
        value=last / first,
        target=1.2,
        at_least=False,
        measured=f"p50 of tokens 901..1000: {last * 1000:.2f} ms",
        compared_with=f"p50 of tokens 1..100: {first * 1000:.2f} ms",
    )


async def _one(http: httpx.AsyncClient, login: Login, queue_id: UUID) -> float:
    started = time.perf_counter()
    answer = await http.post(
        "/api/tokens",
        json={"queueId": str(queue_id)},
        headers={"authorization": f"Bearer {login.jwt}"},
    )
    answer.raise_for_status()
    return time.perf_counter() - started
