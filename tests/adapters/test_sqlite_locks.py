"""The service's hold on its SQLite file survives whatever it opens, and other processes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from qure.adapters.sql.migrations.migrate import migrate
from qure.adapters.sql.sqlite import SqliteDatabase, sqlite_engine


def come_and_go(path: Path) -> None:
    """Another process opens the database, looks, and closes it."""
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
            "c.execute('SELECT count(*) FROM users').fetchone(); c.close()",
            str(path),
        ],
        check=True,
        timeout=30,
    )


async def test_another_process_that_comes_and_goes_leaves_the_write_ahead_log(
    tmp_path: Path,
) -> None:
    path = tmp_path / "qure.db"
    await migrate(f"sqlite:///{path}")
    database = SqliteDatabase(path)
    try:
        first = await database.begin(writing=True)
        await first.commit()
        await first.end()
        # Opening one more connection must not give up the locks of those that are open.
        reading = [await database.begin(writing=False) for _ in range(2)]
        for one in reading:
            await one.end()
        come_and_go(path)
        assert path.with_name("qure.db-wal").exists()
        assert path.with_name("qure.db-shm").exists()
        again = [await database.begin(writing=False) for _ in range(4)]
        for one in again:
            await one.end()
    finally:
        await database.close()


@pytest.mark.parametrize("exists", [False, True])
async def test_only_the_owner_may_read_the_file(tmp_path: Path, exists: bool) -> None:
    path = tmp_path / "deeper" / "qure.db"
    if exists:
        path.parent.mkdir()
        sqlite3.connect(path).close()
        path.touch()
        path.chmod(0o644)
    await migrate(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_connection_that_is_stopped_while_it_closes_ends_nevertheless(
    tmp_path: Path, cancelled: bool
) -> None:
    engine = sqlite_engine(tmp_path / "qure.db", begin="BEGIN", pragmas={})
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        closing = asyncio.create_task(driver.close())
        await asyncio.sleep(0)  # it waits for the thread
        driver.stop()
        if cancelled:
            closing.cancel()
        ended, _ = await asyncio.wait([closing], timeout=10)
        assert closing in ended
    await engine.dispose()


async def test_whoever_gives_up_a_connection_at_any_step_of_its_opening_leaves_nothing_that_waits(
    tmp_path: Path,
) -> None:
    before = asyncio.all_tasks()
    for steps_of_opening, steps_of_closing in product(range(6), range(8)):
        database = SqliteDatabase(tmp_path / "qure.db")
        opening = asyncio.create_task(database.begin(writing=True))
        for _ in range(steps_of_opening):
            await asyncio.sleep(0.0003)  # its thread answers meanwhile
        opening.cancel()
        for _ in range(steps_of_closing):
            await asyncio.sleep(0)
        opening.cancel()
        left = asyncio.all_tasks() - before
        _, waiting = await asyncio.wait([opening, *left], timeout=10)
        assert not waiting
        if not opening.cancelled() and opening.exception() is None:
            await (await opening).end()
        await database.close()


@pytest.mark.parametrize("by_cursor", [False, True])
@pytest.mark.parametrize(
    "statements",
    [
        ["BEGIN IMMEDIATE", "INSERT INTO things VALUES (1), (2) RETURNING id"],
        ["BEGIN", "SELECT name FROM sqlite_schema"],
        ["PRAGMA journal_mode = WAL"],
    ],
    ids=["changes", "reads", "opens"],
)
async def test_a_connection_that_was_closed_holds_no_lock_for_whoever_still_has_a_cursor(
    tmp_path: Path, statements: list[str], by_cursor: bool
) -> None:
    path = tmp_path / "qure.db"
    engine = sqlite_engine(path, begin="BEGIN IMMEDIATE", pragmas={})
    async with engine.connect() as connection:
        await connection.exec_driver_sql("CREATE TABLE things (id INTEGER)")
        await connection.commit()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        executes = await driver.cursor() if by_cursor else driver
        for statement in statements:
            cursor = await executes.execute(statement)
        await driver.close()
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as another:
            another.execute("BEGIN EXCLUSIVE")  # nobody reads either
            assert another.execute("SELECT count(*) FROM things").fetchone() == (0,)
        del cursor
    await engine.dispose()
