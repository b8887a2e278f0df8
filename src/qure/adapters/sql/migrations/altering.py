"""What steps are written with that change tables with rows in them, on either database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from advanced_alchemy.types import GUID
from alembic import op
from alembic.operations import BatchOperations
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Added:
    """A column that a table gets.

    ``filled`` is what the rows get that are there (SQL), None for null. ``nullable`` is whether
    it may be null; unless said, it is when nothing fills it.
    """

    name: str
    type: TypeEngine[Any]
    filled: str | None = None
    nullable: bool | None = None

    @property
    def may_be_null(self) -> bool:
        """Whether the column may be null in the end."""
        return self.filled is None if self.nullable is None else self.nullable


def add_filled(
    table: str,
    columns: Sequence[Added],
    *,
    source: str = "",
    also: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Add the columns, and fill all of them and what changes ``also`` in one statement.

    ``source`` is its FROM and WHERE. They may all be null until ``require``.
    """
    with altered(table) as changed:
        for one in columns:
            changed.add_column(sa.Column(one.name, one.type, nullable=True))
    filled = {one.name: one.filled for one in columns if one.filled is not None}
    values = ", ".join(f"{name} = {value}" for name, value in {**filled, **also}.items())
    op.execute(f"UPDATE {table} SET {values} {source}")


def require(changed: BatchOperations, columns: Iterable[Added]) -> None:
    """Null no more, unless they may be."""
    for one in columns:
        if not one.may_be_null:
            changed.alter_column(one.name, existing_type=one.type, nullable=False)


def drop(changed: BatchOperations, columns: Iterable[Added]) -> None:
    """As they were not there."""
    for one in columns:
        changed.drop_column(one.name)


def check(changed: BatchOperations, table: str, checks: Mapping[str, str]) -> None:
    """Hold the table to these conditions, which have names."""
    for name, condition in checks.items():
        changed.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)


def uncheck(changed: BatchOperations, table: str, names: Iterable[str]) -> None:
    """And no longer."""
    for name in names:
        changed.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")


def altered(table: str) -> AbstractContextManager[BatchOperations]:
    """SQLite makes the table anew, and finds a number where an id (``BINARY(16)``) is kept."""

    def keep_ids(_inspector: Any, _table: Any, column: dict[str, Any]) -> None:
        found = column["type"]
        if isinstance(found, sa.Numeric) and found.precision == ID_BYTES:
            column["type"] = GUID()

    listeners = [("column_reflect", keep_ids)]
    return op.batch_alter_table(table, reflect_kwargs={"listeners": listeners})


def partial_index(name: str, table: str, *columns: str, where: str, unique: bool = False) -> None:
    """An index of the rows for which that is true."""
    condition = sa.text(where)
    op.create_index(
        name,
        table,
        list(columns),
        unique=unique,
        postgresql_where=condition,
        sqlite_where=condition,
    )
