"""What the server and the socket protocols above it have agreed on."""

from __future__ import annotations

from typing import Final

MAX_FRAME_BYTES: Final = 64 * 1024
"""No client has more to say at once."""

CONNECTION_EXTENSION: Final = "qure.connection"
"""Key in a WebSocket's ASGI ``extensions`` under which a server may offer ``write`` and ``abort``.

``write(frame)`` puts a whole WebSocket frame on the wire now, or returns False when it cannot;
``abort()`` drops the connection without waiting for what is unsent.
"""
