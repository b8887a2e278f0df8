"""The boards of the queues that somebody here watches: read once, then carried on by what is told.

Every version of a queue passes through here once and in order, so that a client which applies
each change has what a fresh reading would give.
"""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import groupby

from qure.application.announcing.kept_board import KeptBoard, Progress, Watcher
from qure.application.announcing.trust import Generation, Trust
from qure.application.lookup import get_queue
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.domain.board import Board
from qure.domain.errors import NotFound
from qure.domain.events import QueueChanged
from qure.domain.ids import QueueId

logger = logging.getLogger(__name__)

LIMIT = 50_000
"""So many tokens, and boards, are remembered though nobody watches them."""

SLICE_SECONDS = 0.004
"""So long changes are carried on at a stretch; the others of a rush follow in the next one."""

GAP_SECONDS = 0.25
"""So long a version may be missing while later ones are there; then the board is read anew."""

RETRY_SECONDS = 0.5
"""After so long a watched board that could not be read is tried again."""


class LiveBoards:
    """Boards by queue: those that are watched, and some that were asked for.

    What ``of`` hands out is as exact as what ``LiveStatus`` does, and believed on the same terms.
    Watchers are told of every version once and in order, whatever may be believed: a board at a
    version is right at that version. Where versions were lost they are told of the newest one,
    with all that is different from what they were told before. After announcements may have been
    missed somebody has to call ``reread``.
    """

    def __init__(self, storage: Storage, *, generation: Generation, limit: int = LIMIT) -> None:
        self._storage = storage
        self._limit = limit
        self._trust = Trust(generation, forget=self._doubt)
        self._doubts = 0
        self._kept: dict[QueueId, KeptBoard] = {}
        """Of those that nobody watches, the ones that were not asked for longest come first."""

    @property
    def watched(self) -> list[QueueId]:
        """The queues that somebody watches."""
        return [kept.queue_id for kept in self._kept.values() if kept.watchers]

    def __len__(self) -> int:
        return len(self._kept)

    def watch(self, queue_id: QueueId, watcher: Watcher) -> None:
        """Tell it of the board as soon as that is known, and of each newer version.

        Until it has been read it is tried again; a queue that does not exist is never told of.
        """
        self._trust.holds()
        kept = self._entry(queue_id)
        kept.watch(watcher)
        if kept.is_missing:
            self._load(kept)

    def unwatch(self, queue_id: QueueId, watcher: Watcher) -> None:
        """Tell it no more. A board that nobody watches any more is let go."""
        kept = self._kept.get(queue_id)
        if kept is not None:
            kept.watchers.pop(watcher, None)
            if kept.is_idle:
                self._forget(kept)

    def get(self, queue_id: QueueId) -> Board | None:
        """The newest board, or None when a backend has to be asked."""
        if not self._trust.holds():
            return None
        kept = self._kept.get(queue_id)
        if kept is not None:
            self._carry_on(kept, until=None)
        if kept is None or not kept.is_believed:
            return None
        self._kept[queue_id] = self._kept.pop(queue_id)
        return kept.board

    async def of(self, queue_id: QueueId) -> Board:
        """The board as it stands now. Raises ``NotFound``, ``Unavailable``.

        It goes on changing: look at it before anything else is awaited.
        """
        board = self.get(queue_id)
        if board is not None:
            return board
        # Others may wait for it too: whoever gives up does not end it.
        return await asyncio.shield(self._load(self._entry(queue_id)))

    async def reread(self, queue_id: QueueId) -> None:
        """Changes may have been missed: whoever watches the queue is told how it stands now.

        Raises ``NotFound``, ``Unavailable``.
        """
        kept = self._kept.get(queue_id)
        if kept is None or not kept.watchers:
            return
        if kept.loading is not None:  # What it reads may be from before.
            await asyncio.wait((kept.loading,))
        await asyncio.shield(self._load(kept))

    def receive(self, entry: JournalEntry) -> None:
        """Take in what it tells of boards that are known or on their way."""
        self._trust.holds()
        changes = [one for one in entry.events if isinstance(one, QueueChanged)]
        told: dict[QueueId, KeptBoard] = {}
        for (queue_id, version), its in groupby(changes, key=_queue_and_version):
            kept = self._kept.get(queue_id)
            if kept is not None:
                kept.hear(version, tuple(its))
                told[queue_id] = kept
        for kept in told.values():
            self._carry_on(kept, until=time.monotonic() + SLICE_SECONDS)

    def _entry(self, queue_id: QueueId) -> KeptBoard:
        kept = self._kept.get(queue_id)
        if kept is None:
            kept = self._kept[queue_id] = KeptBoard(queue_id)
        return kept

    def _load(self, kept: KeptBoard) -> asyncio.Task[Board]:
        if kept.loading is None:
            kept.loading = asyncio.create_task(self._read(kept), name=f"board of {kept.queue_id}")
            kept.loading.add_done_callback(lambda task: self._loaded(kept, task))
        return kept.loading

    async def _read(self, kept: KeptBoard) -> Board:
        self._trust.holds()
        doubts = self._doubts
        async with self._storage.read() as uow:
            queue = await get_queue(uow, kept.queue_id)
            tokens = await uow.tokens.on_board(kept.queue_id)
        board = Board.of(queue, tokens)
        # From here on another reading may begin: this one is over.
        kept.loading = None
        kept.is_believed = self._trust.holds() and doubts == self._doubts
        kept.take_in(board, queue.status())
        self._carry_on(kept, until=None)
        if kept.is_idle and not kept.is_believed:
            self._forget(kept)
        elif kept.is_idle:
            self._make_room()
        assert kept.board is not None
        return kept.board

    def _loaded(self, kept: KeptBoard, task: asyncio.Task[Board]) -> None:
        if task.cancelled() or (fault := task.exception()) is None:
            return
        kept.loading = None
        if not kept.is_missing:
            return
        if kept.watchers and not isinstance(fault, NotFound):
            if not kept.is_away:
                logger.warning("a board cannot be read, and is tried until it can: %s", fault)
            kept.is_away = True
            kept.cancel_timer()
            kept.timer = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._load, kept)
        elif kept.is_idle:
            self._forget(kept)

    def _carry_on(self, kept: KeptBoard, *, until: float | None) -> None:
        if kept.is_missing:
            return  # What was heard is taken in when the board is there.
        progress = kept.carry_on(until=until)
        missing = kept.next_version if progress is Progress.GAP else None
        if missing is not None and missing == kept.missing:
            return  # It is being waited for, however much comes meanwhile.
        kept.cancel_timer()
        loop = asyncio.get_running_loop()
        if progress is Progress.MORE:
            kept.timer = loop.call_soon(self._next_slice, kept)
        elif progress is Progress.GAP:
            kept.timer, kept.missing = loop.call_later(GAP_SECONDS, self._lose, kept), missing
        elif progress is Progress.LOST:
            self._lose(kept)

    def _next_slice(self, kept: KeptBoard) -> None:
        self._carry_on(kept, until=time.monotonic() + SLICE_SECONDS)

    def _lose(self, kept: KeptBoard) -> None:
        kept.cancel_timer()
        kept.is_believed = False
        kept.is_lost = True
        if kept.watchers:
            self._load(kept)
        elif kept.is_idle:
            self._forget(kept)

    def _make_room(self) -> None:
        idle = [
            (kept, len(kept.board.tokens) + 1)
            for kept in self._kept.values()
            if kept.board is not None and kept.is_idle
        ]
        too_many = sum(size for _, size in idle) - self._limit
        for kept, size in idle:
            if too_many <= 0:
                break
            too_many -= size
            self._forget(kept)

    def _doubt(self) -> None:
        """Announcements may have been missed, or are heard for the first time."""
        self._doubts += 1
        for kept in list(self._kept.values()):
            kept.is_believed = False
            if kept.is_idle:
                self._forget(kept)

    def _forget(self, kept: KeptBoard) -> None:
        kept.cancel_timer()
        kept.heard.clear()
        if self._kept.get(kept.queue_id) is kept:
            del self._kept[kept.queue_id]


def _queue_and_version(change: QueueChanged) -> tuple[QueueId, int]:
    return change.queue.queue_id, change.queue.version
