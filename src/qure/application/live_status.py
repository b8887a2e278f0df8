"""The newest status of each queue, as far as this process has heard."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus

LIMIT = 10_000


class LiveStatus:
    """Statuses pushed by announcements, so that reading one costs no backend.

    Never hands out an older version than one it was offered, nor anything while announcements
    may have been missed (see ``Principals`` for ``hearing``).
    """

    def __init__(self, *, hearing: Callable[[], int | None], limit: int = LIMIT) -> None:
        self._hearing = hearing
        self._limit = limit
        self._heard: int | None = None
        self._newest: OrderedDict[QueueId, QueueStatus] = OrderedDict()
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Changes whenever something was forgotten: take it before reading for ``offer_read``."""
        self._listen()
        return self._epoch

    def get(self, queue_id: QueueId) -> QueueStatus | None:
        """The newest status, or None when a backend has to be asked."""
        if not self._listen():
            return None
        return self._newest.get(queue_id)

    def offer(self, status: QueueStatus) -> None:
        """An announced status. An older one than is known is passed over.

        One that comes late, while others may still be on their way, counts as well: passed over
        it would leave an older one to be believed once everything is heard again.
        """
        self._listen()
        self._store(status)

    def offer_read(self, status: QueueStatus, *, epoch: int) -> None:
        """A status read from storage after ``epoch`` was taken.

        Passed over when anything was forgotten in between: that may have been a newer one.
        """
        if self._listen() and epoch == self._epoch:
            self._store(status)

    def _listen(self) -> bool:
        hearing = self._hearing()
        if hearing is None:
            return False
        if hearing != self._heard:
            self._heard = hearing
            self._newest.clear()
            self._epoch += 1
        return True

    def _store(self, status: QueueStatus) -> None:
        known = self._newest.get(status.queue_id)
        if known is not None and known.version >= status.version:
            return
        self._newest[status.queue_id] = status
        self._newest.move_to_end(status.queue_id)
        if len(self._newest) > self._limit:
            self._newest.popitem(last=False)
            self._epoch += 1
