"""Forgetting what is over."""

from __future__ import annotations

from datetime import timedelta

from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact

FAILED_KEPT_FOR = timedelta(days=30)


class Sweeping:
    """Deletes expired logins, and images that failed a month ago."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def sweep(self) -> None:
        """Raises ``Unavailable``."""
        now = self._clock.now()

        async def forget(uow: UnitOfWork) -> None:
            await uow.sessions.delete_expired(before=now)
            await uow.staged_images.delete_failed(before=now - FAILED_KEPT_FOR)
            await uow.commit()

        await transact(self._storage, forget)
