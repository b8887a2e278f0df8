"""Bringing a database to a version of the schema, or back.

Every command is one transaction and waits for any other migration of the same database.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from qure.adapters.sql.engine import (
    PostgresAddress,
    is_sqlite,
    postgres_engine,
    sqlite_engine,
    sqlite_path,
)

SCRIPTS = Path(__file__).parent

WAIT_SECONDS = 60
"""How long a migration waits for another one, and for locks of the running service."""

_ADVISORY_LOCK = 0x71757265  # "qure"


async def migrate(url: str, revision: str = "head") -> None:
    """Upgrade to that revision. Nothing happens when the database is there already.

    Raises what the database raised; nothing was changed then.
    """
    await _run(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str) -> None:
    """Go back to that revision (``base``: to an empty database; ``-1``: one step)."""
    await _run(url, lambda config: command.downgrade(config, revision))


async def revise(url: str, message: str) -> None:
    """Write a new script from what differs between that (migrated) database and ``rows.py``."""
    number = f"{len(list(_scripts().walk_revisions())) + 1:04}"
    await _run(
        url,
        lambda config: command.revision(config, message, autogenerate=True, rev_id=number),
    )


async def current(url: str) -> str | None:
    """The revision of the database, None when it is empty."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda plain: MigrationContext.configure(plain).get_current_revision()
            )
    finally:
        await engine.dispose()


def head() -> str | None:
    """The revision that this version of the program works with."""
    return _scripts().get_current_head()


async def _run(url: str, act: Callable[[Config], object]) -> None:
    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        act(config)
        if connection.dialect.name == "sqlite":
            _check_foreign_keys(connection)

    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    return config


def _engine(url: str) -> AsyncEngine:
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


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise RuntimeError(f"The migration would leave a broken reference in {broken[0]}.")
