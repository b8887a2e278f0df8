"""The record of what staff did with which token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qure.domain.ids import TokenId, UserId


class StaffAction(StrEnum):
    """What a staff member did."""

    CALL = "CALL"
    START = "START"
    SKIP = "SKIP"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffActivity:
    """One action of one staff member (or admin) on one token."""

    id: UUID
    staff_id: UserId
    token_id: TokenId
    action: StaffAction
    created_at: datetime
