"""A flood of registrations: it makes few accounts from one address, and keeps nobody out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from time import monotonic
from uuid import uuid4

import httpx
import pytest

from tests.support.servers.process import LOOPBACK
from tests.support.servers.qure import QureProcess
from tests.support.waiting import eventually

PASSWORD = "correct horse"
CONNECTIONS = 100
LOGINS = 12
HOME = "203.0.113.7"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def service() -> Iterator[QureProcess]:
    """A process as it is shipped, and one account on it."""
    process = QureProcess({"QURE_TRUSTED_PROXIES": LOOPBACK})
    try:
        process.start()
        person = account("maria@example.com")
        httpx.post(f"{process.url}/api/auth/register", json=person).raise_for_status()
        yield process
    finally:
        process.close()


def account(email: str) -> dict[str, str]:
    person = {"firstName": "Maria", "lastName": "Curie", "email": email}
    return person | {"password": PASSWORD, "confirmPassword": PASSWORD}


async def register(http: httpx.AsyncClient, email: str, address: str) -> httpx.Response:
    return await http.post(
        "/api/auth/register", json=account(email), headers={"X-Forwarded-For": address}
    )


@asynccontextmanager
async def flood(
    service: QureProcess, address_of: Callable[[int], str]
) -> AsyncIterator[Counter[int]]:
    """100 connections that register as fast as they are answered, until the block is left."""
    answers: Counter[int] = Counter()
    numbers = count()

    async def connection(http: httpx.AsyncClient) -> None:
        while True:
            number = next(numbers)
            answer = await register(http, f"{uuid4()}@example.com", address_of(number))
            answers[answer.status_code] += 1
            if answer.status_code in (429, 503):
                assert 1 <= int(answer.headers["retry-after"]) <= 20

    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=limits) as http:
        bots = [asyncio.create_task(connection(http)) for _ in range(CONNECTIONS)]
        try:
            await eventually(lambda: bool(answers), within=30)
            yield answers
        finally:
            for bot in bots:
                bot.cancel()
            ended = await asyncio.gather(*bots, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


async def honest_logins(service: QureProcess) -> Counter[int]:
    """What people are answered who log in from the same address as the flood, two at a time."""
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as http:

        async def log_in() -> int:
            answer = await http.post(
                "/api/auth/login",
                json={"email": "maria@example.com", "password": PASSWORD},
                headers={"X-Forwarded-For": HOME},
            )
            return answer.status_code

        found: Counter[int] = Counter()
        for _ in range(LOGINS // 2):
            found.update(await asyncio.gather(log_in(), log_in()))
        return found


async def test_one_address_makes_30_accounts_at_once_and_everybody_else_logs_in(
    service: QureProcess,
) -> None:
    began = monotonic()
    async with flood(service, lambda _: HOME) as answers:
        assert await honest_logins(service) == {200: LOGINS}
        await eventually(lambda: answers[429] >= CONNECTIONS, within=30)
    assert answers[201] + answers[503] <= 30 + (monotonic() - began) / 20 + 1
    assert set(answers) <= {201, 429, 503}


async def test_a_flood_from_everywhere_takes_no_thread_that_logins_need(
    service: QureProcess,
) -> None:
    async with flood(service, lambda n: f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}") as answers:
        assert await honest_logins(service) == {200: LOGINS}
        await eventually(lambda: answers[201] > 0 and answers[503] > 0, within=30)
    assert set(answers) <= {201, 503}
