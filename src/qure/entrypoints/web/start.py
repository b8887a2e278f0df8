"""``/``: what this is, and where to go; a page for browsers, JSON for whoever else asks."""

from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse

from qure.application.accounts.first_admin import FirstAdmin
from qure.domain.errors import Unavailable
from qure.entrypoints.http.calls import PublicCall
from qure.entrypoints.http.routing import Api
from qure.entrypoints.version import VERSION
from qure.entrypoints.web.pages import page_answer, plain, spoken_by
from qure.entrypoints.web.rendering import Page
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


_PAGE = Page("start", ("health",))

router = Api("/", tag="Health")


@router.call(
    "GET",
    "/",
    "This is Qure, the queue of a clinic.",
    example=_welcome(docs=True),
    public=True,
)
async def read_welcome(
    request: PublicCall, settings: Settings, first_admin: FirstAdmin
) -> Annotated[Welcome | ASGIResponse, Welcome]:
    """What this is, and where to go.

    Touches no backend. Whoever asks for HTML, as browsers do, gets a page, which begins with how
    to make the first admin as long as there is none.
    """
    if "text/html" in request.headers.get("accept", ""):
        new = await _is_new(first_admin)
        html = plain(_PAGE, spoken_by(request).code, docs=settings.docs, new=new)
        return page_answer(request, html)
    return _welcome(docs=settings.docs)


async def _is_new(first_admin: FirstAdmin) -> bool:
    """Whether there is nobody yet who may set it up; not while nobody can know."""
    try:
        return await first_admin.is_needed()
    except Unavailable:
        # The page says so itself: its module asks after every backend.
        return False
