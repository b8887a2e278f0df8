"""Queues, tokens, and what was answered to those who ask twice."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qure.adapters.sql.rows.row import JsonB, Row, one_of, partial_index, table
from qure.domain.calling_order import MAX_PRIORITY_RUN
from qure.domain.queue import MAX_QUEUE_SIZE
from qure.domain.token import (
    ACTIVE,
    ASSIGNED,
    CancelReason,
    Priority,
    SkipReason,
    TokenStatus,
)

WAITS = one_of("status", [TokenStatus.WAITING]) + " AND NOT on_hold"
"""Whoever may be called next."""


class QueueRow(Row):
    __tablename__ = "queues"
    __table_args__ = (
        UniqueConstraint("service_id", "date", name="uq_queues_service_date"),
        CheckConstraint("day_ends_at > day_starts_at", name="day"),
        CheckConstraint("end_time > start_time", name="times"),
        CheckConstraint(f"max_size BETWEEN 1 AND {MAX_QUEUE_SIZE}", name="max_size"),
        CheckConstraint("last_issued_number BETWEEN 0 AND max_size", name="last_issued_number"),
        CheckConstraint("waiting_count BETWEEN 0 AND last_issued_number", name="waiting_count"),
        CheckConstraint("on_hold_count BETWEEN 0 AND waiting_count", name="on_hold_count"),
        CheckConstraint("open_desks >= 0", name="open_desks"),
        CheckConstraint("closed_at IS NULL OR NOT is_active", name="closed_is_inactive"),
        CheckConstraint("now_serving BETWEEN 0 AND last_issued_number", name="now_serving"),
        CheckConstraint(
            "last_served_number BETWEEN 0 AND last_issued_number", name="last_served_number"
        ),
        CheckConstraint(f"priority_run BETWEEN 0 AND {MAX_PRIORITY_RUN}", name="priority_run"),
        CheckConstraint("version >= 1", name="version"),
        # What the clock has to see to.
        partial_index("ix_queues_ending", "day_ends_at", "id", where="ended_at IS NULL"),
        partial_index(
            "ix_queues_notice_ends_at", "notice_ends_at", where="notice_ends_at IS NOT NULL"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"))
    service_name: Mapped[str]
    prefix: Mapped[str]
    date: Mapped[date]
    day_starts_at: Mapped[datetime]
    day_ends_at: Mapped[datetime]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    max_size: Mapped[int]
    is_active: Mapped[bool]
    last_issued_number: Mapped[int]
    last_place: Mapped[int] = mapped_column(BigInteger)
    waiting_count: Mapped[int]
    on_hold_count: Mapped[int]
    open_desks: Mapped[int]
    now_serving: Mapped[int]
    last_served_number: Mapped[int]
    priority_run: Mapped[int]
    upcoming: Mapped[list[dict[str, Any]]] = mapped_column(JsonB)
    calls: Mapped[list[dict[str, Any]]] = mapped_column(JsonB)
    notice: Mapped[dict[str, Any] | None] = mapped_column(JsonB)
    notice_ends_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
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
        CheckConstraint(one_of("skip_reason", SkipReason), name="skip_reason"),
        CheckConstraint(one_of("cancel_reason", CancelReason), name="cancel_reason"),
        CheckConstraint("NOT on_hold OR status = 'WAITING'", name="on_hold"),
        CheckConstraint("version >= 1", name="version"),
        partial_index(
            "uq_tokens_active",
            "queue_id",
            "patient_id",
            where=one_of("status", ACTIVE),
            unique=True,
        ),
        Index("ix_tokens_taken", "queue_id", "patient_id"),
        partial_index("ix_tokens_active", "patient_id", where=one_of("status", ACTIVE)),
        partial_index(
            "ix_tokens_skipped", "patient_id", where=one_of("status", [TokenStatus.SKIPPED])
        ),
        partial_index(
            "ix_tokens_waiting",
            "queue_id",
            "priority",
            "place",
            "number",
            where=WAITS,
        ),
        partial_index(
            "ix_tokens_called", "last_called_at", where=one_of("status", [TokenStatus.CALLED])
        ),
        partial_index(
            "ix_tokens_assigned", "queue_id", "assigned_to", where=one_of("status", ASSIGNED)
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue_id: Mapped[UUID] = mapped_column(ForeignKey("queues.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int]
    label: Mapped[str]
    place: Mapped[int] = mapped_column(BigInteger)
    priority: Mapped[str]
    status: Mapped[str]
    on_hold: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]
    called_at: Mapped[datetime | None]
    last_called_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    skipped_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    recall_count: Mapped[int]
    skip_reason: Mapped[str | None]
    cancel_reason: Mapped[str | None]
    rejoin_until: Mapped[datetime | None]
    rejoins: Mapped[int]
    postpones: Mapped[int]
    assigned_to: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    desk_id: Mapped[UUID | None]
    desk_name: Mapped[str | None]
    transferred_from: Mapped[UUID | None]
    transferred_to: Mapped[UUID | None]
    guest: Mapped[bool]
    name: Mapped[str | None]
    phone: Mapped[str | None]
    note: Mapped[str | None]


class KeptAnswerRow(Row):
    """What was answered to a request with an idempotency key, for a day.

    ``scope`` is whose key it is; ``asked`` says what was asked for.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (Index("ix_kept_answers_created_at", "created_at"),)

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str]
    content: Mapped[bytes]
    created_at: Mapped[datetime]


QUEUES = table(QueueRow)
TOKENS = table(TokenRow)
KEPT_ANSWERS = table(KeptAnswerRow)
