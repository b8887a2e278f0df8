"""The same events over a plain WebSocket, for clients that have no Socket.IO.

Text frames ``{"event": "...", "data": [...], "id": 1}``; the first one carries the access JWT.
Keeping the connection alive (ping, pong) is left to the server underneath.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from typing import Any, Final

import msgspec

from qure.adapters.sockets.clients import Client, Closing
from qure.adapters.sockets.connection import WebSocketConnection
from qure.adapters.sockets.dispatcher import Dispatcher
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.messages import Encoded, Message
from qure.adapters.sockets.outgoing import Outgoing
from qure.adapters.sockets.pace import Paces, Verdict
from qure.domain.errors import Conflict, Unauthenticated, Unavailable
from qure.wire.asgi import MAX_FRAME_BYTES, Receive, Scope, Send
from qure.wire.socket_events import AUTH, AUTH_ERROR

logger = logging.getLogger(__name__)

AUTH_SECONDS: Final = 5.0

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


class Head(msgspec.Struct):
    """Of a frame that is not read any further."""

    event: str
    id: int | float | None = None


_frames = msgspec.json.Decoder(Frame)
_heads = msgspec.json.Decoder(Head)
_UNREADABLE = (msgspec.DecodeError, RecursionError)


class Refused(Exception):
    """The client does not get in: ``word`` is for it."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class WebSocketSession:
    """One connection, and a listener of the hub. Its frames are handled one after the other."""

    __slots__ = ("_connection", "_dispatcher", "_hub", "_outgoing", "_pace", "_paces", "_verdict")

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        hub: Hub,
        dispatcher: Dispatcher,
        paces: Paces,
    ) -> None:
        self._connection = WebSocketConnection(scope, receive, send)
        self._hub = hub
        self._dispatcher = dispatcher
        self._paces = paces
        self._pace = paces.of_connection()
        self._verdict = Verdict.IN_TIME
        """Of the frame that was read last."""
        self._outgoing = Outgoing(self._cannot_keep_up)
        self._outgoing.write_through = self._connection.write

    async def serve(self) -> None:
        """Accept the client and speak with it until one of both has enough."""
        await self._connection.accept()
        await self._connection.converse(self._outgoing, self._read_safely)

    # As a listener of the hub

    @property
    def protocol(self) -> str:
        return "websocket"

    def send(self, message: Message) -> None:
        self._outgoing.put(message.websocket)

    def send_newest(self, of: Hashable, message: Message) -> None:
        self._outgoing.put_newest(of, message.websocket)

    def close(self, why: Closing) -> None:
        self._end(POLICY_VIOLATION if why is Closing.NOT_ALLOWED else SERVICE_RESTART)

    # Inside

    async def _read_safely(self) -> None:
        try:
            await self._read()
        except Exception:
            logger.exception("serving a WebSocket failed")
            self._end(INTERNAL_ERROR)

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
                if self._verdict is Verdict.TOO_SOON:
                    self._turn_away(client, text)
                else:
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
            claims = self._dispatcher.identify(frame.data[0] if frame.data else None)
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
        self._pace.user = self._paces.of_user(claims.actor_id)
        self.send(Message(AUTH))
        self._acknowledge(frame.id, b'{"ok":true,"data":null}')
        return client

    async def _handle(self, client: Client, text: str) -> None:
        frame = _decode(text)
        if frame is None:
            self._complain('A frame is {"event": "...", "data": [...]}, with an "id" if you like.')
            return
        acknowledgement = await self._dispatcher.handle(client, frame.event, frame.data)
        self._acknowledge(frame.id, acknowledgement)

    def _turn_away(self, client: Client, text: str) -> None:
        try:
            head = _heads.decode(text)
        except _UNREADABLE:
            return
        self._acknowledge(head.id, self._dispatcher.turn_away(client, head.event))

    async def _next_text(self) -> str | None:
        """The next text frame, None when the connection is over."""
        while (frame := await self._connection.read()) is not None:
            self._verdict = self._pace.take(asyncio.get_running_loop().time())
            if self._verdict is Verdict.TOO_MUCH:
                logger.warning("a WebSocket is closed: it sends too much")
                self._fail(POLICY_VIOLATION)
                return None
            if len(frame) > MAX_FRAME_BYTES:
                self._fail(TOO_BIG)
                return None
            if isinstance(frame, str):
                return frame
            if self._verdict is Verdict.IN_TIME:
                self._complain("Binary frames are not understood here.")
        return None

    def _end(self, code: int) -> None:
        self._connection.close_code = code
        self._outgoing.end()
        self._connection.abort_later()

    def _fail(self, code: int) -> None:
        self._connection.fail(code)
        self._end(code)

    def _acknowledge(self, id: float | None, acknowledgement: bytes) -> None:
        if id is not None:
            number = msgspec.json.encode(id).decode()
            self._outgoing.put(Encoded(f'{{"ack":{number},"data":[{acknowledgement.decode()}]}}'))

    def _complain(self, sentence: str) -> None:
        self.send(Message(ERROR, msgspec.json.encode(sentence)))

    def _cannot_keep_up(self) -> None:
        logger.warning("a WebSocket is dropped: its client does not read what it is sent")
        self._end(POLICY_VIOLATION)
        self._connection.abort()


def _decode(text: str) -> Frame | None:
    try:
        return _frames.decode(text)
    except _UNREADABLE:
        return None
