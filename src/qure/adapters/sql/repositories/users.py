"""Users in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, exists, false, func, insert, or_, select, text, update

from qure.adapters.sql.mapping import fold, to_user, user_values
from qure.adapters.sql.rows.accounts import USERS
from qure.adapters.sql.rows.row import padded
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.application.ports.storage import Page
from qure.domain.actor import Role
from qure.domain.ids import ClinicId, UserId
from qure.domain.user import User

_ADD = insert(USERS)
_GET = select(USERS).where(USERS.c.id == bindparam("id"))
_BY_EMAIL = select(USERS).where(USERS.c.email == bindparam("email"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of rows that name the user.
_LOCK = _GET.with_for_update(key_share=True)
_LOCK_BY_EMAIL = _BY_EMAIL.with_for_update(key_share=True)
_NAMES = select(USERS.c.id, USERS.c.first_name, USERS.c.last_name).where(
    USERS.c.id.in_(bindparam("ids", expanding=True))
)
# Sorted first and locked then. The names alone: who locks many looks at nothing else of them.
_LOCK_MANY = _NAMES.order_by(USERS.c.id).with_for_update(key_share=True)
_HAS_ADMIN = select(exists().where(USERS.c.role == Role.ADMIN.value))
# Holds off every writer of users, but not the foreign keys of rows that name one.
_LOCK_ALL = text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
_SAVE = update(USERS).where(USERS.c.id == bindparam("of"))
_STAFF = (
    select(USERS)
    .where(USERS.c.clinic_id == bindparam("clinic"), USERS.c.role == Role.STAFF.value)
    .order_by(USERS.c.created_at, USERS.c.id)
)


class SqlUsers:
    """See ``ports.storage.Users``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, user: User) -> None:
        self._changes.note(user)
        await self._transaction.change(_ADD, user_values(user))

    async def get(self, id: UserId, *, lock: bool = False) -> User | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_user(row)

    async def by_email(self, email: str, *, lock: bool = False) -> User | None:
        statement = _LOCK_BY_EMAIL if lock else _BY_EMAIL
        row = await self._transaction.first(statement, {"email": email})
        return None if row is None else to_user(row)

    async def lock(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        if not ids:
            return {}
        return _names(await self._transaction.all(_LOCK_MANY, {"ids": padded(ids)}))

    async def names_of(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        if not ids:
            return {}
        return _names(await self._transaction.all(_NAMES, {"ids": padded(ids)}))

    async def has_admin(self, *, lock: bool = False) -> bool:
        # On SQLite a writer is alone anyway.
        if lock and self._transaction.dialect == "postgresql":
            await self._transaction.change(_LOCK_ALL)
        return bool(await self._transaction.scalar(_HAS_ADMIN))

    async def save(self, user: User) -> None:
        self._changes.note(user)
        values = user_values(user)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def staff_of(self, clinic_id: ClinicId) -> list[User]:
        rows = await self._transaction.all(_STAFF, {"clinic": clinic_id})
        return [to_user(row) for row in rows]

    async def search(
        self, *, query: str | None, role: Role | None, page: Page
    ) -> tuple[list[User], int]:
        matching = select(USERS.c.id).where(
            USERS.c.guest == false(), USERS.c.role != Role.DISPLAY.value
        )
        if role is not None:
            matching = matching.where(USERS.c.role == role.value)
        if query is not None:
            matching = matching.where(
                or_(
                    USERS.c.name_folded.contains(fold(query), autoescape=True),
                    USERS.c.email.contains(query.lower(), autoescape=True),
                )
            )
        total = await self._transaction.scalar(
            select(func.count()).select_from(matching.subquery())
        )
        rows = await self._transaction.all(
            select(USERS)
            .where(USERS.c.id.in_(matching))
            .order_by(USERS.c.created_at.desc(), USERS.c.id.desc())
            .limit(page.size)
            .offset(page.offset)
        )
        return [to_user(row) for row in rows], total


def _names(rows: Sequence[Row[Any]]) -> dict[UserId, str]:
    return {row.id: f"{row.first_name} {row.last_name}".strip() for row in rows}
