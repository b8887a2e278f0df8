"""The whole service as one ASGI application: sockets around HTTP, one lifespan."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from typing import Any, cast

from qure.bootstrap import Container
from qure.entrypoints.http.app import create_app
from qure.entrypoints.observability.tracing import tracing_of
from qure.entrypoints.sockets import SocketDoor
from qure.wire.asgi import DRAIN, AsgiApp, Receive, Scope, Send


def create_asgi(container: Container) -> AsgiApp:
    """Socket.IO at ``/socket.io``, the plain WebSocket at ``/ws``, HTTP everywhere else.

    Its lifespan starts and stops the container. The server's state gets a ``drain`` function,
    which sends every socket client to another process.
    """
    http = cast(AsgiApp, create_app(container))
    sockets = container.sockets
    tracing = tracing_of(container)
    if tracing is not None:
        http = tracing.around(http)

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        farewells: list[MutableMapping[str, Any]] = []

        async def send_or_hold(message: MutableMapping[str, Any]) -> None:
            # The server ends as soon as it hears that the shutdown is complete.
            if message["type"].startswith("lifespan.shutdown."):
                farewells.append(message)
            else:
                await send(message)

        async with AsyncExitStack() as stack:
            if tracing is not None:
                stack.push_async_callback(tracing.close)
            await stack.enter_async_context(container.running())
            await stack.enter_async_context(sockets.serving(SocketDoor(container)))
            if "state" in scope:
                scope["state"][DRAIN] = sockets.drain
            await http(scope, receive, send_or_hold)
        for message in farewells:
            await send(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
        elif sockets.is_at(scope["path"]):
            await sockets(scope, receive, send)
        else:
            await http(scope, receive, send)

    return app
