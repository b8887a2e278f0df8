"""Earlier days of a service, from the database: thousands of tokens, of each no more than tells."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal_column, or_, select

from qure.adapters.sql.rows.queueing import QUEUES, TOKENS
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.waiting import SeenDay, SeenToken
from qure.domain.ids import ServiceId
from qure.domain.token import Priority, SkipReason, TokenStatus

_SEEN_DAYS = (
    select(
        QUEUES.c.id,
        QUEUES.c.start_time,
        QUEUES.c.end_time,
        func.coalesce(QUEUES.c.closed_at, QUEUES.c.day_ends_at).label("over_at"),
    )
    .where(
        QUEUES.c.service_id == bindparam("service"),
        QUEUES.c.date >= bindparam("first"),
        QUEUES.c.date < bindparam("before"),
    )
    .order_by(QUEUES.c.date)
)
_NOBODY_CAME = TOKENS.c.skip_reason == literal_column(f"'{SkipReason.NO_SHOW.value}'")
_SEEN = (
    select(
        TOKENS.c.status,
        TOKENS.c.priority,
        TOKENS.c.created_at,
        TOKENS.c.called_at,
        TOKENS.c.completed_at,
        TOKENS.c.skipped_at,
        TOKENS.c.skip_reason,
        TOKENS.c.rejoins,
        TOKENS.c.assigned_to,
        TOKENS.c.desk_id,
    )
    .where(
        TOKENS.c.queue_id == bindparam("queue"),
        or_(TOKENS.c.called_at.is_not(None), TOKENS.c.rejoins > 0, _NOBODY_CAME),
    )
    .order_by(TOKENS.c.number)
)
# A look into a dictionary is a quarter of a call of the enumeration.
_STATUSES = {each.value: each for each in TokenStatus}
_PRIORITIES = {each.value: each for each in Priority}
_SKIP_REASONS: dict[str | None, SkipReason | None] = {each.value: each for each in SkipReason}


async def seen_days(
    transaction: Transaction, service_id: ServiceId, *, before: date, days: int
) -> list[SeenDay]:
    """See ``ports.lines.Tokens``.

    Day by day, so that others have their turn in between: a hundred rows take a millisecond.
    """
    asked = {"service": service_id, "first": before - timedelta(days=days), "before": before}
    found = await transaction.all(_SEEN_DAYS, asked)
    return [
        SeenDay(
            queue_id=day.id,
            service_id=service_id,
            start_time=day.start_time,
            end_time=day.end_time,
            over_at=day.over_at,
            tokens=[
                _seen(service_id, row) for row in await transaction.all(_SEEN, {"queue": day.id})
            ],
        )
        for day in found
    ]


def _seen(service_id: ServiceId, row: Any) -> SeenToken:
    status, priority, created_at, called_at, completed_at, skipped_at, why, rejoins, by, at = row
    return SeenToken(
        service_id=service_id,
        status=_STATUSES[status],
        priority=_PRIORITIES[priority],
        created_at=created_at,
        called_at=called_at,
        completed_at=completed_at,
        skipped_at=skipped_at,
        skip_reason=_SKIP_REASONS.get(why),
        rejoins=rejoins,
        assigned_to=by,
        desk_id=at,
    )
