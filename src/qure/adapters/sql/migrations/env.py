"""What Alembic runs for every command; ``migrate.py`` gives it the connection."""

from __future__ import annotations

from typing import Any, Literal

from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON

from qure.adapters.sql.rows import Row


def write_type(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """How ``revise`` spells the types that are not SQLAlchemy's own."""
    if kind == "type":
        for own in (GUID, DateTimeUTC):
            if isinstance(item, own):
                return f"{own.__name__}()"
        if isinstance(item, JSON):
            return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


# The caller has begun a transaction and ends it: all steps of a command stand or fall together.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    compare_type=True,
    render_as_batch=True,
    render_item=write_type,
)
with context.begin_transaction():
    context.run_migrations()
