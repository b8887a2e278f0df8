"""A queue's forecast as it is told: to each who waits, and to whoever thinks of joining."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.forecast import Outlook, QueueForecast
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.scene import Line
from qure.domain.waiting.wait import (
    Basis,
    Reason,
    Unknown,
    Wait,
    WaitState,
    instant_of,
    told,
)

LIKELY_ENOUGH: Final = 0.8
"""Whoever is called before closing with less probability is told that it may not come to it."""

TOLD_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueWaits:
    """What is told of one queue. ``before_closing`` (0..1) is the probability that who joins now is
    called before its closing time; None where nothing is known.
    """

    clinic_id: ClinicId
    service_id: ServiceId
    queue_id: QueueId
    basis: Basis
    as_of: datetime
    version: int
    unknown: Unknown | None
    known: frozenset[TokenId]
    """Of whom it was made: those who waited then."""

    waiting: Mapping[TokenId, Wait]
    ahead: Mapping[TokenId, int]
    if_joined: Wait
    before_closing: float | None

    def of(self, token: Token | None) -> Wait:
        """The token's; None is one that is on the board no more.

        Of one that has joined since it is what whoever joins is told.
        """
        if token is None or token.status is not TokenStatus.WAITING:
            return self._nothing(Unknown.NOT_WAITING)
        if token.on_hold:
            return self._nothing(Unknown.ON_HOLD)
        if self.unknown is not None:
            return self._nothing(self.unknown)
        return self.waiting.get(token.id, self.if_joined)

    def promise_to(self, token_id: TokenId) -> Promise | None:
        """What its patient is told, to be kept; None if it was nothing."""
        wait = self.waiting.get(token_id)
        if (
            wait is None
            or wait.low is None
            or wait.likely is None
            or wait.high is None
            or wait.leave_by is None
        ):
            return None
        return Promise(
            token_id=token_id,
            clinic_id=self.clinic_id,
            service_id=self.service_id,
            queue_id=self.queue_id,
            ahead=self.ahead[token_id],
            as_of=self.as_of,
            low=wait.low,
            likely=wait.likely,
            high=wait.high,
            leave_by=wait.leave_by,
            basis=wait.basis,
            reasons=wait.reasons,
            version=self.version,
        )

    def _nothing(self, why: Unknown) -> Wait:
        return unknown_wait(why, self.basis, as_of=self.as_of, version=self.version)


def unknown_wait(why: Unknown, basis: Basis, *, as_of: datetime, version: int) -> Wait:
    """Nothing is known, for that reason."""
    return Wait(state=WaitState.UNKNOWN, unknown=why, basis=basis, as_of=as_of, version=version)


def tell(
    forecast: QueueForecast, line: Line, status: QueueStatus, *, as_of: datetime
) -> Generator[None, None, QueueWaits]:
    """In slices: others may run whenever it yields."""
    waiting: dict[TokenId, Wait] = {}
    for number, (id, outlook) in enumerate(forecast.waiting.items()):
        waiting[id] = wait_of(outlook, forecast, as_of=as_of, version=status.version)
        if number % TOLD_AT_ONCE == TOLD_AT_ONCE - 1:
            yield
    yield
    if_joined, before_closing = _if_joined(forecast, status, as_of)
    return QueueWaits(
        clinic_id=status.clinic_id,
        service_id=status.service_id,
        queue_id=status.queue_id,
        basis=forecast.basis,
        as_of=as_of,
        version=status.version,
        unknown=forecast.unknown,
        known=frozenset(one.id for one in line.waiting),
        waiting=waiting,
        ahead={id: outlook.ahead for id, outlook in forecast.waiting.items()},
        if_joined=if_joined,
        before_closing=before_closing,
    )


def wait_of(outlook: Outlook, forecast: QueueForecast, *, as_of: datetime, version: int) -> Wait:
    """One outlook, as it is told."""
    reasons = set(forecast.reasons)
    if outlook.before_closing < LIKELY_ENOUGH:
        reasons.add(Reason.MAY_NOT_BE_REACHED)
    in_order = tuple(sorted(reasons))
    if outlook.is_next:
        return Wait(
            state=WaitState.NEXT,
            low=as_of,
            likely=as_of,
            high=as_of,
            leave_by=as_of,
            basis=forecast.basis,
            reasons=in_order,
            as_of=as_of,
            version=version,
        )
    said = told(outlook.range, now=as_of.timestamp())
    return Wait(
        state=WaitState.ESTIMATED,
        low=instant_of(said.low),
        likely=instant_of(said.likely),
        high=instant_of(said.high),
        leave_by=instant_of(said.leave_by),
        basis=forecast.basis,
        reasons=in_order,
        as_of=as_of,
        version=version,
    )


def _if_joined(
    forecast: QueueForecast, status: QueueStatus, as_of: datetime
) -> tuple[Wait, float | None]:
    outlook = forecast.if_joined
    why = forecast.unknown
    if not status.is_active:
        why = Unknown.CLOSED  # Nobody can join.
    if why is not None or outlook is None:
        nothing = unknown_wait(
            why or Unknown.NO_DESK, forecast.basis, as_of=as_of, version=status.version
        )
        return nothing, 0.0 if why is Unknown.CLOSED else None
    wait = wait_of(outlook, forecast, as_of=as_of, version=status.version)
    return wait, round(outlook.before_closing, 2)
