"""Clinics, what they offer, and where patients go."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qure.adapters.sql.rows.row import JsonB, Row, one_of, partial_index, table
from qure.domain.clinic import ClinicType
from qure.domain.events import DeskState
from qure.domain.queue import MAX_QUEUE_SIZE


class ClinicRow(Row):
    __tablename__ = "clinics"
    __table_args__ = (
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint(one_of("type", ClinicType), name="type"),
        CheckConstraint("opening_end > opening_start", name="opening_hours"),
        CheckConstraint("no_show_minutes BETWEEN 1 AND 60", name="no_show_minutes"),
        CheckConstraint("rejoin_minutes BETWEEN 0 AND 240", name="rejoin_minutes"),
        CheckConstraint("max_rejoins BETWEEN 0 AND 10", name="max_rejoins"),
        CheckConstraint("rejoin_after BETWEEN 0 AND 20", name="rejoin_after"),
        CheckConstraint("refuse_below BETWEEN 0 AND 1", name="refuse_below"),
        UniqueConstraint("join_digest", name="uq_clinics_join_digest"),
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
    languages: Mapped[list[str]] = mapped_column(JsonB)
    no_show_minutes: Mapped[int | None]
    rejoin_minutes: Mapped[int]
    max_rejoins: Mapped[int]
    rejoin_after: Mapped[int]
    refuse_below: Mapped[float]
    guest_join: Mapped[bool]
    join_generation: Mapped[int]
    join_digest: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ServiceRow(Row):
    """A clinic has exactly one default service (the index holds that there are not two)."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("expected_minutes BETWEEN 1 AND 240", name="expected_minutes"),
        CheckConstraint(f"max_queue_size BETWEEN 1 AND {MAX_QUEUE_SIZE}", name="max_queue_size"),
        partial_index("uq_services_default", "clinic_id", where="is_default", unique=True),
        partial_index("uq_services_prefix", "clinic_id", "prefix", where="is_active", unique=True),
        partial_index(
            "uq_services_name", "clinic_id", "name_folded", where="is_active", unique=True
        ),
        Index("ix_services_clinic", "clinic_id", "position", "id"),
        partial_index(
            "ix_services_next_opening",
            "next_opening_at",
            "id",
            where="next_opening_at IS NOT NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str]
    name_folded: Mapped[str]
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


class DeskRow(Row):
    """Nobody sits at two desks."""

    __tablename__ = "desks"
    __table_args__ = (
        CheckConstraint(one_of("state", DeskState), name="state"),
        CheckConstraint("(state = 'CLOSED') = (staff_id IS NULL)", name="closed_is_empty"),
        partial_index("uq_desks_staff", "staff_id", where="staff_id IS NOT NULL", unique=True),
        Index("ix_desks_clinic", "clinic_id", "name", "id"),
        partial_index("ix_desks_closes_at", "closes_at", where="closes_at IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str]
    is_active: Mapped[bool]
    state: Mapped[str]
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    staff_name: Mapped[str | None]
    service_ids: Mapped[list[str]] = mapped_column(JsonB)
    since: Mapped[datetime]
    paused_until: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


CLINICS = table(ClinicRow)
SERVICES = table(ServiceRow)
DESKS = table(DeskRow)
