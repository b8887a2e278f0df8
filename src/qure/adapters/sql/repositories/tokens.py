"""Tokens in the database. Every question here is answered by an index made for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, select, text, union_all, update

from qure.adapters.sql.insertion import Insertion
from qure.adapters.sql.mapping import to_token, token_values
from qure.adapters.sql.rows import QUEUES, TOKENS, one_of, padded
from qure.adapters.sql.transaction import Transaction
from qure.domain.calling_order import Line
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import ACTIVE, ASSIGNED, Priority, Token, TokenStatus

_IS_ACTIVE = text("tokens." + one_of("status", ACTIVE))
_IS_ASSIGNED = text("tokens." + one_of("status", ASSIGNED))
_IS_WAITING = text("tokens." + one_of("status", [TokenStatus.WAITING]))

_add = Insertion(TOKENS)
_SAVE = update(TOKENS).where(TOKENS.c.id == bindparam("of"))
_GET = select(TOKENS).where(TOKENS.c.id == bindparam("id"))
_OF_QUEUE = select(TOKENS).where(TOKENS.c.queue_id == bindparam("queue")).order_by(TOKENS.c.number)
_FIXED = ("id", "queue_id", "patient_id", "number", "created_at")


def _head(priority: Priority) -> Select[Any]:
    first = (
        select(TOKENS)
        .where(
            TOKENS.c.queue_id == bindparam("queue"),
            TOKENS.c.priority == literal_column(f"'{priority.value}'"),
            _IS_WAITING,
        )
        .order_by(TOKENS.c.place)
        .limit(1)
        .subquery(f"first_{priority.value.lower()}")
    )
    return select(first)


_LINE = union_all(
    *map(_head, Priority),
    select(TOKENS).where(
        TOKENS.c.queue_id == bindparam("queue"),
        TOKENS.c.assigned_to == bindparam("staff"),
        _IS_ASSIGNED,
    ),
)
_ACTIVE_TODAY = (
    select(TOKENS)
    .join(QUEUES, QUEUES.c.id == TOKENS.c.queue_id)
    .where(
        _IS_ACTIVE,
        QUEUES.c.day_starts_at <= bindparam("now"),
        QUEUES.c.day_ends_at > bindparam("now"),
    )
)
_ACTIVE_OF = _ACTIVE_TODAY.where(TOKENS.c.patient_id == bindparam("patient")).order_by(
    TOKENS.c.number, TOKENS.c.created_at, TOKENS.c.id
)
_ONE_OF_THEM = TOKENS.c.patient_id.in_(bindparam("patients", expanding=True))
# Every token of theirs in the queue, and the active ones elsewhere: a handful for each.
_TAKEN = union_all(
    select(TOKENS).where(TOKENS.c.queue_id == bindparam("queue"), _ONE_OF_THEM),
    _ACTIVE_TODAY.where(TOKENS.c.queue_id != bindparam("queue"), _ONE_OF_THEM),
)


class SqlTokens:
    """See ``ports.storage.Tokens``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, tokens: Sequence[Token]) -> None:
        await _add(self._transaction, [token_values(token) for token in tokens])

    async def save(self, tokens: Sequence[Token]) -> None:
        if tokens:
            changes = [_changed(token) for token in tokens]
            await self._transaction.change(_SAVE, changes)

    async def get(self, id: TokenId) -> Token | None:
        row = await self._transaction.first(_GET, {"id": id})
        return None if row is None else to_token(row)

    async def line_for(self, queue_id: QueueId, staff_id: UserId) -> Line:
        rows = await self._transaction.all(_LINE, {"queue": queue_id, "staff": staff_id})
        tokens = [to_token(row) for row in rows]
        return Line(
            heads=tuple(token for token in tokens if token.status is TokenStatus.WAITING),
            assigned=tuple(
                sorted(
                    (token for token in tokens if token.status in ASSIGNED),
                    key=lambda token: token.number,
                )
            ),
        )

    async def taken_by(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        taken: dict[UserId, list[Token]] = {patient: [] for patient in patients}
        if taken:
            rows = await self._transaction.all(
                _TAKEN, {"queue": queue_id, "patients": padded(patients), "now": now}
            )
            for token in map(to_token, rows):
                taken[token.patient_id].append(token)
        return taken

    async def active_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        rows = await self._transaction.all(_ACTIVE_OF, {"patient": patient_id, "now": now})
        return [to_token(row) for row in rows]

    async def of_queue(
        self, queue_id: QueueId, *, number: int | None = None, status: TokenStatus | None = None
    ) -> list[Token]:
        statement = _OF_QUEUE
        if number is not None:
            statement = statement.where(TOKENS.c.number == number)
        if status is not None:
            statement = statement.where(TOKENS.c.status == status.value)
        return [
            to_token(row) for row in await self._transaction.all(statement, {"queue": queue_id})
        ]


def _changed(token: Token) -> dict[str, Any]:
    """What changes in the life of a token."""
    values = token_values(token)
    values["of"] = token.id
    for name in _FIXED:
        del values[name]
    return values
