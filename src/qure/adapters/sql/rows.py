"""The tables: flat rows without relationships, and the rules that a race could break.

The domain keeps all of these rules itself; the constraints here are the last line. A constraint's
name is what ``faults.py`` tells the domain's refusals by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar, cast
from uuid import UUID

from advanced_alchemy.base import BasicAttributes, create_registry
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from qure.domain.actor import ActorKind, Role
from qure.domain.calling_order import MAX_PRIORITY_RUN
from qure.domain.clinic import ClinicType
from qure.domain.image import ImagePurpose
from qure.domain.queue import MAX_QUEUE_SIZE
from qure.domain.token import ACTIVE, ASSIGNED, Priority, TokenStatus

# advanced-alchemy's own JsonB brings an Oracle variant that SQLAlchemy 2.1 cannot attach.
JsonB = JSON().with_variant(JSONB(), "postgresql")


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


def _partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


class ClinicRow(Row):
    __tablename__ = "clinics"
    __table_args__ = (
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint(one_of("type", ClinicType), name="type"),
        CheckConstraint("opening_end > opening_start", name="opening_hours"),
        UniqueConstraint("name_folded", "latitude", "longitude", name="uq_clinics_name_position"),
        Index("ix_clinics_position", "is_active", "latitude", "longitude"),
        Index("ix_clinics_newest", "is_active", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_folded: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    address: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    description: Mapped[str | None]
    logo: Mapped[str | None]
    pending_logo: Mapped[UUID | None]
    images: Mapped[list[dict[str, Any]]] = mapped_column(JsonB)
    images_batch: Mapped[UUID | None]
    is_active: Mapped[bool]
    type: Mapped[str]
    opening_start: Mapped[time]
    opening_end: Mapped[time]
    timezone: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ServiceRow(Row):
    """A clinic has exactly one default service (the index holds that there are not two)."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("expected_minutes BETWEEN 1 AND 240", name="expected_minutes"),
        CheckConstraint(f"max_queue_size BETWEEN 1 AND {MAX_QUEUE_SIZE}", name="max_queue_size"),
        _partial_index("uq_services_default", "clinic_id", where="is_default", unique=True),
        _partial_index("uq_services_prefix", "clinic_id", "prefix", where="is_active", unique=True),
        Index("ix_services_clinic", "clinic_id", "position", "id"),
        _partial_index(
            "ix_services_next_opening",
            "next_opening_at",
            "id",
            where="next_opening_at IS NOT NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str]
    prefix: Mapped[str]
    expected_minutes: Mapped[int]
    max_queue_size: Mapped[int]
    auto_open_queue: Mapped[bool]
    next_opening_at: Mapped[datetime | None]
    is_default: Mapped[bool]
    is_active: Mapped[bool]
    position: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class UserRow(Row):
    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email", name="uq_users_email"),
        CheckConstraint(one_of("role", Role), name="role"),
        CheckConstraint("(role = 'STAFF') = (clinic_id IS NOT NULL)", name="staff_has_clinic"),
        Index("ix_users_newest", "created_at", "id"),
        _partial_index("ix_users_staff", "clinic_id", where="clinic_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[str]
    last_name: Mapped[str]
    name_folded: Mapped[str]
    email: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    clinic_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinics.id"))
    profile_picture: Mapped[str]
    pending_picture: Mapped[UUID | None]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SessionRow(Row):
    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_user", "user_id"),
        Index("ix_sessions_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    user_agent: Mapped[str | None]
    ip_address: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshSecretRow(Row):
    __tablename__ = "refresh_secrets"
    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest"),
        Index("ix_refresh_secrets_session", "session_id"),
        Index("ix_refresh_secrets_expires_at", "expires_at"),
    )

    digest: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]


class QueueRow(Row):
    __tablename__ = "queues"
    __table_args__ = (
        UniqueConstraint("service_id", "date", name="uq_queues_service_date"),
        CheckConstraint("day_ends_at > day_starts_at", name="day"),
        CheckConstraint("end_time > start_time", name="times"),
        CheckConstraint(f"max_size BETWEEN 1 AND {MAX_QUEUE_SIZE}", name="max_size"),
        CheckConstraint("last_issued_number BETWEEN 0 AND max_size", name="last_issued_number"),
        CheckConstraint("waiting_count BETWEEN 0 AND last_issued_number", name="waiting_count"),
        CheckConstraint("now_serving BETWEEN 0 AND last_issued_number", name="now_serving"),
        CheckConstraint(
            "last_served_number BETWEEN 0 AND last_issued_number", name="last_served_number"
        ),
        CheckConstraint(f"priority_run BETWEEN 0 AND {MAX_PRIORITY_RUN}", name="priority_run"),
        CheckConstraint("version >= 1", name="version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"))
    date: Mapped[date]
    day_starts_at: Mapped[datetime]
    day_ends_at: Mapped[datetime]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    max_size: Mapped[int]
    is_active: Mapped[bool]
    last_issued_number: Mapped[int]
    waiting_count: Mapped[int]
    now_serving: Mapped[int]
    last_served_number: Mapped[int]
    priority_run: Mapped[int]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TokenRow(Row):
    __tablename__ = "tokens"
    __table_args__ = (
        UniqueConstraint("queue_id", "number", name="uq_tokens_queue_number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint(one_of("status", TokenStatus), name="status"),
        CheckConstraint(one_of("priority", Priority), name="priority"),
        CheckConstraint("version >= 1", name="version"),
        _partial_index(
            "uq_tokens_active",
            "queue_id",
            "patient_id",
            where=one_of("status", ACTIVE),
            unique=True,
        ),
        Index("ix_tokens_taken", "queue_id", "patient_id"),
        _partial_index("ix_tokens_active", "patient_id", where=one_of("status", ACTIVE)),
        _partial_index(
            "ix_tokens_waiting",
            "queue_id",
            "priority",
            "place",
            where=one_of("status", [TokenStatus.WAITING]),
        ),
        _partial_index(
            "ix_tokens_assigned", "queue_id", "assigned_to", where=one_of("status", ASSIGNED)
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue_id: Mapped[UUID] = mapped_column(ForeignKey("queues.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int]
    place: Mapped[int] = mapped_column(BigInteger)
    priority: Mapped[str]
    status: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    skipped_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    assigned_to: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class StagedImageRow(Row):
    """``owner_id`` is a user's or a clinic's, by ``purpose``: no foreign key can say that."""

    __tablename__ = "staged_images"
    __table_args__ = (
        CheckConstraint(one_of("purpose", ImagePurpose), name="purpose"),
        CheckConstraint("attempts >= 0", name="attempts"),
        _partial_index("ix_staged_images_waiting", "created_at", "id", where="failed_at IS NULL"),
        _partial_index("ix_staged_images_failed", "failed_at", where="failed_at IS NOT NULL"),
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
        _partial_index("ix_journal_pending", "created_at", "entry_id", where="is_pending"),
        _partial_index(
            "ix_journal_token", "token_id", "created_at", "entry_id", where="token_id IS NOT NULL"
        ),
        _partial_index(
            "ix_journal_clinic",
            "clinic_id",
            "created_at",
            "entry_id",
            where="clinic_id IS NOT NULL",
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
    request_id: Mapped[str | None]
    content: Mapped[bytes | None]


def _table(row: type[Row]) -> Table:
    return cast(Table, row.__table__)


CLINICS = _table(ClinicRow)
SERVICES = _table(ServiceRow)
USERS = _table(UserRow)
SESSIONS = _table(SessionRow)
REFRESH_SECRETS = _table(RefreshSecretRow)
QUEUES = _table(QueueRow)
TOKENS = _table(TokenRow)
STAGED_IMAGES = _table(StagedImageRow)
JOURNAL = _table(JournalRow)
