"""Tokens in the database. Every question here is answered by an index made for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
    update,
)

from qure.adapters.sql.insertion import Insertion
from qure.adapters.sql.mapping import (
    AS_ISSUED,
    as_issued,
    issued_values,
    to_token,
    token_changes,
    token_values,
)
from qure.adapters.sql.repositories.seen_days import seen_days
from qure.adapters.sql.rows.clinics import CLINICS
from qure.adapters.sql.rows.queueing import QUEUES, TOKENS, WAITS
from qure.adapters.sql.rows.row import one_of, padded
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.waiting import SeenDay
from qure.domain.calling_order import HEADS, Line
from qure.domain.ids import QueueId, ServiceId, TokenId, UserId
from qure.domain.token import ACTIVE, ASSIGNED, PLACE_STEP, Priority, Token, TokenStatus

# As the partial indexes have them.
_IS_ACTIVE = text("tokens." + one_of("status", ACTIVE))
_IS_ASSIGNED = text("tokens." + one_of("status", ASSIGNED))
_IS_CALLED = text("tokens." + one_of("status", [TokenStatus.CALLED]))
_IS_SKIPPED = text("tokens." + one_of("status", [TokenStatus.SKIPPED]))
_WAITS = text(WAITS)

_IN_QUEUE = TOKENS.c.queue_id == bindparam("queue")
_OF_CLASS = TOKENS.c.priority == bindparam("class")
_ORDER = (TOKENS.c.place, TOKENS.c.number)

_add = Insertion(TOKENS)
_issue = Insertion(TOKENS, alike=AS_ISSUED)
_SAVE = update(TOKENS).where(TOKENS.c.id == bindparam("of"))
_GET = select(TOKENS).where(TOKENS.c.id == bindparam("id"))
_OF_QUEUE = select(TOKENS).where(_IN_QUEUE).order_by(TOKENS.c.number)
_ON_BOARD = _OF_QUEUE.where(text("tokens." + one_of("status", ACTIVE | {TokenStatus.SKIPPED})))
_ACTIVE_IN = _OF_QUEUE.where(_IS_ACTIVE).limit(bindparam("most"))


def _heads(priority: Priority) -> Select[Any]:
    first = (
        select(TOKENS)
        .where(_IN_QUEUE, TOKENS.c.priority == literal_column(f"'{priority.value}'"), _WAITS)
        .order_by(*_ORDER)
        .limit(literal_column(str(HEADS)))
        .subquery(f"first_{priority.value.lower()}")
    )
    return select(first)


_HEADS = [_heads(priority) for priority in Priority]
_LINE = union_all(*_HEADS)
_LINE_FOR = union_all(
    *_HEADS,
    select(TOKENS).where(_IN_QUEUE, TOKENS.c.assigned_to == bindparam("staff"), _IS_ASSIGNED),
)
_PLACES = (
    select(TOKENS.c.place)
    .where(_IN_QUEUE, _OF_CLASS, _WAITS)
    .order_by(*_ORDER)
    .limit(bindparam("most"))
)
_PLACES_BEHIND = _PLACES.where(
    tuple_(*_ORDER) > tuple_(bindparam("place", type_=TOKENS.c.place.type), bindparam("number"))
)


def _spaced_out() -> Any:
    """The last one stays where it is, and so none comes behind the end of the line."""
    in_class = select(TOKENS.c.id, *_ORDER).where(_IN_QUEUE, _OF_CLASS).subquery("in_class")
    behind = func.row_number().over(order_by=(in_class.c.place.desc(), in_class.c.number.desc()))
    spaced = select(
        in_class.c.id,
        (func.max(in_class.c.place).over() - (behind - 1) * PLACE_STEP).label("place"),
    ).subquery("spaced")
    # The queue once more, for the index: Postgres would rather look through all tokens for ids.
    return update(TOKENS).where(TOKENS.c.id == spaced.c.id, _IN_QUEUE).values(place=spaced.c.place)


_SPACE_OUT = _spaced_out()
_TODAY = (
    select(TOKENS)
    .join(QUEUES, QUEUES.c.id == TOKENS.c.queue_id)
    .where(QUEUES.c.day_starts_at <= bindparam("now"), QUEUES.c.day_ends_at > bindparam("now"))
)
_ACTIVE_TODAY = _TODAY.where(_IS_ACTIVE)
_THEIRS = TOKENS.c.patient_id == bindparam("patient")
_ACTIVE_OF = _ACTIVE_TODAY.where(_THEIRS).order_by(
    TOKENS.c.number, TOKENS.c.created_at, TOKENS.c.id
)
_STANDING_OF = union_all(_ACTIVE_TODAY.where(_THEIRS), _TODAY.where(_IS_SKIPPED, _THEIRS))
_ONE_OF_THEM = TOKENS.c.patient_id.in_(bindparam("patients", expanding=True))
# Every token of theirs in the queue, and the active ones elsewhere: a handful for each.
_TAKEN = union_all(
    select(TOKENS).where(_IN_QUEUE, _ONE_OF_THEM),
    _ACTIVE_TODAY.where(TOKENS.c.queue_id != bindparam("queue"), _ONE_OF_THEM),
)
_CALLED_BEFORE = (
    select(TOKENS.c.id, TOKENS.c.last_called_at, CLINICS.c.no_show_minutes)
    .join(QUEUES, QUEUES.c.id == TOKENS.c.queue_id)
    .join(CLINICS, CLINICS.c.id == QUEUES.c.clinic_id)
    .where(
        _IS_CALLED,
        TOKENS.c.last_called_at <= bindparam("before"),
        CLINICS.c.no_show_minutes.is_not(None),
    )
    .order_by(TOKENS.c.last_called_at, TOKENS.c.id)
)
_SHORTEST = timedelta(minutes=1)


class SqlTokens:
    """See ``ports.lines.Tokens``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, tokens: Sequence[Token]) -> None:
        if all(map(as_issued, tokens)):
            await _issue(self._transaction, [issued_values(token) for token in tokens])
        else:
            await _add(self._transaction, [token_values(token) for token in tokens])

    async def save(self, tokens: Sequence[Token]) -> None:
        if tokens:
            changes = [{"of": token.id, **token_changes(token)} for token in tokens]
            await self._transaction.change(_SAVE, changes)

    async def get(self, id: TokenId) -> Token | None:
        row = await self._transaction.first(_GET, {"id": id})
        return None if row is None else to_token(row)

    async def line_for(self, queue_id: QueueId, staff_id: UserId | None) -> Line:
        if staff_id is None:
            return Line(await self._all(_LINE, {"queue": queue_id}))
        tokens = await self._all(_LINE_FOR, {"queue": queue_id, "staff": staff_id})
        assigned = [token for token in tokens if token.status in ASSIGNED]
        return Line(
            (token for token in tokens if token.status is TokenStatus.WAITING),
            sorted(assigned, key=lambda token: token.number),
        )

    async def taken_by(
        self, patients: Collection[UserId], *, queue_id: QueueId, now: datetime
    ) -> dict[UserId, list[Token]]:
        taken: dict[UserId, list[Token]] = {patient: [] for patient in patients}
        if taken:
            asked = {"queue": queue_id, "patients": padded(patients), "now": now}
            for token in await self._all(_TAKEN, asked):
                taken[token.patient_id].append(token)
        return taken

    async def active_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        return await self._all(_ACTIVE_OF, {"patient": patient_id, "now": now})

    async def standing_of(self, patient_id: UserId, *, now: datetime) -> list[Token]:
        found = await self._all(_STANDING_OF, {"patient": patient_id, "now": now})
        return sorted(found, key=lambda token: (token.number, token.created_at, token.id))

    async def of_queue(
        self, queue_id: QueueId, *, number: int | None = None, status: TokenStatus | None = None
    ) -> list[Token]:
        statement = _OF_QUEUE
        if number is not None:
            statement = statement.where(TOKENS.c.number == number)
        if status is not None:
            statement = statement.where(TOKENS.c.status == status.value)
        return await self._all(statement, {"queue": queue_id})

    async def seen_days(self, service_id: ServiceId, *, before: date, days: int) -> list[SeenDay]:
        return await seen_days(self._transaction, service_id, before=before, days=days)

    async def on_board(self, queue_id: QueueId) -> list[Token]:
        return await self._all(_ON_BOARD, {"queue": queue_id})

    async def active_in(self, queue_id: QueueId, *, limit: int) -> list[Token]:
        return await self._all(_ACTIVE_IN, {"queue": queue_id, "most": limit})

    async def places(
        self, queue_id: QueueId, priority: Priority, *, behind: Token | None, limit: int
    ) -> list[int]:
        asked: dict[str, Any] = {"queue": queue_id, "class": priority.value, "most": limit}
        if behind is None:
            rows = await self._transaction.all(_PLACES, asked)
        else:
            asked |= {"place": behind.place, "number": behind.number}
            rows = await self._transaction.all(_PLACES_BEHIND, asked)
        return [row.place for row in rows]

    async def space_out(self, queue_id: QueueId, priority: Priority) -> None:
        asked = {"queue": queue_id, "class": priority.value}
        await self._transaction.change(_SPACE_OUT, asked)

    async def not_shown_up(self, *, now: datetime, limit: int) -> list[TokenId]:
        # All that are called at this moment, at most: a few for each desk.
        rows = await self._transaction.all(_CALLED_BEFORE, {"before": now - _SHORTEST})
        gone = [
            row.id
            for row in rows
            if row.last_called_at <= now - timedelta(minutes=row.no_show_minutes)
        ]
        return gone[:limit]

    async def _all(self, statement: Any, asked: dict[str, Any]) -> list[Token]:
        return [to_token(row) for row in await self._transaction.all(statement, asked)]
