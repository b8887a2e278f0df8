"""The newest status of each queue that this process was asked about."""

from __future__ import annotations

from cachetools import LRUCache

from qure.application.announcing.trust import Generation, Trust
from qure.application.lookup import get_queue
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.domain import events
from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus

LIMIT = 10_000


class LiveStatus:
    """Statuses read here once and carried on by announcements: reading one costs no backend.

    What it hands out is the queue's row as it was read here, or a newer announced change. So it
    is exact, but for a change that was committed after that reading and has not been announced
    yet: for milliseconds, or, when its process died over it, until the sweep finds it (2 s).

    An announcement alone makes nothing known. After a crash old ones are told one by one, while
    newer ones lie in the journal and no process works on them; only the row says which is the
    last. Nor is anything known while announcements may have been missed (see ``Trust``).
    """

    def __init__(self, storage: Storage, *, generation: Generation, limit: int = LIMIT) -> None:
        self._storage = storage
        self._trust = Trust(generation, forget=self._clear)
        self._known: LRUCache[QueueId, QueueStatus] = LRUCache(limit)
        self._announced: LRUCache[QueueId, QueueStatus] = LRUCache(limit)
        """Of queues that are not known: a row on its way may be older."""
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Changes whenever something was forgotten: take it before reading for ``offer_read``."""
        self._trust.holds()
        return self._epoch

    async def of(self, queue_id: QueueId) -> QueueStatus:
        """How the queue stands now, as exactly as said above. Raises ``NotFound``."""
        status = self.get(queue_id)
        if status is None:
            epoch = self.epoch
            async with self._storage.read() as uow:
                queue = await get_queue(uow, queue_id)
            status = self.offer_read(queue.status(), epoch=epoch)
        return status

    def get(self, queue_id: QueueId) -> QueueStatus | None:
        """The newest status, or None when a backend has to be asked."""
        return self._known.get(queue_id) if self._trust.holds() else None

    def receive(self, entry: JournalEntry) -> None:
        """Take in the statuses that it tells."""
        for event in entry.events:
            if isinstance(event, events.QueueChanged):
                self.offer(event.queue)

    def offer(self, status: QueueStatus) -> None:
        """An announced status. An older one than was announced or read is passed over.

        One that comes late, while others may still be on their way, counts as well: passed over
        it would leave an older one to be believed once everything is heard again.
        """
        self._trust.holds()
        self._keep(self._known if status.queue_id in self._known else self._announced, status)

    def offer_read(self, status: QueueStatus, *, epoch: int) -> QueueStatus:
        """A status read from storage after ``epoch`` was taken; from now on the queue is known.

        Returns the newest: a change announced while the row was on its way is newer than the row.
        When anything was forgotten in between, that may have been a newer one: then the row counts
        for no more than an announcement.
        """
        is_current = self._trust.holds() and epoch == self._epoch
        id = status.queue_id
        heard = self._known.get(id) or self._announced.get(id)
        newest = heard if heard is not None and heard.version > status.version else status
        if is_current:
            self._announced.pop(id, None)
            self._keep(self._known, newest)
        else:
            self.offer(newest)
        return newest

    def _clear(self) -> None:
        self._known.clear()
        self._announced.clear()
        self._epoch += 1

    def _keep(self, kept: LRUCache[QueueId, QueueStatus], status: QueueStatus) -> None:
        before = kept.get(status.queue_id)
        if before is not None and before.version >= status.version:
            return
        if before is None and len(kept) >= kept.maxsize:
            self._epoch += 1  # It pushes another one out.
        kept[status.queue_id] = status
