"""WebSockets as uvicorn speaks them with websockets' sans-I/O protocol, within bounds, and faster.

Frames that carry nothing cost their sender six bytes and us a hundred times as much work, so that
they are counted.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CTRL_OPCODES, CloseCode, Frame
from websockets.http11 import Request, Response

from qure.entrypoints.process.draining import drain
from qure.wire.asgi import CONNECTION_EXTENSION

SLICE_BYTES: Final = 2 * 1024

MAX_OVERHEAD_FRAMES: Final = 128
OVERHEAD_FRAMES_PER_SECOND: Final = 32
"""Control frames and fragments that a client may send in a burst, and in the long run: browsers
and libraries send one ping or pong in twenty seconds, and do not cut up what fits into 64 KB."""

VERSION: Final = "13"
"""The only one there is (RFC 6455 section 4.1)."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection; the application may write a frame that it encoded once for many of them.

    Going through the ASGI ``send`` costs several times what the write itself does, for every
    connection, to produce the same bytes. The extension offers ``write(frame)``, which refuses
    (returns False) whenever the plain way would have to wait or would fail, so that the caller
    takes the plain way; and ``abort()``, for a peer that reads nothing.
    """

    slice_bytes = SLICE_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allowance = float(MAX_OVERHEAD_FRAMES)
        self._allowed_at = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.conn.parser.close()  # It waits for more, and refers to what refers to it: a circle.

    def data_received(self, data: bytes) -> None:
        self.conn.receive_data(data)
        if self.conn.parser_exc is not None:
            self.handle_parser_exception()
        elif self._spent_on(self.conn.events):
            self.handle_events()
        else:
            self._fail(CloseCode.POLICY_VIOLATION, "too many control frames or fragments")

    def handle_connect(self, event: Request) -> None:
        if event.headers.get("Sec-WebSocket-Version", VERSION) != VERSION:
            self._refuse_version()
            return
        super().handle_connect(event)
        if not self.close_sent:  # The handshake was well-formed: there is a scope.
            self.scope["extensions"][CONNECTION_EXTENSION] = {
                "write": self.write_frame,
                "abort": self.transport.abort,
            }

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # Its pongs are not read. Only the newest ping has to be answered (RFC 6455 §5.5.3).
            self.conn.data_to_send()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn closes as well, but with a traceback in the log.
                self._fail(CloseCode.INVALID_DATA, "not UTF-8")
                return
        super().send_receive_event_to_app()

    def write_frame(self, frame: bytes) -> bool:
        """Put a whole text frame on the wire now, or return False."""
        if (
            not self.handshake_complete
            or self.disconnected
            or self.close_sent
            or not self.writable.is_set()
            or self.conn.close_sent is not None
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(frame)
        return True

    def shutdown(self) -> None:
        drain(self.app_state)
        super().shutdown()

    def watch(self, now: float) -> None:
        """Called about once a second."""
        cast(Any, self.transport).watch(now)

    def _spent_on(self, events: list[Any]) -> bool:
        """Whether the client may still send what it has sent."""
        overhead = sum(
            1
            for event in events
            if isinstance(event, Frame) and (event.opcode in CTRL_OPCODES or not event.fin)
        )
        if not overhead:
            return True
        now = self.loop.time()
        earned = (now - self._allowed_at) * OVERHEAD_FRAMES_PER_SECOND
        self._allowance = min(MAX_OVERHEAD_FRAMES, self._allowance + earned) - overhead
        self._allowed_at = now
        return self._allowance >= 0 and len(self.frames) <= MAX_OVERHEAD_FRAMES

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.conn.events_received()
        self.conn.fail(code, reason)
        if self.conn.close_sent is None:  # The handshake is not over.
            self.transport.abort()
        else:
            self.handle_parser_exception()

    def _refuse_version(self) -> None:
        """As RFC 6455 section 4.4 wants it: websockets does not say which version would do."""
        status = HTTPStatus.UPGRADE_REQUIRED
        headers = Headers({"Sec-WebSocket-Version": VERSION, "Upgrade": "websocket"})
        headers["Connection"] = "Upgrade, close"
        headers["Content-Length"] = "0"
        self.handshake_complete = self.close_sent = True
        self.conn.send_response(Response(status.value, status.phrase, headers, b""))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()
