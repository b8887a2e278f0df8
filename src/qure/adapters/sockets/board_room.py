"""Everyone who has one queue's board before them, and the updates that they still get."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.pausing import LONGEST_PAUSE, PAUSE_PER_MEMBER, Pausing
from qure.application.waiting.told import QueueWaits
from qure.domain.board import Board
from qure.domain.ids import ClinicId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus
from qure.domain.waiting.wait import Wait
from qure.wire.body import encode
from qure.wire.queues import BoardUpdateBody
from qure.wire.socket_events import BOARD_UPDATE, BOARD_WAITS
from qure.wire.waits import BoardWaitsBody, token_waits

MAX_BYTES_AT_ONCE: Final = 256 * 1024
"""What one member is sent at once: of more updates than that only the newest is sent. The client
sees that versions are missing, and joins again."""

PAUSE_PER_BYTE: Final = LONGEST_PAUSE / MAX_BYTES_AT_ONCE

Member = TypeVar("Member", bound=Hashable)


class _Update(NamedTuple):
    version: int
    message: Message
    changed: list[TokenId]


class _Updates:
    """Those of a moment, in order; only the newest when they are too many."""

    __slots__ = ("_bytes", "kept")

    def __init__(self) -> None:
        self.kept: list[_Update] = []
        self._bytes = 0

    def add(self, update: _Update, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES_AT_ONCE:
            self.kept.clear()
            self._bytes = size
        self.kept.append(update)


class BoardRoom(Generic[Member]):
    """Sends each member every version of the board that is newer than the one it has, in order.

    Where versions were lost, or would be too much at once, the newest one alone is sent. A change
    that comes alone is sent at once; after that the room pauses for up to 100 ms, the longer the
    more there was to send. What a newer forecast says otherwise follows in the same way.
    """

    __slots__ = (
        "_board",
        "_late",
        "_other_waits",
        "_pausing",
        "_send",
        "_told",
        "_updates",
        "_waiting",
        "_waits",
        "clinic_id",
    )

    def __init__(self, clinic_id: ClinicId, send: Callable[[Member, Message], None]) -> None:
        self.clinic_id = clinic_id
        self._send = send
        self._told: dict[Member, int] = {}
        self._waiting: dict[Member, _Updates] = {}
        self._late: dict[Member, _Updates] = {}
        """What happened while a new member's board was read."""
        self._updates = _Updates()
        self._board: Board | None = None
        self._waits: QueueWaits | None = None
        self._other_waits: dict[TokenId, Wait] = {}
        """What has not been sent of the newest forecast."""
        self._pausing = Pausing()

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it or about to enter."""
        return not self._told and not self._waiting

    @property
    def everybody(self) -> list[Member]:
        """Those in it, and those about to enter."""
        return [*self._told, *self._waiting]

    def is_in(self, member: Member) -> bool:
        """Whether it gets updates, not only waits to."""
        return member in self._told

    def let_wait(self, member: Member) -> None:
        """The member is about to enter: what happens from here on is kept for it."""
        self.let_out(member)
        self._waiting[member] = _Updates()

    def let_in(self, member: Member, version: int) -> bool:
        """The member has the board of that version, and gets every later one; not at once.

        False when it was let out meanwhile.
        """
        late = self._waiting.pop(member, None)
        if late is None:
            return False
        self._told[member] = version
        self._late[member] = late
        # Its late updates may tell of an older forecast than its board does.
        self._say_again({id for update in late.kept for id in update.changed})
        self._pausing.soon(self._flush)
        return True

    def let_out(self, member: Member) -> None:
        """The member hears no more."""
        self._told.pop(member, None)
        self._waiting.pop(member, None)
        self._late.pop(member, None)

    def changed(self, board: Board, status: QueueStatus, tokens: Sequence[Token]) -> None:
        """The board stands at a newer version; these tokens are different."""
        self._board = board
        if self.is_empty:
            return
        # Encoded once for everybody.
        body = encode(BoardUpdateBody.of(board, status, tokens, self._waits))
        ids = [token.id for token in tokens]
        update = _Update(board.version, Message(BOARD_UPDATE, body), ids)
        for updates in (self._updates, *self._waiting.values()):
            updates.add(update, len(body))
        for id in ids:
            self._other_waits.pop(id, None)  # The update says it.
        self._pausing.soon(self._flush)

    def forecast(self, waits: QueueWaits) -> None:
        """There is a newer forecast."""
        before, self._waits = self._waits, waits
        for token in () if self._board is None else self._board.tokens.values():
            if before is not None and token.status is not TokenStatus.WAITING:
                continue  # Nothing else can be said of it.
            wait = waits.of(token)
            if before is None or not wait.says_the_same(before.of(token)):
                self._other_waits[token.id] = wait
        if self._other_waits:
            self._pausing.soon(self._flush)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._pausing.stop()

    def _flush(self) -> None:
        common, self._updates = self._updates.kept, _Updates()
        sent = 0
        for member, told in list(self._told.items()):
            late = self._late.pop(member, None)
            for update in common if late is None else [*late.kept, *common]:
                if update.version > told and member in self._told:
                    # Sending may show that somebody has gone.
                    self._told[member] = told = update.version
                    self._send(member, update.message)
                    sent += len(update.message.body or b"")
        sent += self._flush_waits()
        if sent:
            pause = PAUSE_PER_MEMBER * len(self._told) + PAUSE_PER_BYTE * sent / max(
                1, len(self._told)
            )
            self._pausing.pause(pause, self._flush)

    def _flush_waits(self) -> int:
        others, self._other_waits = self._other_waits, {}
        if self._waits is None or self._board is None:
            return 0
        tokens = self._board.tokens
        waits = token_waits({id: wait for id, wait in others.items() if id in tokens})
        if not waits:
            return 0
        body = encode(BoardWaitsBody(self._waits.queue_id, self._waits.version, waits))
        message = Message(BOARD_WAITS, body)
        for member in list(self._told):
            if member in self._told:  # Sending may show that somebody has gone.
                self._send(member, message)
        return len(body) * len(self._told)

    def _say_again(self, ids: Collection[TokenId]) -> None:
        if self._waits is None or self._board is None:
            return
        for token in [self._board.tokens[id] for id in ids if id in self._board.tokens]:
            self._other_waits[token.id] = self._waits.of(token)
