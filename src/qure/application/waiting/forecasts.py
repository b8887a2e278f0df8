"""The newest forecast of each clinic that somebody here asks about, watches, or has joined.

Made beside everything else, in slices, whenever something has changed and as time goes by. Two
processes that have heard the same make the same: a forecast is of the instant of the last change,
or of the last of the fixed instants at which it is made anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from qure.application.announcing.live_boards import LiveBoards
from qure.application.lookup import get_queue
from qure.application.ports.gateways import Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.application.waiting.kept_clinic import Joined, KeptClinic, Watcher
from qure.application.waiting.making import Maker, Rhythm
from qure.application.waiting.told import QueueWaits
from qure.domain import events
from qure.domain.errors import Conflict, DomainError, NotFound
from qure.domain.ids import ClinicId, QueueId
from qure.domain.waiting.scene import Scene

logger = logging.getLogger(__name__)

CLINICS_OF: Final = 50_000
"""Of so many queues it is remembered whose they are."""


class Forecasts:
    """Forecasts by clinic. Watchers are told of each new one of their queue.

    Nobody waits for a forecast but who asks for the first one of a clinic, and no longer than
    ``Rhythm.patience``. What is handed out says itself of when it is.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        live_boards: LiveBoards,
        *,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._live_boards = live_boards
        self._rhythm = rhythm = rhythm or Rhythm()
        self._maker = Maker(storage, clock, rhythm)
        self._kept: dict[ClinicId, KeptClinic] = {}
        self._clinic_of: LRUCache[QueueId, ClinicId] = LRUCache(CLINICS_OF)
        self._is_closed = False

    # Asking

    async def of(self, queue_id: QueueId) -> QueueWaits | None:
        """The newest; waits for the first one. None for a queue of another day, and when none
        could be made in time. Raises ``NotFound``, ``Unavailable``."""
        clinic_id = await self.clinic_of(queue_id)
        kept = await self.clinic(clinic_id)
        return kept.waits.get(queue_id)

    async def clinic(self, clinic_id: ClinicId) -> KeptClinic:
        """All that is known of a clinic; waits for the first forecast as ``of`` does."""
        kept = self._entry(clinic_id)
        self._asked(kept)
        if kept.day is not None and self._clock.now() >= kept.day.ends_at:
            kept.is_made.clear()  # What there is is yesterday's.
            self._soon(kept)
        if not kept.is_made.is_set():
            try:
                async with asyncio.timeout(self._rhythm.patience):
                    await kept.is_made.wait()
            except TimeoutError:
                logger.warning("a forecast was not there in time: clinic %s", clinic_id)
        return kept

    async def clinic_of(self, queue_id: QueueId) -> ClinicId:
        """Whose queue that is. Raises ``NotFound``, ``Unavailable``."""
        clinic_id = self._clinic_of.get(queue_id)
        if clinic_id is None:
            async with self._storage.read("waits") as uow:
                clinic_id = (await get_queue(uow, queue_id)).clinic_id
            self._clinic_of[queue_id] = clinic_id
        return clinic_id

    async def what_if(
        self, queue_id: QueueId, as_if: Callable[[Scene], Scene]
    ) -> tuple[QueueWaits, QueueWaits] | None:
        """The queue as it stands, and as it would in another scene; both of one instant.

        None while nothing is known. Raises as ``of`` does, and ``Conflict`` (``queue_closed``) for
        a queue of another day.
        """
        kept = await self.clinic(await self.clinic_of(queue_id))
        if kept.day is not None and queue_id not in kept.day.queue_ids:
            raise Conflict("queue_closed", "The day of this queue is over.")
        queues = None if kept.day is None else kept.open_queues()
        if kept.day is None or queues is None:
            return None
        as_of = self._maker.as_of(kept)
        is_so = kept.day.forecast(queues, now=as_of)
        would_be = kept.day.forecast(queues, now=as_of, as_if=as_if)
        next(is_so), next(would_be)  # Both take in how things stand before anybody else runs.
        now, _ = await self._maker.in_slices(is_so)
        then, _ = await self._maker.in_slices(would_be)
        return now[queue_id], then[queue_id]

    # Watching

    def watch(self, queue_id: QueueId, clinic_id: ClinicId, watcher: Watcher) -> None:
        """Tell it of the newest forecast if there is one, and of each that follows."""
        kept = self._entry(clinic_id)
        self._clinic_of[queue_id] = clinic_id
        kept.watchers.setdefault(queue_id, {})[watcher] = None
        waits = kept.waits.get(queue_id)
        if waits is not None:
            watcher(waits)
        self._asked(kept)

    def unwatch(self, queue_id: QueueId, clinic_id: ClinicId, watcher: Watcher) -> None:
        """Tell it no more."""
        kept = self._kept.get(clinic_id)
        if kept is not None:
            kept.unwatch(queue_id, watcher)

    # Hearing

    def receive(self, entry: JournalEntry) -> None:
        """Something has happened, here or elsewhere."""
        for event in entry.events:
            clinic_id = _clinic_of(event)
            kept = None if clinic_id is None else self._kept.get(clinic_id)
            if kept is None:
                continue
            kept.changed_at = max(kept.changed_at, event.at)
            if not isinstance(event, events.QueueChanged) or isinstance(event, events.QueueOpened):
                kept.is_read = False
            # What staff have to tell does not wait for its turn.
            self._soon(kept, is_urgent=isinstance(event, events.QueueNoticeChanged))

    def committed(self, entry: JournalEntry) -> None:
        """This process has committed it: what is told first to who joined is kept from here."""
        for event in entry.events:
            if isinstance(event, events.TokenIssued):
                kept = self._entry(event.queue.clinic_id)
                kept.joined[event.token.id] = Joined(event.queue.queue_id, event.queue.version)
                self._asked(kept)

    async def reread(self) -> None:
        """Something may have been missed: all is read anew."""
        for kept in self._kept.values():
            kept.is_read = False
            self._soon(kept)

    async def close(self) -> None:
        """Stop."""
        self._is_closed = True
        tasks = [kept.task for kept in self._kept.values() if kept.task is not None]
        for kept in list(self._kept.values()):
            self._forget(kept)
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._kept)

    # Within

    def _entry(self, clinic_id: ClinicId) -> KeptClinic:
        kept = self._kept.get(clinic_id)
        if kept is None:
            kept = KeptClinic(clinic_id, self._live_boards, on_change=self._soon)
            self._kept[clinic_id] = kept
            self._soon(kept)
        return kept

    def _asked(self, kept: KeptClinic) -> None:
        kept.asked_at = time.monotonic()

    def _soon(self, kept: KeptClinic, *, is_urgent: bool = False) -> None:
        kept.is_urgent = kept.is_urgent or is_urgent
        if kept.task is not None:
            kept.is_stale = True  # It is made anew when this one is done.
            return
        if kept.is_stale and kept.timer is not None and not is_urgent:
            return  # It is about to be.
        kept.is_stale = True
        rest = 0.0 if kept.is_urgent else kept.next_at - time.monotonic()
        self._after(kept, max(self._rhythm.soon, rest))

    def _at_next_instant(self, kept: KeptClinic) -> None:
        """Time alone changes what is to be told."""
        until = self._maker.until_instant(kept)
        self._after(kept, max(until, kept.next_at - time.monotonic()))

    def _after(self, kept: KeptClinic, seconds: float) -> None:
        if kept.timer is not None:
            kept.timer.cancel()
        if not self._is_closed:
            kept.timer = asyncio.get_running_loop().call_later(seconds, self._begin, kept)

    def _begin(self, kept: KeptClinic) -> None:
        kept.timer = None
        if kept.is_idle and time.monotonic() - kept.asked_at > self._rhythm.forgotten_after:
            self._forget(kept)
            return
        kept.task = asyncio.create_task(
            self._maker.make(kept), name=f"forecast of {kept.clinic_id}"
        )
        kept.task.add_done_callback(lambda task: self._made(kept, task))

    def _made(self, kept: KeptClinic, task: asyncio.Task[None]) -> None:
        kept.task = None
        if task.cancelled() or self._kept.get(kept.clinic_id) is not kept:
            return
        fault = task.exception()
        if isinstance(fault, NotFound):
            self._forget(kept)
            return
        if fault is not None:
            if isinstance(fault, DomainError):
                logger.warning("a forecast has to wait: %s", fault.message)
            else:
                logger.error("a forecast failed and is tried again", exc_info=fault)
            kept.is_stale = True
            self._after(kept, self._rhythm.retry)
        elif kept.is_stale:
            kept.is_stale = False
            self._soon(kept)
        else:
            self._at_next_instant(kept)

    def _forget(self, kept: KeptClinic) -> None:
        kept.close()
        del self._kept[kept.clinic_id]


def _clinic_of(event: events.Event) -> ClinicId | None:
    if isinstance(event, events.QueueChanged):
        return event.queue.clinic_id
    if isinstance(event, events.ClinicChanged | events.DeskChanged):
        return event.clinic_id
    return None
