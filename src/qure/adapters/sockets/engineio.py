"""The transport under Socket.IO: the handshake and HTTP side of python-engineio, our sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

import engineio
from engineio.packet import OPEN

from qure.adapters.sockets.door import MAX_FRAME_BYTES, Receive, Scope, Send
from qure.adapters.sockets.engine_socket import EngineSocket, Session
from qure.adapters.sockets.messages import Encoded
from qure.adapters.sockets.origins import Origins

logger = logging.getLogger(__name__)

PING_INTERVAL: Final = 25.0
PING_TIMEOUT: Final = 20.0
WATCH_EVERY_SECONDS: Final = 2.5


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    """Engine.IO for an ASGI server, with ``EngineSocket`` for sockets.

    ``process_mark`` begins every session id, so that a load balancer can send polling requests
    back to this process.
    """

    def __init__(
        self,
        make_session: Callable[[EngineSocket], Session],
        *,
        origins: Origins,
        process_mark: str = "",
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
    ) -> None:
        super().__init__(
            async_mode="asgi",
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=MAX_FRAME_BYTES,
            cors_allowed_origins=lambda origin, environ: origins.allow(
                origin or "", host=environ.get("HTTP_HOST", "")
            ),
            logger=logger,
            monitor_clients=False,
        )
        self.make_session = make_session
        self.is_draining = False
        self._process_mark = process_mark

    def generate_id(self) -> str:
        return f"{self._process_mark}{super().generate_id()}"

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request or WebSocket of Engine.IO."""
        first = await receive()
        if first["type"] not in ("http.request", "websocket.connect"):
            return  # The client hung up before it was heard.
        events = iter((first,))

        async def receive_all() -> MutableMapping[str, Any]:
            return next(events, None) or await receive()

        await self.handle_request(scope, receive_all, send)

    async def watch(self) -> None:
        """For ever end sockets whose clients are gone."""
        while True:
            await asyncio.sleep(min(WATCH_EVERY_SECONDS, self.ping_timeout / 2))
            for socket in list(self.sockets.values()):
                if socket.is_overdue():
                    socket.end(reason=self.reason.PING_TIMEOUT)

    def end_all(self) -> None:
        """Let clients come back to another process; take no new ones."""
        self.is_draining = True
        for socket in list(self.sockets.values()):
            socket.end(reason=self.reason.SERVER_DISCONNECT)

    async def _handle_connect(
        self, environ: Mapping[str, Any], transport: str, jsonp_index: int | None = None
    ) -> object:
        if self.is_draining:
            return {
                "status": "503 SERVICE UNAVAILABLE",
                "headers": [("Content-Type", "text/plain"), ("Retry-After", "1")],
                "response": b"This server is shutting down.",
            }
        sid = self.generate_id()
        socket = EngineSocket(self, sid)
        self.sockets[sid] = socket
        handshake = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        socket.outgoing.put(Encoded(f"{OPEN}{json.dumps(handshake)}"))
        if transport == "websocket":
            return await socket.handle_get_request(environ)
        socket.connected = True
        return self._ok(await socket.poll(), jsonp_index=jsonp_index)
