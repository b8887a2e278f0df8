"""The database that a URL names, opened. How each of them is, is in ``postgres`` and ``sqlite``.

What their errors mean is in ``faults.py``.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from qure.adapters.sql.pools import PoolUse
from qure.adapters.sql.postgres import PostgresAddress, PostgresDatabase
from qure.adapters.sql.sqlite import SqliteDatabase, sqlite_path
from qure.adapters.sql.transaction import Transaction


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
