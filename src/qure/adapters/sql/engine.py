"""How each database is opened, begun, bounded in time and left: every difference in one place.

What their errors mean is in ``faults.py``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import URL, Double, event, make_url
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.util import await_

from qure.adapters.sql.faults import translate
from qure.adapters.sql.transaction import Transaction

# A caller hears within two seconds that the database is away or too busy. The server gives up
# on a statement before we do, so that normally the connection survives.
ACQUIRE_SECONDS = 1.5
COMMAND_SECONDS = 1.7
STATEMENT_MILLISECONDS = 1_400
LOCK_MILLISECONDS = 1_200

_LIMITS = {
    "lock_timeout": str(LOCK_MILLISECONDS),
    "statement_timeout": str(STATEMENT_MILLISECONDS),
    "jit": "off",  # compiling costs more than any statement of ours
}
_LIMITS_IN_TRANSACTION = "".join(f"SET LOCAL {name} = {value};" for name, value in _LIMITS.items())

SQLITE_READERS = 4


class smaller_of(GenericFunction[float]):  # noqa: N801 - it is written like a function of SQL
    """The smaller of two numbers."""

    type = Double()
    inherit_cache = True


@compiles(smaller_of, "postgresql")
def _least(element: smaller_of, compiler: Any, **options: Any) -> str:
    return f"least({compiler.process(element.clauses, **options)})"


@compiles(smaller_of, "sqlite")
def _min(element: smaller_of, compiler: Any, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How the connections are used at this moment."""

    size: int
    in_use: int
    waiting: int


class Database(Protocol):
    """One of the two, opened."""

    async def begin(self, *, writing: bool) -> Transaction:
        """Raises ``Unavailable`` when no connection can be had in time."""

    def pool_use(self) -> PoolUse: ...

    async def close(self) -> None: ...


def open_database(url: str, *, pool_size: int) -> Database:
    """Nothing is connected yet. Raises ``ValueError`` for a URL of another database."""
    if is_sqlite(url):
        return SqliteDatabase(sqlite_path(url))
    return PostgresDatabase(PostgresAddress.parse(url), pool_size=pool_size)


def is_sqlite(url: str) -> bool:
    """Whether the URL names a SQLite file."""
    return urlsplit(url).scheme.partition("+")[0] == "sqlite"


# --- Postgres -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where Postgres is, and whether a transaction-mode PgBouncer stands before it.

    Written ``?pgbouncer=true`` in the URL, which is ours alone; the rest of the URL is read by
    asyncpg as libpq would. Behind a pooler there is no session: every transaction brings its own
    limits, and no prepared statement has a name.
    """

    dsn: str
    pooled: bool

    @classmethod
    def parse(cls, url: str) -> PostgresAddress:
        """Raises ``ValueError`` for a URL of another database."""
        parts = urlsplit(url)
        if parts.scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
            raise ValueError("The database URL must begin with postgresql:// or sqlite:///.")
        query = parse_qsl(parts.query, keep_blank_values=True)
        flag = dict(query).get("pgbouncer", "false").lower()
        rest = urlencode([(key, value) for key, value in query if key != "pgbouncer"])
        dsn = urlunsplit(parts._replace(scheme="postgresql", query=rest))
        return cls(dsn, pooled=flag in {"true", "1", "yes"})


class _LimitedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Brings the limits of each transaction along with its BEGIN, in the same round trip."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        if query.startswith("BEGIN"):
            query += _LIMITS_IN_TRANSACTION
        status: str = await super().execute(query, *args, timeout=timeout)
        return status


def postgres_engine(
    address: PostgresAddress, *, limited: bool, **engine_options: Any
) -> AsyncEngine:
    """``limited``: with our time limits, for requests; migrations take the time they need."""
    connecting: dict[str, Any] = {"server_settings": {"application_name": "qure"}}
    if limited:
        connecting["timeout"] = ACQUIRE_SECONDS
        if address.pooled:
            connecting["connection_class"] = _LimitedConnection
        else:
            connecting["server_settings"] |= _LIMITS
    if address.pooled:
        # What is kept then has no name, and is parsed anew in the round trip that executes it.
        connecting["statement_cache_size"] = 0

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(address.dsn, **connecting)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **engine_options
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, *_: Any) -> None:
    """A connection that the server closed while it was idle: the pool makes another."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class PostgresDatabase:
    """One small pool. Writers run READ COMMITTED, readers on one snapshot (REPEATABLE READ)."""

    def __init__(self, address: PostgresAddress, *, pool_size: int) -> None:
        self._writers = postgres_engine(
            address,
            limited=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=ACQUIRE_SECONDS,
            pool_use_lifo=True,
        )
        self._readers = self._writers.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._waiting = 0

    async def begin(self, *, writing: bool) -> Transaction:
        engine = self._writers if writing else self._readers
        self._waiting += 1
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                connection = await engine.connect()
        except (SQLAlchemyError, OSError) as error:
            raise translate(error) from error
        finally:
            self._waiting -= 1
        driver: Any = connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]
        return Transaction(connection, abort=driver.terminate, timeout=COMMAND_SECONDS)

    def pool_use(self) -> PoolUse:
        return _pool_use(self._writers, waiting=self._waiting)

    async def close(self) -> None:
        await self._writers.dispose()


def _pool_use(engine: AsyncEngine, *, waiting: int) -> PoolUse:
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return PoolUse(size=pool.size(), in_use=pool.checkedout(), waiting=waiting)


# --- SQLite ---------------------------------------------------------------------------------


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
        URL.create("sqlite+aiosqlite", database=str(path)),
        connect_args={"isolation_level": None},  # we say BEGIN ourselves
        hide_parameters=True,
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
        _stop_only_once(connection.driver_connection)

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


def _stop_only_once(connection: Any) -> None:
    """The connection's thread ends at its first stop: to wait for a second one is to wait for ever.

    Closing stops, and so does a pool that is cancelled while it waits for the closing: without
    this a service that is told to end just then never does.
    """
    stop, stopped = connection.stop, False

    def stop_once() -> asyncio.Future[Any] | None:
        nonlocal stopped
        if stopped:
            return None
        stopped = True
        future: asyncio.Future[Any] | None = stop()
        return future

    connection.stop = stop_once


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
        writer, readers = _pool_use(self._writer, waiting=0), _pool_use(self._readers, waiting=0)
        return PoolUse(
            size=writer.size + readers.size,
            in_use=writer.in_use + readers.in_use,
            waiting=self._waiting,
        )

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
