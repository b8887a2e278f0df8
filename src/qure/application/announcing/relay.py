"""From the journal to everyone: announce what was committed, at least once.

A commit hands its entry over in memory, so announcing costs no read; whatever a crash or an
absent backend left behind is found by the sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from qure.application.announcing.cached_reads import CachedReads
from qure.application.announcing.inbox import Inbox
from qure.application.jobs.requests import jobs_asked_by
from qure.application.observers import Observers
from qure.application.ports.gateways import Clock, EventBus, Jobs
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.domain.errors import Unavailable
from qure.domain.ids import EntryId

logger = logging.getLogger(__name__)

SWEEP_AGE = timedelta(seconds=1)
"""Younger entries are still in the hands of the process that committed them."""
RESYNC_REACHES_BACK = timedelta(minutes=2)
"""Longer than any process needs to find its way back to the bus after it was heard again."""
RESYNC_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a relay works, and how long it is waited for, in seconds."""

    sweep_every: float = 0.5
    mark_every: float = 0.05
    announce_within: float = 0.25
    flush_within: float = 3.0
    batch: int = 500


class Relay:
    """Publishes committed entries and then marks them: a crash repeats, never loses.

    ``after_resync`` are done, in order, when announcements may have been missed and are heard
    again: what else has to be read anew.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        *,
        inbox: Inbox,
        reads: CachedReads,
        bus: EventBus,
        jobs: Jobs,
        observers: Observers,
        after_resync: Sequence[Callable[[], Awaitable[object]]] = (),
        pace: Pace | None = None,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._inbox = inbox
        self._reads = reads
        self._bus = bus
        self._jobs = jobs
        self._observers = observers
        self._after_resync = after_resync
        self._pace = pace or Pace()
        self._made_at = clock.now()
        self._handed: list[tuple[JournalEntry, asyncio.Future[None]]] = []
        self._in_hand: set[EntryId] = set()
        self._announced: set[EntryId] = set()
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
        """Announce and mark what is left, as far as the backends answer in time, and stop."""
        if self._publisher is None:
            return
        self._closing = True
        self._work_waits.set()
        await asyncio.wait((self._publisher,), timeout=self._pace.flush_within)
        for task in (self._publisher, *self._sweepers):
            task.cancel()
        await asyncio.gather(self._publisher, *self._sweepers, return_exceptions=True)
        self._publisher = None
        try:
            await self._mark_announced()
        except Unavailable as error:
            logger.warning("announced entries stay unmarked and will repeat: %s", error.message)

    async def announce(self, entry: JournalEntry) -> None:
        """Take over a committed entry.

        This process sees the change before this returns. By then the others have been told
        too, or the bus is slow or away and they will be: the wait is bounded (250 ms).
        """
        self._observers.committed(entry)
        self._inbox.receive(entry)
        if self._publisher is None or self._closing:
            return  # No relay runs here, as in a command: the service's sweep finds the entry.
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handed.append((entry, told))
        self._in_hand.add(entry.id)
        self._work_waits.set()
        if self._bus.generation() is not None:
            await asyncio.wait((told,), timeout=self._pace.announce_within)

    async def resync(self) -> None:
        """Announcements may have been missed, and are heard again. Raises ``Unavailable``.

        What was committed meanwhile has not reached the shared cache, which must not be believed
        before it has: so all that is pending is announced first, however young. The bus remembers
        nothing: what was said is found in the journal.
        """
        while await self.sweep(min_age=timedelta(0)) >= self._pace.batch:
            continue
        since = max(self._made_at, self._clock.now() - RESYNC_REACHES_BACK)
        async with self._storage.read() as uow:
            said = await uow.journal.kept(after=since, limit=RESYNC_LIMIT)
        for entry in said:
            self._inbox.receive(entry)
        for read_anew in self._after_resync:
            await read_anew()

    async def sweep(self, *, min_age: timedelta = SWEEP_AGE) -> int:
        """Announce what is pending and no process works on; how many entries that were.

        Raises ``Unavailable`` when a backend is away; nothing is lost by it.
        """
        async with self._storage.read() as uow:
            found = await uow.journal.pending(
                before=self._clock.now() - min_age, limit=self._pace.batch
            )
        left = [
            one for one in found if one.id not in self._in_hand and one.id not in self._announced
        ]
        for entry in left:
            self._inbox.receive(entry)
        await self._publish(left)
        if len(found) == self._pace.batch:
            # Until these are marked, the next sweep would find the same and nothing behind them.
            await self._mark_announced()
        return len(left)

    async def _publish(self, entries: list[JournalEntry]) -> None:
        if not entries:
            return
        await self._reads.forget_shared(entries)
        await self._bus.publish(entries)
        jobs = {entry.id: tuple(jobs_asked_by(entry)) for entry in entries}
        # An absent job backend keeps back those entries only that ask for a job.
        self._mark_soon(id for id, asked in jobs.items() if not asked)
        asked_for = [job for asked in jobs.values() for job in asked]
        if asked_for:
            await self._jobs.enqueue(asked_for)
            self._mark_soon(jobs)

    def _mark_soon(self, ids: Iterable[EntryId]) -> None:
        self._announced.update(ids)
        self._marks_wait.set()

    async def _publish_handed(self) -> None:
        while not (self._closing and not self._handed):
            await self._work_waits.wait()
            self._work_waits.clear()
            while self._handed:
                batch, self._handed = (
                    self._handed[: self._pace.batch],
                    self._handed[self._pace.batch :],
                )
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
                logger.warning("the journal cannot be swept now: %s", error.message)
                swept = 0
            except Exception:
                logger.exception("sweeping the journal failed; it is tried again")
                swept = 0
            if swept < self._pace.batch:
                await asyncio.sleep(self._pace.sweep_every)

    async def _mark_for_ever(self) -> None:
        while True:
            await self._marks_wait.wait()
            self._marks_wait.clear()
            # Marks are gathered: each one is a transaction that writers would wait for.
            await asyncio.sleep(self._pace.mark_every)
            try:
                await self._mark_announced()
            except Unavailable as error:
                logger.warning("announced entries cannot be marked now: %s", error.message)
                await self._mark_later()
            except Exception:
                logger.exception("marking announced entries failed; it is tried again")
                await self._mark_later()

    async def _mark_later(self) -> None:
        await asyncio.sleep(self._pace.sweep_every)
        self._marks_wait.set()

    async def _mark_announced(self) -> None:
        marking = frozenset(self._announced)
        if not marking:
            return
        async with self._storage.write() as uow:
            await uow.journal.mark_announced(marking)
            await uow.commit()
        self._announced -= marking
