"""How SQLite is opened, begun, bounded in time and left."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiosqlite
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_

from qure.adapters.sql.compiled import COMPILED, SQLITE
from qure.adapters.sql.faults import translate
from qure.adapters.sql.pools import ACQUIRE_SECONDS, LOCK_MILLISECONDS, PoolUse, pool_use
from qure.adapters.sql.transaction import Transaction

SQLITE_READERS = 4


def sqlite_path(url: str) -> Path:
    """The file. Raises ``ValueError`` when the URL names none."""
    database = make_url(url).database
    if not database or database == ":memory:":
        raise ValueError("The database URL must name a file, as in sqlite:///data/qure.db.")
    return Path(database)


def sqlite_engine(
    path: Path, *, begin: str, pragmas: dict[str, str], **engine_options: Any
) -> AsyncEngine:
    """Every transaction starts with ``begin``; the file is made, for its owner's eyes only."""
    engine = create_async_engine(
        URL.create(SQLITE, database=str(path)),
        connect_args={
            "isolation_level": None,  # we say BEGIN ourselves
            "factory": _Connection,
            "async_creator_fn": _connect,
        },
        hide_parameters=True,
        execution_options={"compiled_cache": COMPILED},
        **engine_options,
    )

    def make_private(*_: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A database that exists is never opened past SQLite: closing it would drop every lock that
        # this process holds on it (POSIX), and a command that comes and goes meanwhile would take
        # itself for the only one and delete the write-ahead log under the service.
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            path.chmod(0o600)  # its -wal and -shm files take after it

    def set_up(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for name, value in pragmas.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        cursor.close()
        _add_missing_functions(connection)

    def say_begin(connection: Any) -> None:
        await_(connection.connection.driver_connection.execute(begin))

    event.listen(engine.sync_engine, "do_connect", make_private)
    event.listen(engine.sync_engine, "connect", set_up)
    event.listen(engine.sync_engine, "begin", say_begin)
    return engine


def _add_missing_functions(connection: Any) -> None:
    """Not every build of SQLite has mathematics (SQLITE_ENABLE_MATH_FUNCTIONS)."""
    if _HAS_MATHEMATICS:
        return
    for function in (math.sin, math.cos, math.asin, math.sqrt, math.radians):
        connection.create_function(function.__name__, 1, function, deterministic=True)


class _Connection(sqlite3.Connection):
    """Closed, it holds no lock, whoever still has a cursor of it.

    By itself a connection stays behind with its locks until the last of its cursors is gone
    (``sqlite3_close_v2``): one whose rows were not read yet when its task was cancelled lives as
    long as the error, and others wait for it until then. To roll back does not end a statement.
    """

    def __init__(self, *where: Any, **options: Any) -> None:
        super().__init__(*where, **options)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()

    def cursor(self, *kind: Any) -> Any:
        cursor = super().cursor(*kind)
        self._cursors.add(cursor)
        return cursor

    def execute(self, *statement: Any) -> Any:
        return self.cursor().execute(*statement)  # its own would not ask for ours

    def close(self) -> None:
        with suppress(KeyError):  # none is left
            while True:
                self._cursors.pop().close()
        super().close()


async def _connect(*where: Any, **options: Any) -> aiosqlite.Connection:
    """A connection whose thread is told to stop once only.

    The thread ends at its first stop: to wait for a second one is to wait for ever. Closing stops,
    and so does a pool that is cancelled while it waits for the closing, at any step from the first
    statement on: without this a service that is told to end just then never does.
    """
    connection = aiosqlite.connect(*where, **options)
    connection._thread.daemon = True  # as SQLAlchemy does with those that it makes
    stop, stopped = connection.stop, False

    def stop_once() -> asyncio.Future[Any] | None:
        nonlocal stopped
        if stopped:
            return None
        stopped = True
        return stop()

    connection.stop = stop_once  # type: ignore[method-assign]
    return await connection


def _has_mathematics() -> bool:
    with sqlite3.connect(":memory:") as connection:
        options = {option for (option,) in connection.execute("PRAGMA compile_options")}
    connection.close()
    return "ENABLE_MATH_FUNCTIONS" in options


_HAS_MATHEMATICS = _has_mathematics()

# When debugging it would log every statement with its values, password hashes too.
logging.getLogger("aiosqlite").setLevel(logging.INFO)

_PRAGMAS = {
    "busy_timeout": str(LOCK_MILLISECONDS),  # first: changing the mode needs it already
    "journal_mode": "WAL",
    "foreign_keys": "ON",
}


class SqliteDatabase:
    """One writer at a time, in the order they came: they share one connection, and the pool is
    a queue. Readers are on snapshots beside it."""

    def __init__(self, path: Path) -> None:
        self._writer = sqlite_engine(
            path,
            begin="BEGIN IMMEDIATE",
            pragmas=_PRAGMAS | {"synchronous": "FULL"},
            pool_size=1,
            max_overflow=0,
            pool_timeout=ACQUIRE_SECONDS,
        )
        self._readers = sqlite_engine(
            path,
            begin="BEGIN",
            pragmas=_PRAGMAS | {"query_only": "ON"},
            pool_size=SQLITE_READERS,
            max_overflow=0,
            pool_timeout=ACQUIRE_SECONDS,
        )
        self._waiting = 0

    async def begin(self, *, writing: bool) -> Transaction:
        self._waiting += 1
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                return Transaction(await (self._writer if writing else self._readers).connect())
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise translate(error) from error
        finally:
            self._waiting -= 1

    def pool_use(self) -> PoolUse:
        writer, readers = pool_use(self._writer, waiting=0), pool_use(self._readers, waiting=0)
        return PoolUse(
            size=writer.size + readers.size,
            in_use=writer.in_use + readers.in_use,
            waiting=self._waiting,
        )

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
