"""Storage in this process's memory: one writer at a time, readers on snapshots.

It lives as long as the process. The unit tests' world, held to the same promises as the
databases.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from qure.application.changes import Changes
from qure.application.correlation import request_id
from qure.application.ports.gateways import Clock, Ids
from qure.application.ports.journal import JournalEntry
from qure.domain.errors import Unavailable
from qure.domain.events import Event
from qure.domain.ids import EntryId
from tests.support.memory.accounts import MemorySessions, MemoryUsers
from tests.support.memory.clinics import MemoryClinics
from tests.support.memory.journal import MemoryJournal
from tests.support.memory.places import MemoryDesks, MemoryServices
from tests.support.memory.queues import MemoryKeptAnswers, MemoryQueues, MemoryTokens
from tests.support.memory.staged_images import MemoryStagedImages
from tests.support.memory.state import State
from tests.support.memory.visitors import MemoryDisplays, MemoryGuestLinks
from tests.support.memory.waiting import MemoryCalibrations, MemoryPromises

OnCommit = Callable[[JournalEntry], Awaitable[None]]

LOCK_SECONDS = 5.0
"""How long a writer waits for the one before it; the databases give up after as long."""

_log = logging.getLogger(__name__)


class MemoryUnitOfWork:
    """One transaction on its own fork of the state (or, to look only, on the sealed one)."""

    def __init__(
        self, state: State, *, commit: Callable[[Changes], Awaitable[None]] | None
    ) -> None:
        self._changes = changes = Changes()
        self.users = MemoryUsers(state, changes)
        self.clinics = MemoryClinics(state, changes)
        self.services = MemoryServices(state, changes)
        self.desks = MemoryDesks(state, changes)
        self.queues = MemoryQueues(state, changes)
        self.tokens = MemoryTokens(state)
        self.kept_answers = MemoryKeptAnswers(state)
        self.promises = MemoryPromises(state)
        self.calibrations = MemoryCalibrations(state)
        self.sessions = MemorySessions(state, changes)
        self.guest_links = MemoryGuestLinks(state)
        self.displays = MemoryDisplays(state)
        self.staged_images = MemoryStagedImages(state, changes)
        self.journal = MemoryJournal(state)
        self._commit = commit

    async def commit(self) -> None:
        """Make it so. Raises ``RuntimeError`` when reading only, or when it has ended."""
        if self._commit is None:
            raise RuntimeError("Only a writing unit of work that has not ended can be committed.")
        commit, self._commit = self._commit, None
        await commit(self._changes)

    def end(self) -> None:
        """Left: what was not committed never will be."""
        self._commit = None


class MemoryStorage:
    """See ``Storage``. ``on_commit`` is told of each entry once its transaction is over.

    A failure of ``on_commit`` is logged and no more: the entry stays pending in the journal,
    where the relay's sweep finds it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        on_commit: OnCommit,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._on_commit = on_commit
        self._lock_seconds = lock_seconds
        self._state = State().seal()
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[MemoryUnitOfWork]:
        """Wait for the writer before; raises ``Unavailable`` when that takes too long."""
        await self._acquire()
        state = self._state.fork()
        locked = True

        async def commit(changes: Changes) -> None:
            nonlocal locked
            entry = self._entry(changes.events())
            if entry is not None:
                state.journal[entry.id] = entry
                state.requests[entry.id] = request_id.get()
                state.pending[entry.id] = None
            self._state = state.seal()
            self._lock.release()
            locked = False
            changes.told()
            if entry is not None:
                await self._announce(entry)

        work = MemoryUnitOfWork(state, commit=commit)
        try:
            yield work
        finally:
            work.end()
            state.seal()
            if locked:
                self._lock.release()

    @asynccontextmanager
    async def read(self, purpose: str = "read") -> AsyncIterator[MemoryUnitOfWork]:
        """The last committed state; what is committed later is not seen."""
        yield MemoryUnitOfWork(self._state, commit=None)

    async def ping(self) -> None:
        """Memory always answers."""

    async def _acquire(self) -> None:
        try:
            async with asyncio.timeout(self._lock_seconds):
                await self._lock.acquire()
        except TimeoutError:
            raise Unavailable("The database is too busy.", code="busy") from None

    def _entry(self, events: tuple[Event, ...]) -> JournalEntry | None:
        if not events:
            return None
        return JournalEntry(
            id=EntryId(self._ids.new_id()),
            created_at=self._clock.now(),
            events=events,
        )

    async def _announce(self, entry: JournalEntry) -> None:
        try:
            await self._on_commit(entry)
        except Exception:  # noqa: BLE001 - the commit stands whatever becomes of its announcement
            _log.exception("announcing a commit failed", extra={"entry_id": str(entry.id)})
