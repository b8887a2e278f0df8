"""Guests and displays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from qure.application.ports.storage import TransactionConflict
from qure.domain.display import Display, DisplayPairing
from qure.domain.guest import GuestLink
from qure.domain.ids import ClinicId, DisplayId, UserId
from tests.support.memory.state import State


class MemoryGuestLinks:
    """See ``GuestLinks``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, link: GuestLink) -> None:
        self._state.guest_links[link.user_id] = replace(link)

    async def of_user(self, user_id: UserId) -> GuestLink | None:
        link = self._state.guest_links.get(user_id)
        return None if link is None else replace(link)

    async def by_digest(self, digest: str) -> GuestLink | None:
        links = self._state.guest_links.values()
        return next((replace(link) for link in links if link.digest == digest), None)

    async def save(self, link: GuestLink) -> None:
        if link.user_id not in self._state.guest_links:
            raise LookupError(f"the link of {link.user_id} was never added")
        self._state.guest_links[link.user_id] = replace(link)

    async def delete_expired(self, *, before: datetime) -> int:
        """How many went."""
        old = [one.user_id for one in self._state.guest_links.values() if one.expires_at < before]
        for id in old:
            self._state.guest_links.discard(id)
        return len(old)


class MemoryDisplays:
    """See ``Displays``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, display: Display) -> None:
        self._state.displays[display.id] = replace(display)

    async def get(self, id: DisplayId, *, lock: bool = False) -> Display | None:
        display = self._state.displays.get(id)
        return None if display is None else replace(display)

    async def of_clinic(self, clinic_id: ClinicId) -> list[Display]:
        """The oldest first."""
        displays = [
            replace(one)
            for one in self._state.displays.values()
            if one.clinic_id == clinic_id and one.ended_at is None
        ]
        return sorted(displays, key=lambda display: (display.created_at, display.id))

    async def save(self, display: Display) -> None:
        if display.id not in self._state.displays:
            raise LookupError(f"display {display.id} was never added")
        self._state.displays[display.id] = replace(display)

    async def add_pairing(self, pairing: DisplayPairing) -> None:
        """Raises ``TransactionConflict``."""
        if await self.pairing_by_code(pairing.user_code) is not None:
            raise TransactionConflict
        self._state.pairings[pairing.digest] = replace(pairing)

    async def pairing(self, digest: str, *, lock: bool = False) -> DisplayPairing | None:
        pairing = self._state.pairings.get(digest)
        return None if pairing is None else replace(pairing)

    async def pairing_by_code(self, user_code: str, *, lock: bool = False) -> DisplayPairing | None:
        pairings = self._state.pairings.values()
        return next((replace(one) for one in pairings if one.user_code == user_code), None)

    async def save_pairing(self, pairing: DisplayPairing) -> None:
        if pairing.digest not in self._state.pairings:
            raise LookupError("this pairing was never added")
        self._state.pairings[pairing.digest] = replace(pairing)

    async def delete_pairing(self, digest: str) -> None:
        self._state.pairings.discard(digest)

    async def delete_expired_pairings(self, *, before: datetime) -> int:
        """How many went."""
        old = [one.digest for one in self._state.pairings.values() if one.expires_at < before]
        for digest in old:
            self._state.pairings.discard(digest)
        return len(old)
