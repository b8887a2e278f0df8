"""The service's hold on its SQLite file survives whatever it opens, and other processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from qure.adapters.sql.engine import SqliteDatabase
from qure.adapters.sql.migrations.migrate import migrate


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
