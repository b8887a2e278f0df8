"""Real clients of both socket protocols, that remember what they heard."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import socketio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Heard = tuple[str, Any]

TRANSPORTS = ["polling", "upgraded", "websocket", "plain"]
"""The ways to be connected: Socket.IO's three, and the plain WebSocket."""


class ConnectionLost(Exception):
    """It went before the answer came: what was asked for may have been done, or not."""


class Hearing:
    """Events as they came, and waiting for the next of a kind."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.heard_before_answer = 0
        """How many events had come when the last acknowledgement did."""
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
    """python-socketio's client, which reconnects by itself if it is told to."""

    def __init__(
        self, *, reconnects: bool = False, on_connect: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.has_given_up = asyncio.Event()
        """Set when the library will not reconnect by itself, as after an Engine.IO farewell."""
        self.sio = socketio.AsyncClient(
            reconnection=reconnects,
            reconnection_delay=0.2,
            reconnection_delay_max=1,
            randomization_factor=0.1,
            handle_sigint=False,
        )

        async def on_any(event: str, *arguments: Any) -> None:
            await self.hear(event, arguments[0] if arguments else None)

        async def on_disconnect(*_: Any) -> None:
            self.gone.set()

        async def on_connected() -> None:
            self.gone.clear()
            self.has_given_up.clear()
            self.sio.eio.read_loop_task.add_done_callback(self._reading_ended)
            on_connect()

        self.sio.on("*", on_any)
        self.sio.on("connect", on_connected)
        self.sio.on("disconnect", on_disconnect)
        self.sio.on("__disconnect_final", self.has_given_up.set)

    async def open(
        self, url: str, token: object, transports: list[str] | None, *, seconds: float = 5
    ) -> None:
        """Connect. Raises ``ConnectionRefusedError`` with the server's word."""
        refused: list[Any] = []
        self.sio.on("connect_error", refused.append)
        try:
            await self.sio.connect(
                url, auth={"token": token}, transports=transports, wait_timeout=seconds
            )
        except socketio.exceptions.ConnectionError as error:
            word = refused[0]["message"] if refused and isinstance(refused[0], dict) else str(error)
            raise ConnectionRefusedError(word) from error

    async def ask(self, event: str, *arguments: Any, seconds: float = 5) -> Any:
        """The acknowledgement. Raises ``ConnectionLost``, ``TimeoutError``."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answered(*data: Any) -> None:
            self.heard_before_answer = len(self.heard)
            if not answer.done():
                answer.set_result(data[0] if data else None)

        losing = asyncio.ensure_future(self.gone.wait())
        try:
            await self.sio.emit(event, tuple(arguments), callback=answered)
            waiting: set[asyncio.Future[Any]] = {answer, losing}
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if losing.done():
                raise ConnectionLost(event)
            raise TimeoutError(f"no acknowledgement of {event}")
        except socketio.exceptions.SocketIOError as error:
            raise ConnectionLost(event) from error
        finally:
            answer.cancel()
            losing.cancel()

    def _reading_ended(self, task: asyncio.Task[None]) -> None:
        # An answer that breaks off halfway, as of a server that was killed, ends the library's
        # reading with an exception that it does not notice.
        if not task.cancelled() and task.exception() is not None:
            self._hanging_up = asyncio.ensure_future(self.sio.eio.disconnect(abort=True))

    async def close(self) -> None:
        """Say goodbye, leave, and stop trying to come back."""
        if self.sio.connected and self.sio.transport() == "polling":
            # While a POST of its own is under way, the library would leave without a word (3.12).
            await self.sio.eio.queue.join()
        await self.sio.disconnect()
        await self.sio.shutdown()


class WebSocketClient(Hearing):
    """A plain WebSocket. It may be opened again when it is gone."""

    connection: ClientConnection

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def open(self, url: str, token: object) -> None:
        """Connect and say who it is. Raises ``ConnectionRefusedError`` with the server's word."""
        self.connection = await connect(url, compression=None, max_size=None)
        await self.say({"event": "auth", "data": [token]})
        answer = json.loads(await self.connection.recv())
        if answer["event"] != "auth":
            raise ConnectionRefusedError(answer["data"][0])
        self.gone.clear()
        self._reading = asyncio.create_task(self._read(self.connection))

    async def say(self, frame: Any) -> None:
        """One text frame."""
        await self.connection.send(json.dumps(frame))

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for text in connection:
                frame = json.loads(text)
                if "ack" in frame:
                    self.heard_before_answer = len(self.heard)
                    self._asked.pop(frame["ack"]).set_result(frame["data"][0])
                else:
                    await self.hear(frame["event"], (frame["data"] or [None])[0])
        except ConnectionClosed:
            pass
        finally:
            self.gone.set()
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(ConnectionLost())
            self._asked.clear()

    async def ask(self, event: str, *arguments: Any, seconds: float = 5) -> Any:
        """The acknowledgement. Raises ``ConnectionLost``, ``TimeoutError``."""
        id = next(self._ids)
        answer = self._asked[id] = asyncio.get_running_loop().create_future()
        try:
            await self.say({"event": event, "data": list(arguments), "id": id})
        except ConnectionClosed as error:
            answer.cancel()
            raise ConnectionLost(event) from error
        async with asyncio.timeout(seconds):
            return await answer

    async def close(self) -> None:
        """Leave."""
        await self.connection.close()
        if self._reading is not None:
            await self._reading


REFUSALS = (ConnectionRefusedError, ConnectionClosed, InvalidHandshake, OSError, TimeoutError)
"""What connecting raises when it does not come about, for whatever reason."""


def websocket_url(url: str) -> str:
    """Where the plain WebSocket is, of the service at that URL."""
    return f"{url.replace('http', 'ws', 1)}/ws"


def socketio_transports(transport: str) -> list[str] | None:
    """What python-socketio calls it."""
    return None if transport == "upgraded" else [transport]


async def open_at(url: str, token: object, transport: str) -> SocketIoClient | WebSocketClient:
    """A connected client. Raises ``ConnectionRefusedError`` with the server's word."""
    if transport == "plain":
        plain = WebSocketClient()
        await plain.open(websocket_url(url), token)
        return plain
    client = SocketIoClient()
    await client.open(url, token, socketio_transports(transport))
    return client
