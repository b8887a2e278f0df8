"""One connected client, whichever protocol it speaks, and what it has been told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Final, Protocol

from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.rooms import Room
from qure.application.ports.gateways import AccessClaims
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import ASSIGNED, Token, TokenStatus

REMEMBERED_TOKENS: Final = 32


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
        self._told: dict[TokenId, Token] = {}
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
        """Whether it has not been told of this version of the token or a newer one; now it has."""
        told = self._told.pop(token.id, None)
        newest = token if told is None or token.version > told.version else told
        self._told[token.id] = newest
        if len(self._told) > REMEMBERED_TOKENS:
            del self._told[next(iter(self._told))]
        return newest is not told

    def news_of(self, token: Token) -> list[Token]:
        """The token as it was when it was called, started and now, as far as that was not told.

        After an outage changes may be announced out of their order. Each is told all the same, and
        in order: those that are announced too late go before the one that came too early.
        """
        told = self._told.get(token.id)
        if not self.is_news(token):
            return []
        known = 0
        if told is not None and told.called_at == token.called_at:  # It was not called again.
            known = 1 if told.status is TokenStatus.CALLED else 2
        return [*list(_earlier(token))[known:], token]


def _earlier(token: Token) -> Iterator[Token]:
    """How it was when it was called, and when it was started, if that is past."""
    called = replace(
        token, status=TokenStatus.CALLED, started_at=None, completed_at=None, skipped_at=None
    )
    if token.called_at is not None and token.status not in (
        TokenStatus.WAITING,
        TokenStatus.CALLED,
    ):
        yield called
    if token.started_at is not None and token.status not in ASSIGNED:
        yield replace(called, status=TokenStatus.IN_PROGRESS, started_at=token.started_at)
