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
        return bool(self._untold([token]))

    def news_of(self, token: Token) -> list[Token]:
        """The token as it stood at each status it has not been told of; now it has been told.

        After an outage changes may be announced out of their order. Each is told all the same, and
        in order: those that are announced too late go before the one that came too early.
        """
        return self._untold([*_earlier(token), token])

    def _untold(self, stages: list[Token]) -> list[Token]:
        told = self._told.get(stages[-1].id, 0)
        news = [token for token in stages if _PROGRESS[token.status] > told]
        if news:
            self._told.pop(news[-1].id, None)
            self._told[news[-1].id] = _PROGRESS[news[-1].status]
            if len(self._told) > REMEMBERED_TOKENS:
                del self._told[next(iter(self._told))]
        return news


def _earlier(token: Token) -> Iterator[Token]:
    """How it stood when it was called, and when it was started, if that is past."""
    called = replace(
        token, status=TokenStatus.CALLED, started_at=None, completed_at=None, skipped_at=None
    )
    if token.called_at is not None and _PROGRESS[token.status] > 1:
        yield called
    if token.started_at is not None and _PROGRESS[token.status] > 2:
        yield replace(called, status=TokenStatus.IN_PROGRESS, started_at=token.started_at)
