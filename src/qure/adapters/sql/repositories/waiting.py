"""What was told of waits, and what was learned of it, in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    not_,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from qure.adapters.sql.mapping import (
    calibration_values,
    error_seconds,
    promise_values,
    to_calibration,
    to_promise,
)
from qure.adapters.sql.rows.clinics import SERVICES
from qure.adapters.sql.rows.queueing import TOKENS
from qure.adapters.sql.rows.row import one_of, padded
from qure.adapters.sql.rows.waiting import CALIBRATIONS, PROMISES
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.waiting import Accuracy, Due
from qure.domain.ids import ClinicId, ServiceId, TokenId
from qure.domain.token import TokenStatus
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise

_IS_OPEN = text("promises.is_open")  # As the partial index has it.
_ADD = {
    "postgresql": postgresql.insert(PROMISES).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(PROMISES).on_conflict_do_nothing(),
}
_GET = select(PROMISES).where(PROMISES.c.token_id == bindparam("token"))

# As ``domain.waiting.promise.is_kept_waiting`` has it.
_KEPT_ITS_PLACE = and_(TOKENS.c.postpones == 0, TOKENS.c.rejoins == 0)
_IS_KEPT_WAITING = and_(
    text("tokens." + one_of("status", [TokenStatus.WAITING])),
    not_(TOKENS.c.on_hold),
    _KEPT_ITS_PLACE,
)
_WAS_CALLED = text(
    "tokens."
    + one_of(
        "status",
        [
            TokenStatus.CALLED,
            TokenStatus.IN_PROGRESS,
            TokenStatus.COMPLETED,
            TokenStatus.SKIPPED,
        ],
    )
)
_called_at = case((and_(_WAS_CALLED, _KEPT_ITS_PLACE), TOKENS.c.called_at))
_DUE = (
    select(PROMISES, _called_at.label("token_called_at"))
    .join(TOKENS, TOKENS.c.id == PROMISES.c.token_id)
    .where(
        _IS_OPEN,
        not_(_IS_KEPT_WAITING),
        or_(_called_at.is_(None), _called_at <= bindparam("before")),
    )
    .order_by(_called_at.nulls_last(), PROMISES.c.token_id)
    .limit(bindparam("most"))
)
# The promises alone: a token is its queue's to lock.
_LOCK_DUE = _DUE.with_for_update(key_share=True, of=PROMISES, skip_locked=True)
_TOLD = select(PROMISES.c.token_id, PROMISES.c.likely).where(
    PROMISES.c.token_id.in_(bindparam("tokens", expanding=True)), _IS_OPEN
)
# Once more whether it is open: another may have settled it since we looked.
_SETTLE = (
    update(PROMISES)
    .where(PROMISES.c.token_id == bindparam("of"), _IS_OPEN)
    .values(called_at=bindparam("called"), error_seconds=bindparam("error"), is_open=text("false"))
)


def _accuracy() -> Any:
    """One pass for all and for each service: the median is what stands in the middle, or the mean
    of the two that do."""
    error, service = PROMISES.c.error_seconds, PROMISES.c.service_id
    called = (
        select(
            service,
            cast(PROMISES.c.called_at <= PROMISES.c.high, Integer).label("before_high"),
            cast(PROMISES.c.called_at < PROMISES.c.low, Integer).label("before_low"),
            error,
            func.row_number().over(order_by=error).label("place"),
            func.count().over().label("count"),
            func.row_number().over(partition_by=service, order_by=error).label("place_in_service"),
            func.count().over(partition_by=service).label("count_in_service"),
        )
        .where(
            PROMISES.c.clinic_id == bindparam("clinic"), PROMISES.c.called_at >= bindparam("since")
        )
        .cte("called")
    )

    def figures(
        of: ColumnElement[Any], place: ColumnElement[int], count: ColumnElement[int]
    ) -> Select[Any]:
        is_middle = (2 * place).between(count, count + 2)
        return select(
            of.label("service_id"),
            func.count().label("samples"),
            func.coalesce(func.sum(called.c.before_high), 0).label("before_high"),
            func.coalesce(func.sum(called.c.before_low), 0).label("before_low"),
            func.avg(case((is_middle, called.c.error_seconds))).label("median_error"),
        )

    of_all = figures(cast(null(), service.type), called.c.place, called.c.count)
    each = figures(
        called.c.service_id, called.c.place_in_service, called.c.count_in_service
    ).group_by(called.c.service_id)
    return union_all(of_all, each)


_ACCURACY = _accuracy()


class SqlPromises:
    """See ``ports.waiting.Promises``."""

    def __init__(self, transaction: Transaction, *, writing: bool) -> None:
        self._transaction = transaction
        self._due = _LOCK_DUE if writing else _DUE

    async def add(self, promises: Sequence[Promise]) -> None:
        # Sorted: two who add the same ones wait for each other, and not in a circle.
        rows = [promise_values(one) for one in sorted(promises, key=_token_id)]
        if rows:
            await self._transaction.change(_ADD[self._transaction.dialect], rows)

    async def get(self, token_id: TokenId) -> Promise | None:
        row = await self._transaction.first(_GET, {"token": token_id})
        return None if row is None else to_promise(row)

    async def due(self, *, called_before: datetime, limit: int) -> list[Due]:
        asked = {"before": called_before, "most": limit}
        rows = await self._transaction.all(self._due, asked)
        return [Due(to_promise(_told(row)), row.token_called_at) for row in rows]

    async def settle(self, outcomes: Mapping[TokenId, datetime | None]) -> None:
        if not outcomes:
            return
        rows = await self._transaction.all(_TOLD, {"tokens": padded(sorted(outcomes))})
        changes = [
            {
                "of": row.token_id,
                "called": outcomes[row.token_id],
                "error": error_seconds(row.likely, outcomes[row.token_id]),
            }
            for row in sorted(rows, key=_token_id)
        ]
        if changes:
            await self._transaction.change(_SETTLE, changes)

    async def accuracy(self, clinic_id: ClinicId, *, since: datetime) -> list[Accuracy]:
        rows = await self._transaction.all(_ACCURACY, {"clinic": clinic_id, "since": since})
        found = [
            Accuracy(row.service_id, row.samples, row.before_high, row.before_low, row.median_error)
            for row in rows
        ]
        return sorted(found, key=lambda one: (one.service_id is not None, one.service_id))


def _told(due: Any) -> Any:
    return due[: len(PROMISES.c)]


def _token_id(of: Any) -> TokenId:
    id: TokenId = of.token_id
    return id


_OF_SERVICES = select(CALIBRATIONS).where(
    CALIBRATIONS.c.service_id.in_(bindparam("services", expanding=True))
)
# Sorted first and locked then. A service comes early in the order of locks.
_LOCK_SERVICES = (
    select(SERVICES.c.id)
    .where(SERVICES.c.id.in_(bindparam("services", expanding=True)))
    .order_by(SERVICES.c.id)
    .with_for_update(key_share=True)
)


def _save(insert: Any) -> Any:
    key = (CALIBRATIONS.c.service_id, CALIBRATIONS.c.bucket)
    learned = {name: insert.excluded[name] for name in calibration_values.names}
    return insert.on_conflict_do_update(index_elements=key, set_=learned)


_SAVE = {
    "postgresql": _save(postgresql.insert(CALIBRATIONS)),
    "sqlite": _save(sqlite.insert(CALIBRATIONS)),
}


class SqlCalibrations:
    """See ``ports.waiting.Calibrations``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def of_services(
        self, service_ids: Collection[ServiceId], *, lock: bool = False
    ) -> dict[tuple[ServiceId, int], Calibration]:
        if not service_ids:
            return {}
        asked = {"services": padded(sorted(service_ids))}
        if lock and self._transaction.dialect == "postgresql":
            await self._transaction.all(_LOCK_SERVICES, asked)
        rows = await self._transaction.all(_OF_SERVICES, asked)
        return {(row.service_id, row.bucket): to_calibration(row) for row in rows}

    async def save(self, calibrations: Mapping[tuple[ServiceId, int], Calibration]) -> None:
        # Sorted: two who save the same ones wait for each other, and not in a circle.
        rows = [
            {"service_id": service_id, "bucket": bucket, **calibration_values(learned)}
            for (service_id, bucket), learned in sorted(calibrations.items(), key=itemgetter(0))
        ]
        if rows:
            await self._transaction.change(_SAVE[self._transaction.dialect], rows)
