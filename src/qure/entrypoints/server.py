"""How uvicorn serves Qure: its options in one place, and two small extensions of its protocols."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

DRAIN = "qure.drain"
"""Key in the lifespan state of the function that sends socket clients away."""

CONNECTION_EXTENSION = "qure.connection"
"""Key in a WebSocket's ASGI extensions; see ``FrameWritingProtocol``."""

GRACEFUL_SECONDS = 5
MAX_FRAME_BYTES = 64 * 1024


def _drain(app_state: dict[str, Any]) -> None:
    drain = app_state.get(DRAIN)
    if drain is not None:
        drain()


class FrameWritingProtocol(WebSocketsSansIOProtocol):
    """Lets the application write a WebSocket frame that it encoded once for many connections.

    Going through the ASGI ``send`` costs several times what the write itself does, for every
    connection, to produce the same bytes. The extension offers ``write(frame)``, which refuses
    (returns False) whenever the plain way would have to wait or would fail, so that the caller
    takes the plain way; and ``abort()``, for a peer that reads nothing.
    """

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # The handshake was well-formed: there is a scope.
            self.scope["extensions"][CONNECTION_EXTENSION] = {
                "write": self.write_frame,
                "abort": self.abort,
            }

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

    def abort(self) -> None:
        """Drop the connection without waiting for what is unsent."""
        self.transport.abort()

    def shutdown(self) -> None:
        _drain(self.app_state)
        super().shutdown()


class DrainingHttpProtocol(HttpToolsProtocol):
    """Tells the application of a shutdown before waiting for open requests.

    A long-polling request of Engine.IO would otherwise stay open until its next ping.
    """

    def shutdown(self) -> None:
        _drain(self.app_state)
        super().shutdown()


def uvicorn_options() -> dict[str, Any]:
    """For ``uvicorn.Config``: everything but the application, the address and the workers."""
    return {
        "loop": "auto",
        "http": DrainingHttpProtocol,
        "ws": FrameWritingProtocol,
        "ws_max_size": MAX_FRAME_BYTES,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "ws_per_message_deflate": False,
        "lifespan": "on",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": GRACEFUL_SECONDS,
        "timeout_keep_alive": 20,
        # Forwarded addresses are believed by Qure itself, from trusted proxies only.
        "proxy_headers": False,
    }
