"""One WebSocket that is spoken over, as ASGI knows it, with what our server offers beyond."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.frames import Close, Frame, Opcode

from qure.adapters.sockets.outgoing import Outgoing
from qure.wire.asgi import CONNECTION_EXTENSION, Receive, Scope, Send

logger = logging.getLogger(__name__)

CLOSING_SECONDS: Final = 5.0
FAREWELL_SECONDS: Final = 1.0
FAREWELL_FRAMES: Final = 4
"""A client that has failed has so much time, and so few frames, to close its end too. Dropped at
once with something unread, TCP would reset the connection, and the last words might be lost."""

NORMAL: Final = 1000
_PROTOCOL_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
"""A token (RFC 9110 §5.6.2)."""


class WebSocketConnection:
    """Read by one, written by one: see ``converse``.

    ``write``, where the server offers it, puts a whole frame on the wire now, or returns False.
    """

    __slots__ = ("_abort", "_fails", "_receive", "_send", "_subprotocol", "close_code", "write")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        offered = scope.get("subprotocols") or ()
        self._subprotocol = next(filter(_PROTOCOL_NAME.fullmatch, offered), None)
        # Taken out: the server's scope belongs to what the extension refers to.
        extension = scope.get("extensions", {}).pop(CONNECTION_EXTENSION, {})
        self.write: Callable[[bytes], bool] | None = extension.get("write")
        self._abort: Callable[[], None] | None = extension.get("abort")
        self._fails = False
        self.close_code = NORMAL

    async def accept(self) -> None:
        """Of the subprotocols that are offered the first is taken: browsers ask for one of them."""
        await self._send({"type": "websocket.accept", "subprotocol": self._subprotocol})

    async def read(self) -> str | bytes | None:
        """The next frame, None when the connection is over."""
        # A client whose frames are there already would keep everybody else waiting.
        await asyncio.sleep(0)
        event = await self._receive()
        if event["type"] != "websocket.receive":
            return None
        text: str | None = event.get("text")
        return text if text is not None else event.get("bytes")

    async def say(self, text: str) -> None:
        """One text frame, before ``converse``. Raises ``OSError`` when the client is gone."""
        await self._send({"type": "websocket.send", "text": text})

    async def converse(self, outgoing: Outgoing, read: Callable[[], Awaitable[None]]) -> None:
        """Run ``read``, and write what is put into ``outgoing`` until it has ended; then close."""
        writer = asyncio.create_task(self._write(outgoing))
        try:
            await read()
        finally:
            # What waits is still written, unless nobody reads it.
            outgoing.end()
            await asyncio.wait((writer,), timeout=CLOSING_SECONDS)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        if self._fails:
            await self._await_farewell()

    async def hang_up(self) -> None:
        """Close the WebSocket, if that has not happened and the peer still reads."""
        if self._fails and self.write is not None and self.write(_close_frame(self.close_code)):
            return  # Closing it the server's way would make the server read on.
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._send({"type": "websocket.close", "code": self.close_code})

    def fail(self, code: int = NORMAL) -> None:
        """Close, and hardly read on until the client closes too (RFC 6455 §7.1.7).

        Whoever sends what it must not would only send more, and reading that is work.
        """
        self._fails = True
        self.close_code = code

    def abort_later(self) -> None:
        """A peer that reads nothing would keep its connection for ever."""
        if self._abort is not None:
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self._abort)

    def abort(self) -> None:
        """Drop the connection with what is unsent."""
        if self._abort is not None:
            self._abort()

    async def _await_farewell(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                for _ in range(FAREWELL_FRAMES):
                    if (await self._receive())["type"] != "websocket.receive":
                        return
                await asyncio.sleep(FAREWELL_SECONDS)

    async def _write(self, outgoing: Outgoing) -> None:
        try:
            while batch := await outgoing.take():
                for encoded in batch:
                    await self._send({"type": "websocket.send", "text": encoded.text})
        except (OSError, RuntimeError) as error:
            logger.debug("a client cannot be written to: %s", error)
        # The last word has been written. The reader hears of it as of any other hanging up.
        await self.hang_up()


def _close_frame(code: int) -> bytes:
    return Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)
