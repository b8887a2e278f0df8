"""One clinic in memory: its day, its boards as they go on, and what was told last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from qure.application.announcing.live_boards import LiveBoards
from qure.application.waiting.clinic_day import ClinicDay
from qure.application.waiting.scenes import OpenQueue
from qure.application.waiting.told import QueueWaits
from qure.domain.board import Board
from qure.domain.ids import ClinicId, QueueId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token
from qure.domain.waiting.promise import Promise, is_kept_waiting

Watcher = Callable[[QueueWaits], None]
"""There is a new forecast of the queue. It must not wait."""

BEFORE_ALL: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Joined:
    """A token of that queue, and the version that it is in."""

    queue_id: QueueId
    version: int


class KeptClinic:
    """``waits`` are the newest forecasts by queue; ``is_made`` is set when there are any.

    ``joined`` are the tokens that were issued here and have not been told anything yet. ``is_read``
    says that the day in memory stands; ``is_stale`` that something has changed since the last
    forecast began. ``next_at`` (monotonic) is when the next one may begin, ``asked_at`` when
    somebody last asked. What ``is_urgent`` does not wait until then.
    """

    def __init__(
        self,
        clinic_id: ClinicId,
        live_boards: LiveBoards,
        *,
        on_change: Callable[[KeptClinic], None],
    ) -> None:
        self.clinic_id = clinic_id
        self.day: ClinicDay | None = None
        self.waits: Mapping[QueueId, QueueWaits] = {}
        self.is_made = asyncio.Event()
        self.watchers: dict[QueueId, dict[Watcher, None]] = {}
        self.joined: dict[TokenId, Joined] = {}
        self.changed_at = BEFORE_ALL
        self.is_read = False
        self.is_stale = False
        self.is_urgent = False
        self.knows_calibrations_of = 0
        self.next_at = 0.0
        self.asked_at = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None
        self._live_boards = live_boards
        self._on_change = on_change
        self._boards: dict[QueueId, _WatchedBoard] = {}
        self._meanwhile: list[tuple[Token, datetime | None]] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody watches it, and nobody waits to be told."""
        return not self.watchers and not self.joined

    def unwatch(self, queue_id: QueueId, watcher: Watcher) -> None:
        """Tell it no more."""
        watchers = self.watchers.get(queue_id, {})
        watchers.pop(watcher, None)
        if not watchers:
            self.watchers.pop(queue_id, None)

    def begin_reading(self) -> None:
        """What is heard from here on asks for another reading, or is added to what is read."""
        self.is_read = True
        self._meanwhile = []

    def take_in(self, day: ClinicDay) -> None:
        """What was read; its queues' boards are watched from here on, and no others."""
        self.day = day
        self.changed_at = max(self.changed_at, day.changed_at)
        for token, over_at in self._meanwhile or ():
            day.take_in(token, over_at=over_at)
        self._meanwhile = None
        for queue_id in [id for id in self._boards if id not in day.queue_ids]:
            self._let_go(queue_id)
        for queue_id in day.queue_ids:
            if queue_id not in self._boards:
                self._boards[queue_id] = board = _WatchedBoard(self, day.versions[queue_id])
                self._live_boards.watch(queue_id, board.changed)

    def open_queues(self) -> list[OpenQueue] | None:
        """Today's queues as they stand; None while one of them has not been read."""
        assert self.day is not None
        found = []
        for queue_id in self.day.queue_ids:
            queue = self._boards[queue_id].queue
            if queue is None:
                return None
            found.append(queue)
        return found

    def tell(self, waits: Mapping[QueueId, QueueWaits]) -> list[Promise]:
        """Everybody who watches; what was told first to who has joined here."""
        self.waits = waits
        self.is_made.set()
        for queue_id, watchers in list(self.watchers.items()):
            one = waits.get(queue_id)
            for watcher in list(watchers):
                if one is not None:
                    watcher(one)
        promises = []
        for token_id, joined in list(self.joined.items()):
            queue_id = joined.queue_id
            if queue_id not in waits and not self.is_read:
                continue  # The queue is new: it is in the next forecast.
            queue = self._boards[queue_id].queue if queue_id in self._boards else None
            if queue is not None and queue.board.version < joined.version:
                continue  # The board is behind: a version of it is on its way.
            token = None if queue is None else queue.board.tokens.get(token_id)
            if token is not None and queue_id in waits and is_kept_waiting(token):
                if token_id not in waits[queue_id].known:
                    continue  # It has joined since: it is in the next forecast.
                promise = waits[queue_id].promise_to(token_id)
                if promise is not None:
                    promises.append(promise)
            del self.joined[token_id]
        return promises

    def board_changed(
        self, tokens: Sequence[Token], *, over_at: datetime | None, is_whole: bool
    ) -> None:
        """These tokens are different; not ``is_whole`` when there may be more that are not here."""
        assert self.day is not None
        for token in tokens:
            self.day.take_in(token, over_at=over_at)
        if self._meanwhile is not None:
            self._meanwhile += [(token, over_at) for token in tokens]
        if not is_whole:
            self.is_read = False
        self._on_change(self)

    def close(self) -> None:
        """Nothing is made of it any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.task is not None:
            self.task.cancel()
        for queue_id in list(self._boards):
            self._let_go(queue_id)

    def _let_go(self, queue_id: QueueId) -> None:
        self._live_boards.unwatch(queue_id, self._boards.pop(queue_id).changed)


class _WatchedBoard:
    """A queue's board as it was told last."""

    def __init__(self, owner: KeptClinic, version: int) -> None:
        self._owner = owner
        self._version = version
        """The newest of which the owner knows all."""

        self.queue: OpenQueue | None = None

    def changed(self, board: Board, status: QueueStatus, tokens: Sequence[Token]) -> None:
        """See ``kept_board.Watcher``."""
        is_whole = board.version <= self._version + 1
        if self.queue is None:
            is_whole = board.version <= self._version  # It does not say what is different.
        self._version = board.version
        self.queue = OpenQueue(status, board)
        # Who is completed when the day has ended was only cleared.
        over_at = BEFORE_ALL if status.is_closed else None
        self._owner.board_changed(tokens, over_at=over_at, is_whole=is_whole)
