"""Real clients of both protocols, that remember what they heard."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import socketio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.sockets.service import Person, Service

Heard = tuple[str, Any]


class TestClient(Protocol):
    """What a test needs of a client, of whichever protocol."""

    heard: list[Heard]
    gone: asyncio.Event

    async def ask(self, event: str, *arguments: Any) -> Any: ...
    async def next(self, event: str, matching: Callable[[Any], bool] = ...) -> Any: ...
    async def close(self) -> None: ...

    @property
    def names(self) -> list[str]: ...


class Hearing:
    """Events as they came, and waiting for the next of a kind."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.gone = asyncio.Event()
        self._taken: set[int] = set()
        self._news = asyncio.Condition()

    @property
    def names(self) -> list[str]:
        """Of the events heard."""
        return [name for name, _ in self.heard]

    async def hear(self, name: str, argument: Any) -> None:
        """Something came."""
        async with self._news:
            self.heard.append((name, argument))
            self._news.notify_all()

    async def next(
        self, event: str, matching: Callable[[Any], bool] = lambda _: True, *, seconds: float = 5
    ) -> Any:
        """The argument of the first such event that was not handed out yet; waits for it."""

        def found() -> int | None:
            for position, (name, argument) in enumerate(self.heard):
                if name == event and position not in self._taken and matching(argument):
                    return position
            return None

        try:
            async with asyncio.timeout(seconds), self._news:
                while (position := found()) is None:
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {event} came, only {self.heard}") from None
        self._taken.add(position)
        return self.heard[position][1]


class SocketIoClient(Hearing):
    """python-socketio's client."""

    def __init__(self) -> None:
        super().__init__()
        self.sio = socketio.AsyncClient(reconnection=False, handle_sigint=False)

        async def on_any(event: str, *arguments: Any) -> None:
            await self.hear(event, arguments[0] if arguments else None)

        async def on_disconnect(*_: Any) -> None:
            self.gone.set()

        self.sio.on("*", on_any)
        self.sio.on("disconnect", on_disconnect)

    async def open(self, url: str, token: object, transports: list[str] | None) -> None:
        """Connect. Raises ``socketio.exceptions.ConnectionError`` with the server's words."""
        refused: list[Any] = []
        self.sio.on("connect_error", refused.append)
        try:
            await self.sio.connect(
                url, auth={"token": token}, transports=transports, wait_timeout=5
            )
        except socketio.exceptions.ConnectionError as error:
            word = refused[0]["message"] if refused and isinstance(refused[0], dict) else str(error)
            raise ConnectionRefusedError(word) from error

    async def ask(self, event: str, *arguments: Any) -> Any:
        """The acknowledgement."""
        return await self.sio.call(event, tuple(arguments), timeout=5)

    async def close(self) -> None:
        await self.sio.disconnect()


class WebSocketClient(Hearing):
    """A plain WebSocket."""

    connection: ClientConnection

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def open(self, url: str, token: object) -> None:
        """Connect and say who it is."""
        self.connection = await connect(url, compression=None)
        await self.say({"event": "auth", "data": [token]})
        answer = json.loads(await self.connection.recv())
        if answer["event"] != "auth":
            raise ConnectionRefusedError(answer["data"][0])
        self._reading = asyncio.create_task(self._read())

    async def say(self, frame: Any) -> None:
        """One text frame."""
        await self.connection.send(json.dumps(frame))

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                frame = json.loads(text)
                if "ack" in frame:
                    self._asked.pop(frame["ack"]).set_result(frame["data"][0])
                else:
                    await self.hear(frame["event"], (frame["data"] or [None])[0])
        except ConnectionClosed:
            pass
        finally:
            self.gone.set()

    async def ask(self, event: str, *arguments: Any) -> Any:
        """The acknowledgement."""
        id = next(self._ids)
        answer = self._asked[id] = asyncio.get_running_loop().create_future()
        await self.say({"event": event, "data": list(arguments), "id": id})
        async with asyncio.timeout(5):
            return await answer

    async def close(self) -> None:
        await self.connection.close()
        if self._reading is not None:
            await self._reading


TRANSPORTS = ["polling", "upgraded", "websocket", "plain"]
"""The ways to be connected: Socket.IO's three, and the plain WebSocket."""


async def open_client(service: Service, token: object, transport: str) -> Any:
    """Raises ``ConnectionRefusedError`` with the server's word."""
    if transport == "plain":
        plain = WebSocketClient()
        await plain.open(service.websocket_url, token)
        return plain
    client = SocketIoClient()
    only = None if transport == "upgraded" else [transport]
    await client.open(service.url, token, only)
    return client


class Clients:
    """Opens clients, and closes them all at the end."""

    def __init__(self, service: Service, transport: str) -> None:
        self._service = service
        self._transport = transport
        self.opened: list[Any] = []

    async def __call__(self, person: Person, transport: str | None = None) -> Any:
        client = await open_client(self._service, person.jwt, transport or self._transport)
        self.opened.append(client)
        return client


@asynccontextmanager
async def opening(service: Service, transport: str) -> AsyncIterator[Clients]:
    """Clients over that transport."""
    clients = Clients(service, transport)
    try:
        yield clients
    finally:
        for client in clients.opened:
            await client.close()
