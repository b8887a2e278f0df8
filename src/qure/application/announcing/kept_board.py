"""One queue's board in memory, and the changes of the queue that it does not have yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from qure.domain.board import Board
from qure.domain.events import QueueChanged, QueueSpacedOut
from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token

MAX_HEARD = 2_000
"""So many versions wait for one that is missing, at most."""

Watcher = Callable[[Board, QueueStatus, Sequence[Token]], None]
"""The board stands at a newer version than before, with that status; these tokens are different.

It must not wait. The board goes on changing: look at it before anything is awaited.
"""


class Progress(Enum):
    """How far carrying on has come."""

    DONE = auto()
    """Nothing waits."""

    MORE = auto()
    """The next version waits."""

    GAP = auto()
    """Later versions wait, and the next one is missing."""

    LOST = auto()
    """The next version does not say what it changed: the board has to be read anew."""


class KeptBoard:
    """A board that passes every version on to its watchers, once and in order.

    ``is_believed`` says that it may be handed out as how the queue stands now; ``is_lost`` that it
    cannot be carried on; ``is_away`` that it could not be read the last time. ``loading`` reads it;
    ``timer`` is what will be done with it next, ``missing`` the version for which it waits, if any.
    """

    __slots__ = (
        "board",
        "heard",
        "is_away",
        "is_believed",
        "is_lost",
        "loading",
        "missing",
        "queue_id",
        "status",
        "timer",
        "watchers",
    )

    def __init__(self, queue_id: QueueId) -> None:
        self.queue_id = queue_id
        self.board: Board | None = None
        self.status: QueueStatus | None = None
        self.heard: dict[int, tuple[QueueChanged, ...]] = {}
        self.is_believed = False
        self.is_lost = False
        self.is_away = False
        self.loading: asyncio.Task[Board] | None = None
        self.timer: asyncio.Handle | None = None
        self.missing: int | None = None
        self.watchers: dict[Watcher, None] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody watches it, and nobody waits for it."""
        return not self.watchers and self.loading is None

    @property
    def is_missing(self) -> bool:
        """Whether it has to be read before anybody can be told of it."""
        return self.board is None or self.is_lost

    @property
    def next_version(self) -> int:
        """The version that comes next, if the board is there."""
        assert self.board is not None
        return self.board.version + 1

    def cancel_timer(self) -> None:
        """Nothing is done with it by itself any more."""
        self.missing = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def watch(self, watcher: Watcher) -> None:
        """Tell it from now on, and at once if the board is there."""
        self.watchers[watcher] = None
        if not self.is_missing:
            self._tell([watcher], ())

    def hear(self, version: int, changes: Sequence[QueueChanged]) -> None:
        """All that made that version of the queue."""
        self.heard[version] = tuple(changes)
        if len(self.heard) > MAX_HEARD:
            # The newest is enough to see that something is missing.
            newest = max(self.heard)
            self.heard = {newest: self.heard[newest]}

    def take_in(self, board: Board, status: QueueStatus) -> None:
        """What was read; passed over when what was carried on meanwhile is as new."""
        before = self.board
        self.is_lost = self.is_away = False
        if before is None or board.version > before.version:
            self.board, self.status = board, status
            self._tell(self.watchers, [] if before is None else _different(before, board))

    def carry_on(self, *, until: float | None) -> Progress:
        """Apply what was heard as far as nothing is missing, or until that monotonic time.

        Only while the board is there (``is_missing``).
        """
        board, heard = self.board, self.heard
        assert board is not None
        for old in [version for version in heard if version <= board.version]:
            del heard[old]
        while (changes := heard.get(self.next_version)) is not None:
            if any(isinstance(one, QueueSpacedOut) for one in changes):
                return Progress.LOST
            del heard[self.next_version]
            changed = board.apply(changes)
            self.status = changes[-1].queue
            self._tell(self.watchers, changed)
            if until is not None and time.monotonic() > until:
                break
        if self.next_version in heard:
            return Progress.MORE
        return Progress.GAP if heard else Progress.DONE

    def _tell(self, watchers: Iterable[Watcher], changed: Sequence[Token]) -> None:
        assert self.board is not None
        assert self.status is not None
        for watcher in tuple(watchers):
            watcher(self.board, self.status, changed)


def _different(before: Board, after: Board) -> list[Token]:
    """What is on the board now and was not, or not so; what has left it is not among them."""
    known = before.tokens
    return [
        token
        for id, token in after.tokens.items()
        if id not in known or known[id].version != token.version
    ]
