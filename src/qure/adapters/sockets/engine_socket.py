"""The transport of one Socket.IO client: an Engine.IO 4 socket for python-engineio's server.

Unlike python-engineio's own, what waits for the client is bounded, frames that were encoded once
go straight to the connection, a ping needs a timer instead of a task, time is monotonic, and no
malformed packet leaves a socket half dead.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError
from engineio.packet import CLOSE, MESSAGE, NOOP, PING, PONG, UPGRADE

from qure.adapters.sockets.door import CONNECTION_EXTENSION, MAX_FRAME_BYTES, Receive, Scope, Send
from qure.adapters.sockets.messages import Encoded
from qure.adapters.sockets.outgoing import Outgoing

logger = logging.getLogger(__name__)

UPGRADE_SECONDS: Final = 10.0
HANDSHAKE_SECONDS: Final = 10.0
"""A client that has not said who it is by then is sent away."""
CLOSING_SECONDS: Final = 5.0
MAX_PACKETS_PER_POST: Final = 128
SEPARATOR: Final = "\x1e"

_CLOSE = Encoded(str(CLOSE))
_PING = Encoded(str(PING))
_NOOP = Encoded(str(NOOP))


class BadPacketError(EngineIOError):  # type: ignore[misc]
    """What came is not Engine.IO 4."""


class Session(Protocol):
    """What is spoken over one Engine.IO socket."""

    @property
    def is_admitted(self) -> bool:
        """Whether the client has said who it is."""

    async def receive(self, data: str | bytes) -> None:
        """A message. Raises ``BadPacketError`` when it cannot be understood."""

    def closed(self) -> None:
        """The socket is gone. Called once."""


class EngineServer(Protocol):
    """What a socket needs of python-engineio's server."""

    ping_interval: float
    ping_timeout: float
    sockets: dict[str, Any]
    reason: Any

    def make_session(self, socket: EngineSocket, /) -> Session: ...

    def _bad_request(self, message: str | None = None) -> object: ...


def decode(frame: str | bytes) -> tuple[int, str | bytes]:
    """Packet type and data of one packet. Raises ``BadPacketError``."""
    if isinstance(frame, bytes):
        return MESSAGE, frame
    if frame.startswith("b"):
        try:
            return MESSAGE, base64.b64decode(frame[1:], validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadPacketError("bad base64") from error
    if not frame or frame[0] not in "0123456":
        raise BadPacketError("unknown packet type")
    return int(frame[0]), frame[1:]


class EngineSocket(AsyncSocket):  # type: ignore[misc]
    """One client, over long polling, over WebSocket, or on the way from the first to the second."""

    server: EngineServer
    sid: str
    connected: bool
    upgrading: bool
    upgraded: bool
    closing: bool
    closed: bool

    def __init__(self, server: EngineServer, sid: str) -> None:
        super().__init__(server, sid)
        self.queue = None  # Never used: ``outgoing`` takes its place.
        self.outgoing = Outgoing(self._cannot_keep_up)
        self.opened_at = self._now()
        self.last_ping: float | None = None
        self._ping_timer: asyncio.TimerHandle | None = None
        self._abort: Callable[[], None] | None = None
        self.session: Session = server.make_session(self)
        self.schedule_ping()

    # What python-engineio's server calls

    async def poll(self) -> list[Encoded]:
        """What a long-polling request is answered with."""
        if self.outgoing.has_reader:
            raise BadPacketError("two polling requests at once")
        return await self.outgoing.take() or [_CLOSE]

    async def handle_get_request(self, environ: Mapping[str, Any]) -> object:
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return await self._upgrade_websocket(environ)
        if self.upgrading or self.upgraded:
            return [_NOOP]
        watching = asyncio.create_task(self._end_on_hang_up(environ["asgi.receive"]))
        try:
            return await self.poll()
        except BadPacketError:
            self.end(reason=self.server.reason.TRANSPORT_ERROR)
            raise
        finally:
            watching.cancel()

    async def handle_post_request(self, environ: Mapping[str, Any]) -> None:
        length = int(environ.get("CONTENT_LENGTH", "0"))
        if length > MAX_FRAME_BYTES:
            raise BadPacketError("too long")
        body: bytes = await environ["wsgi.input"].read(length)
        try:
            frames = body.decode().split(SEPARATOR)
        except UnicodeDecodeError as error:
            raise BadPacketError("not UTF-8") from error
        if len(frames) > MAX_PACKETS_PER_POST:
            raise BadPacketError("too many packets")
        for frame in frames:
            if self.closed:
                return
            await self.receive_frame(frame)

    async def close(
        self,
        wait: bool = True,  # noqa: ARG002 - part of the interface
        abort: bool = False,
        reason: str | None = None,
    ) -> None:
        self.end(silently=abort, reason=reason)

    def schedule_ping(self) -> None:
        self._cancel_ping()
        self.last_ping = None
        loop = asyncio.get_running_loop()
        self._ping_timer = loop.call_later(self.server.ping_interval, self._send_ping)

    # What Qure calls

    def end(self, *, silently: bool = False, reason: str | None = None) -> None:
        """End the connection when what waits has been sent, with a farewell unless ``silently``."""
        if self.closed:
            return
        self.closing = self.closed = True
        self._cancel_ping()
        if not silently and not self.upgraded:
            # Over a WebSocket its own close is enough; told farewell, python-socketio's client
            # would not come back.
            self.outgoing.put(_CLOSE)
        self.outgoing.end()
        self.server.sockets.pop(self.sid, None)
        if self._abort is not None:
            # A peer that reads nothing would keep its connection for ever.
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._abort)
        logger.debug("socket %s ends: %s", self.sid, reason)
        self.session.closed()

    async def receive_frame(self, frame: str | bytes) -> None:
        """One packet from the client. Raises ``BadPacketError``."""
        kind, data = decode(frame)
        if kind == MESSAGE:
            await self.session.receive(data)
        elif kind == PONG:
            if self.last_ping is not None:
                self.schedule_ping()
        elif kind == CLOSE:
            self.end(silently=True, reason=self.server.reason.CLIENT_DISCONNECT)
        elif kind not in (UPGRADE, NOOP):
            raise BadPacketError("not a client's packet")

    def is_overdue(self) -> bool:
        """Whether the client has not answered a ping, or not said who it is, in time."""
        now = self._now()
        if self.last_ping is not None and now - self.last_ping > self.server.ping_timeout:
            return True
        return not self.session.is_admitted and now - self.opened_at > HANDSHAKE_SECONDS

    # WebSocket

    async def _upgrade_websocket(self, environ: Mapping[str, Any]) -> object:
        if self.upgraded or self.upgrading or self.closed:
            return self.server._bad_request()
        scope: Scope = environ["asgi.scope"]
        receive: Receive = environ["asgi.receive"]
        send: Send = environ["asgi.send"]
        await send({"type": "websocket.accept"})
        if self.connected and not await self._probe(receive, send):
            await _hang_up(send)
            return ""
        self.connected = self.upgraded = True
        extension = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
        if extension is not None:
            self._abort = extension["abort"]
            self.outgoing.write_through = extension["write"]
        writer = asyncio.create_task(self._write(send))
        try:
            await self._read(receive)
        finally:
            self.end(silently=True, reason=self.server.reason.TRANSPORT_CLOSE)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await _hang_up(send)
        return ""

    async def _probe(self, receive: Receive, send: Send) -> bool:
        """The exchange that moves a polling client to this connection; False: it stays."""
        self.upgrading = True  # Polling requests are answered with NOOP from here on.
        try:
            async with asyncio.timeout(UPGRADE_SECONDS):
                if await _frame(receive) != f"{PING}probe":
                    return False
                await send({"type": "websocket.send", "text": f"{PONG}probe"})
                if self.outgoing.has_reader:
                    self.outgoing.put(_NOOP)
                return await _frame(receive) == str(UPGRADE)
        except (TimeoutError, OSError):
            return False
        finally:
            self.upgrading = False

    async def _read(self, receive: Receive) -> None:
        while not self.closed:
            frame = await _frame(receive)
            if frame is None or len(frame) > MAX_FRAME_BYTES:
                return
            try:
                await self.receive_frame(frame)
            except BadPacketError as error:
                logger.info("socket %s sent a bad packet: %s", self.sid, error)
                return
        # The rest of what waits is being written; the connection ends when that is done.
        while await _frame(receive) is not None:
            continue

    async def _write(self, send: Send) -> None:
        try:
            while batch := await self.outgoing.take():
                for encoded in batch:
                    await send({"type": "websocket.send", "text": encoded.text})
        except (OSError, RuntimeError) as error:
            logger.debug("socket %s cannot be written to: %s", self.sid, error)
        await _hang_up(send)

    # The rest

    async def _end_on_hang_up(self, receive: Receive) -> None:
        """What is put into the answer of a request that nobody waits for would be lost."""
        while (await receive())["type"] != "http.disconnect":
            continue
        self.end(silently=True, reason=self.server.reason.TRANSPORT_ERROR)

    def _cannot_keep_up(self) -> None:
        logger.warning("socket %s is dropped: its client does not read what it is sent", self.sid)
        abort = self._abort
        self.end(silently=True, reason=self.server.reason.TRANSPORT_ERROR)
        if abort is not None:
            abort()

    def _send_ping(self) -> None:
        self.last_ping = self._now()
        self.outgoing.put(_PING)

    def _cancel_ping(self) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
            self._ping_timer = None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _frame(receive: Receive) -> str | bytes | None:
    """The next frame, None when the connection is over."""
    event = await receive()
    if event["type"] != "websocket.receive":
        return None
    text: str | None = event.get("text")
    return text if text is not None else event.get("bytes")


async def _hang_up(send: Send) -> None:
    """Close the WebSocket, if that has not happened and the peer still reads."""
    with contextlib.suppress(OSError, RuntimeError, TimeoutError):
        async with asyncio.timeout(CLOSING_SECONDS):
            await send({"type": "websocket.close"})
