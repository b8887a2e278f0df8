"""HTTP/1.1 as uvicorn speaks it with httptools, within bounds of size, count and time.

uvicorn has none of these bounds. What llhttp or uvicorn get wrong for us is mended here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from enum import Enum
from typing import Any, Final, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from qure.entrypoints.process.draining import drain
from qure.wire import envelope
from qure.wire.headers import NO_SNIFF, NO_STORE

logger = logging.getLogger(__name__)

SLICE_BYTES: Final = 8 * 1024
"""As much as a client may pipeline, too: no more is parsed while a request waits for its turn."""

MAX_URL_BYTES: Final = 32 * 1024
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_HEADERS: Final = 100

HEAD_SECONDS: Final = 10.0
"""How long a client may take for the head of a request, from the connection or its first byte."""
IDLE_SECONDS: Final = 20.0
"""How long a connection may lie idle after an answer."""
BODY_SECONDS: Final = 10.0
BODY_BYTES_PER_SECOND: Final = 1000
"""A body may take ten seconds, and one more for each of so many bytes that have come."""


class _Refused(Exception):
    """Raised in a callback of the parser, which then stops."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer = envelope.failure(code, message)


class _Phase(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    NEXT = "the next request"
    ANSWER = "the answer"


class _Flow(FlowControl):
    """Reads nothing more while requests are queued: uvicorn would, after every answer and
    whenever the application looks whether its client is still there."""

    def __init__(self, transport: asyncio.Transport, pipeline: Collection[object]) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if not self._pipeline:
            super().resume_reading()


class HttpProtocol(HttpToolsProtocol):
    """One connection. ``watch`` is to be called about once a second."""

    slice_bytes = SLICE_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._in_message = False
        self._head_bytes = 0
        self._idle_bytes = 0
        self._body_bytes = 0
        self._messages = 0
        self._refusal: _Refused | None = None
        self._running: RequestResponseCycle | None = None
        self._watched: tuple[int, _Phase] | None = None
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.flow = _Flow(self.transport, self.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn tells the newest request only, and that of one which has not begun.
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # The parser keeps a header, a trailer or a chunk's extension that does not end, and says
        # nothing of it: these bytes are counted until there is something to show for them.
        self._idle_bytes += len(data)
        if self._idle_bytes > MAX_HEAD_BYTES + SLICE_BYTES:
            self._refusal = _head_too_large()
            self.send_400_response("")
            return
        super().data_received(data)

    # Called by the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._in_message = True
        self._head_bytes = self._body_bytes = 0
        self._messages += 1

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._refuse(
                _Refused(414, "address_too_long", "The address of this request is too long.")
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._refuse(_head_too_large())
        # What comes behind the body is a trailer, and no header (RFC 9110 section 6.5.1): uvicorn
        # would put it among the headers while the application reads them.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._idle_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        # A chunk costs a few bytes more than it carries: a body in tiny ones is still a body.
        self._idle_bytes = max(0, self._idle_bytes - 2 * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_message = False
        self._idle_bytes = 0
        super().on_message_complete()

    # Called by uvicorn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.flow.resume_reading()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # As in uvicorn's own connection_lost, which does not come any more: a circle.
        self.parser = None  # type: ignore[assignment]

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - we have a better sentence
        """Answer what cannot be read as a request, and close."""
        refusal = self._refusal or _Refused(400, "bad_request", "This is not an HTTP/1.1 request.")
        if self.cycle is None or self.cycle.response_complete:
            self._answer(refusal)
        # In the middle of another answer there is nothing that could be said.
        self.transport.close()

    def shutdown(self) -> None:
        # A long-polling request of Engine.IO would otherwise stay open until its next ping.
        drain(self.app_state)
        super().shutdown()

    # Called by the server

    def watch(self, now: float) -> None:
        """End the connection of a client that takes too long to say what it wants."""
        cast(Any, self.transport).watch(now)
        phase = self._phase()
        if self._watched != (self._messages, phase):
            self._watched, self._since = (self._messages, phase), now
            return
        if self.transport.is_closing() or now - self._since <= self._timeout(phase):
            return
        if phase is _Phase.HEAD and self._in_message:
            self._refusal = _Refused(408, "request_timeout", "This request did not come in time.")
            self.send_400_response("")
        else:
            self.transport.close()

    def _phase(self) -> _Phase:
        if self.cycle is None or self._in_message:
            return _Phase.HEAD if self._in_head else _Phase.BODY
        return _Phase.NEXT if self.cycle.response_complete else _Phase.ANSWER

    def _timeout(self, phase: _Phase) -> float:
        if phase is _Phase.ANSWER or self.flow.read_paused:
            return float("inf")  # It is the application that the client waits for.
        if phase is _Phase.HEAD:
            return HEAD_SECONDS
        if phase is _Phase.NEXT:
            return IDLE_SECONDS
        if self.cycle.response_complete:
            return BODY_SECONDS  # Nobody wants the rest of it.
        return BODY_SECONDS + self._body_bytes / BODY_BYTES_PER_SECOND

    def _refuse(self, refusal: _Refused) -> None:
        self._refusal = refusal
        raise refusal

    def _answer(self, refusal: _Refused) -> None:
        head = b"".join(
            name + b": " + value + b"\r\n"
            for name, value in (
                *self.server_state.default_headers,
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(refusal.answer)),
                NO_STORE,
                NO_SNIFF,
                (b"connection", b"close"),
            )
        )
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + refusal.answer)


def _head_too_large() -> _Refused:
    return _Refused(431, "headers_too_large", "The headers of this request are too large.")
