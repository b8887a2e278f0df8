"""Opening clients of a service that runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from tests.support.clients.sockets import (
    TRANSPORTS,
    Heard,
    SocketIoClient,
    WebSocketClient,
    open_at,
)
from tests.support.socket_service import Login, SocketService

__all__ = [
    "TRANSPORTS",
    "Clients",
    "SocketIoClient",
    "TestClient",
    "WebSocketClient",
    "open_client",
    "opening",
]


class TestClient(Protocol):
    """What a test needs of a client, of whichever protocol."""

    heard: list[Heard]
    gone: asyncio.Event

    async def ask(self, event: str, *arguments: Any) -> Any: ...
    async def next(self, event: str, matching: Callable[[Any], bool] = ...) -> Any: ...
    async def close(self) -> None: ...

    @property
    def names(self) -> list[str]: ...


async def open_client(service: SocketService, token: object, transport: str) -> Any:
    """Raises ``ConnectionRefusedError`` with the server's word."""
    return await open_at(service.url, token, transport)


class Clients:
    """Opens clients, and closes them all at the end."""

    def __init__(self, service: SocketService, transport: str) -> None:
        self._service = service
        self._transport = transport
        self.opened: list[Any] = []

    async def __call__(self, person: Login, transport: str | None = None) -> Any:
        client = await open_client(self._service, person.jwt, transport or self._transport)
        self.opened.append(client)
        return client


@asynccontextmanager
async def opening(service: SocketService, transport: str) -> AsyncIterator[Clients]:
    """Clients over that transport."""
    clients = Clients(service, transport)
    try:
        yield clients
    finally:
        for client in clients.opened:
            await client.close()
