"""The record of what staff did, in the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from qure.adapters.sql.mapping import activity_values, to_activity
from qure.adapters.sql.rows import STAFF_ACTIVITIES
from qure.adapters.sql.transaction import Transaction
from qure.domain.ids import TokenId
from qure.domain.staff_activity import StaffActivity

_ADD = insert(STAFF_ACTIVITIES)
_OF_TOKEN = (
    select(STAFF_ACTIVITIES)
    .where(STAFF_ACTIVITIES.c.token_id == bindparam("token"))
    .order_by(STAFF_ACTIVITIES.c.created_at, STAFF_ACTIVITIES.c.id)
)


class SqlActivities:
    """See ``ports.storage.Activities``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, activities: Sequence[StaffActivity]) -> None:
        if activities:
            await self._transaction.change(_ADD, [activity_values(one) for one in activities])

    async def of_token(self, token_id: TokenId) -> list[StaffActivity]:
        rows = await self._transaction.all(_OF_TOKEN, {"token": token_id})
        return [to_activity(row) for row in rows]
