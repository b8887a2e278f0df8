"""Where the patients who are connected here stand in line, and what they were told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.pausing import PAUSE_PER_MEMBER, Pausing
from qure.application.announcing.live_boards import LiveBoards
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.told import QueueWaits
from qure.domain.board import Board
from qure.domain.ids import ClinicId, QueueId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token
from qure.domain.waiting.wait import Wait
from qure.wire.body import encode
from qure.wire.socket_events import YOUR_PLACE, place, place_head
from qure.wire.waits import WaitBody

NOTHING: Final = -1
"""What was told of a place as long as nothing was."""

FIRST_FORECAST_SECONDS: Final = 0.5
"""So long a queue's first forecast is waited for; then places are told without."""

_NO_WAIT: Final = b"null"


class _Place:
    """One token of a patient who is connected with these ``clients``, of now and of later.

    ``since`` is a version of the queue at which the token was heard to be there.
    """

    __slots__ = ("_wait", "_wait_body", "clients", "head", "patient_id", "since", "told")

    def __init__(self, token: Token, clients: Collection[Client], since: int | None) -> None:
        self.patient_id = token.patient_id
        self.head = place_head(token.id, token.queue_id)
        self.clients = clients
        self.since = since
        self.told: int | None = NOTHING
        self._wait: Wait | None = None
        self._wait_body: bytes | None = _NO_WAIT

    def is_known_to(self, board: Board) -> bool:
        """Whether a board without the token says that it is there no more, not only not yet."""
        return self.since is not None and board.version >= self.since

    def waits_otherwise(self, wait: Wait | None) -> bool:
        """Whether that is news to the patient; from here on it counts as told."""
        before = self._wait
        if wait is before:
            return False
        self._wait, self._wait_body = wait, None
        return wait is None or before is None or not wait.says_the_same(before)

    @property
    def wait_body(self) -> bytes:
        """The newest wait, as it is told."""
        if self._wait_body is None:
            self._wait_body = _NO_WAIT if self._wait is None else encode(WaitBody.of(self._wait))
        return self._wait_body


class Places:
    """Tells every patient who is connected how many are before them and when they will be called,
    and nobody else.

    Each place is told when a client comes, and whenever it changes; the newest state always in
    the end. A token that is not active any more is told of once more, and let go.
    """

    def __init__(self, live: LiveBoards, forecasts: Forecasts) -> None:
        self._live = live
        self.forecasts = forecasts
        self._lines: dict[QueueId, _Line] = {}
        self._queue_of: dict[UUID, dict[TokenId, QueueId]] = {}

    @property
    def watched(self) -> list[QueueId]:
        """The queues in which somebody connected has a place."""
        return list(self._lines)

    def enter(
        self,
        token: Token,
        clients: Collection[Client],
        *,
        since: int | None = None,
        new: Client | None = None,
    ) -> None:
        """An active token, whose patient is connected with these clients.

        ``new`` is the one of them that has just come, if one has.
        """
        queue_id = token.queue_id
        line = self._lines.get(queue_id)
        is_first = line is None
        if line is None:
            line = self._lines[queue_id] = _Line(self, queue_id)
        line.enter(token, clients, since=since, new=new)
        self._queue_of.setdefault(token.patient_id, {})[token.id] = queue_id
        if is_first:
            self._live.watch(queue_id, line.changed)

    def leave(self, patient_id: UUID) -> None:
        """The patient is not connected any more."""
        for token_id in list(self._queue_of.get(patient_id, ())):
            self.forget(patient_id, token_id)

    def forget(self, patient_id: UUID, token_id: TokenId) -> None:
        """The token has no place any more, or nobody who would hear of it."""
        queue_of = self._queue_of[patient_id]
        queue_id = queue_of.pop(token_id)
        if not queue_of:
            del self._queue_of[patient_id]
        line = self._lines[queue_id]
        del line.places[token_id]
        if not line.places:
            del self._lines[queue_id]
            self._live.unwatch(queue_id, line.changed)
            line.stop()


class _Line:
    """The places of one queue. After telling many the next telling waits a moment, as in a room."""

    __slots__ = (
        "_board",
        "_clinic_id",
        "_fresh",
        "_has_moved",
        "_is_without",
        "_owner",
        "_pausing",
        "_queue_id",
        "_timer",
        "_waits",
        "places",
    )

    def __init__(self, owner: Places, queue_id: QueueId) -> None:
        self._owner = owner
        self._queue_id = queue_id
        self.places: dict[TokenId, _Place] = {}
        self._fresh: dict[TokenId, list[Client]] = {}
        """Those of which somebody has to be told even though they have not changed."""
        self._board: Board | None = None
        self._waits: QueueWaits | None = None
        self._is_without = False
        """Whether places are told although nothing was forecast."""
        self._timer: asyncio.TimerHandle | None = None
        self._clinic_id: ClinicId | None = None
        self._has_moved = False
        self._pausing = Pausing()

    def enter(
        self, token: Token, clients: Collection[Client], *, since: int | None, new: Client | None
    ) -> None:
        """See ``Places.enter``."""
        known = self.places.get(token.id)
        if known is None:
            self.places[token.id] = _Place(token, clients, since)
        elif known.since is None:
            known.since = since
        if known is None or new is not None:
            self._fresh.setdefault(token.id, []).extend([] if new is None else [new])
            self._tell_soon()

    def changed(self, board: Board, status: QueueStatus, _tokens: Sequence[Token]) -> None:
        """The board stands at a newer version, or is there at all."""
        is_first = self._board is None
        self._board = board
        self._has_moved = True
        if is_first:
            self._expect_forecast(status.clinic_id)
        self._tell_soon()

    def forecast(self, waits: QueueWaits) -> None:
        """There is a newer forecast."""
        self._waits = waits
        self._has_moved = True
        self._tell_soon()

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._pausing.stop()
        if self._timer is not None:
            self._timer.cancel()
        if self._clinic_id is not None:
            self._owner.forecasts.unwatch(self._queue_id, self._clinic_id, self.forecast)

    def _expect_forecast(self, clinic_id: ClinicId) -> None:
        self._clinic_id = clinic_id
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(FIRST_FORECAST_SECONDS, self._go_without)
        self._owner.forecasts.watch(self._queue_id, clinic_id, self.forecast)

    def _go_without(self) -> None:
        self._is_without = True
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._board is not None and (self._waits is not None or self._is_without):
            self._pausing.soon(self._tell)

    def _tell(self) -> None:
        board, waits = self._board, self._waits
        if board is None or not (self._has_moved or self._fresh):
            return
        fresh, self._fresh = self._fresh, {}
        ids = list(self.places if self._has_moved else fresh)
        self._has_moved = False
        ahead_of = board.ahead  # Worked out once for everybody.
        sent = 0
        for id in ids:
            one = self.places.get(id)
            if one is None:
                continue
            ahead, token = ahead_of.get(id), board.tokens.get(id)
            if token is not None and one.since is None:
                one.since = board.version
            if token is None and not one.is_known_to(board):
                continue
            is_gone = token is None or not token.is_active
            is_news = one.waits_otherwise(None if waits is None else waits.of(token))
            is_news = is_news or ahead != one.told
            if is_news and not (is_gone and one.told == NOTHING):
                sent += _send(id, one, one.clients, ahead, board.version)
            elif id in fresh:
                sent += _send(id, one, fresh[id], ahead, board.version)
            one.told = ahead
            if is_gone and id in self.places:
                self._owner.forget(one.patient_id, id)
        if self.places:
            self._pausing.pause(PAUSE_PER_MEMBER * sent, self._tell)


def _send(
    id: TokenId, one: _Place, clients: Collection[Client], ahead: int | None, version: int
) -> int:
    message = Message(YOUR_PLACE, place(one.head, ahead, one.wait_body, version))
    receivers = [client for client in clients if client.hears]
    for client in receivers:
        client.listener.send_newest(id, message)
    return len(receivers)
