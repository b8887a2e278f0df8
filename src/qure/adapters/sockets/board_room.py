"""Everyone who has one queue's board before them, and the updates that they still get."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.pausing import LONGEST_PAUSE, PAUSE_PER_MEMBER, Pausing
from qure.domain.board import Board
from qure.domain.ids import ClinicId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token
from qure.wire.body import encode
from qure.wire.queues import BoardUpdateBody
from qure.wire.socket_events import BOARD_UPDATE

MAX_BYTES_AT_ONCE: Final = 256 * 1024
"""What one member is sent at once: of more updates than that only the newest is sent. The client
sees that versions are missing, and joins again."""

PAUSE_PER_BYTE: Final = LONGEST_PAUSE / MAX_BYTES_AT_ONCE

Member = TypeVar("Member", bound=Hashable)


class _Update(NamedTuple):
    version: int
    message: Message


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
    more there was to send.
    """

    __slots__ = ("_late", "_pausing", "_send", "_told", "_updates", "_waiting", "clinic_id")

    def __init__(self, clinic_id: ClinicId, send: Callable[[Member, Message], None]) -> None:
        self.clinic_id = clinic_id
        self._send = send
        self._told: dict[Member, int] = {}
        self._waiting: dict[Member, _Updates] = {}
        self._late: dict[Member, _Updates] = {}
        """What happened while a new member's board was read."""
        self._updates = _Updates()
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
        self._pausing.soon(self._flush)
        return True

    def let_out(self, member: Member) -> None:
        """The member hears no more."""
        self._told.pop(member, None)
        self._waiting.pop(member, None)
        self._late.pop(member, None)

    def changed(self, board: Board, status: QueueStatus, tokens: Sequence[Token]) -> None:
        """The board stands at a newer version; these tokens are different."""
        if self.is_empty:
            return
        # Encoded once for everybody.
        body = encode(BoardUpdateBody.of(board, status, tokens))
        update = _Update(board.version, Message(BOARD_UPDATE, body))
        for updates in (self._updates, *self._waiting.values()):
            updates.add(update, len(body))
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
        if sent:
            pause = PAUSE_PER_MEMBER * len(self._told) + PAUSE_PER_BYTE * sent / max(
                1, len(self._told)
            )
            self._pausing.pause(pause, self._flush)
