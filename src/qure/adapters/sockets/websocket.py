"""The same events over a plain WebSocket, for clients that have no Socket.IO.

Text frames ``{"event": "...", "data": [...], "id": 1}``; the first one carries the access JWT.
Keeping the connection alive (ping, pong) is left to the server underneath.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from qure.adapters.sockets.clients import Client, Closing
from qure.adapters.sockets.door import (
    CONNECTION_EXTENSION,
    MAX_FRAME_BYTES,
    Door,
    Receive,
    Scope,
    Send,
)
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.messages import Encoded, Message
from qure.adapters.sockets.outgoing import Outgoing
from qure.domain.errors import Conflict, Unauthenticated, Unavailable
from qure.domain.ids import QueueId
from qure.wire.socket_events import AUTH, AUTH_ERROR

logger = logging.getLogger(__name__)

AUTH_SECONDS: Final = 5.0
CLOSING_SECONDS: Final = 5.0

POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012
"""Close codes (RFC 6455 §7.4.1 and the IANA registry)."""

ERROR: Final = "error"


class Frame(msgspec.Struct):
    """What a client says."""

    event: str
    data: list[Any] = []
    id: int | float | None = None


_frames = msgspec.json.Decoder(Frame)


class Refused(Exception):
    """The client does not get in: ``word`` is for it."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class WebSocketSession:
    """One connection, and a listener of the hub. Its frames are handled one after the other."""

    __slots__ = (
        "_abort",
        "_close_code",
        "_door",
        "_hub",
        "_outgoing",
        "_receive",
        "_send",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, hub: Hub, door: Door) -> None:
        self._receive = receive
        self._send = send
        self._hub = hub
        self._door = door
        self._outgoing = Outgoing(self._cannot_keep_up)
        self._abort: Callable[[], None] | None = None
        self._close_code = 1000
        extension = scope.get("extensions", {}).get(CONNECTION_EXTENSION)
        if extension is not None:
            self._abort = extension["abort"]
            self._outgoing.write_through = extension["write"]

    async def serve(self) -> None:
        """Accept the client and speak with it until one of both has enough."""
        await self._send({"type": "websocket.accept"})
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        except Exception:
            logger.exception("serving a WebSocket failed")
            self._close_code = INTERNAL_ERROR
        finally:
            # What waits is still written, unless nobody reads it.
            self._outgoing.end()
            await asyncio.wait((writer,), timeout=CLOSING_SECONDS)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    # As a listener of the hub

    @property
    def protocol(self) -> str:
        return "websocket"

    def send(self, message: Message) -> None:
        self._outgoing.put(message.websocket)

    def send_status(self, queue_id: QueueId, message: Message) -> None:
        self._outgoing.put_status(queue_id, message.websocket)

    def close(self, why: Closing) -> None:
        self._end(POLICY_VIOLATION if why is Closing.NOT_ALLOWED else SERVICE_RESTART)

    # Inside

    async def _read(self) -> None:
        try:
            client = await self._admit()
        except Refused as refusal:
            self.send(Message(AUTH_ERROR, msgspec.json.encode(refusal.word)))
            self._end(POLICY_VIOLATION)
            return
        if client is None:
            return
        try:
            await self._hub.welcome(client)
            while (text := await self._next_text()) is not None:
                await self._handle(client, text)
        finally:
            self._hub.disconnect(client)

    async def _admit(self) -> Client | None:
        """The client, once it has said who it is; None when it cannot be served (now)."""
        try:
            async with asyncio.timeout(AUTH_SECONDS):
                text = await self._next_text()
        except TimeoutError as error:
            raise Refused("UNAUTHORIZED") from error
        if text is None:
            return None
        frame = _decode(text)
        if frame is None or frame.event != AUTH:
            raise Refused("UNAUTHORIZED")
        try:
            claims = self._door.identify(frame.data[0] if frame.data else None)
            client = await self._hub.connect(self, claims)
        except Unauthenticated as error:
            word = "UNAUTHORIZED" if error.code == "unauthorized" else "INVALID_TOKEN"
            raise Refused(word) from error
        except Conflict as error:
            raise Refused(error.code.upper()) from error
        except Unavailable as error:
            logger.warning("a client cannot be admitted now: %s", error.message)
            self._end(SERVICE_RESTART)
            return None
        self.send(Message(AUTH))
        self._acknowledge(frame, b'{"ok":true,"data":null}')
        return client

    async def _handle(self, client: Client, text: str) -> None:
        frame = _decode(text)
        if frame is None:
            self._complain('A frame is {"event": "...", "data": [...]}, with an "id" if you like.')
            return
        acknowledgement = await self._door.handle(client, frame.event, frame.data)
        self._acknowledge(frame, acknowledgement)

    async def _next_text(self) -> str | None:
        """The next text frame, None when the connection is over."""
        while True:
            event = await self._receive()
            if event["type"] != "websocket.receive":
                return None
            text: str | None = event.get("text")
            if text is None:
                self._complain("Binary frames are not understood here.")
            elif len(text) > MAX_FRAME_BYTES:
                self._end(TOO_BIG)
                return None
            else:
                return text

    async def _write(self) -> None:
        try:
            while batch := await self._outgoing.take():
                for encoded in batch:
                    await self._send({"type": "websocket.send", "text": encoded.text})
        except (OSError, RuntimeError) as error:
            logger.debug("a client cannot be written to: %s", error)
        # The last word has been written. The reader hears of it as of any other hanging up.
        await self._hang_up()

    async def _hang_up(self) -> None:
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._send({"type": "websocket.close", "code": self._close_code})

    def _end(self, code: int) -> None:
        self._close_code = code
        self._outgoing.end()
        if self._abort is not None:
            # A peer that reads nothing would keep its connection for ever.
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._abort)

    def _acknowledge(self, frame: Frame, acknowledgement: bytes) -> None:
        if frame.id is not None:
            id = msgspec.json.encode(frame.id).decode()
            self._outgoing.put(Encoded(f'{{"ack":{id},"data":[{acknowledgement.decode()}]}}'))

    def _complain(self, sentence: str) -> None:
        self.send(Message(ERROR, msgspec.json.encode(sentence)))

    def _cannot_keep_up(self) -> None:
        logger.warning("a WebSocket is dropped: its client does not read what it is sent")
        self._end(POLICY_VIOLATION)
        if self._abort is not None:
            self._abort()


def _decode(text: str) -> Frame | None:
    try:
        return _frames.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
