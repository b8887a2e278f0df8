"""Which schema a database has, and which this program knows, without loading Alembic.

A server asks at every start, and almost always has nothing to migrate.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from qure.adapters.sql.engine import is_sqlite
from qure.adapters.sql.postgres import PostgresAddress, postgres_engine
from qure.adapters.sql.sqlite import sqlite_engine, sqlite_path

SCRIPTS = Path(__file__).parent

WAIT_SECONDS = 60
"""How long a migration waits for another one, and for locks of the running service."""


def known() -> list[str]:
    """Every revision of this program, the oldest first: the scripts are numbered."""
    return sorted(script.stem[1:5] for script in (SCRIPTS / "versions").glob("v????_*.py"))


def head() -> str:
    """The revision that this version of the program works with."""
    return known()[-1]


async def current(url: str) -> str | None:
    """The revision of the database, None when it is empty."""
    engine = migration_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    finally:
        await engine.dispose()


def migration_engine(url: str) -> AsyncEngine:
    """Connections that take the time that a migration needs."""
    if not is_sqlite(url):
        return postgres_engine(PostgresAddress.parse(url), limited=False, poolclass=NullPool)
    # SQLite changes a table by making it anew; no foreign key may stumble over that, so they
    # are looked at once, in the end.
    pragmas = {
        "busy_timeout": str(WAIT_SECONDS * 1000),  # first: changing the mode needs it already
        "journal_mode": "WAL",
        "foreign_keys": "OFF",
    }
    return sqlite_engine(
        sqlite_path(url), begin="BEGIN IMMEDIATE", pragmas=pragmas, poolclass=NullPool
    )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
