"""The first schema.

Runs inside one transaction together with every other step of the command: no
``autocommit_block`` here, so that a step that fails leaves nothing behind.
"""

from __future__ import annotations

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clinics",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("logo", sa.Text(), nullable=True),
        sa.Column("pending_logo", GUID(), nullable=True),
        sa.Column(
            "images", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False
        ),
        sa.Column("images_batch", GUID(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("opening_start", sa.Time(), nullable=False),
        sa.Column("opening_end", sa.Time(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("max_queue_size", sa.Integer(), nullable=False),
        sa.Column("auto_open_queue", sa.Boolean(), nullable=False),
        sa.Column("next_opening_at", DateTimeUTC(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "type IN ('DENTIST', 'DERMATOLOGY', 'ENT', 'GENERAL_PRACTICE', "
            "'GYNECOLOGY', 'ORTHOPEDICS', 'PEDIATRICS', 'PSYCHIATRY')",
            name=op.f("ck_clinics_type"),
        ),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_clinics_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_clinics_longitude")),
        sa.CheckConstraint(
            "max_queue_size BETWEEN 1 AND 1000", name=op.f("ck_clinics_max_queue_size")
        ),
        sa.CheckConstraint("opening_end > opening_start", name=op.f("ck_clinics_opening_hours")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinics")),
        sa.UniqueConstraint(
            "name_folded", "latitude", "longitude", name="uq_clinics_name_position"
        ),
    )
    op.create_index("ix_clinics_newest", "clinics", ["is_active", "created_at", "id"], unique=False)
    op.create_index(
        "ix_clinics_next_opening",
        "clinics",
        ["next_opening_at", "id"],
        unique=False,
        postgresql_where=sa.text("next_opening_at IS NOT NULL"),
        sqlite_where=sa.text("next_opening_at IS NOT NULL"),
    )
    op.create_index(
        "ix_clinics_position", "clinics", ["is_active", "latitude", "longitude"], unique=False
    )

    op.create_table(
        "outbox",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", DateTimeUTC(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL"),
        sqlite_where=sa.text("sent_at IS NULL"),
    )

    op.create_table(
        "staged_images",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("owner_id", GUID(), nullable=False),
        sa.Column("batch", GUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", DateTimeUTC(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('CLINIC_IMAGE', 'CLINIC_LOGO', 'PROFILE_PICTURE')",
            name=op.f("ck_staged_images_purpose"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_staged_images_attempts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_images")),
    )
    op.create_index(
        "ix_staged_images_failed",
        "staged_images",
        ["failed_at"],
        unique=False,
        postgresql_where=sa.text("failed_at IS NOT NULL"),
        sqlite_where=sa.text("failed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_staged_images_waiting",
        "staged_images",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("failed_at IS NULL"),
        sqlite_where=sa.text("failed_at IS NULL"),
    )

    op.create_table(
        "queues",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("day_starts_at", DateTimeUTC(), nullable=False),
        sa.Column("day_ends_at", DateTimeUTC(), nullable=False),
        sa.Column("start_time", DateTimeUTC(), nullable=False),
        sa.Column("end_time", DateTimeUTC(), nullable=False),
        sa.Column("max_size", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("last_issued_number", sa.Integer(), nullable=False),
        sa.Column("waiting_count", sa.Integer(), nullable=False),
        sa.Column("current_number", sa.Integer(), nullable=False),
        sa.Column("last_served_number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "current_number BETWEEN 0 AND last_issued_number", name=op.f("ck_queues_current_number")
        ),
        sa.CheckConstraint("day_ends_at > day_starts_at", name=op.f("ck_queues_day")),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_queues_times")),
        sa.CheckConstraint(
            "last_issued_number BETWEEN 0 AND max_size", name=op.f("ck_queues_last_issued_number")
        ),
        sa.CheckConstraint(
            "last_served_number BETWEEN 0 AND last_issued_number",
            name=op.f("ck_queues_last_served_number"),
        ),
        sa.CheckConstraint("max_size BETWEEN 1 AND 1000", name=op.f("ck_queues_max_size")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_queues_version")),
        sa.CheckConstraint(
            "waiting_count BETWEEN 0 AND last_issued_number", name=op.f("ck_queues_waiting_count")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_queues_clinic_id_clinics")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
        sa.UniqueConstraint("clinic_id", "date", name="uq_queues_clinic_date"),
    )
    op.create_table(
        "users",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=True),
        sa.Column("profile_picture", sa.Text(), nullable=False),
        sa.Column("pending_picture", GUID(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "(role = 'STAFF') = (clinic_id IS NOT NULL)", name=op.f("ck_users_staff_has_clinic")
        ),
        sa.CheckConstraint("role IN ('ADMIN', 'PATIENT', 'STAFF')", name=op.f("ck_users_role")),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_users_clinic_id_clinics")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_index("ix_users_newest", "users", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_users_staff",
        "users",
        ["clinic_id"],
        unique=False,
        postgresql_where=sa.text("clinic_id IS NOT NULL"),
        sqlite_where=sa.text("clinic_id IS NOT NULL"),
    )

    op.create_table(
        "sessions",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("user_id", GUID(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.Column("revoked_at", DateTimeUTC(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index("ix_sessions_user", "sessions", ["user_id"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("queue_id", GUID(), nullable=False),
        sa.Column("patient_id", GUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("called_at", DateTimeUTC(), nullable=True),
        sa.Column("started_at", DateTimeUTC(), nullable=True),
        sa.Column("completed_at", DateTimeUTC(), nullable=True),
        sa.Column("skipped_at", DateTimeUTC(), nullable=True),
        sa.Column("cancelled_at", DateTimeUTC(), nullable=True),
        sa.Column("held_by", GUID(), nullable=True),
        sa.CheckConstraint(
            "status IN ('CALLED', 'CANCELLED', 'COMPLETED', 'IN_PROGRESS', 'SKIPPED', 'WAITING')",
            name=op.f("ck_tokens_status"),
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_tokens_number")),
        sa.ForeignKeyConstraint(["held_by"], ["users.id"], name=op.f("fk_tokens_held_by_users")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["users.id"], name=op.f("fk_tokens_patient_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["queues.id"], name=op.f("fk_tokens_queue_id_queues")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("queue_id", "number", name="uq_tokens_queue_number"),
    )
    op.create_index(
        "ix_tokens_active",
        "tokens",
        ["patient_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'WAITING')"),
        sqlite_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'WAITING')"),
    )
    op.create_index(
        "ix_tokens_held",
        "tokens",
        ["queue_id", "held_by"],
        unique=False,
        postgresql_where=sa.text("status IN ('CALLED', 'IN_PROGRESS')"),
        sqlite_where=sa.text("status IN ('CALLED', 'IN_PROGRESS')"),
    )
    op.create_index(
        "ix_tokens_waiting",
        "tokens",
        ["queue_id", "number"],
        unique=False,
        postgresql_where=sa.text("status IN ('WAITING')"),
        sqlite_where=sa.text("status IN ('WAITING')"),
    )
    op.create_index(
        "uq_tokens_active",
        "tokens",
        ["queue_id", "patient_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'WAITING')"),
        sqlite_where=sa.text("status IN ('CALLED', 'IN_PROGRESS', 'WAITING')"),
    )

    op.create_table(
        "refresh_secrets",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("session_id", GUID(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.Column("spent_at", DateTimeUTC(), nullable=True),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_refresh_secrets_digest")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name=op.f("fk_refresh_secrets_session_id_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_secrets")),
    )
    op.create_index(
        "ix_refresh_secrets_expires_at", "refresh_secrets", ["expires_at"], unique=False
    )
    op.create_index("ix_refresh_secrets_session", "refresh_secrets", ["session_id"], unique=False)

    op.create_table(
        "staff_activities",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("staff_id", GUID(), nullable=False),
        sa.Column("token_id", GUID(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint(
            "action IN ('CALL', 'COMPLETE', 'SKIP', 'START')",
            name=op.f("ck_staff_activities_action"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["users.id"], name=op.f("fk_staff_activities_staff_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["tokens.id"], name=op.f("fk_staff_activities_token_id_tokens")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_activities")),
    )
    op.create_index(
        "ix_staff_activities_token",
        "staff_activities",
        ["token_id", "created_at", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("staff_activities")
    op.drop_table("refresh_secrets")
    op.drop_table("tokens")
    op.drop_table("sessions")
    op.drop_table("users")
    op.drop_table("queues")
    op.drop_table("staged_images")
    op.drop_table("outbox")
    op.drop_table("clinics")
