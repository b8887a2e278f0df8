"""Every storage there is, each empty, and what it told of its commits."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from qure.adapters.sql.migrations.migrate import migrate
from qure.adapters.sql.unit_of_work import SqlStorage, open_storage
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from tests.support.builders import FixedClock, SequentialIds
from tests.support.memory.storage import MemoryStorage
from tests.support.servers.postgres import fresh_database, template_database

T = TypeVar("T")


@dataclass
class Announced:
    """What `on_commit` was told, and what it does with it."""

    entries: list[JournalEntry] = field(default_factory=list)
    failure: Exception | None = None

    async def __call__(self, entry: JournalEntry) -> None:
        self.entries.append(entry)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def announced() -> Announced:
    return Announced()


@asynccontextmanager
async def opened(
    url: str,
    *,
    clock: FixedClock,
    announced: Announced,
    pool_size: int = 8,
    first_id: int = 1,
) -> AsyncIterator[SqlStorage]:
    storage = open_storage(
        url,
        clock=clock,
        ids=SequentialIds(first_id),
        pool_size=pool_size,
    )
    storage.subscribe(announced)
    try:
        yield storage
    finally:
        await storage.close()


class Apart:
    """An event loop in a thread of its own.

    A fixture that is asked for by name inside an asynchronous one cannot use that one's loop.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it there and wait for it here."""
        return self._thread.submit(self._runner.run, work).result()

    @contextmanager
    def inside(self, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
        """The same for a context."""
        entered = self.run(_enter(context))
        try:
            yield entered
        finally:
            self.run(_leave(context))

    def close(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


async def _enter(context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)


@pytest.fixture(scope="session")
def apart() -> Iterator[Apart]:
    loop = Apart()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def sqlite_template(apart: Apart, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied: migrating anew for every test would take too long."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    apart.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(apart: Apart, postgres_server: str) -> Iterator[str]:
    """The name of a migrated database, to be copied."""
    with apart.inside(template_database(postgres_server, migrate)) as name:
        yield name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """An empty, migrated file of this test alone."""
    path = tmp_path / "qure.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(apart: Apart, postgres_server: str, postgres_template: str) -> Iterator[str]:
    """An empty, migrated database of this test alone."""
    with apart.inside(fresh_database(postgres_server, template=postgres_template)) as dsn:
        yield dsn


@pytest.fixture(params=["sqlite", "postgres"])
async def sql_storage(
    request: pytest.FixtureRequest, clock: FixedClock, announced: Announced
) -> AsyncIterator[SqlStorage]:
    """Each of the databases."""
    url = request.getfixturevalue(f"{request.param}_url")
    async with opened(url, clock=clock, announced=announced) as storage:
        yield storage


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def storage(
    request: pytest.FixtureRequest, clock: FixedClock, announced: Announced
) -> AsyncIterator[Storage]:
    """Each of the storages."""
    if request.param == "memory":
        yield MemoryStorage(clock=clock, ids=SequentialIds(), on_commit=announced)
        return
    url = request.getfixturevalue(f"{request.param}_url")
    async with opened(url, clock=clock, announced=announced) as storage:
        yield storage
