"""The whole service as one ASGI application: every layer, from the outside in, in one place."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import cast

from litestar import Litestar
from litestar.types import ASGIApp

from qure.container import Container
from qure.entrypoints.http.calls import with_parts
from qure.entrypoints.http.gateway import Gateway
from qure.entrypoints.http.hot_reads import HotReads
from qure.entrypoints.http.methods import methods_by_address
from qure.entrypoints.observability.metrics import Metrics
from qure.entrypoints.routes import create_routes
from qure.entrypoints.sockets import SocketDispatcher
from qure.wire.asgi import DRAIN, AsgiApp, Receive, Scope, Send


def create_asgi(container: Container) -> AsgiApp:
    """Socket.IO at ``/socket.io``, the plain WebSocket at ``/ws``, HTTP everywhere else.

    Its lifespan starts and stops the container. The server's state gets a ``drain`` function,
    which sends every socket client to another process.
    """
    http = create_http(container)
    sockets = container.sockets
    dispatcher = SocketDispatcher(
        use_cases=container.use_cases,
        memory=container.memory,
        jwts=container.jwts,
        clock=container.clock,
    )

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that it shall start
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(container.running())
            await stack.enter_async_context(sockets.serving(dispatcher))
            if "state" in scope:
                scope["state"][DRAIN] = sockets.drain
            await send({"type": "lifespan.startup.complete"})
            await receive()  # that it shall end
        # Last of all: the server ends as soon as it hears that.
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
        elif sockets.is_at(scope["path"]):
            await sockets(scope, receive, send)
        else:
            await http(scope, receive, send)

    return app


def create_http(container: Container) -> AsgiApp:
    """HTTP alone: traces, then what holds for every answer, then what is at hand, then routes."""
    metrics = Metrics(container) if container.settings.metrics else None
    routes = create_routes(container.settings)
    app = cast(AsgiApp, around(routes, container, metrics=metrics))
    return app if container.tracing is None else container.tracing.around(app)


def around(routes: Litestar, container: Container, *, metrics: Metrics | None) -> ASGIApp:
    """The layers that the framework's own routes need around them."""
    return Gateway(
        HotReads(with_parts(routes, container, metrics=metrics), container=container),
        new_id=container.ids.new_id,
        methods=methods_by_address(routes.routes),
        origins=container.settings.cors_origins,
        access_log=container.settings.access_log,
        on_answer=metrics.count_request if metrics is not None else None,
    )
