"""What happened, and uploads that wait for their job."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from qure.adapters.sql.rows.row import Row, one_of, partial_index, table
from qure.domain.actor import ActorKind
from qure.domain.image import ImagePurpose


class StagedImageRow(Row):
    """``owner_id`` is a user's or a clinic's, by ``purpose``: no foreign key can say that."""

    __tablename__ = "staged_images"
    __table_args__ = (
        CheckConstraint(one_of("purpose", ImagePurpose), name="purpose"),
        CheckConstraint("attempts >= 0", name="attempts"),
        partial_index("ix_staged_images_waiting", "created_at", "id", where="failed_at IS NULL"),
        partial_index("ix_staged_images_failed", "failed_at", where="failed_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    owner_id: Mapped[UUID]
    batch: Mapped[UUID]
    position: Mapped[int]
    content: Mapped[bytes]
    created_at: Mapped[datetime]
    attempts: Mapped[int]
    failed_at: Mapped[datetime | None]
    request_id: Mapped[str | None]


class JournalRow(Row):
    """One event of one committed transaction (``entry_id``), and what it can be asked for by.

    Rows are added, and ``is_pending`` is cleared; nothing else is ever changed or deleted. It is
    set on the first row of an entry until the entry has been announced. No foreign keys: what
    happened stays true whatever becomes of the rest. ``content`` is the whole event as
    ``wire.stored_events`` writes it, null for what happened before there was a journal.
    """

    __tablename__ = "journal"
    __table_args__ = (
        CheckConstraint("number >= 0", name="number"),
        CheckConstraint(one_of("actor_kind", ActorKind), name="actor_kind"),
        partial_index("ix_journal_pending", "created_at", "entry_id", where="is_pending"),
        partial_index(
            "ix_journal_token", "token_id", "created_at", "entry_id", where="token_id IS NOT NULL"
        ),
        partial_index(
            "ix_journal_clinic",
            "clinic_id",
            "created_at",
            "entry_id",
            where="clinic_id IS NOT NULL",
        ),
        partial_index(
            "ix_journal_desks",
            "clinic_id",
            "created_at",
            "entry_id",
            where="desk_id IS NOT NULL AND token_id IS NULL",
        ),
        # In Postgres a few bytes for every 128 pages: rows lie in the order of their time.
        Index(
            "ix_journal_created_at",
            "created_at",
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        ),
    )

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[datetime]
    is_pending: Mapped[bool]
    event: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_role: Mapped[str | None]
    clinic_id: Mapped[UUID | None]
    queue_id: Mapped[UUID | None]
    token_id: Mapped[UUID | None]
    from_status: Mapped[str | None]
    to_status: Mapped[str | None]
    reason: Mapped[str | None]
    desk_id: Mapped[UUID | None]
    desk_name: Mapped[str | None]
    request_id: Mapped[str | None]
    content: Mapped[bytes | None]


STAGED_IMAGES = table(StagedImageRow)
JOURNAL = table(JournalRow)
