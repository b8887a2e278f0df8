"""What Alembic runs for every command; ``migrate.py`` gives it the connection."""

from __future__ import annotations

from alembic import context

from qure.adapters.sql.migrations.own_types import type_differs, write_type

# Loaded, each adds its tables to what ``Row.metadata`` knows.
from qure.adapters.sql.rows import accounts, clinics, queueing, records, waiting  # noqa: F401
from qure.adapters.sql.rows.row import Row

# The caller has begun a transaction and ends it: all steps of a command stand or fall together.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    compare_type=type_differs,
    render_item=write_type,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
