"""One connected client, whichever protocol it speaks, and what it has been told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from enum import Enum
from typing import Final, Protocol

from qure.adapters.sockets.board_room import BoardRoom
from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.rooms import Room
from qure.adapters.sockets.told import Told
from qure.application.ports.gateways import AccessClaims
from qure.application.queueing.board import BoardSnapshot
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue_status import QueueStatus

MAX_ROOMS_PER_CLIENT: Final = 100
"""Queues that one connection watches and boards that it has, together."""


class Closing(Enum):
    """Why the server ends a connection."""

    NOT_ALLOWED = "not allowed"
    """The login has ended or the user is disabled: coming back with the same JWT is no use."""

    GOING_AWAY = "going away"
    """This process stops or cannot serve: the client should come back."""


class Listener(Protocol):
    """The end of one connection in this process. Nothing here waits for the network."""

    @property
    def protocol(self) -> str:
        """What is spoken over it at this moment."""

    def send(self, message: Message) -> None:
        """In order, after everything sent before."""

    def send_newest(self, of: Hashable, message: Message) -> None:
        """Likewise, but an older one of the same thing that still waits may be dropped for it."""

    def close(self, why: Closing) -> None:
        """Send what waits, and end the connection."""


class _Statuses(Protocol):
    async def join(self, client: Client, queue_id: QueueId) -> QueueStatus: ...
    def leave(self, client: Client, queue_id: QueueId) -> None: ...


class _Boards(Protocol):
    async def join(
        self,
        client: Client,
        queue_id: QueueId,
        clinic_id: ClinicId,
        read: Callable[[], Awaitable[BoardSnapshot]],
    ) -> BoardSnapshot: ...
    def leave(self, client: Client, queue_id: QueueId) -> None: ...


class _Hub(Protocol):
    @property
    def statuses(self) -> _Statuses: ...
    @property
    def boards(self) -> _Boards: ...
    def close(self, client: Client, why: Closing) -> None: ...


class Client:
    """One connected client, whichever protocol it speaks."""

    __slots__ = (
        "_hub",
        "boards",
        "claims",
        "is_closed",
        "is_patient",
        "is_ready",
        "listener",
        "rooms",
        "told",
    )

    def __init__(self, hub: _Hub, listener: Listener, claims: AccessClaims) -> None:
        self._hub = hub
        self.listener = listener
        self.claims = claims
        self.rooms: dict[QueueId, Room[Client]] = {}
        self.boards: dict[QueueId, BoardRoom[Client]] = {}
        self.told = Told()
        self.is_patient = False
        self.is_ready = False
        self.is_closed = False

    @property
    def hears(self) -> bool:
        """Whether it may be sent what happens: it knows that it is connected, and still is."""
        return self.is_ready and not self.is_closed

    def send(self, name: str, body: bytes | None = None) -> None:
        """An event for this client alone; ``body`` is its argument as JSON."""
        if not self.is_closed:
            self.listener.send(Message(name, body))

    def require_room_for_another(self) -> None:
        """Raises ``Conflict`` (``too_many_queues``)."""
        if len(self.rooms) + len(self.boards) >= MAX_ROOMS_PER_CLIENT:
            raise Conflict("too_many_queues", "This connection watches too many queues.")

    async def join(self, queue_id: QueueId) -> QueueStatus:
        """See ``Statuses.join``."""
        return await self._hub.statuses.join(self, queue_id)

    def leave(self, queue_id: QueueId) -> None:
        """Hear no more of that queue."""
        self._hub.statuses.leave(self, queue_id)

    async def join_board(
        self,
        queue_id: QueueId,
        clinic_id: ClinicId,
        read: Callable[[], Awaitable[BoardSnapshot]],
    ) -> BoardSnapshot:
        """See ``Boards.join``."""
        return await self._hub.boards.join(self, queue_id, clinic_id, read)

    def leave_board(self, queue_id: QueueId) -> None:
        """Hear no more of that queue's board."""
        self._hub.boards.leave(self, queue_id)

    def expel(self) -> None:
        """The login behind this connection is over."""
        self._hub.close(self, Closing.NOT_ALLOWED)
