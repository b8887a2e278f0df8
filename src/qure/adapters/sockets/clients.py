"""One connected client, whichever protocol it speaks, and what it has been told."""

from __future__ import annotations

from enum import Enum
from typing import Final, Protocol

from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.rooms import Room
from qure.application.ports.gateways import AccessClaims
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus

REMEMBERED_TOKENS: Final = 32

_PROGRESS = {
    TokenStatus.WAITING: 0,
    TokenStatus.CALLED: 1,
    TokenStatus.IN_PROGRESS: 2,
    TokenStatus.COMPLETED: 3,
    TokenStatus.SKIPPED: 3,
    TokenStatus.CANCELLED: 3,
}
"""How far a token has come: a patient who heard of a later status is not told an earlier one."""


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

    def send_status(self, queue_id: QueueId, message: Message) -> None:
        """Likewise, but one of the same queue that still waits may be dropped for it."""

    def close(self, why: Closing) -> None:
        """Send what waits, and end the connection."""


class _Hub(Protocol):
    async def join(self, client: Client, queue_id: QueueId) -> QueueStatus: ...
    def leave(self, client: Client, queue_id: QueueId) -> None: ...
    def close(self, client: Client, why: Closing) -> None: ...


class Client:
    """One connected client, whichever protocol it speaks."""

    __slots__ = (
        "_hub",
        "_told",
        "claims",
        "is_closed",
        "is_patient",
        "is_ready",
        "listener",
        "rooms",
    )

    def __init__(self, hub: _Hub, listener: Listener, claims: AccessClaims) -> None:
        self._hub = hub
        self.listener = listener
        self.claims = claims
        self.rooms: dict[QueueId, Room[Client]] = {}
        self._told: dict[TokenId, int] = {}
        self.is_patient = False
        self.is_ready = False
        self.is_closed = False

    def send(self, name: str, body: bytes | None = None) -> None:
        """An event for this client alone; ``body`` is its argument as JSON."""
        if not self.is_closed:
            self.listener.send(Message(name, body))

    async def join(self, queue_id: QueueId) -> QueueStatus:
        """See ``Hub.join``."""
        return await self._hub.join(self, queue_id)

    def leave(self, queue_id: QueueId) -> None:
        """Hear no more of that queue."""
        self._hub.leave(self, queue_id)

    def expel(self) -> None:
        """The login behind this connection is over."""
        self._hub.close(self, Closing.NOT_ALLOWED)

    def is_news(self, token: Token) -> bool:
        """Whether it has not been told of this status of the token or a later one; now it has."""
        progress = _PROGRESS[token.status]
        if self._told.get(token.id, 0) >= progress:
            return False
        self._told.pop(token.id, None)
        self._told[token.id] = progress
        if len(self._told) > REMEMBERED_TOKENS:
            del self._told[next(iter(self._told))]
        return True
