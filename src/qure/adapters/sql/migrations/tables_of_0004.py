"""What is new with revision 0004: columns of tables that were there, and tables."""

from __future__ import annotations

import sqlalchemy as sa
from advanced_alchemy.types import GUID, DateTimeUTC
from alembic import op

from qure.adapters.sql.migrations.altering import JSON, Added, partial_index

PLACE_STEP = 1 << 40

CLINICS = (
    Added("no_show_minutes", sa.Integer()),
    Added("rejoin_minutes", sa.Integer(), "30"),
    Added("max_rejoins", sa.Integer(), "2"),
    Added("rejoin_after", sa.Integer(), "2"),
    Added("guest_join", sa.Boolean(), "false"),
    Added("join_generation", sa.Integer(), "0"),
    Added("join_digest", sa.Text()),
)
USERS = (Added("guest", sa.Boolean(), "false"),)
QUEUES = (
    Added("service_name", sa.Text(), "services.name"),
    Added("prefix", sa.Text(), "services.prefix"),
    Added("last_place", sa.BigInteger(), f"CAST(last_issued_number AS BIGINT) * {PLACE_STEP}"),
    Added("on_hold_count", sa.Integer(), "0"),
    Added("open_desks", sa.Integer(), "0"),
    Added("upcoming", JSON, "'[]'"),
    Added("calls", JSON, "'[]'"),
    Added("notice", JSON),
    Added("notice_ends_at", DateTimeUTC()),
    Added("closed_at", DateTimeUTC()),
    Added("ended_at", DateTimeUTC()),
)
TOKENS = (
    Added("service_id", GUID(), "queues.service_id"),
    Added(
        "label",
        sa.Text(),
        # With a prefix there are three digits.
        "queues.prefix || CASE WHEN queues.prefix = '' OR number >= 100 THEN '' "
        "WHEN number >= 10 THEN '0' ELSE '00' END || CAST(number AS TEXT)",
    ),
    Added("on_hold", sa.Boolean(), "false"),
    Added("last_called_at", DateTimeUTC(), "called_at", nullable=True),
    Added("recall_count", sa.Integer(), "0"),
    Added(
        "skip_reason",
        sa.Text(),
        "CASE WHEN status <> 'SKIPPED' THEN NULL WHEN called_at IS NULL THEN 'STAFF' "
        "ELSE 'NO_SHOW' END",
        nullable=True,
    ),
    Added(
        "cancel_reason",
        sa.Text(),
        "CASE WHEN status = 'CANCELLED' THEN 'PATIENT' END",
        nullable=True,
    ),
    Added("rejoin_until", DateTimeUTC()),
    Added("rejoins", sa.Integer(), "0"),
    Added("postpones", sa.Integer(), "0"),
    Added("desk_id", GUID()),
    Added("desk_name", sa.Text()),
    Added("transferred_from", GUID()),
    Added("transferred_to", GUID()),
    Added("guest", sa.Boolean(), "false"),
    Added("name", sa.Text()),
    Added("phone", sa.Text()),
    Added("note", sa.Text()),
)
CHECKS = {
    "clinics": {
        "no_show_minutes": "no_show_minutes BETWEEN 1 AND 60",
        "rejoin_minutes": "rejoin_minutes BETWEEN 0 AND 240",
        "max_rejoins": "max_rejoins BETWEEN 0 AND 10",
        "rejoin_after": "rejoin_after BETWEEN 0 AND 20",
    },
    "users": {
        "role": "role IN ('ADMIN', 'DISPLAY', 'PATIENT', 'STAFF')",
        "staff_has_clinic": "(role IN ('STAFF', 'DISPLAY')) = (clinic_id IS NOT NULL)",
    },
    "queues": {
        "on_hold_count": "on_hold_count BETWEEN 0 AND waiting_count",
        "open_desks": "open_desks >= 0",
        "closed_is_inactive": "closed_at IS NULL OR NOT is_active",
    },
    "tokens": {
        "skip_reason": "skip_reason IN ('NO_SHOW', 'STAFF')",
        "cancel_reason": "cancel_reason IN ('DAY_ENDED', 'PATIENT', 'STAFF', 'TRANSFERRED')",
        "on_hold": "NOT on_hold OR status = 'WAITING'",
    },
}
USERS_OF_0003 = {
    "role": "role IN ('ADMIN', 'PATIENT', 'STAFF')",
    "staff_has_clinic": "(role = 'STAFF') = (clinic_id IS NOT NULL)",
}

_NEW = ("desks", "guest_links", "displays", "display_pairings", "kept_answers")


def make() -> None:
    """The new tables, empty."""
    _make_desks()
    _make_guest_links()
    _make_displays()
    _make_kept_answers()


def drop() -> None:
    """The new tables, with what is in them."""
    for table in _NEW:
        op.drop_table(table)


def _make_desks() -> None:
    op.create_table(
        "desks",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("staff_id", GUID(), nullable=True),
        sa.Column("staff_name", sa.Text(), nullable=True),
        sa.Column("service_ids", JSON, nullable=False),
        sa.Column("since", DateTimeUTC(), nullable=False),
        sa.Column("paused_until", DateTimeUTC(), nullable=True),
        sa.Column("closes_at", DateTimeUTC(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("updated_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint("state IN ('CLOSED', 'OPEN', 'PAUSED')", name=op.f("ck_desks_state")),
        sa.CheckConstraint(
            "(state = 'CLOSED') = (staff_id IS NULL)", name=op.f("ck_desks_closed_is_empty")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_desks_clinic_id_clinics")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["users.id"], name=op.f("fk_desks_staff_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desks")),
    )
    partial_index("uq_desks_staff", "desks", "staff_id", where="staff_id IS NOT NULL", unique=True)
    op.create_index("ix_desks_clinic", "desks", ["clinic_id", "name", "id"])
    partial_index("ix_desks_closes_at", "desks", "closes_at", where="closes_at IS NOT NULL")


def _make_guest_links() -> None:
    op.create_table(
        "guest_links",
        sa.Column("user_id", GUID(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("session_id", GUID(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_guest_links_digest")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_guest_links_generation")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_guest_links_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_guest_links")),
        sa.UniqueConstraint("digest", name="uq_guest_links_digest"),
    )
    op.create_index("ix_guest_links_expires_at", "guest_links", ["expires_at"])


def _make_displays() -> None:
    op.create_table(
        "displays",
        sa.Column("id", GUID(), nullable=False),
        sa.Column("clinic_id", GUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service_ids", JSON, nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("created_by", GUID(), nullable=False),
        sa.Column("ended_at", DateTimeUTC(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_displays_id_users")),
        sa.ForeignKeyConstraint(
            ["clinic_id"], ["clinics.id"], name=op.f("fk_displays_clinic_id_clinics")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_displays")),
    )
    partial_index(
        "ix_displays_clinic", "displays", "clinic_id", "created_at", where="ended_at IS NULL"
    )
    op.create_table(
        "display_pairings",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user_code", sa.Text(), nullable=False),
        sa.Column("display_id", GUID(), nullable=True),
        sa.Column("polled_at", DateTimeUTC(), nullable=True),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.Column("expires_at", DateTimeUTC(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_display_pairings_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_display_pairings")),
        sa.UniqueConstraint("user_code", name="uq_display_pairings_user_code"),
    )
    op.create_index("ix_display_pairings_expires_at", "display_pairings", ["expires_at"])


def _make_kept_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", DateTimeUTC(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_kept_answers")),
    )
    op.create_index("ix_kept_answers_created_at", "kept_answers", ["created_at"])
