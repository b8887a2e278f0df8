"""``/``: what this is, and where to go. A page may take its place one day."""

import msgspec

from qure.entrypoints.http.routing import Api
from qure.entrypoints.version import VERSION
from qure.settings import Settings


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


router = Api("/", tag="Health")


@router.call(
    "GET",
    "/",
    "This is Qure, the queue of a clinic.",
    example=_welcome(docs=True),
    public=True,
)
async def read_welcome(settings: Settings) -> Welcome:
    """What this is, and where to go.

    Touches no backend.
    """
    return _welcome(docs=settings.docs)
