"""Real servers for every test that asks for one; each worker of pytest-xdist has its own."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import AsyncIterator, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from redis.asyncio import Redis

from tests.support.scratch import write_into_memory
from tests.support.servers import postgres, redis
from tests.support.servers.postgres import PostgresServer, fresh_database, running_postgres
from tests.support.servers.redis import RedisServer, running_redis

# What the machine lacked and scripts/install-servers brought.
os.environ["PATH"] = os.pathsep.join(
    (str(Path(__file__).parents[1] / ".servers" / "bin"), os.environ["PATH"])
)

write_into_memory()

pytest_plugins = ["tests.support.core_coverage", "tests.support.measuring"]


def pytest_collection_finish() -> None:
    """What is loaded now stays: no need to look through it again with each test's service."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 1_000_000)


def pytest_runtest_logfinish() -> None:
    """Full collections come between tests: in the middle of one, a service would stand still."""
    if gc.get_count()[2] >= 20:
        gc.collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logs may be half a character, which no process can send to another."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def _one_look_at_each_key() -> Iterator[None]:
    """Loading an RSA key checks it, 27 ms each time: most services of a run have the same."""
    with pytest.MonkeyPatch.context() as patch:
        load = cache(serialization.load_pem_private_key)
        patch.setattr(serialization, "load_pem_private_key", load)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_look_at_the_authorities() -> Iterator[None]:
    """Every HTTP client reads all certificate authorities, 20 ms each, to speak plain HTTP."""
    make = ssl.create_default_context
    read = cache(make)

    def context(*purpose: Any, **options: Any) -> ssl.SSLContext:
        return (read if options.keys() == {"cafile"} else make)(*purpose, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", context)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The administrator's DSN of a Postgres that the tests of this worker share."""
    given = postgres.external_dsn()
    if given is not None:
        yield given
        return
    with running_postgres() as server:
        yield server.dsn


@pytest.fixture
async def postgres_database(postgres_server: str) -> AsyncIterator[str]:
    """The DSN of an empty Postgres database of this test alone."""
    async with fresh_database(postgres_server) as dsn:
        yield dsn


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A Postgres that this test may stop, kill, freeze and start again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(worker_id: str) -> Iterator[str]:
    """The URL of a Redis that the tests of this worker share, with a database of its own."""
    given = redis.external_url()
    if given is not None:
        worker_number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
        yield redis.url_of(given, database=worker_number)
        return
    with running_redis() as server:
        yield server.url


@pytest.fixture
async def redis_database(redis_server: str) -> str:
    """The URL of a Redis database that is empty when the test begins."""
    async with Redis.from_url(redis_server) as client:
        await client.flushdb()
    return redis_server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """An empty Redis that this test may stop, kill, freeze and start again."""
    with running_redis() as server:
        yield server
