"""ASGI, as the server, the application and the socket protocols have agreed to speak it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

DRAIN: Final = "qure.drain"
"""Key in the lifespan state of the function that sends socket clients away."""

MAX_FRAME_BYTES: Final = 64 * 1024
"""No client has more to say at once."""

CONNECTION_EXTENSION: Final = "qure.connection"
"""Key in a WebSocket's ``extensions`` under which a server may offer ``write`` and ``abort``.

``write(frame)`` puts a whole WebSocket frame on the wire now, or returns False when it cannot;
``abort()`` drops the connection without waiting for what is unsent.
"""
