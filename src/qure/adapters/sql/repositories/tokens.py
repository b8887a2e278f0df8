"""Tokens in the database. Every question here is answered by an index made for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, text, union_all, update

from qure.adapters.sql.mapping import to_token, token_progress, token_values
from qure.adapters.sql.rows import QUEUES, TOKENS, one_of, padded
from qure.adapters.sql.transaction import Transaction
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.token import ACTIVE, HELD, Token, TokenStatus

_IS_ACTIVE = text("tokens." + one_of("status", ACTIVE))
_IS_HELD = text("tokens." + one_of("status", HELD))
_IS_WAITING = text("tokens." + one_of("status", [TokenStatus.WAITING]))

_ADD = insert(TOKENS)
_SAVE = update(TOKENS).where(TOKENS.c.id == bindparam("of"))
_GET = select(TOKENS).where(TOKENS.c.id == bindparam("id"))
_OF_QUEUE = select(TOKENS).where(TOKENS.c.queue_id == bindparam("queue")).order_by(TOKENS.c.number)
_NEXT = _OF_QUEUE.where(_IS_WAITING).limit(1)
_HELD_BY = _OF_QUEUE.where(TOKENS.c.held_by == bindparam("staff"), _IS_HELD)
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
_PLACES = union_all(
    select(TOKENS).where(TOKENS.c.queue_id == bindparam("queue"), _ONE_OF_THEM),
    _ACTIVE_TODAY.where(TOKENS.c.queue_id != bindparam("queue"), _ONE_OF_THEM),
)


class SqlTokens:
    """See ``ports.storage.Tokens``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, tokens: Sequence[Token]) -> None:
        if tokens:
            await self._transaction.change(_ADD, [token_values(token) for token in tokens])

    async def save(self, tokens: Sequence[Token]) -> None:
        if tokens:
            changes = [{"of": token.id, **token_progress(token)} for token in tokens]
            await self._transaction.change(_SAVE, changes)

    async def get(self, id: TokenId) -> Token | None:
        row = await self._transaction.first(_GET, {"id": id})
        return None if row is None else to_token(row)

    async def next_in_line(self, queue_id: QueueId) -> Token | None:
        row = await self._transaction.first(_NEXT, {"queue": queue_id})
        return None if row is None else to_token(row)

    async def held_by(self, queue_id: QueueId, staff_id: UserId) -> list[Token]:
        rows = await self._transaction.all(_HELD_BY, {"queue": queue_id, "staff": staff_id})
        return [to_token(row) for row in rows]

    async def places_of(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        places: dict[UserId, list[Token]] = {patient: [] for patient in patients}
        if places:
            rows = await self._transaction.all(
                _PLACES, {"queue": queue_id, "patients": padded(patients), "now": now}
            )
            for token in map(to_token, rows):
                places[token.patient_id].append(token)
        return places

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
