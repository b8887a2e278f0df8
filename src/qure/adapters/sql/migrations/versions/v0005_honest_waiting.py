"""What patients are told of their wait, how far off it was, and from when a clinic refuses.

Going back, what was told and what was learned of it is given up.
"""

from __future__ import annotations

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

from qure.adapters.sql.migrations.altering import (
    JSON,
    Added,
    add_filled,
    altered,
    check,
    drop,
    partial_index,
    require,
    uncheck,
)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CLINICS = (Added("refuse_below", sa.Double(), "0"),)
CHECKS = {"refuse_below": "refuse_below BETWEEN 0 AND 1"}


def upgrade() -> None:
    add_filled("clinics", CLINICS)
    with altered("clinics") as clinics:
        require(clinics, CLINICS)
        check(clinics, "clinics", CHECKS)
    partial_index(
        "ix_journal_desks",
        "journal",
        "clinic_id",
        "created_at",
        "entry_id",
        where="desk_id IS NOT NULL AND token_id IS NULL",
    )
    _make_promises()
    _make_calibrations()


def downgrade() -> None:
    op.drop_table("calibrations")
    op.drop_table("promises")
    op.drop_index("ix_journal_desks", table_name="journal")
    with altered("clinics") as clinics:
        uncheck(clinics, "clinics", CHECKS)
        drop(clinics, CLINICS)


def _make_promises() -> None:
    op.create_table(
        "promises",
        sa.Column("token_id", GUID(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=False),
        sa.Column("service_id", GUID(), nullable=False),
        sa.Column("queue_id", GUID(), nullable=False),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("as_of", DateTimeUTC(), nullable=False),
        sa.Column("low", DateTimeUTC(), nullable=False),
        sa.Column("likely", DateTimeUTC(), nullable=False),
        sa.Column("high", DateTimeUTC(), nullable=False),
        sa.Column("leave_by", DateTimeUTC(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("called_at", DateTimeUTC(), nullable=True),
        sa.Column("error_seconds", sa.Double(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.CheckConstraint("ahead >= 0", name=op.f("ck_promises_ahead")),
        sa.CheckConstraint(
            "leave_by <= low AND low <= likely AND likely <= high",
            name=op.f("ck_promises_is_in_order"),
        ),
        sa.CheckConstraint(
            "basis IN ('default', 'history', 'live')", name=op.f("ck_promises_basis")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_promises_version")),
        sa.CheckConstraint(
            "called_at IS NULL OR NOT is_open", name=op.f("ck_promises_called_is_settled")
        ),
        sa.CheckConstraint(
            "(called_at IS NULL) = (error_seconds IS NULL)",
            name=op.f("ck_promises_called_has_error_seconds"),
        ),
        sa.CheckConstraint("error_seconds >= 0", name=op.f("ck_promises_error_seconds")),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_promises_token_id_tokens")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_promises_service_id_services")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_promises")),
    )
    partial_index("ix_promises_open", "promises", "token_id", where="is_open")
    partial_index(
        "ix_promises_called", "promises", "clinic_id", "called_at", where="called_at IS NOT NULL"
    )


def _make_calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("service_id", GUID(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("bias", sa.Double(), nullable=False),
        sa.Column("late", sa.Double(), nullable=False),
        sa.Column("early", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.CheckConstraint("bucket >= 0", name=op.f("ck_calibrations_bucket")),
        sa.CheckConstraint("bias BETWEEN 0.1 AND 10", name=op.f("ck_calibrations_bias")),
        sa.CheckConstraint("late BETWEEN -1 AND 10", name=op.f("ck_calibrations_late")),
        sa.CheckConstraint("early BETWEEN -1 AND 10", name=op.f("ck_calibrations_early")),
        sa.CheckConstraint("samples >= 0", name=op.f("ck_calibrations_samples")),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_calibrations_service_id_services")
        ),
        sa.PrimaryKeyConstraint("service_id", "bucket", name=op.f("pk_calibrations")),
    )
