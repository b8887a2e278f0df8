"""The collections of those who come without a login: guests and displays."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from qure.domain.display import Display, DisplayPairing
from qure.domain.guest import GuestLink
from qure.domain.ids import ClinicId, DisplayId, UserId


class GuestLinks(Protocol):
    """The links of guests, one each. Change one under its user's lock."""

    async def add(self, link: GuestLink) -> None: ...

    async def of_user(self, user_id: UserId) -> GuestLink | None: ...

    async def by_digest(self, digest: str) -> GuestLink | None: ...

    async def save(self, link: GuestLink) -> None: ...

    async def delete_expired(self, *, before: datetime) -> int:
        """Forget those that expired before then; how many went."""


class Displays(Protocol):
    """Devices that look on, and those that ask to."""

    async def add(self, display: Display) -> None: ...

    async def get(self, id: DisplayId, *, lock: bool = False) -> Display | None: ...

    async def of_clinic(self, clinic_id: ClinicId) -> list[Display]:
        """Those that have not ended, the oldest first."""

    async def save(self, display: Display) -> None: ...

    async def add_pairing(self, pairing: DisplayPairing) -> None:
        """Raises ``TransactionConflict`` when another one shows the same code."""

    async def pairing(self, digest: str, *, lock: bool = False) -> DisplayPairing | None: ...

    async def pairing_by_code(
        self, user_code: str, *, lock: bool = False
    ) -> DisplayPairing | None: ...

    async def save_pairing(self, pairing: DisplayPairing) -> None: ...

    async def delete_pairing(self, digest: str) -> None: ...

    async def delete_expired_pairings(self, *, before: datetime) -> int:
        """Forget those that expired before then; how many went."""
