"""Everyone who watches one queue, and the newest status they have been sent."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.pausing import PAUSE_PER_MEMBER, Pausing
from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus
from qure.wire.body import encode
from qure.wire.queues import StatusBody
from qure.wire.socket_events import STATUS_UPDATE

Member = TypeVar("Member", bound=Hashable)


class Room(Generic[Member]):
    """Sends each member every newer status, never an older one after it, and the last always.

    A change that comes alone is sent at once. In a rush the newest wins: the pause between two
    sendings grows with the number of members, up to 100 ms.
    """

    __slots__ = ("_message", "_newest", "_pausing", "_send", "_sent", "_told", "_waiting")

    def __init__(self, send: Callable[[Member, QueueId, Message], None]) -> None:
        self._send = send
        self._newest: QueueStatus | None = None
        self._message: Message | None = None
        self._sent = 0
        self._told: dict[Member, int] = {}
        self._waiting: dict[Member, None] = {}
        self._pausing = Pausing()

    @property
    def newest(self) -> QueueStatus | None:
        """The newest status offered."""
        return self._newest

    @property
    def is_empty(self) -> bool:
        """Whether nobody is in it or about to enter."""
        return not self._told and not self._waiting

    def let_wait(self, member: Member) -> None:
        """The member is about to enter: the room stands from here on, but sends it nothing."""
        self._told.pop(member, None)
        self._waiting[member] = None

    def let_in(self, member: Member) -> None:
        """The member gets the newest status now, if there is one, and every later one."""
        self._waiting.pop(member, None)
        if self._newest is None or self._message is None:
            self._told[member] = 0
        else:
            self._told[member] = self._newest.version
            self._send(member, self._newest.queue_id, self._message)

    def let_out(self, member: Member) -> None:
        """The member hears no more."""
        self._told.pop(member, None)
        self._waiting.pop(member, None)

    def offer(self, status: QueueStatus) -> None:
        """How the queue stands; passed over unless newer than the newest known."""
        if self._newest is not None and status.version <= self._newest.version:
            return
        self._newest = status
        self._message = Message(STATUS_UPDATE, encode(StatusBody.of(status)))
        self._pausing.soon(self._flush)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._pausing.stop()

    def _flush(self) -> None:
        if self._newest is None or self._message is None or self._newest.version <= self._sent:
            return
        queue_id, version, message = self._newest.queue_id, self._newest.version, self._message
        send = self._send
        for member, told in list(self._told.items()):
            if told < version:
                send(member, queue_id, message)
        # Only those who are still in: sending may have shown that somebody has gone.
        self._told = dict.fromkeys(self._told, version)
        self._sent = version
        self._pausing.pause(PAUSE_PER_MEMBER * len(self._told), self._flush)
