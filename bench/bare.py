"""The ceiling for HTTP: Litestar handlers behind the same authentication that do nothing.

Started as a program, with the settings of the service that it is compared with.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import uvicorn
from litestar import Litestar, get, post
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse

from qure.bootstrap import build
from qure.entrypoints.http.bearer import Bearer
from qure.entrypoints.http.calls import with_parts
from qure.entrypoints.process.server import uvicorn_options
from qure.settings import load_settings

ANSWER = b'{"success":true,"data":{"queueId":"01a20353-6f58-70ab-bd84-494ee29bcd8d"},"message":"."}'


class Body(msgspec.Struct, rename="camel"):
    """What the request for a token says."""

    queue_id: UUID


def _answer(status: int) -> ASGIResponse:
    return ASGIResponse(body=ANSWER, media_type="application/json", status_code=status)


@get("/queues/{queue_id:uuid}")
async def bare_get(queue_id: FromPath[UUID]) -> ASGIResponse:
    """Constant bytes for a path parameter."""
    return _answer(200)


@get("/me")
async def bare_me() -> ASGIResponse:
    """Constant bytes."""
    return _answer(200)


@get("/clinic")
async def bare_search() -> ASGIResponse:
    """Constant bytes, whatever the query."""
    return _answer(200)


@post("/tokens")
async def bare_post(data: JSONBody[Body]) -> ASGIResponse:
    """Constant bytes for a decoded body."""
    return _answer(201)


async def main() -> None:
    """Serve until told to stop."""
    settings = load_settings(env_file=None)
    container = build(settings)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with container.running():
            yield

    routes = Litestar(
        [bare_get, bare_me, bare_search, bare_post],
        middleware=[Bearer],
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
    )
    app = with_parts(routes, container)
    server = uvicorn.Server(uvicorn.Config(app, port=settings.port, **uvicorn_options()))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    await server.serve()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
