"""Bringing a database to a version of the schema, or back.

Every command is one transaction and waits for any other migration of the same database.
"""

from __future__ import annotations

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from qure.adapters.sql.migrations.revision import (
    SCRIPTS,
    WAIT_SECONDS,
    current,
    head,
    migration_engine,
)

__all__ = ["current", "downgrade", "head", "migrate", "revise"]

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
    """Write a new script from what differs between that (migrated) database and ``rows``."""
    number = f"{len(list(_scripts().walk_revisions())) + 1:04}"
    await _run(
        url,
        lambda config: command.revision(config, message, autogenerate=True, rev_id=number),
    )


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

    engine = migration_engine(url)
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


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if broken is not None:
        raise RuntimeError(f"The migration would leave a broken reference in {broken[0]}.")
