"""Forgetting what is over."""

from __future__ import annotations

from datetime import timedelta

from qure.application.ports.gateways import Clock
from qure.application.ports.lines import ANSWERS_KEPT_FOR
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact

FAILED_KEPT_FOR = timedelta(days=30)
ANSWERS_AT_ONCE = 1000
"""So many are forgotten by one transaction: writers wait for it."""


class Sweeping:
    """Deletes what has expired: logins, links, codes, answers kept for a day, failed images."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def sweep(self) -> None:
        """Raises ``Unavailable``."""
        now = self._clock.now()

        async def forget(uow: UnitOfWork) -> None:
            await uow.sessions.delete_expired(before=now)
            await uow.guest_links.delete_expired(before=now)
            await uow.displays.delete_expired_pairings(before=now)
            await uow.staged_images.delete_failed(before=now - FAILED_KEPT_FOR)
            await uow.commit()

        await transact(self._storage, forget)
        while await transact(self._storage, self._forget_some_answers) == ANSWERS_AT_ONCE:
            continue

    async def _forget_some_answers(self, uow: UnitOfWork) -> int:
        before = self._clock.now() - ANSWERS_KEPT_FOR
        gone = await uow.kept_answers.delete_older(before=before, limit=ANSWERS_AT_ONCE)
        await uow.commit()
        return gone
