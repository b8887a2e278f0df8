"""What every table shares: flat rows without relationships.

The domain keeps all of its rules itself; the constraints are the last line, for what races could
break. A constraint's name is what ``faults`` tells the domain's refusals by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TypeVar, cast

from advanced_alchemy.base import BasicAttributes, create_registry
from sqlalchemy import JSON, Double, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

# advanced-alchemy's own JsonB brings an Oracle variant that SQLAlchemy 2.1 cannot attach.
JsonB = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

Id = TypeVar("Id")


class Row(BasicAttributes, DeclarativeBase):
    """UUIDs, UTC instants and constraint names as advanced-alchemy has them on each database."""

    registry = create_registry({str: Text, float: Double})


def padded(ids: Collection[Id]) -> list[Id]:
    """Filled up to a power of two with its last: few different statements for the databases to
    prepare, however many are asked for at once."""
    filled = list(ids)
    wanted = 1 << (len(filled) - 1).bit_length()
    return filled + filled[-1:] * (wanted - len(filled))


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """The SQL condition that a column holds one of these words, spelled out.

    Literals and not parameters: only so can Postgres see that a partial index fits.
    """
    words = ", ".join(f"'{value.value}'" for value in sorted(values))
    return f"{column} IN ({words})"


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def table(row: type[Row]) -> Table:
    """The table behind a row."""
    return cast(Table, row.__table__)
