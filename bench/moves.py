"""Recall, return, transfer and the board, each against calling the next patient in the same run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import httpx

from bench.report import Figure
from bench.world import Login, World, fill_queue, make_logins, make_queue, make_service, world
from qure.domain.actor import Role
from qure.domain.ids import QueueId, ServiceId

BOARD = 500


def run(*, quick: bool) -> list[Figure]:
    """One staff member in turn over HTTP, on Postgres."""
    rounds = 40 if quick else 200
    with world("postgres") as made:
        service = made.start_service()
        clinic_id, queue_id = asyncio.run(make_queue(made.settings))
        other = asyncio.run(make_service(made.settings, clinic_id))
        (staff,) = asyncio.run(make_logins(made.settings, 1, Role.STAFF, clinic_id))
        asyncio.run(fill_queue(made.settings, queue_id, 2 * rounds + BOARD))
        desk = _Desk(service.url, staff)
        costs = asyncio.run(desk.moves(queue_id, other, rounds))
        board = asyncio.run(_board(made, service.url, rounds))
    call = costs["call-next"]
    limits = {"recall": 1.1, "return, behind three others": 1.5, "transfer": 2.0}
    return [
        *(
            Figure(
                path=f"{name}, one at a time, Postgres",
                value=costs[name] / call,
                target=limit,
                at_least=False,
                measured=f"p50 {costs[name] * 1000:.2f} ms",
                compared_with=f"call-next: p50 {call * 1000:.2f} ms",
            )
            for name, limit in limits.items()
        ),
        Figure(
            path=f"the board of {BOARD}: a reading",
            value=board / call,
            target=20.0,
            at_least=False,
            measured=f"p50 {board * 1000:.2f} ms, {board / BOARD * 1e6:.0f} µs a token",
            compared_with=f"call-next: p50 {call * 1000:.2f} ms",
        ),
    ]


class _Desk:
    """Somebody who works over HTTP."""

    def __init__(self, url: str, staff: Login) -> None:
        self._url = url
        self._headers = {"authorization": f"Bearer {staff.jwt}"}

    async def moves(self, queue_id: QueueId, other: ServiceId, rounds: int) -> dict[str, float]:
        """The median of each, in seconds."""
        found: dict[str, list[float]] = {}
        async with httpx.AsyncClient(base_url=self._url, headers=self._headers) as http:

            async def timed(name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
                started = time.perf_counter()
                answer = await http.post(path, json=body)
                found.setdefault(name, []).append(time.perf_counter() - started)
                answer.raise_for_status()
                data: dict[str, Any] = answer.json()["data"]
                return data

            for _ in range(rounds):
                token = await timed("call-next", f"/api/queues/{queue_id}/call-next", {})
                path = f"/api/tokens/{token['id']}"
                await timed("recall", f"{path}/recall", {})
                back = {"to": "AFTER", "after": 3}
                await timed("return, behind three others", f"{path}/return", back)
                await timed("transfer", f"{path}/transfer", {"serviceId": str(other)})
        return {name: median(one) for name, one in found.items()}


async def _board(made: World, url: str, rounds: int) -> float:
    board_clinic, queue_id = await make_queue(made.settings)
    await fill_queue(made.settings, queue_id, BOARD)
    (staff,) = await make_logins(made.settings, 1, Role.STAFF, board_clinic)
    headers = {"authorization": f"Bearer {staff.jwt}"}
    async with httpx.AsyncClient(base_url=url, headers=headers) as http:

        async def read() -> None:
            answer = await http.get(f"/api/queues/{queue_id}/board")
            answer.raise_for_status()
            if len(answer.json()["data"]["tokens"]) != BOARD:
                raise RuntimeError("not everybody is on the board")

        return await _p50(read, max(10, rounds // 4))


async def _p50(do: Callable[[], Awaitable[None]], rounds: int) -> float:
    costs = []
    for _ in range(rounds):
        started = time.perf_counter()
        await do()
        costs.append(time.perf_counter() - started)
    return median(costs)
