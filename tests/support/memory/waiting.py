"""What was told of waits, and what was learned of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median

from qure.application.ports.waiting import Accuracy, Due
from qure.domain.ids import ClinicId, ServiceId, TokenId
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise, is_kept_waiting
from tests.support.memory.state import State

WAS_CALLED = {
    TokenStatus.CALLED,
    TokenStatus.IN_PROGRESS,
    TokenStatus.COMPLETED,
    TokenStatus.SKIPPED,
}


class MemoryPromises:
    """See ``Promises``. A promise is frozen."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, promises: Sequence[Promise]) -> None:
        for one in promises:
            if one.token_id not in self._state.promises:
                self._state.promises[one.token_id] = one

    async def get(self, token_id: TokenId) -> Promise | None:
        return self._state.promises.get(token_id)

    async def due(self, *, called_before: datetime, limit: int) -> list[Due]:
        """There is one lock for all, and a writer has it."""
        called: list[tuple[datetime, TokenId]] = []
        never: list[TokenId] = []
        for one in self._state.promises.values():
            token = self._state.tokens[one.token_id]
            if not one.is_open or is_kept_waiting(token):
                continue
            called_at = _called_at(token)
            if called_at is None:
                never.append(token.id)
            elif called_at <= called_before:
                called.append((called_at, token.id))
        due = [Due(self._state.promises[id], at) for at, id in sorted(called)]
        due += [Due(self._state.promises[id], None) for id in sorted(never)]
        return due[:limit]

    async def settle(self, outcomes: Mapping[TokenId, datetime | None]) -> None:
        for id, called_at in outcomes.items():
            one = self._state.promises.get(id)
            if one is not None and one.is_open:
                self._state.promises[id] = replace(one, called_at=called_at, is_open=False)

    async def accuracy(self, clinic_id: ClinicId, *, since: datetime) -> list[Accuracy]:
        called = [
            (one, one.called_at)
            for one in self._state.promises.values()
            if one.clinic_id == clinic_id and one.called_at is not None and one.called_at >= since
        ]
        services = sorted({one.service_id for one, _ in called})
        return [
            _accuracy(None, called),
            *[_accuracy(id, [one for one in called if one[0].service_id == id]) for id in services],
        ]


def _called_at(token: Token) -> datetime | None:
    as_promised = token.status in WAS_CALLED and not token.rejoins and not token.postpones
    return token.called_at if as_promised else None


def _accuracy(service_id: ServiceId | None, called: Sequence[tuple[Promise, datetime]]) -> Accuracy:
    errors = [abs((at - one.likely).total_seconds()) for one, at in called]
    return Accuracy(
        service_id,
        len(called),
        sum(at <= one.high for one, at in called),
        sum(at < one.low for one, at in called),
        median(errors) if errors else None,
    )


class MemoryCalibrations:
    """See ``Calibrations``. A calibration is frozen."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of_services(
        self, service_ids: Collection[ServiceId], *, lock: bool = False
    ) -> dict[tuple[ServiceId, int], Calibration]:
        """There is one lock for all, and a writer has it."""
        return {
            key: self._state.calibrations[key]
            for key in self._state.calibrations
            if key[0] in service_ids
        }

    async def save(self, calibrations: Mapping[tuple[ServiceId, int], Calibration]) -> None:
        for key, learned in calibrations.items():
            self._state.calibrations[key] = learned
