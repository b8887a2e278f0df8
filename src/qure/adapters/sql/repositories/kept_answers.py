"""Answers that may be asked for again, in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, tuple_

from qure.adapters.sql.mapping import kept_answer_values, to_kept_answer
from qure.adapters.sql.rows.queueing import KEPT_ANSWERS
from qure.adapters.sql.rows.row import padded
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.lines import KeptAnswer

_ADD = insert(KEPT_ANSWERS)
_GET = select(KEPT_ANSWERS).where(
    KEPT_ANSWERS.c.scope == bindparam("scope"), KEPT_ANSWERS.c.key == bindparam("key")
)
_DELETE = delete(KEPT_ANSWERS).where(
    KEPT_ANSWERS.c.scope == bindparam("scope"), KEPT_ANSWERS.c.key == bindparam("key")
)
_KEY = (KEPT_ANSWERS.c.scope, KEPT_ANSWERS.c.key)
_GET_ALL = select(KEPT_ANSWERS).where(tuple_(*_KEY).in_(bindparam("keys", expanding=True)))
_IS_OLD = KEPT_ANSWERS.c.created_at < bindparam("before")
_OLDEST = select(*_KEY).where(_IS_OLD).order_by(KEPT_ANSWERS.c.created_at).limit(bindparam("most"))
# Old ones once more, for the index: Postgres would rather look through all answers for keys.
_DELETE_OLDER = delete(KEPT_ANSWERS).where(_IS_OLD, tuple_(*_KEY).in_(_OLDEST))


class SqlKeptAnswers:
    """See ``ports.lines.KeptAnswers``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get(self, scope: str, key: str) -> KeptAnswer | None:
        row = await self._transaction.first(_GET, {"scope": scope, "key": key})
        return None if row is None else to_kept_answer(row)

    async def get_all(self, keys: Collection[tuple[str, str]]) -> list[KeptAnswer]:
        if not keys:
            return []
        rows = await self._transaction.all(_GET_ALL, {"keys": padded(keys)})
        return [to_kept_answer(row) for row in rows]

    async def add(self, answers: Sequence[KeptAnswer]) -> None:
        # Sorted: two who keep the same ones wait for each other, and not in a circle.
        rows = [kept_answer_values(one) for one in sorted(answers, key=_scope_and_key)]
        if rows:
            await self._transaction.change(_ADD, rows)

    async def delete(self, scope: str, key: str) -> None:
        await self._transaction.change(_DELETE, {"scope": scope, "key": key})

    async def delete_older(self, *, before: datetime, limit: int) -> int:
        return await self._transaction.change(_DELETE_OLDER, {"before": before, "most": limit})


def _scope_and_key(answer: KeptAnswer) -> tuple[str, str]:
    return answer.scope, answer.key
