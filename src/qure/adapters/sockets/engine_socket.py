"""The transport of one Socket.IO client: an Engine.IO 4 session.

What waits for the client is bounded, frames that were encoded once go straight to the connection,
a ping needs a timer instead of a task, time is monotonic, and no malformed packet leaves a
session half dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from qure.adapters.sockets.connection import WebSocketConnection
from qure.adapters.sockets.engine_packets import (
    CLOSE,
    MESSAGE,
    NOOP,
    PING,
    PONG,
    UPGRADE,
    BadPacketError,
    decode,
    split,
)
from qure.adapters.sockets.messages import Encoded
from qure.adapters.sockets.outgoing import Outgoing
from qure.adapters.sockets.pace import Pace, Verdict
from qure.wire.asgi import MAX_FRAME_BYTES

logger = logging.getLogger(__name__)

UPGRADE_SECONDS: Final = 10.0
HANDSHAKE_SECONDS: Final = 10.0
"""A client that has not said who it is by then is sent away."""
LINGERING_SECONDS: Final = 5.0
"""For so long a polling client finds the last words of a session that has ended."""
MAX_PACKETS_PER_POLL: Final = 16
"""python-engineio's client takes an answer with more of them for a broken one."""

_CLOSE = Encoded(str(CLOSE))
_PING = Encoded(str(PING))
_NOOP = Encoded(str(NOOP))


class Session(Protocol):
    """What is spoken over one Engine.IO socket."""

    @property
    def is_admitted(self) -> bool:
        """Whether the client has said who it is."""

    async def receive(self, data: str | bytes) -> None:
        """A message. Raises ``BadPacketError`` when it cannot be understood."""

    def turn_away(self, data: str | bytes) -> None:
        """A message that came too soon, unread. Raises ``BadPacketError`` if it is no event."""

    def send_away(self) -> None:
        """Too much came too soon: the last words. The socket ends right after them."""

    def closed(self) -> None:
        """The socket is gone. Called once."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Seconds between pings, and for the answer to one."""

    interval: float
    timeout: float


class EngineSocket:
    """One client, over long polling, over WebSocket, or on the way from the first to the second.

    ``sid`` lets whoever knows it poll what is meant for the client, so logs only have ``name``.
    ``forget`` is called when nobody can come back to this session any more.
    """

    def __init__(
        self,
        sid: str,
        *,
        name: str,
        heartbeat: Heartbeat,
        pace: Pace,
        make_session: Callable[[EngineSocket], Session],
        forget: Callable[[], None],
    ) -> None:
        self.sid = sid
        self.name = name
        self.pace = pace
        self.outgoing = Outgoing(self._cannot_keep_up)
        self.is_closed = False
        self.upgraded = False
        """Whether it is spoken over WebSocket, from the start or by now."""
        self._heartbeat = heartbeat
        self._forget = forget
        self._connection: WebSocketConnection | None = None
        self._is_upgrading = False
        self._is_posting = False
        self._awaits_pong = False
        self._loop = asyncio.get_running_loop()
        self._ping_timer = self._loop.call_later(heartbeat.interval, self._send_ping)
        self._admission_timer: asyncio.TimerHandle | None = None
        self.session = make_session(self)
        self.await_admission()

    def await_admission(self) -> None:
        """From now on the client has ``HANDSHAKE_SECONDS`` to say who it is."""
        if self._admission_timer is not None:
            self._admission_timer.cancel()
        self._admission_timer = self._loop.call_later(HANDSHAKE_SECONDS, self._end_if_unadmitted)

    def end(self, reason: str, *, has_last_words: bool = False) -> None:
        """End the connection when what waits has been sent. Does no harm twice.

        Last words are kept for a polling client that is just not asking.

        There is no farewell: python-engineio's client takes Engine.IO's own for final, and
        all clients come back by themselves when they merely lose the transport.
        """
        if self.is_closed:
            return
        self.is_closed = True
        self._ping_timer.cancel()
        if self._admission_timer is not None:
            self._admission_timer.cancel()
        if self._connection is not None:
            self._connection.abort_later()
        if has_last_words and not self.upgraded:
            self._loop.call_later(LINGERING_SECONDS, self._forget)
        else:
            self._forget()
        self.outgoing.end()
        logger.debug("socket %s ends: %s", self.name, reason)
        self.session.closed()
        del self.session  # It has this socket: a circle.

    def fail(self, reason: str, *, has_last_words: bool = False) -> None:
        """End it because of what the client sent, and read no more of that."""
        if self._connection is not None:
            self._connection.fail()
        self.end(reason, has_last_words=has_last_words)

    async def receive_frame(self, frame: str | bytes) -> None:
        """One packet from the client. Raises ``BadPacketError``."""
        verdict = self.pace.take(self._loop.time())
        if verdict is Verdict.TOO_MUCH:
            logger.warning("socket %s is closed: it sends too much", self.name)
            self.session.send_away()
            self.fail("too much", has_last_words=True)
            return
        kind, data = decode(frame)
        if kind == MESSAGE:
            if verdict is Verdict.TOO_SOON:
                self.session.turn_away(data)
            else:
                await self.session.receive(data)
        elif kind == PONG:
            if self._awaits_pong:
                self._awaits_pong = False
                self._ping_timer.cancel()
                self._ping_timer = self._loop.call_later(self._heartbeat.interval, self._send_ping)
        elif kind == CLOSE:
            self._answer_poll(_NOOP)
            self.end("client disconnect")
        elif kind not in (UPGRADE, NOOP):
            raise BadPacketError("not a client's packet")

    # Polling

    async def poll(self) -> list[Encoded]:
        """What a GET is answered with; nothing when the session has ended.

        Raises ``BadPacketError`` for a second one at the same time, which ends the session.
        """
        if self._is_upgrading:
            return [_NOOP]
        if self.outgoing.has_reader:
            self._answer_poll(_CLOSE)
            raise BadPacketError("two polling requests at once")
        batch = await self.outgoing.take(at_most=MAX_PACKETS_PER_POLL)
        if self.is_closed and not len(self.outgoing):
            self._forget()
        return batch

    @contextmanager
    def posting(self) -> Iterator[None]:
        """While a POST is read and handled. Raises ``BadPacketError`` for a second one."""
        if self._is_posting:
            raise BadPacketError("two posts at once")
        self._is_posting = True
        try:
            yield
        finally:
            self._is_posting = False

    async def receive_payload(self, payload: bytes) -> None:
        """The body of a POST. Raises ``BadPacketError``."""
        for frame in split(payload):
            if self.is_closed:
                return
            await self.receive_frame(frame)
            await asyncio.sleep(0)  # Nobody keeps everybody else waiting.

    # WebSocket

    async def speak_over(self, connection: WebSocketConnection, *, is_upgrade: bool) -> None:
        """Accept a WebSocket and serve it to its end; an upgrade that fails changes nothing.

        Only while ``may_upgrade``.
        """
        self._is_upgrading = True  # Polling requests are answered with NOOP from here on.
        try:
            await connection.accept()
            self.upgraded = not is_upgrade or await self._is_probed(connection)
        finally:
            self._is_upgrading = False
            if not is_upgrade and not self.upgraded:
                self.end("transport close")
        if not self.upgraded:
            await connection.hang_up()
            return
        self._connection = connection
        self.outgoing.write_through = connection.write
        await connection.converse(self.outgoing, lambda: self._read(connection))

    @property
    def may_upgrade(self) -> bool:
        """Whether a WebSocket may become the transport now."""
        return not (self.upgraded or self._is_upgrading or self.is_closed)

    async def _is_probed(self, connection: WebSocketConnection) -> bool:
        """The exchange that moves a polling client to this connection; False: it stays."""
        try:
            async with asyncio.timeout(UPGRADE_SECONDS):
                if await connection.read() != f"{PING}probe":
                    return False
                await connection.say(f"{PONG}probe")
                self._answer_poll(_NOOP)
                return await connection.read() == str(UPGRADE) and not self.is_closed
        except (TimeoutError, OSError):
            return False

    async def _read(self, connection: WebSocketConnection) -> None:
        try:
            while not self.is_closed:
                frame = await connection.read()
                if frame is None or self.is_closed:
                    return
                if len(frame) > MAX_FRAME_BYTES:
                    raise BadPacketError("too long")
                await self.receive_frame(frame)
        except BadPacketError as error:
            self.report(error)
        finally:
            self.end("transport close")

    # The rest

    def report(self, error: BadPacketError) -> None:
        """The client has sent what it must not: log it in a line, and end the connection."""
        logger.info("socket %s sent a bad packet: %s", self.name, error)
        self.fail("bad packet")

    def _answer_poll(self, packet: Encoded) -> None:
        """To a request that waits, if there is one."""
        if self.outgoing.has_reader:
            self.outgoing.put(packet)

    def _cannot_keep_up(self) -> None:
        logger.warning("socket %s is dropped: its client does not read what it is sent", self.name)
        self.end("too slow")
        if self._connection is not None:
            self._connection.abort()

    def _send_ping(self) -> None:
        self._awaits_pong = True
        self._ping_timer = self._loop.call_later(self._heartbeat.timeout, self.end, "ping timeout")
        self.outgoing.put(_PING)

    def _end_if_unadmitted(self) -> None:
        if not self.session.is_admitted:
            self.end("nobody said who it is")
