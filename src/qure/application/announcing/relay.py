"""From the outbox to everyone: announce what was committed, at least once.

A commit hands its entry over in memory, so announcing costs no read; whatever a crash or an
absent backend left behind is found by the sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from qure.application.announcing.cached_reads import groups_changed_by
from qure.application.ports.gateways import (
    Cache,
    Clock,
    DeleteMedia,
    EventBus,
    Job,
    Jobs,
    ProcessImage,
)
from qure.application.ports.storage import OutboxEntry, Storage
from qure.domain import events
from qure.domain.errors import Unavailable
from qure.domain.ids import EntryId

logger = logging.getLogger(__name__)

BATCH = 500
SWEEP_EVERY_SECONDS = 0.5
SWEEP_AGE = timedelta(seconds=1)
"""Younger entries are still in the hands of the process that committed them."""
SENT_KEPT_FOR = timedelta(minutes=2)
"""Longer than any process needs to find its way back to the bus after it was heard again."""
KEPT_LIMIT = 10_000
MARK_EVERY_SECONDS = 0.05
ANNOUNCE_WITHIN_SECONDS = 0.25
FLUSH_WITHIN_SECONDS = 3.0


def jobs_asked_by(entry: OutboxEntry) -> Iterator[Job]:
    """The background work that follows from what happened."""
    for event in entry.events:
        if isinstance(event, events.ImageStaged):
            yield ProcessImage(event.image_id)
        elif isinstance(event, events.MediaReplaced):
            yield DeleteMedia(event.url)


class Relay:
    """Publishes committed entries and then marks them sent: a crash repeats, never loses."""

    def __init__(
        self,
        *,
        storage: Storage,
        bus: EventBus,
        jobs: Jobs,
        far_cache: Cache | None,
        clock: Clock,
        apply_here: Callable[[OutboxEntry], None],
        sweep_every_seconds: float = SWEEP_EVERY_SECONDS,
        mark_every_seconds: float = MARK_EVERY_SECONDS,
        announce_within_seconds: float = ANNOUNCE_WITHIN_SECONDS,
        flush_within_seconds: float = FLUSH_WITHIN_SECONDS,
        batch: int = BATCH,
    ) -> None:
        self._storage = storage
        self._bus = bus
        self._jobs = jobs
        self._far_cache = far_cache
        self._clock = clock
        self._apply_here = apply_here
        self._sweep_every_seconds = sweep_every_seconds
        self._mark_every_seconds = mark_every_seconds
        self._announce_within_seconds = announce_within_seconds
        self._flush_within_seconds = flush_within_seconds
        self._batch = batch
        self._handed: list[tuple[OutboxEntry, asyncio.Future[None]]] = []
        self._in_hand: set[EntryId] = set()
        self._sent: set[EntryId] = set()
        self._work_waits = asyncio.Event()
        self._marks_wait = asyncio.Event()
        self._publisher: asyncio.Task[None] | None = None
        self._sweepers: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Begin to publish, sweep and mark."""
        self._publisher = asyncio.create_task(self._publish_handed(), name="relay publisher")
        self._sweepers = [
            asyncio.create_task(self._sweep_for_ever(), name="relay sweeper"),
            asyncio.create_task(self._mark_for_ever(), name="relay marker"),
        ]

    async def close(self) -> None:
        """Announce and mark what is in hand, as far as the backends answer in time, and stop."""
        if self._publisher is None:
            return
        self._closing = True
        self._work_waits.set()
        await asyncio.wait((self._publisher,), timeout=self._flush_within_seconds)
        for task in (self._publisher, *self._sweepers):
            task.cancel()
        await asyncio.gather(self._publisher, *self._sweepers, return_exceptions=True)
        self._publisher = None
        try:
            await self._mark_sent()
        except Unavailable as error:
            logger.warning("announced entries stay unmarked and will repeat: %s", error.message)

    async def announce(self, entry: OutboxEntry) -> None:
        """Take over a committed entry.

        This process sees the change before this returns. By then the others have been told
        too, or the bus is slow or away and they will be: the wait is bounded (250 ms).
        """
        self._apply_here(entry)
        if self._publisher is None or self._closing:
            return  # No relay runs here, as in a command: the service's sweep finds the entry.
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handed.append((entry, told))
        self._in_hand.add(entry.id)
        self._work_waits.set()
        if self._bus.is_live():
            await asyncio.wait((told,), timeout=self._announce_within_seconds)

    async def catch_up(self) -> None:
        """Announce everything that is in the outbox, however young.

        For a gap: what was committed in it has not reached the far cache, which must not be
        believed before it has. Raises ``Unavailable``.
        """
        while await self.sweep(min_age=timedelta(0)) >= self._batch:
            continue

    async def kept_entries(self, *, after: datetime) -> list[OutboxEntry]:
        """What was committed after then, announced or not, as far as it is kept; oldest first.

        The bus remembers nothing: whoever did not hear it for a while finds here what was said.
        At most the newest 10,000. Raises ``Unavailable``.
        """
        async with self._storage.read() as uow:
            return await uow.outbox.kept(after=after, limit=KEPT_LIMIT)

    async def forget_sent(self) -> None:
        """Delete what was announced more than two minutes ago. Raises ``Unavailable``."""
        async with self._storage.write() as uow:
            await uow.outbox.delete_sent(before=self._clock.now() - SENT_KEPT_FOR)
            await uow.commit()

    async def sweep(self, *, min_age: timedelta = SWEEP_AGE) -> int:
        """Announce what is in the outbox and in nobody's hands; how many entries that were.

        Raises ``Unavailable`` when a backend is away; nothing is lost by it.
        """
        async with self._storage.read() as uow:
            found = await uow.outbox.pending(before=self._clock.now() - min_age, limit=self._batch)
        left = [one for one in found if one.id not in self._in_hand and one.id not in self._sent]
        for entry in left:
            self._apply_here(entry)
        await self._publish(left)
        if len(found) == self._batch:
            # Until these are marked, the next sweep would find the same and nothing behind them.
            await self._mark_sent()
        return len(left)

    async def _publish(self, entries: list[OutboxEntry]) -> None:
        if not entries:
            return
        if self._far_cache is not None:
            await self._drop_far(self._far_cache, entries)
        await self._bus.publish(entries)
        jobs = {entry.id: tuple(jobs_asked_by(entry)) for entry in entries}
        # An absent job backend keeps back those entries only that ask for a job.
        self._mark_soon(id for id, asked in jobs.items() if not asked)
        asked_for = [job for asked in jobs.values() for job in asked]
        if asked_for:
            await self._jobs.enqueue(asked_for)
            self._mark_soon(jobs)

    async def _drop_far(self, far_cache: Cache, entries: list[OutboxEntry]) -> None:
        changed = {
            group
            for entry in entries
            for event in entry.events
            for group in groups_changed_by(event)
        }
        if changed:
            await far_cache.drop(sorted(changed))
            # Until now the far level held the old bytes: what was read here of late may be those.
            for entry in entries:
                self._apply_here(entry)

    def _mark_soon(self, ids: Iterable[EntryId]) -> None:
        self._sent.update(ids)
        self._marks_wait.set()

    async def _publish_handed(self) -> None:
        while not (self._closing and not self._handed):
            await self._work_waits.wait()
            self._work_waits.clear()
            while self._handed:
                batch, self._handed = self._handed[: self._batch], self._handed[self._batch :]
                try:
                    await self._publish([entry for entry, _ in batch])
                except Unavailable as error:
                    logger.warning("announcing is left to the sweep: %s", error.message)
                except Exception:
                    logger.exception("announcing failed and is left to the sweep")
                finally:
                    for entry, told in batch:
                        self._in_hand.discard(entry.id)
                        told.set_result(None)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                swept = await self.sweep()
            except Unavailable as error:
                logger.warning("the outbox cannot be swept now: %s", error.message)
                swept = 0
            except Exception:
                logger.exception("sweeping the outbox failed; it is tried again")
                swept = 0
            if swept < self._batch:
                await asyncio.sleep(self._sweep_every_seconds)

    async def _mark_for_ever(self) -> None:
        while True:
            await self._marks_wait.wait()
            self._marks_wait.clear()
            # Marks are gathered: each one is a transaction that writers would wait for.
            await asyncio.sleep(self._mark_every_seconds)
            try:
                await self._mark_sent()
            except Unavailable as error:
                logger.warning("announced entries cannot be marked now: %s", error.message)
                await self._mark_later()
            except Exception:
                logger.exception("marking announced entries failed; it is tried again")
                await self._mark_later()

    async def _mark_later(self) -> None:
        await asyncio.sleep(self._sweep_every_seconds)
        self._marks_wait.set()

    async def _mark_sent(self) -> None:
        marking = frozenset(self._sent)
        if not marking:
            return
        async with self._storage.write() as uow:
            await uow.outbox.mark_sent(marking, at=self._clock.now())
            await uow.commit()
        self._sent -= marking
