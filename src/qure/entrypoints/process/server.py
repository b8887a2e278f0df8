"""How uvicorn serves Qure: its options in one place, and the server itself."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from qure.entrypoints.process.protocols.paced import PacedConnection
from qure.entrypoints.process.protocols.websocket import WebSocketProtocol
from qure.wire.asgi import MAX_FRAME_BYTES

GRACEFUL_SECONDS = 5
TICKS_PER_SECOND = 10
"""How often uvicorn calls ``on_tick``."""


class Server(uvicorn.Server):
    """uvicorn's server, which looks after its connections once a second."""

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                connection.watch(now)  # type: ignore[union-attr]  # They are ours: see the options.
        return await super().on_tick(counter)


def uvicorn_options() -> dict[str, Any]:
    """For ``uvicorn.Config``: everything but the application, the address and the workers."""
    return {
        "loop": "auto",
        "http": PacedConnection,
        "ws": WebSocketProtocol,
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
