"""Logging in: as fast as bcrypt lets us, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from passlib.hash import bcrypt

from bench.report import Figure
from bench.world import Program, make_logins, make_queue, world
from qure.domain.actor import Role

PASSWORD = "correct horse"
AT_ONCE = 8


def run(*, quick: bool) -> list[Figure]:
    """Eight at once through HTTP, then bcrypt alone in as many threads as there are cores."""
    logins = 40 if quick else 160
    with world("postgres") as made:
        service = made.start_service()
        _, queue_id = asyncio.run(make_queue(made.settings))
        (reader,) = asyncio.run(make_logins(made.settings, 1, Role.PATIENT, None))
        asyncio.run(_register(service))
        path = f"/api/queues/{queue_id}/status"
        rate, p99 = asyncio.run(_log_in(service, logins, path, reader.jwt))
        alone = _bcrypt_alone(logins)
    return [
        Figure(
            path="login, 8 at once",
            value=rate / alone,
            target=0.9,
            at_least=True,
            measured=f"{rate:.1f} logins/s",
            compared_with=f"bcrypt alone in threads: {alone:.1f}/s",
        ),
        Figure(
            path="other requests meanwhile: p99, ms",
            value=p99 * 1000,
            target=50,
            at_least=False,
            measured=f"{p99 * 1000:.1f} ms",
            compared_with="a bound, no ceiling",
        ),
    ]


async def _register(service: Program) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        for number in range(AT_ONCE):
            answer = await http.post(
                "/api/auth/register",
                json={
                    "firstName": "Bench",
                    "lastName": "Mark",
                    "email": f"login{number}@bench.example",
                    "password": PASSWORD,
                    "confirmPassword": PASSWORD,
                },
            )
            answer.raise_for_status()


async def _log_in(service: Program, logins: int, path: str, jwt: str) -> tuple[float, float]:
    left = list(range(logins))
    others: list[float] = []
    async with httpx.AsyncClient(base_url=service.url) as http:

        async def client(number: int) -> None:
            while left:
                left.pop()
                answer = await http.post(
                    "/api/auth/login",
                    json={"email": f"login{number}@bench.example", "password": PASSWORD},
                )
                answer.raise_for_status()

        async def somebody_else() -> None:
            while left:
                started = time.perf_counter()
                await http.get(path, headers={"authorization": f"Bearer {jwt}"})
                others.append(time.perf_counter() - started)
                await asyncio.sleep(0.005)

        started = time.perf_counter()
        await asyncio.gather(*(client(number) for number in range(AT_ONCE)), somebody_else())
        seconds = time.perf_counter() - started
    others.sort()
    return logins / seconds, others[int(len(others) * 0.99)]


def _bcrypt_alone(times: int) -> float:
    hashed = bcrypt.using(rounds=10).hash(PASSWORD)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        started = time.perf_counter()
        list(threads.map(lambda _: bcrypt.verify(PASSWORD, hashed), range(times)))
        return times / (time.perf_counter() - started)
