"""A port for those who look after a worker: ``/health``, and ``/metrics`` if wished.

That it answers shows that the event loop, in which the jobs run, is not stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from qure.entrypoints.observability.metrics import Metrics
from qure.entrypoints.process.server import Server, uvicorn_options
from qure.entrypoints.process.serving import listen
from qure.wire.asgi import Receive, Scope, Send

_ALIVE = b'{"health":"ok"}'


@asynccontextmanager
async def watched(host: str, port: int, metrics: Metrics | None) -> AsyncIterator[int]:
    """Answer there meanwhile; the port (the one that was found, for 0). Raises ``SetupError``."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        status, kind, body = 404, "text/plain", b""
        if scope["method"] == "GET" and scope["path"] == "/health":
            status, kind, body = 200, "application/json", _ALIVE
        elif scope["method"] == "GET" and scope["path"] == "/metrics" and metrics is not None:
            status, kind, body = 200, CONTENT_TYPE_LATEST, await metrics.render()
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = listen(host, port)
    found = listener.getsockname()[1]
    server = _Server(uvicorn.Config(app, **uvicorn_options() | {"lifespan": "off"}))
    answering = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield found
    finally:
        server.should_exit = True
        await answering


class _Server(Server):
    """Signals are the worker's, which ends this server too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
