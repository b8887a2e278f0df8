"""Refresh secrets of pages: in a cookie that no script reads, and that no other site can use.

A page says with the header ``Qure-Session`` that its secret is in a cookie. A form of another site
cannot send that header, and a script of another origin is not allowed to (``wire.headers``): so a
cookie that a browser adds by itself is never looked at (``docs/decisions/0042``).
"""

from typing import Literal

from litestar.datastructures import Cookie

from qure.domain.session import REFRESH_LIFE
from qure.entrypoints.http.bodies import AnyRequest
from qure.entrypoints.http.callers import base_url
from qure.settings import Settings

LoginSession = Literal["login"]
DisplaySession = Literal["display"]
AnySession = Literal["login", "display"]
"""What ``Qure-Session`` may say. A display in a browser does not log its desk out: two cookies."""

REFRESH_PATH = "/api/auth/refresh-token"


def handed_out(
    secret: str, session: AnySession | None, request: AnyRequest, settings: Settings
) -> tuple[str | None, tuple[Cookie, ...]]:
    """What a body shows of a refresh secret, and the cookie that carries it for a page."""
    if session is None:
        return secret, ()
    life = int(REFRESH_LIFE.total_seconds())
    return None, (_cookie(session, request, settings, value=secret, max_age=life),)


def kept(request: AnyRequest, session: AnySession | None) -> str | None:
    """The secret that the cookie of this page carries; None of what is no page or has none."""
    return None if session is None else request.cookies.get(_name(session)) or None


def expired(session: AnySession, request: AnyRequest, settings: Settings) -> Cookie:
    """In place of a cookie that is of no use any more."""
    return _cookie(session, request, settings, value="", max_age=0)


def _cookie(
    session: AnySession, request: AnyRequest, settings: Settings, *, value: str, max_age: int
) -> Cookie:
    return Cookie(
        _name(session),
        value=value,
        path=REFRESH_PATH,
        max_age=max_age,
        httponly=True,
        secure=base_url(request, settings).startswith("https:"),
        samesite="strict",
    )


def _name(session: AnySession) -> str:
    return f"qure_{session}"
