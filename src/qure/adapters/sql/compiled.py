"""Each statement is compiled once a process, whatever number of engines say it.

SQLAlchemy keeps what it has compiled by engine. But the writers and the readers of one file are two
engines, and a test process has thousands: compiling was a third of what such a test cost.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

SQLITE: Final = "sqlite+qure"
POSTGRES: Final = "postgresql+qure"
"""What a URL for SQLAlchemy begins with."""

COMPILED: Final[LRUCache[Any, Any]] = LRUCache(1000)
"""The ``compiled_cache`` of every engine: by dialect, and equal ones speak the same SQL."""


class SqliteDialect(SQLiteDialect_aiosqlite):
    """All are equal: a process has one SQLite."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SqliteDialect)

    def __hash__(self) -> int:
        return hash(SqliteDialect)


class PostgresDialect(PGDialect_asyncpg):
    """Those are equal that speak to the same version of the server, set up alike."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PostgresDialect) and self._server == other._server

    def __hash__(self) -> int:
        return hash(self._server)

    @property
    def _server(self) -> tuple[Any, bool]:
        """All that its SQL depends on; known from the first connection on."""
        return self.server_version_info, self._backslash_escapes


registry.register("sqlite.qure", __name__, SqliteDialect.__name__)
registry.register("postgresql.qure", __name__, PostgresDialect.__name__)
