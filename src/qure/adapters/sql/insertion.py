"""Adding rows, few or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Insert, Table, bindparam, column, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY

from qure.adapters.sql.mapping import Values
from qure.adapters.sql.transaction import Transaction

MANY: Final = 12
"""From so many rows on Postgres takes them as one array for each column, in one statement: 200
rows cost it and us a third less than one by one. Fewer would cost more."""


class Insertion:
    """Into that table, in one round trip; all of them or none."""

    def __init__(self, table: Table) -> None:
        self._names = tuple(column.name for column in table.c)
        self._row = insert(table)
        self._arrays = _of_arrays(table)

    async def __call__(self, transaction: Transaction, rows: Sequence[Values]) -> None:
        if len(rows) >= MANY and transaction.takes_arrays:
            arrays = {name: [row[name] for row in rows] for name in self._names}
            await transaction.change(self._arrays, arrays)
        elif rows:
            await transaction.change(self._row, rows)


def _of_arrays(table: Table) -> Insert:
    arrays: list[Any] = [bindparam(each.name, type_=ARRAY(each.type)) for each in table.c]
    columns: list[Any] = [column(each.name, each.type) for each in table.c]
    rows = func.unnest(*arrays).table_valued(*columns).render_derived()
    return insert(table).from_select([each.name for each in table.c], select(*rows.c))
