"""The links of guests in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from qure.adapters.sql.mapping import guest_link_values, to_guest_link
from qure.adapters.sql.rows.accounts import GUEST_LINKS
from qure.adapters.sql.transaction import Transaction
from qure.domain.guest import GuestLink
from qure.domain.ids import UserId

_ADD = insert(GUEST_LINKS)
_OF_USER = select(GUEST_LINKS).where(GUEST_LINKS.c.user_id == bindparam("user"))
_BY_DIGEST = select(GUEST_LINKS).where(GUEST_LINKS.c.digest == bindparam("digest"))
_SAVE = update(GUEST_LINKS).where(GUEST_LINKS.c.user_id == bindparam("of"))
_DELETE_EXPIRED = delete(GUEST_LINKS).where(GUEST_LINKS.c.expires_at < bindparam("before"))


class SqlGuestLinks:
    """See ``ports.visitors.GuestLinks``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, link: GuestLink) -> None:
        await self._transaction.change(_ADD, guest_link_values(link))

    async def of_user(self, user_id: UserId) -> GuestLink | None:
        row = await self._transaction.first(_OF_USER, {"user": user_id})
        return None if row is None else to_guest_link(row)

    async def by_digest(self, digest: str) -> GuestLink | None:
        row = await self._transaction.first(_BY_DIGEST, {"digest": digest})
        return None if row is None else to_guest_link(row)

    async def save(self, link: GuestLink) -> None:
        values = guest_link_values(link)
        await self._transaction.change(_SAVE, {"of": values.pop("user_id"), **values})

    async def delete_expired(self, *, before: datetime) -> int:
        return await self._transaction.change(_DELETE_EXPIRED, {"before": before})
