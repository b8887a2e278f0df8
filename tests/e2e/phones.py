"""The apps in people's hands: they come back when they lose the service, and ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import httpx

from tests.support.clients.sockets import (
    REFUSALS,
    ConnectionLost,
    Hearing,
    SocketIoClient,
    WebSocketClient,
    socketio_transports,
    websocket_url,
)

STATUS = "queue:status_update"
PERSONAL = "queue:your_token_"
AGAIN_SECONDS = 0.2
ANSWER_SECONDS = 20.0


OnEvent = Callable[[str, Any], None]
"""Something was heard: the event's name, and its argument."""


class Phone:
    """One open app: connected over its transport, watching queues, and again after each loss.

    ``on_event`` is told of each event as it comes, ``on_connect`` of each connection after it.
    """

    def __init__(
        self,
        url: str,
        jwt: str,
        transport: str,
        *,
        on_event: OnEvent = lambda *_: None,
        on_connect: Callable[[], None] = lambda: None,
    ) -> None:
        self.transport = transport
        self.connected_at: list[int] = []
        """How much it had heard when each of its connections began."""
        self.connected_since = datetime.min.replace(tzinfo=UTC)
        """When the last of them stood."""
        self.was_connected_at_last = False
        self._url = url
        self._jwt = jwt
        self._on_connect = on_connect
        self.queue_ids: list[str] = []
        """What it watches."""
        self._tasks: set[asyncio.Task[None]] = set()
        if transport == "plain":
            self.client: SocketIoClient | WebSocketClient = _PlainApp(on_event)
        else:
            self.client = _SocketIoApp(on_event, on_connect=self._connected)

    def __repr__(self) -> str:
        state = "gone" if self.client.gone.is_set() else "connected"
        return f"<{self.transport} {state}, since {self.connected_at}: {self.client.heard[-4:]}>"

    async def open(self) -> None:
        """Connect for the first time. Raises ``ConnectionRefusedError``."""
        await self._open()
        self._begin(self._come_back())

    async def watch(self, queue_id: str) -> None:
        """Join the queue, now and whenever it has connected anew."""
        if queue_id not in self.queue_ids:
            self.queue_ids.append(queue_id)
        await self._join(queue_id)

    async def ask(self, event: str, *arguments: object) -> Any:
        """The acknowledgement. Raises ``ConnectionLost``, ``TimeoutError``."""
        return await self.client.ask(event, *arguments, seconds=ANSWER_SECONDS)

    async def close(self) -> None:
        """Put it away."""
        self.was_connected_at_last = not self.client.gone.is_set()
        for task in self._tasks:
            task.cancel()
        await self.client.close()

    @property
    def was_always_connected(self) -> bool:
        """Whether it kept its first connection until it was put away."""
        return len(self.connected_at) == 1 and self.was_connected_at_last

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """Those it was sent, in order."""
        return [argument for name, argument in self.client.heard if name == STATUS]

    @property
    def personal(self) -> list[tuple[str, dict[str, Any]]]:
        """What it was told of its own token: ``called``, ``started``, ..., and the token."""
        return [
            (name.removeprefix(PERSONAL), argument)
            for name, argument in self.client.heard
            if name.startswith(PERSONAL)
        ]

    def has_heard_of(self, token_id: str) -> bool:
        """Whether it was told anything of that token."""
        return any(token["id"] == token_id for _, token in self.personal)

    def versions(self) -> list[list[int]]:
        """Of the statuses that each of its connections brought."""
        ends = [*self.connected_at[1:], len(self.client.heard)]
        return [
            [body["version"] for name, body in self.client.heard[begin:end] if name == STATUS]
            for begin, end in zip(self.connected_at, ends, strict=True)
        ]

    def knows(self, version: int) -> bool:
        """Whether it has been told how the queue stands at that version, or later."""
        return any(status["version"] >= version for status in self.statuses)

    def knows_of(self, queue_id: str, version: int) -> bool:
        """As ``knows``, of one of several queues."""
        return any(
            status["version"] >= version and status["queueId"] == queue_id
            for status in self.statuses
        )

    def _connected(self) -> None:
        self.connected_at.append(len(self.client.heard))
        self.connected_since = datetime.now(UTC)
        self._on_connect()
        for queue_id in self.queue_ids:
            self._begin(self._join(queue_id))

    async def _join(self, queue_id: str) -> None:
        connection = len(self.connected_at)
        while connection == len(self.connected_at):
            try:
                answer = await self.ask("join-queue", queue_id)
            except (ConnectionLost, TimeoutError):
                return  # The next connection will.
            if answer["ok"]:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _open(self) -> None:
        if isinstance(self.client, SocketIoClient):
            transports = socketio_transports(self.transport)
            await self.client.open(self._url, self._jwt, transports, seconds=ANSWER_SECONDS)
        else:
            await self.client.open(websocket_url(self._url), self._jwt)
            self._connected()

    async def _come_back(self) -> None:
        """The part of the app: Socket.IO's library comes back by itself, unless told farewell."""
        if isinstance(self.client, SocketIoClient):
            loss = self.client.has_given_up
        else:
            loss = self.client.gone
        while True:
            await loss.wait()
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(*REFUSALS):
                await self._open()

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Telling(Hearing):
    """Tells of each event when it is remembered."""

    on_event: OnEvent

    async def hear(self, name: str, argument: Any) -> None:
        await super().hear(name, argument)
        self.on_event(name, argument)


class _SocketIoApp(_Telling, SocketIoClient):
    def __init__(self, on_event: OnEvent, *, on_connect: Callable[[], None]) -> None:
        super().__init__(reconnects=True, on_connect=on_connect)
        self.on_event = on_event


class _PlainApp(_Telling, WebSocketClient):
    def __init__(self, on_event: OnEvent) -> None:
        super().__init__()
        self.on_event = on_event


class AskingAgain(httpx.AsyncBaseTransport):
    """HTTP as apps do it: without an answer, or told that the service is away, they ask again.

    ``was_repeated`` tells of an answer whether an earlier one may have got lost. They ask from
    ``address``, if one of this machine's is given.
    """

    def __init__(self, *, within_seconds: float = 60.0, address: str | None = None) -> None:
        self._within_seconds = within_seconds
        self._network = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=100), local_address=address
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        deadline = monotonic() + self._within_seconds
        tries = 0
        while True:
            tries += 1
            try:
                response = await self._network.handle_async_request(request)
            except httpx.TransportError:
                if monotonic() > deadline:
                    raise
            else:
                if response.status_code != 503 or monotonic() > deadline:
                    response.extensions["tries"] = tries
                    return response
                await response.aclose()
            await asyncio.sleep(AGAIN_SECONDS)

    async def aclose(self) -> None:
        await self._network.aclose()


def was_repeated(response: httpx.Response) -> bool:
    """Whether it answers a second try: the first may have been obeyed."""
    return bool(response.extensions["tries"] > 1)
