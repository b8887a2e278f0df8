"""Devices that look on, and those that ask to, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, text, update

from qure.adapters.sql.mapping import display_values, pairing_values, to_display, to_pairing
from qure.adapters.sql.rows.accounts import DISPLAY_PAIRINGS, DISPLAYS
from qure.adapters.sql.transaction import Transaction
from qure.domain.display import Display, DisplayPairing
from qure.domain.ids import ClinicId, DisplayId

_ADD = insert(DISPLAYS)
_GET = select(DISPLAYS).where(DISPLAYS.c.id == bindparam("id"))
_LOCK = _GET.with_for_update(key_share=True)
_OF_CLINIC = (
    select(DISPLAYS)
    .where(DISPLAYS.c.clinic_id == bindparam("clinic"), text("displays.ended_at IS NULL"))
    .order_by(DISPLAYS.c.created_at, DISPLAYS.c.id)
)
_SAVE = update(DISPLAYS).where(DISPLAYS.c.id == bindparam("of"))
_ADD_PAIRING = insert(DISPLAY_PAIRINGS)
_PAIRING = select(DISPLAY_PAIRINGS).where(DISPLAY_PAIRINGS.c.digest == bindparam("digest"))
_LOCK_PAIRING = _PAIRING.with_for_update(key_share=True)
_BY_CODE = select(DISPLAY_PAIRINGS).where(DISPLAY_PAIRINGS.c.user_code == bindparam("code"))
_LOCK_BY_CODE = _BY_CODE.with_for_update(key_share=True)
_SAVE_PAIRING = update(DISPLAY_PAIRINGS).where(DISPLAY_PAIRINGS.c.digest == bindparam("of"))
_DELETE_PAIRING = delete(DISPLAY_PAIRINGS).where(DISPLAY_PAIRINGS.c.digest == bindparam("digest"))
_DELETE_EXPIRED = delete(DISPLAY_PAIRINGS).where(
    DISPLAY_PAIRINGS.c.expires_at < bindparam("before")
)


class SqlDisplays:
    """See ``ports.visitors.Displays``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, display: Display) -> None:
        await self._transaction.change(_ADD, display_values(display))

    async def get(self, id: DisplayId, *, lock: bool = False) -> Display | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_display(row)

    async def of_clinic(self, clinic_id: ClinicId) -> list[Display]:
        rows = await self._transaction.all(_OF_CLINIC, {"clinic": clinic_id})
        return [to_display(row) for row in rows]

    async def save(self, display: Display) -> None:
        values = display_values(display)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def add_pairing(self, pairing: DisplayPairing) -> None:
        await self._transaction.change(_ADD_PAIRING, pairing_values(pairing))

    async def pairing(self, digest: str, *, lock: bool = False) -> DisplayPairing | None:
        statement = _LOCK_PAIRING if lock else _PAIRING
        row = await self._transaction.first(statement, {"digest": digest})
        return None if row is None else to_pairing(row)

    async def pairing_by_code(self, user_code: str, *, lock: bool = False) -> DisplayPairing | None:
        statement = _LOCK_BY_CODE if lock else _BY_CODE
        row = await self._transaction.first(statement, {"code": user_code})
        return None if row is None else to_pairing(row)

    async def save_pairing(self, pairing: DisplayPairing) -> None:
        values = pairing_values(pairing)
        await self._transaction.change(_SAVE_PAIRING, {"of": values.pop("digest"), **values})

    async def delete_pairing(self, digest: str) -> None:
        await self._transaction.change(_DELETE_PAIRING, {"digest": digest})

    async def delete_expired_pairings(self, *, before: datetime) -> int:
        return await self._transaction.change(_DELETE_EXPIRED, {"before": before})
