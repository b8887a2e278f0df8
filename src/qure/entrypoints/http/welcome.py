"""``/``: what this is, and where to go. A page may take its place one day."""

import msgspec
from litestar import Router, get

from qure.container import Container
from qure.entrypoints.http.answers import JsonAnswer, answer
from qure.entrypoints.http.calls import Injected, PublicCall
from qure.entrypoints.http.operation import operation
from qure.entrypoints.version import VERSION


class Links(msgspec.Struct, rename="camel"):
    """Addresses of this server; ``docs`` is null where they are switched off."""

    api: str
    docs: str | None
    health: str
    socket_io: str
    web_socket: str


class Welcome(msgspec.Struct, rename="camel"):
    """Who answers."""

    name: str
    version: str
    links: Links


def _welcome(*, docs: bool) -> Welcome:
    links = Links("/api", "/docs" if docs else None, "/health", "/socket.io", "/ws")
    return Welcome("Qure", VERSION, links)


@get(
    "/",
    **operation(
        "readWelcome",
        "What this is, and where to go",
        tag="Health",
        message="This is Qure, the queue of a clinic.",
        description="Touches no backend.",
        answer=Welcome,
        example=_welcome(docs=True),
        public=True,
    ),
)
async def welcome(request: PublicCall, container: Injected[Container]) -> JsonAnswer:
    return answer(request, _welcome(docs=container.settings.docs))


router = Router("/", route_handlers=[welcome])
