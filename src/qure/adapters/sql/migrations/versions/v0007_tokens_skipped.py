"""An index for the numbers of a patient that were skipped: they may come back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SKIPPED = sa.text("status IN ('SKIPPED')")


def upgrade() -> None:
    op.create_index(
        "ix_tokens_skipped",
        "tokens",
        ["patient_id"],
        sqlite_where=_SKIPPED,
        postgresql_where=_SKIPPED,
    )


def downgrade() -> None:
    op.drop_index("ix_tokens_skipped", table_name="tokens")
