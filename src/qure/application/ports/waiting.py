"""The collections of waiting: what was told, and what was learned of how far off it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, TokenId, UserId
from qure.domain.token import Priority, SkipReason, TokenStatus
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenToken:
    """As much of a token as tells how its visit went."""

    service_id: ServiceId
    status: TokenStatus
    priority: Priority
    created_at: datetime
    called_at: datetime | None
    completed_at: datetime | None
    skipped_at: datetime | None
    skip_reason: SkipReason | None
    rejoins: int
    assigned_to: UserId | None
    desk_id: DeskId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDay:
    """A queue of an earlier day, and its tokens."""

    queue_id: QueueId
    service_id: ServiceId
    start_time: datetime
    end_time: datetime
    over_at: datetime
    """When it was closed, or else when its day ended: who was completed then was only cleared."""

    tokens: Sequence[SeenToken]


@dataclass(frozen=True, slots=True)
class Due:
    """An open promise whose token does not wait any more as it did (see ``is_kept_waiting``).

    ``called_at`` is when it was called; None when its promise cannot be held against a call: the
    patient left, stepped out, let others pass or came back.
    """

    promise: Promise
    called_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of the promises of one service, or of all (``service_id`` None), that a call followed.

    How many; how many were called at ``high`` or before, and before ``low``; the median of
    |called - likely| in seconds, None of none.
    """

    service_id: ServiceId | None
    samples: int
    before_high: int
    before_low: int
    median_error: float | None


class Promises(Protocol):
    """What was told to patients when they joined."""

    async def add(self, promises: Sequence[Promise]) -> None:
        """Whoever was told something already keeps that: theirs are passed over."""

    async def get(self, token_id: TokenId) -> Promise | None: ...

    async def due(self, *, called_before: datetime, limit: int) -> list[Due]:
        """Open ones to be settled, the earliest called first, then those that were never called.

        A call counts once it has stood until ``called_before``: it may be undone until then. In a
        writing unit of work they are locked; what another has locked is passed over.
        """

    async def settle(self, outcomes: Mapping[TokenId, datetime | None]) -> None:
        """They were called then, or never as promised; they are open no more."""

    async def accuracy(self, clinic_id: ClinicId, *, since: datetime) -> list[Accuracy]:
        """Of those called since then: all together first, then each service that has any, by id."""


class Calibrations(Protocol):
    """By service and bucket of place in line."""

    async def of_services(
        self, service_ids: Collection[ServiceId], *, lock: bool = False
    ) -> dict[tuple[ServiceId, int], Calibration]:
        """Those that were learned. With ``lock`` no one else learns of these services until this
        unit of work has ended (they are locked by id, also where nothing was learned yet)."""

    async def save(self, calibrations: Mapping[tuple[ServiceId, int], Calibration]) -> None:
        """New ones, and others in place of those that were."""
