"""Both socket protocols on one hub, as one ASGI application for their two paths."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from qure.adapters.sockets.answers import answer, reject
from qure.adapters.sockets.dispatcher import Dispatcher
from qure.adapters.sockets.engineio import (
    PING_INTERVAL,
    PING_TIMEOUT,
    EngineServer,
)
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.origins import Origins
from qure.adapters.sockets.pace import Paces
from qure.adapters.sockets.socketio import SocketIoSession
from qure.adapters.sockets.websocket import WebSocketSession
from qure.wire.asgi import Receive, Scope, Send

logger = logging.getLogger(__name__)

RECHECK_SECONDS: Final = 300.0
"""How much later than its login, at most, a connection ends when the login simply runs out."""

SOCKETIO_PATH: Final = "/socket.io"
WEBSOCKET_PATH: Final = "/ws"


class SocketGateway:
    """Serves ``/socket.io`` and ``/ws``.

    ``allowed_origins`` are those from which pages may connect besides the server's own; ``*``
    allows all. What sends no Origin (an app) is not a page and may always. ``instance_id``
    begins every Engine.IO session id. ``max_events_per_second`` is what one connection may send
    in the long run, and a fifth of what all connections of a user may.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        allowed_origins: Sequence[str] = (),
        instance_id: str = "",
        max_events_per_second: int = 20,
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
    ) -> None:
        self._hub = hub
        self._origins = Origins(allowed_origins)
        self._process_mark = instance_id
        self._paces = Paces(max_events_per_second)
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._dispatcher: Dispatcher | None = None
        self._engine: EngineServer | None = None
        self._is_draining = False

    @staticmethod
    def is_at(path: str) -> bool:
        """Whether requests for that path belong here."""
        return path == WEBSOCKET_PATH or f"{path}/".startswith(f"{SOCKETIO_PATH}/")

    @asynccontextmanager
    async def serving(self, dispatcher: Dispatcher) -> AsyncIterator[None]:
        """Let clients in through ``dispatcher``; at the end none is left."""
        self._dispatcher = dispatcher
        self._engine = EngineServer(
            lambda socket: SocketIoSession(
                socket, hub=self._hub, dispatcher=dispatcher, paces=self._paces
            ),
            origins=self._origins,
            paces=self._paces,
            instance_id=self._process_mark,
            ping_interval=self._ping_interval,
            ping_timeout=self._ping_timeout,
        )
        watch = asyncio.create_task(self._recheck_for_ever(), name="login watch")
        try:
            yield
        finally:
            self.drain()
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def drain(self) -> None:
        """Send everybody to another process, and let nobody in any more."""
        if not self._is_draining and self._engine is not None:
            self._is_draining = True
            self._hub.close_all()
            self._engine.end_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket for one of the two paths."""
        if self._engine is None or self._dispatcher is None:
            raise RuntimeError("sockets are served only while the application runs")
        if scope["path"] != WEBSOCKET_PATH:
            await self._engine.serve(scope, receive, send)
        elif scope["type"] != "websocket":
            text = b"This address speaks WebSocket only."
            await answer(send, 426, text, headers=[(b"upgrade", b"websocket")])
        elif (await receive())["type"] == "websocket.connect":
            if self._is_draining or not self._is_allowed(scope):
                await reject(send)
                return
            session = WebSocketSession(
                scope, receive, send, hub=self._hub, dispatcher=self._dispatcher, paces=self._paces
            )
            await session.serve()

    async def _recheck_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._hub.recheck()
            except Exception:
                logger.exception("checking the logins of open sockets failed")

    def _is_allowed(self, scope: Scope) -> bool:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin, host = headers.get(b"origin", b""), headers.get(b"host", b"")
        return self._origins.allow(origin.decode("latin-1"), host=host.decode("latin-1"))
