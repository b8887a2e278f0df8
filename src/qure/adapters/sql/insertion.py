"""Adding rows, few or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Insert, Table, bindparam, column, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from qure.adapters.sql.mapping import Values
from qure.adapters.sql.transaction import Transaction

MANY: Final = 12
"""From so many rows on Postgres takes them as one array for each column, in one statement: 200
rows cost it and us a third less than one by one. Fewer would cost more."""


class Insertion:
    """Into that table, in one round trip; all of them or none.

    ``alike`` are columns that are the same in all rows: null, a number, or a boolean. They are
    part of the statement, and no row brings them along.
    """

    def __init__(self, table: Table, *, alike: Mapping[str, int | None] | None = None) -> None:
        # A column that is not spoken of is null.
        same = {name: _spelled(value) for name, value in (alike or {}).items() if value is not None}
        sent = [column for column in table.c if column.name not in (alike or {})]
        self._names = tuple(column.name for column in sent)
        self._row = insert(table).values(same | {name: bindparam(name) for name in self._names})
        self._arrays = _of_arrays(table, sent, same)

    async def __call__(self, transaction: Transaction, rows: Sequence[Values]) -> None:
        if len(rows) >= MANY and transaction.takes_arrays:
            arrays = {name: [row[name] for row in rows] for name in self._names}
            await transaction.change(self._arrays, arrays)
        elif rows:
            await transaction.change(self._row, rows)


def _of_arrays(table: Table, sent: Sequence[Any], same: Mapping[str, Any]) -> Insert:
    arrays: list[Any] = [bindparam(each.name, type_=ARRAY(each.type)) for each in sent]
    columns: list[Any] = [column(each.name, each.type) for each in sent]
    rows = func.unnest(*arrays).table_valued(*columns).render_derived()
    names = [*(each.name for each in sent), *same]
    return insert(table).from_select(names, select(*rows.c, *same.values()))


def _spelled(value: int) -> Any:
    return literal_column(str(value).lower())
