"""The migrations lead to the schema that the adapter works with, step by step, up and down."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from qure.adapters.sql.migrations import migrate as migrating
from qure.adapters.sql.migrations.migrate import current, downgrade, head, migrate
from qure.adapters.sql.migrations.own_types import type_differs
from qure.adapters.sql.migrations.revision import SCRIPTS

# Loaded, each adds its tables to what ``Row.metadata`` knows.
from qure.adapters.sql.rows import accounts, clinics, queueing, records, waiting  # noqa: F401
from qure.adapters.sql.rows.row import Row

REVISIONS = [script.revision for script in migrating._scripts().walk_revisions()][::-1]

ONE_COLUMN_LESS = "ALTER TABLE clinics DROP COLUMN pending_logo"

FAILING = """
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("CREATE TABLE half_done (id INTEGER PRIMARY KEY)")
    op.execute("UPDATE clinics SET name = 'changed'")
    op.execute("INSERT INTO no_such_table VALUES (1)")


def downgrade() -> None:
    pass
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/qure.db"
    dsn: str = request.getfixturevalue("postgres_database")
    return dsn


async def looked_at(url: str, look: Any) -> Any:
    driver = url.replace("postgresql://", "postgresql+asyncpg://")
    driver = driver.replace("sqlite://", "sqlite+aiosqlite://")
    engine = create_async_engine(driver, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(look)
    finally:
        await engine.dispose()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def definitions(connection: Connection) -> set[tuple[Any, ...]]:
    """Every table, column, constraint and index as the database itself describes it."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'")
        )
        return {
            (row.type, row.name, *(_parts(row.sql) if row.type == "table" else [row.sql]))
            for row in rows
        }
    found: set[tuple[Any, ...]] = set()
    for query in (
        "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes "
        "WHERE schemaname = 'public'",
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, "
        "column_default::text FROM information_schema.columns WHERE table_schema = 'public'",
    ):
        found |= {tuple(row) for row in connection.execute(text(query))}
    return {each for each in found if "alembic_version" not in str(each)}


def _parts(sql: str) -> list[str]:
    """The columns and constraints of a table, in no order: one that SQLite has made anew has an
    order of its own."""
    _, _, inside = " ".join(sql.replace('"', "").split()).partition("(")
    inside, _, _ = inside.rpartition(")")
    parts, depth = [""], 0
    for letter in inside:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return sorted(part.strip() for part in parts)


async def test_every_step_goes_up_down_and_up_again(url: str) -> None:
    before: list[set[tuple[Any, ...]]] = [await looked_at(url, definitions)]
    for revision in REVISIONS:
        await migrate(url, revision)
        assert await current(url) == revision
        after = await looked_at(url, definitions)
        assert after != before[-1]
        await downgrade(url, "-1")
        assert await looked_at(url, definitions) == before[-1]
        await migrate(url, revision)
        assert await looked_at(url, definitions) == after
        before.append(after)
    assert await current(url) == head()
    for revision in (*REVISIONS[-2::-1], "base"):
        await downgrade(url, revision)
        before.pop()
        assert await looked_at(url, definitions) == before[-1]
    assert await current(url) is None
    assert await looked_at(url, tables) == set()


async def test_alembic_finds_nothing_that_the_migrations_forgot(url: str) -> None:
    await migrate(url)
    differences = await looked_at(
        url,
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": type_differs}),
            Row.metadata,
        ),
    )
    assert differences == []


async def test_the_migrated_schema_is_the_one_of_the_rows_down_to_every_check(
    url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Alembic compares neither checks nor the conditions of partial indexes."""
    await migrate(url)
    migrated = await looked_at(url, definitions)
    await downgrade(url, "base")
    await looked_at(url, Row.metadata.create_all)
    assert await looked_at(url, definitions) == migrated


async def test_migrating_twice_changes_nothing(url: str) -> None:
    await migrate(url)
    before = await looked_at(url, definitions)
    await migrate(url)
    assert await looked_at(url, definitions) == before


@pytest.fixture
def own_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the scripts, for a test to add to."""
    scripts = tmp_path / "scripts"
    (scripts / "versions").mkdir(parents=True)
    for file in SCRIPTS.rglob("*.*"):
        if file.suffix in {".py", ".mako"}:
            (scripts / file.relative_to(SCRIPTS)).write_text(file.read_text())
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "SCRIPTS", scripts)
        yield scripts


@pytest.fixture
def failing_step(own_scripts: Path) -> None:
    """A version after the newest that fails in its middle."""
    (own_scripts / "versions" / "v9999_failing.py").write_text(FAILING.format(head=head()))


@pytest.mark.usefixtures("failing_step")
async def test_a_step_that_fails_leaves_nothing_behind(url: str) -> None:
    await migrate(url, REVISIONS[-1])
    before = await looked_at(url, definitions)
    with pytest.raises(DBAPIError, match="no_such_table"):
        await migrate(url)
    assert await looked_at(url, definitions) == before
    assert await current(url) == REVISIONS[-1]


@pytest.mark.usefixtures("failing_step")
async def test_a_failing_step_takes_the_steps_before_it_along(url: str) -> None:
    with pytest.raises(DBAPIError, match="no_such_table"):
        await migrate(url)
    assert await looked_at(url, tables) == set()
    assert await current(url) is None


async def test_processes_that_migrate_at_the_same_time_wait_for_each_other(url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from qure.adapters.sql.migrations.migrate import migrate\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "asyncio.run(migrate(sys.argv[1]))\n"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            url,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(os.environ),
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    results = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [error.decode() for _, error in results] == ["", "", ""]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert await current(url) == head()


async def test_two_tasks_that_migrate_at_the_same_time_wait_for_each_other(url: str) -> None:
    await asyncio.gather(migrate(url), migrate(url), migrate(url))
    assert await current(url) == head()


async def test_a_new_script_is_written_from_what_the_rows_have_more(
    url: str, own_scripts: Path
) -> None:
    await migrate(url)
    wanted = await looked_at(url, definitions)
    before = head()
    await looked_at(url, lambda connection: connection.execute(text("DROP TABLE journal")))
    await looked_at(url, lambda connection: connection.execute(text(ONE_COLUMN_LESS)))
    await migrating.revise(url, "Bring it back")
    number = f"{len(REVISIONS) + 1:04}"
    script = (own_scripts / "versions" / f"v{number}_bring_it_back.py").read_text()
    assert f'down_revision = "{before}"' in script.replace("'", '"')
    assert "autocommit_block()" not in script
    await migrate(url)
    assert await current(url) == number
    assert await looked_at(url, definitions) == wanted


def test_every_revision_is_numbered_in_its_order() -> None:
    assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS
