"""Where patients go, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, insert, or_, select, text, update

from qure.adapters.sql.mapping import desk_values, to_desk
from qure.adapters.sql.rows.accounts import SESSIONS, USERS
from qure.adapters.sql.rows.clinics import DESKS
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.actor import Role
from qure.domain.desk import Desk
from qure.domain.ids import ClinicId, DeskId, UserId

_ADD = insert(DESKS)
_GET = select(DESKS).where(DESKS.c.id == bindparam("id"))
_OF_CLINIC = select(DESKS).where(DESKS.c.clinic_id == bindparam("clinic"))
_OF_STAFF = select(DESKS).where(DESKS.c.staff_id == bindparam("staff"))
_LOCK = _GET.with_for_update(key_share=True)
_LOCK_OF_STAFF = _OF_STAFF.with_for_update(key_share=True)
_SAVE = update(DESKS).where(DESKS.c.id == bindparam("of"))
_IS_LOGGED_IN = exists().where(
    SESSIONS.c.user_id == DESKS.c.staff_id,
    SESSIONS.c.revoked_at.is_(None),
    SESSIONS.c.expires_at > bindparam("now"),
)
_WORKS_THERE = or_(
    USERS.c.role == Role.ADMIN.value,
    (USERS.c.role == Role.STAFF.value) & (USERS.c.clinic_id == DESKS.c.clinic_id),
)
_DESERTED = (
    select(DESKS.c.id)
    .join(USERS, USERS.c.id == DESKS.c.staff_id)
    .where(
        text("desks.staff_id IS NOT NULL"),  # As the partial index has it: those not CLOSED.
        or_(
            DESKS.c.closes_at <= bindparam("now"),
            ~USERS.c.is_active,
            ~_WORKS_THERE,
            ~_IS_LOGGED_IN,
        ),
    )
    .order_by(DESKS.c.staff_id)  # As the index has them: any order that stays the same will do.
    .limit(bindparam("most"))
)


class SqlDesks:
    """See ``ports.places.Desks``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, desk: Desk) -> None:
        self._changes.note(desk)
        await self._transaction.change(_ADD, desk_values(desk))

    async def get(self, id: DeskId, *, lock: bool = False) -> Desk | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_desk(row)

    async def of_clinic(self, clinic_id: ClinicId) -> list[Desk]:
        rows = await self._transaction.all(_OF_CLINIC, {"clinic": clinic_id})
        # Not sorted by the databases: each has an order of letters of its own.
        return sorted(map(to_desk, rows), key=lambda desk: (desk.name, desk.id))

    async def of_staff(self, user_id: UserId, *, lock: bool = False) -> Desk | None:
        statement = _LOCK_OF_STAFF if lock else _OF_STAFF
        row = await self._transaction.first(statement, {"staff": user_id})
        return None if row is None else to_desk(row)

    async def save(self, desk: Desk) -> None:
        self._changes.note(desk)
        values = desk_values(desk)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def deserted(self, *, now: datetime, limit: int) -> list[DeskId]:
        rows = await self._transaction.all(_DESERTED, {"now": now, "most": limit})
        return [row.id for row in rows]
