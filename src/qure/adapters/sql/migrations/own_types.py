"""What Alembic has to be told of the types that are not SQLAlchemy's own."""

from __future__ import annotations

from typing import Any, Literal

from advanced_alchemy.types import GUID, DateTimeUTC
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import JSON


def type_differs(
    context: MigrationContext, _found: Any, _wanted: Any, _found_type: Any, wanted_type: Any
) -> bool | None:
    """False for ids in SQLite, which describes its BINARY(16) as a number; else as usual."""
    if isinstance(wanted_type, GUID) and context.dialect.name == "sqlite":
        return False
    return None


def write_type(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """How a new script spells them."""
    if kind == "type":
        for own in (GUID, DateTimeUTC):
            if isinstance(item, own):
                return f"{own.__name__}()"
        if isinstance(item, JSON):
            return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False
