"""A connection whose reading is paced: what stands between a socket and one of uvicorn's protocols.

An event loop hands over up to 256 KB at once, and a protocol parses all of it before anybody else
gets a turn: 40,000 empty WebSocket frames, or 6,000 pipelined requests. Here they come in slices,
one for each turn of the loop, and only as long as the protocol wants to read.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from qure.entrypoints.process.protocols.http import HttpProtocol

CLOSING_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 30.0
"""Whoever takes nothing of what is sent to them for so long is aborted: sooner while closing."""


class PacedProtocol(Protocol):
    """One of uvicorn's protocols, as it is driven here."""

    slice_bytes: int
    """How much of what has been received it is given in one turn of the loop, at most."""

    def connection_made(self, transport: Any) -> None: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class PacedConnection(asyncio.Transport, asyncio.Protocol):
    """The protocol of a real transport, and the transport of the protocol behind it.

    It also lets go of a peer that reads nothing: a transport that is closed waits for ever until
    what is unsent has been taken (``watch``).
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__()
        self._loop = _loop or asyncio.get_running_loop()
        self._protocol: PacedProtocol = HttpProtocol(config, server_state, app_state, _loop)
        self._transport = cast(asyncio.Transport, None)
        self._held = b""
        self._taken = 0
        self._is_paused = False
        self._turn: asyncio.Handle | None = None
        self._unsent = 0
        self._stalled_since: float | None = None

    # As the protocol of the real transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.connection_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_held()
        self._protocol.connection_lost(exc)
        del self._protocol  # The last that is said to it, and it has this transport: a circle.

    def data_received(self, data: bytes) -> None:
        if not self._held and not self._is_paused and len(data) <= self._protocol.slice_bytes:
            self._protocol.data_received(data)
            return
        self._held = self._held[self._taken :] + data
        self._taken = 0
        self._transport.pause_reading()
        self._take_turns()

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    # As the transport of the protocol behind

    def write(self, data: Any) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._drop_held()
        self._transport.close()

    def abort(self) -> None:
        self._drop_held()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._is_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._is_paused = False
        if self._held:
            self._take_turns()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(PacedProtocol, protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    # Pacing

    def watch(self, now: float) -> None:
        """Called about once a second: abort a peer that takes nothing of what waits for it."""
        unsent = self._transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since > (
            CLOSING_SECONDS if self._transport.is_closing() else STALLED_SECONDS
        ):
            self.abort()
        self._unsent = unsent

    def _take_turns(self) -> None:
        if self._turn is None and not self._is_paused:
            self._turn = self._loop.call_soon(self._take_slice)

    def _take_slice(self) -> None:
        self._turn = None
        if self._is_paused or not self._held:
            return
        end = self._taken + self._protocol.slice_bytes
        taken, self._taken = self._held[self._taken : end], end
        if end >= len(self._held):
            self._drop_held()
        self._protocol.data_received(taken)
        if self._held:
            self._take_turns()
        elif not self._is_paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def _drop_held(self) -> None:
        self._held, self._taken = b"", 0
