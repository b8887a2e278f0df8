"""The pages: where each one is, and what the server knows of it before the browser asks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from litestar import Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.calls import PublicCall, parts_of
from qure.entrypoints.web.languages import LANGUAGE_COOKIE, Language, choose, language
from qure.entrypoints.web.policy import page_policy
from qure.entrypoints.web.rendering import Page, render

PAGES = {
    "/setup": Page("setup"),
    "/display": Page("display", calls_aloud=True),
    "/desk": Page("desk"),
    "/t": Page("patient"),
    "/admin": Page("admin", ("health",), asks_for_the_place=True),
    "/poster": Page("poster", ("poster_lines",)),
}
"""Pages that are the same for everybody: what they show is asked for by their modules."""


def spoken_by(request: PublicCall, offered: tuple[str, ...] = ()) -> Language:
    """The language for whoever asks; ``offered`` are the clinic's."""
    return choose(
        clicked=request.cookies.get(LANGUAGE_COOKIE),
        accepted=request.headers.get("accept-language", ""),
        offered=offered,
    )


def page_answer(
    request: PublicCall,
    html: bytes,
    *,
    status: int = 200,
    cache: str = "no-cache",
    place: bool = False,
) -> ASGIResponse:
    """A page that the browser asks for anew each time: its assets it keeps.

    ``place`` is whether it may ask the device where it is.
    """
    return ASGIResponse(
        body=html,
        media_type="text/html",
        status_code=status,
        headers={
            "Cache-Control": cache,
            "Content-Security-Policy": page_policy(parts_of(request.scope).container.settings),
            "Permissions-Policy": f"camera=(), microphone=(), geolocation=({'self' * place})",
            "Vary": "Accept, Accept-Language, Cookie",
        },
    )


@lru_cache(maxsize=64)
def plain(page: Page, code: str, **known: Any) -> bytes:
    """A page that depends on nothing but its language and what few things are ``known``."""
    return render(page, language(code), **known)


def _serve(path: str, page: Page) -> HTTPRouteHandler:
    @get(path, opt={PUBLIC: True}, name=f"page-{page.name}")
    async def show(request: PublicCall) -> ASGIResponse:
        html = plain(page, spoken_by(request).code)
        return page_answer(request, html, place=page.asks_for_the_place)

    return show


router = Router("/", route_handlers=[_serve(path, page) for path, page in PAGES.items()])
