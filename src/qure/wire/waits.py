"""What the outside sees of waits: of one who waits, of a queue, and how often they held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from qure.application.ports.waiting import Accuracy
from qure.application.waiting.told import QueueWaits
from qure.application.waiting.waits import Plan, WhatIf
from qure.domain.ids import TokenId
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.wait import Wait, WaitState
from qure.wire import day_fields as d
from qure.wire.body import Body, instant, optional_instant
from qure.wire.parsing import Fields

ENOUGH_SAMPLES = 30
"""From so many calls on it is said how often what was told held."""


class WaitBody(Body):
    """When somebody will be called, as told: `estimated`, `next` (nobody ahead and a desk free) or
    `unknown` (all instants null; `reason` says why).

    With 20 % probability the call comes before `low`, with 50 % before `likely`, with 80 % before
    `high`; who is there by `leaveBy` misses it in at most one of ten cases.
    """

    state: str
    reason: str | None
    low: str | None
    likely: str | None
    high: str | None
    leave_by: str | None
    basis: str
    reasons: tuple[str, ...]
    as_of: str
    version: int

    @classmethod
    def of(cls, wait: Wait) -> WaitBody:
        return cls(
            wait.state.value,
            None if wait.unknown is None else wait.unknown.value,
            optional_instant(wait.low),
            optional_instant(wait.likely),
            optional_instant(wait.high),
            optional_instant(wait.leave_by),
            wait.basis.value,
            tuple(one.value for one in wait.reasons),
            instant(wait.as_of),
            wait.version,
        )

    @classmethod
    def of_promise(cls, promise: Promise) -> WaitBody:
        """What a patient was told when they joined."""
        was_next = promise.low == promise.high == promise.as_of
        return cls(
            (WaitState.NEXT if was_next else WaitState.ESTIMATED).value,
            None,
            instant(promise.low),
            instant(promise.likely),
            instant(promise.high),
            instant(promise.leave_by),
            promise.basis.value,
            tuple(one.value for one in promise.reasons),
            instant(promise.as_of),
            promise.version,
        )


def optional_wait(wait: Wait | None) -> WaitBody | None:
    """A wait, or null as long as none has been forecast."""
    return None if wait is None else WaitBody.of(wait)


class QueueWaitBody(Body):
    """What whoever joins now is told, and the probability (0..1) that they are called before the
    closing time; null where it is not known."""

    if_joined_now: WaitBody | None
    before_closing: float | None

    @classmethod
    def of(cls, waits: QueueWaits | None) -> QueueWaitBody:
        if waits is None:
            return cls(None, None)
        return cls(WaitBody.of(waits.if_joined), waits.before_closing)


class ServiceAccuracyBody(Body):
    """One service's; see ``AccuracyBody``."""

    service_id: UUID
    samples: int
    called_before_high: float | None
    called_before_low: float | None
    median_error_minutes: float | None


class AccuracyBody(Body):
    """How often what was told at joining held: the shares (0..1) of those who were called at `high`
    or before, and before `low`, and how far the call was from `likely`; null below 30 samples."""

    samples: int
    called_before_high: float | None
    called_before_low: float | None
    median_error_minutes: float | None
    by_service: list[ServiceAccuracyBody]

    @classmethod
    def of(cls, found: Sequence[Accuracy]) -> AccuracyBody:
        whole = next((one for one in found if one.service_id is None), None)
        services = [
            ServiceAccuracyBody(one.service_id, *_figures(one))
            for one in found
            if one.service_id is not None
        ]
        return cls(*_figures(whole or Accuracy(None, 0, 0, 0, None)), services)


def _figures(one: Accuracy) -> tuple[int, float | None, float | None, float | None]:
    if one.samples < ENOUGH_SAMPLES or one.median_error is None:
        return one.samples, None, None, None
    return (
        one.samples,
        round(one.before_high / one.samples, 3),
        round(one.before_low / one.samples, 3),
        round(one.median_error / 60, 1),
    )


class TokenWaitBody(Body):
    """One token's wait."""

    token_id: UUID
    wait: WaitBody


class PlanBody(Body):
    """When each is called; `finish` is the last one's, null when nobody waits."""

    finish: WaitBody | None
    by_token: list[TokenWaitBody]

    @classmethod
    def of(cls, plan: Plan) -> PlanBody:
        return cls(optional_wait(plan.finish), token_waits(plan.waiting))


def token_waits(waiting: Mapping[TokenId, Wait]) -> list[TokenWaitBody]:
    """Each with its token."""
    return [TokenWaitBody(id, WaitBody.of(wait)) for id, wait in waiting.items()]


class WhatIfBody(Body):
    """A line as it goes, and as it would go."""

    now: PlanBody
    then: PlanBody

    @classmethod
    def of(cls, found: WhatIf) -> WhatIfBody:
        return cls(PlanBody.of(found.now), PlanBody.of(found.then))


class AskWhatIf(Fields):
    """So many desks, from then (now) to then (for good)."""

    desks: d.Desks
    from_: d.Instant | None = msgspec.field(name="from", default=None)
    until: d.Instant | None = None

    @property
    def begin(self) -> datetime | None:
        """As the domain knows it."""
        return None if self.from_ is None else d.read_instant(self.from_)

    @property
    def end(self) -> datetime | None:
        """As the domain knows it."""
        return None if self.until is None else d.read_instant(self.until)


class ForDays(Fields):
    """Over how many days."""

    days: d.Days = 14


class BoardWaitsBody(Body):
    """The waits on a board that are different now."""

    queue_id: UUID
    version: int
    waits: list[TokenWaitBody]
