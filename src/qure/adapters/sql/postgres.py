"""How Postgres is opened, begun, bounded in time and left, with a pooler before it and without."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from qure.adapters.sql.compiled import COMPILED, POSTGRES
from qure.adapters.sql.faults import translate
from qure.adapters.sql.pools import ACQUIRE_SECONDS, LOCK_MILLISECONDS, PoolUse, pool_use
from qure.adapters.sql.transaction import Transaction

# The server gives up on a statement before we do, so that normally the connection survives.
COMMAND_SECONDS = 1.7
STATEMENT_MILLISECONDS = 1_400

_LIMITS = {
    "lock_timeout": str(LOCK_MILLISECONDS),
    "statement_timeout": str(STATEMENT_MILLISECONDS),
    "jit": "off",  # compiling costs more than any statement of ours
}
_LIMITS_IN_TRANSACTION = "".join(f"SET LOCAL {name} = {value};" for name, value in _LIMITS.items())


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
        f"{POSTGRES}://",
        async_creator=connect,
        hide_parameters=True,
        execution_options={"compiled_cache": COMPILED},
        **engine_options,
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
        return pool_use(self._writers, waiting=self._waiting)

    async def close(self) -> None:
        await self._writers.dispose()
