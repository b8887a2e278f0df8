"""What patients were told of their wait, and what was learned of how far off it was."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from qure.adapters.sql.rows.row import JsonB, Row, one_of, partial_index, table
from qure.domain.waiting.wait import Basis


class PromiseRow(Row):
    """What was told of a token when it was taken, as it was told, and what came of it.

    ``error_seconds`` is how far from ``likely`` the call was, kept so that a median is one
    question, the same on every database.
    """

    __tablename__ = "promises"
    __table_args__ = (
        CheckConstraint("ahead >= 0", name="ahead"),
        CheckConstraint("leave_by <= low AND low <= likely AND likely <= high", name="is_in_order"),
        CheckConstraint(one_of("basis", Basis), name="basis"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("called_at IS NULL OR NOT is_open", name="called_is_settled"),
        CheckConstraint(
            "(called_at IS NULL) = (error_seconds IS NULL)", name="called_has_error_seconds"
        ),
        CheckConstraint("error_seconds >= 0", name="error_seconds"),
        partial_index("ix_promises_open", "token_id", where="is_open"),
        partial_index(
            "ix_promises_called", "clinic_id", "called_at", where="called_at IS NOT NULL"
        ),
    )

    token_id: Mapped[UUID] = mapped_column(ForeignKey("tokens.id"), primary_key=True)
    clinic_id: Mapped[UUID]
    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"))
    queue_id: Mapped[UUID]
    ahead: Mapped[int]
    as_of: Mapped[datetime]
    low: Mapped[datetime]
    likely: Mapped[datetime]
    high: Mapped[datetime]
    leave_by: Mapped[datetime]
    basis: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JsonB)
    version: Mapped[int]
    called_at: Mapped[datetime | None]
    error_seconds: Mapped[float | None]
    is_open: Mapped[bool]


class CalibrationRow(Row):
    """The bounds here are wider than those of learning, which may be tuned: they keep out only
    what would make nonsense of every wait."""

    __tablename__ = "calibrations"
    __table_args__ = (
        CheckConstraint("bucket >= 0", name="bucket"),
        CheckConstraint("bias BETWEEN 0.1 AND 10", name="bias"),
        CheckConstraint("late BETWEEN -1 AND 10", name="late"),
        CheckConstraint("early BETWEEN -1 AND 10", name="early"),
        CheckConstraint("samples >= 0", name="samples"),
    )

    service_id: Mapped[UUID] = mapped_column(ForeignKey("services.id"), primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bias: Mapped[float]
    late: Mapped[float]
    early: Mapped[float]
    samples: Mapped[int]


PROMISES = table(PromiseRow)
CALIBRATIONS = table(CalibrationRow)
