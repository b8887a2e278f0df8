"""What people hold in their hands or hang on a wall: it listens, over Socket.IO."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import httpx
import socketio

from demo.boards import Board
from demo.clients import ANSWER_SECONDS, Client, Refused
from demo.service import DemoError

CALLED = "queue:your_token_called"
STARTED = "queue:your_token_started"
SKIPPED = "queue:your_token_skipped"
COMPLETED = "queue:your_token_completed"
CHANGED = "queue:your_token_changed"
PERSONAL = (CALLED, STARTED, SKIPPED, COMPLETED, CHANGED)
PLACE = "queue:your_place"
STATUS = "queue:status_update"
BOARD = "queue:board_update"
LEAVE_SECONDS = 3.0


class Heard(NamedTuple):
    """A personal event, and when it was heard."""

    at: float
    event: str
    token: dict[str, Any]


class App(Client):
    """One person's app: perhaps connected, noting what it hears and when.

    ``was_off`` when it was connected only after its patient had a number; ``cuts`` counts how often
    the connection was lost since: then it is owed less. ``on_return`` is for what may be missed.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, name: str, email: str = "") -> None:
        super().__init__(http, name, email)
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.boards: dict[str, Board] = {}
        self.heard: list[Heard] = []
        self.places: list[dict[str, Any]] = []
        self.was_off = False
        self.cuts = 0
        self.was_cut_off = asyncio.Event()
        self.on_personal: Callable[[str, dict[str, Any]], None] = lambda _name, _token: None
        self.on_status: Callable[[dict[str, Any]], None] = lambda _status: None
        self.on_return: Callable[[], Awaitable[None]] | None = None
        self._url = url
        self._socket: socketio.AsyncClient | None = None
        self._not_heard_yet: set[str] = set()
        self._has_news = asyncio.Event()

    # The connection

    async def connect(
        self,
        queue_ids: Iterable[str],
        *,
        boards: Iterable[str] = (),
        websocket_only: bool = False,
    ) -> None:
        """Open a socket and watch these queues; returns when it has heard how they stand."""
        for queue_id in queue_ids:
            self.statuses.setdefault(queue_id, [])
        for queue_id in boards:
            self.boards.setdefault(queue_id, Board())
        self._not_heard_yet = {*self.statuses, *(f"board of {one}" for one in self.boards)}
        socket = self._socket = self._new_socket()
        self.was_cut_off.clear()
        self.cuts = 0
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await socket.connect(
                    self._url,
                    auth={"token": self._access},
                    transports=["websocket"] if websocket_only else ["polling", "websocket"],
                    wait_timeout=ANSWER_SECONDS,
                )
                while self._not_heard_yet:
                    self._has_news.clear()
                    await self._has_news.wait()
        except TimeoutError:
            raise DemoError(
                f"{self.name}'s socket did not hear how the queue stands within "
                f"{ANSWER_SECONDS:.0f} s."
            ) from None
        except socketio.exceptions.ConnectionError as error:
            raise DemoError(f"{self.name}'s socket could not connect: {error!r}") from error

    @property
    def is_connected(self) -> bool:
        """Whether a socket is open (or trying to open again)."""
        return self._socket is not None

    async def watch(self, queue_id: str) -> None:
        """Watch one more queue."""
        if queue_id not in self.statuses:
            self.statuses[queue_id] = []
            if self._socket is not None:
                await self._socket.emit("join-queue", queue_id)

    async def disconnect(self) -> None:
        """Close the socket, if one is open."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            self.was_off = True
            # When the connection goes at the same moment, the library can wait for ever for what it
            # meant to send, swallow being cancelled, or stumble over a task that is gone. The phone
            # is switched off: whatever it still meant to say is moot.
            leaving = asyncio.create_task(_leave(socket))
            await asyncio.wait({leaving}, timeout=LEAVE_SECONDS)
            leaving.cancel()

    # What it says

    async def command(self, event: str, *arguments: Any) -> Any:
        """Send an event and return what was acknowledged. Raises ``Refused``."""
        assert self._socket is not None
        try:
            answer = await self._socket.call(event, arguments, timeout=ANSWER_SECONDS)
        except socketio.exceptions.SocketIOError as error:
            raise DemoError(f"{event} was not acknowledged: {error!r}") from error
        if answer["ok"]:
            return answer["data"]
        raise Refused(answer)

    async def _enter(self) -> None:
        if self._socket is None:
            return
        for queue_id in list(self.statuses):
            await self._socket.emit("join-queue", queue_id)
        for queue_id in self.boards:
            await self._ask_for_board(queue_id)
        if self.cuts and self.on_return is not None:
            await self.on_return()

    async def _ask_for_board(self, queue_id: str) -> None:
        assert self._socket is not None
        board = self.boards[queue_id]
        board.await_snapshot()

        def begin(answer: dict[str, Any]) -> None:
            if answer["ok"]:
                board.begin(answer["data"])
                self._heard_of(f"board of {queue_id}")

        await self._socket.emit("join-desk", queue_id, callback=begin)

    # What it hears

    def _new_socket(self) -> socketio.AsyncClient:
        socket = socketio.AsyncClient(
            reconnection=True, reconnection_delay=0.2, request_timeout=ANSWER_SECONDS
        )
        socket.on("connect", self._enter)
        socket.on("disconnect", self._while_on(socket, self._notice_the_end))
        socket.on(STATUS, self._while_on(socket, self._hear_status))
        socket.on(PLACE, self._while_on(socket, self.places.append))
        socket.on(BOARD, self._hear_board)
        for name in PERSONAL:
            socket.on(name, self._while_on(socket, self._hearer(name)))
        return socket

    def _while_on(
        self, socket: socketio.AsyncClient, hear: Callable[[Any], None]
    ) -> Callable[[Any], None]:
        """What still arrives at a phone that was switched off is not heard."""

        def listen(message: Any) -> None:
            if self._socket is socket:
                hear(message)

        return listen

    def _notice_the_end(self, _reason: object) -> None:
        self.cuts += 1
        self.was_cut_off.set()

    def _hear_status(self, status: dict[str, Any]) -> None:
        self.statuses.setdefault(status["queueId"], []).append(status)
        self._heard_of(status["queueId"])
        self.on_status(status)

    async def _hear_board(self, update: dict[str, Any]) -> None:
        board = self.boards.get(update["queueId"])
        if board is not None and not board.update(update) and self._socket is not None:
            await self._ask_for_board(update["queueId"])

    def _hearer(self, name: str) -> Callable[[Any], None]:
        def hear(token: dict[str, Any]) -> None:
            self.heard.append(Heard(time.perf_counter(), name, token))
            self.on_personal(name, token)

        return hear

    def _heard_of(self, what: str) -> None:
        self._not_heard_yet.discard(what)
        self._has_news.set()


async def _leave(socket: socketio.AsyncClient) -> None:
    with contextlib.suppress(Exception):
        await socket.disconnect()
        await socket.shutdown()


def last_places(app: App) -> dict[str, dict[str, Any]]:
    """What it heard last of each number's place."""
    return {place["tokenId"]: place for place in app.places}
