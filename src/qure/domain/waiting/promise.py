"""What a patient was told when they joined: kept as it was, so that it can be scored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.wait import Basis, Range, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The first range that was told of a token, ``as_of`` an instant, with ``ahead`` before it.

    ``called_at`` is when it was called, once that has been looked at; ``is_open`` until then, or
    until it is clear that the promise will never be held against a call.
    """

    token_id: TokenId
    clinic_id: ClinicId
    service_id: ServiceId
    queue_id: QueueId
    ahead: int
    as_of: datetime
    low: datetime
    likely: datetime
    high: datetime
    leave_by: datetime
    basis: Basis
    reasons: tuple[Reason, ...] = ()
    version: int
    called_at: datetime | None = None
    is_open: bool = True

    @property
    def range(self) -> Range:
        """As it was told, in POSIX seconds."""
        return Range(
            self.leave_by.timestamp(),
            self.low.timestamp(),
            self.likely.timestamp(),
            self.high.timestamp(),
        )


def is_kept_waiting(token: Token) -> bool:
    """Whether a promise still stands as it was made: the patient waits, and has not stepped out,
    let others pass, or come back after not being there."""
    return (
        token.status is TokenStatus.WAITING
        and not token.on_hold
        and not token.postpones
        and not token.rejoins
    )
