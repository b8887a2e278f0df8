"""An index for the numbers that a patient ever took of a queue."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_tokens_taken", "tokens", ["queue_id", "patient_id"])


def downgrade() -> None:
    op.drop_index("ix_tokens_taken", table_name="tokens")
