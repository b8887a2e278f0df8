"""Guessing passwords: as many at once as one likes, and yet so many looked at and no more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from qure.application.accounts.attempts import (
    ACCOUNT_ATTEMPTS,
    NETWORK_ATTEMPTS,
    NETWORK_EVERY_SECONDS,
)
from tests.support.http_service import comes_true
from tests.support.servers.postgres import running_postgres
from tests.support.servers.process import LOOPBACK
from tests.support.servers.qure import QureProcess
from tests.support.servers.redis import running_redis
from tests.support.socket_service import running_service

PASSWORD = "correct horse"
SOMEWHERE = "203.0.113.7"

_numbers = count(1)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def processes() -> Iterator[Sequence[QureProcess]]:
    """Two of them on one Postgres and one Redis."""
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        settings = {
            "DATABASE_URL": postgres.dsn,
            "REDIS_URL": redis.url,
            "QURE_TRUSTED_PROXIES": LOOPBACK,
        }
        first = QureProcess(settings)
        second = QureProcess({**settings, "QURE_DATA_DIR": first.settings["QURE_DATA_DIR"]})
        for process in (first, second):
            stack.callback(process.close)
            process.start()
        yield first, second


@pytest.fixture
async def doors(processes: Sequence[QureProcess]) -> AsyncIterator[Sequence[httpx.AsyncClient]]:
    """A client for each process, to which every test brings accounts of its own."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(httpx.AsyncClient(base_url=one.url, timeout=60))
            for one in processes
        ]


async def registered(http: httpx.AsyncClient) -> str:
    """The address of a new account."""
    email = f"maria{next(_numbers)}@example.com"
    person = {"firstName": "Maria", "lastName": "Curie", "email": email}
    secrets = {"password": PASSWORD, "confirmPassword": PASSWORD}
    answer = await http.post("/api/auth/register", json=person | secrets)
    assert answer.status_code == 201, answer.text
    return email


async def log_in(
    http: httpx.AsyncClient,
    email: str,
    password: str = PASSWORD,
    *,
    address: str = SOMEWHERE,
    cookie: str = "",
) -> httpx.Response:
    http.cookies.clear()
    return await http.post(
        "/api/auth/login",
        json={"email": email, "password": password},
        headers={"X-Forwarded-For": address, "Cookie": cookie},
    )


async def guess(
    doors: Sequence[httpx.AsyncClient], email: str, addresses: Sequence[str], times: int = 100
) -> Counter[int]:
    """What so many guesses at once, through every dispatcher, are answered."""
    answers = await asyncio.gather(
        *(
            log_in(
                doors[number % len(doors)],
                email,
                f"guess number {number}",
                address=addresses[number % len(addresses)],
            )
            for number in range(times)
        )
    )
    for answer in answers:
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 180
    return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize("exists", [True, False], ids=["an account", "no account"])
@pytest.mark.parametrize(
    "addresses",
    [
        [SOMEWHERE],
        [f"198.51.100.{number}" for number in range(100)],
        [f"2001:db8:0:7::{number:x}" for number in range(1, 101)],
    ],
    ids=["one address", "100 addresses", "one IPv6 network"],
)
async def test_of_100_guesses_at_once_exactly_20_are_looked_at(
    doors: Sequence[httpx.AsyncClient], addresses: list[str], exists: bool
) -> None:
    email = await registered(doors[0]) if exists else f"nobody{next(_numbers)}@example.com"
    assert await guess(doors, email, addresses) == {
        401: ACCOUNT_ATTEMPTS,
        429: 100 - ACCOUNT_ATTEMPTS,
    }


async def test_the_owner_gets_in_on_a_known_device_while_others_guess(
    doors: Sequence[httpx.AsyncClient],
) -> None:
    email = await registered(doors[0])
    known = f"qure_device={(await log_in(doors[0], email)).cookies['qure_device']}"
    attack = asyncio.create_task(guess(doors, email, [SOMEWHERE], times=200))
    owners = [await log_in(dispatcher, email, cookie=known) for dispatcher in (*doors, *doors)]
    assert [answer.status_code for answer in owners] == [200] * 4
    assert (await attack)[401] == ACCOUNT_ATTEMPTS
    # Whoever has no device of hers has to wait, right password or not.
    assert (await log_in(doors[1], email)).status_code == 429
    assert (await log_in(doors[1], email, cookie=known)).status_code == 200
    # And the device itself guesses no more than anybody.
    answers = await asyncio.gather(
        *(log_in(doors[number % 2], email, "wrong", cookie=known) for number in range(60))
    )
    assert Counter(answer.status_code for answer in answers) == {
        401: ACCOUNT_ATTEMPTS,
        429: 60 - ACCOUNT_ATTEMPTS,
    }


async def test_a_newcomer_behind_a_hot_address_is_slowed_and_not_locked_out(
    tmp_path: Path,
) -> None:
    async with (
        running_service(tmp_path) as service,
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        newcomer, regular = await registered(http), await registered(http)
        known = f"qure_device={(await log_in(http, regular)).cookies['qure_device']}"
        for first in range(0, NETWORK_ATTEMPTS, 20):
            await asyncio.gather(
                *(log_in(http, f"user{n}@example.com", "wrong") for n in range(first, first + 20))
            )
        # What came back meanwhile is tried, too: the network has nothing left.
        number = NETWORK_ATTEMPTS
        while (await log_in(http, f"user{number}@example.com", "wrong")).status_code == 401:
            number += 1
        assert (await log_in(http, regular, cookie=known)).status_code == 200
        answer = await log_in(http, newcomer)
        assert answer.status_code == 429
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= NETWORK_EVERY_SECONDS

        async def is_in() -> bool:
            return (await log_in(http, newcomer)).status_code == 200

        await comes_true(is_in, within=wait + 2)
