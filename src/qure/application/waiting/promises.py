"""What became of what was told: each promise is settled once, and what it teaches is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.ports.waiting import Due
from qure.application.transact import transact
from qure.domain.ids import ServiceId
from qure.domain.undoing import UNDO_WITHIN
from qure.domain.waiting.calibration import Calibration, bucket_of

BATCH: Final = 200


class Promises:
    """Settles promises, and learns from those that a call followed."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def settle(self, *, batch: int = BATCH) -> int:
        """All that are due; how many. A call counts when it can no longer be undone.

        Any number of processes may do it at once: each promise is settled by one of them, and
        what one has learned the next one builds on. Raises ``Unavailable``.
        """
        settled = 0
        while True:
            done = await transact(self._storage, lambda uow: self._settle(uow, batch))
            settled += done
            if done < batch:
                return settled

    async def _settle(self, uow: UnitOfWork, batch: int) -> int:
        before = self._clock.now() - UNDO_WITHIN
        due = await uow.promises.due(called_before=before, limit=batch)
        if not due:
            return 0
        called = [one for one in due if one.called_at is not None]
        if called:
            services = {one.promise.service_id for one in called}
            known = await uow.calibrations.of_services(services, lock=True)
            await uow.calibrations.save(learned(called, known))
        await uow.promises.settle({one.promise.token_id: one.called_at for one in due})
        await uow.commit()
        return len(due)


def learned(
    called: list[Due], known: dict[tuple[ServiceId, int], Calibration]
) -> dict[tuple[ServiceId, int], Calibration]:
    """What is known after these calls, in the order in which they were made; what has changed."""
    changed: dict[tuple[ServiceId, int], Calibration] = {}
    for one in sorted(called, key=_when):
        promise, called_at = one.promise, one.called_at
        assert called_at is not None
        key = promise.service_id, bucket_of(promise.ahead)
        before = changed.get(key) or known.get(key) or Calibration()
        changed[key] = before.learned(
            promise.range, told_at=promise.as_of.timestamp(), called_at=called_at.timestamp()
        )
    return changed


def _when(due: Due) -> tuple[datetime, str]:
    assert due.called_at is not None
    return due.called_at, str(due.promise.token_id)
