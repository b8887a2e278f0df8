"""People, guests and displays, and their logins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qure.adapters.sql.rows.row import JsonB, Row, one_of, partial_index, table
from qure.domain.actor import Role


class UserRow(Row):
    """Guests and displays are users without an e-mail address and a password."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email", name="uq_users_email"),
        CheckConstraint(one_of("role", Role), name="role"),
        CheckConstraint(
            "(role IN ('STAFF', 'DISPLAY')) = (clinic_id IS NOT NULL)", name="staff_has_clinic"
        ),
        Index("ix_users_newest", "created_at", "id"),
        partial_index("ix_users_staff", "clinic_id", where="clinic_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[str]
    last_name: Mapped[str]
    name_folded: Mapped[str]
    email: Mapped[str | None]
    password_hash: Mapped[str | None]
    role: Mapped[str]
    clinic_id: Mapped[UUID | None] = mapped_column(ForeignKey("clinics.id"))
    profile_picture: Mapped[str]
    pending_picture: Mapped[UUID | None]
    is_active: Mapped[bool]
    guest: Mapped[bool]
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


class GuestLinkRow(Row):
    """The one living link of a guest; its secret is kept as its SHA-256."""

    __tablename__ = "guest_links"
    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest"),
        CheckConstraint("generation >= 1", name="generation"),
        UniqueConstraint("digest", name="uq_guest_links_digest"),
        Index("ix_guest_links_expires_at", "expires_at"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    digest: Mapped[str]
    generation: Mapped[int]
    session_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class DisplayRow(Row):
    """A device that looks on; its id is that of the user it acts as."""

    __tablename__ = "displays"
    __table_args__ = (
        partial_index("ix_displays_clinic", "clinic_id", "created_at", where="ended_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str]
    service_ids: Mapped[list[str] | None] = mapped_column(JsonB)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    ended_at: Mapped[datetime | None]


class DisplayPairingRow(Row):
    """A device that asks to be let in (RFC 8628); its code is kept as its SHA-256."""

    __tablename__ = "display_pairings"
    __table_args__ = (
        CheckConstraint("length(digest) = 64", name="digest"),
        UniqueConstraint("user_code", name="uq_display_pairings_user_code"),
        Index("ix_display_pairings_expires_at", "expires_at"),
    )

    digest: Mapped[str] = mapped_column(primary_key=True)
    user_code: Mapped[str]
    display_id: Mapped[UUID | None]
    polled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


USERS = table(UserRow)
SESSIONS = table(SessionRow)
REFRESH_SECRETS = table(RefreshSecretRow)
GUEST_LINKS = table(GuestLinkRow)
DISPLAYS = table(DisplayRow)
DISPLAY_PAIRINGS = table(DisplayPairingRow)
