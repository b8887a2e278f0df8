"""What holds for every HTTP answer, whoever gives it: request id, HEAD, CORS, security headers.

A plain ASGI layer around the application, because its router answers 404 and 405 before any
of its own middleware runs.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import cast
from uuid import UUID

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from qure.application import correlation
from qure.entrypoints.http.client_address import peer_address
from qure.entrypoints.http.methods import address
from qure.wire import headers
from qure.wire.headers import Header

logger = logging.getLogger("qure.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_PAGES: tuple[Header, ...] = (
    *headers.ALWAYS,
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'self'",
    ),
)

_POLICY = b"content-security-policy"

_CORS_ANSWERS: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    *headers.PREFLIGHT,
)


class Gateway:
    """Wraps ``app``. ``methods`` says what each address knows (``methods_by_address``).

    ``origins`` may read answers in a browser; none may by default. ``on_answer`` is told the
    status of each answer, and after how many seconds it began.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        new_id: Callable[[], UUID],
        methods: Mapping[str, str],
        origins: tuple[str, ...] = (),
        access_log: bool = False,
        on_answer: Callable[[HTTPScope, int, float], None] | None = None,
    ) -> None:
        self._app = app
        self._on_answer = on_answer
        self._new_id = new_id
        self._methods = methods
        self._origins = frozenset(origin.encode("latin-1") for origin in origins)
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        given_id, origin, preflight = _asked_with(scope)
        request_id = given_id if _REQUEST_ID.fullmatch(given_id) else self._new_id().hex.encode()
        correlation.request_id.set(request_id.decode())
        extra = (
            (b"x-request-id", request_id),
            *_headers_for(scope["path"]),
            *self._cors_headers(origin),
        )
        if preflight and scope["method"] == "OPTIONS":
            await _answer_preflight(send, extra, allowed=self._may_read(origin))
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            # In a copy: the server looks at its own to know that no body follows.
            scope = cast("HTTPScope", {**scope, "method": "GET"})
        started = time.perf_counter()

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if scope["method"] == "OPTIONS" and message["status"] == 204:
                    # The router knows only some of the routes that share an address.
                    known = self._methods[address(scope["path_template"])]
                    message["headers"] = [(b"allow", known.encode())]
                message["headers"] = _dressed(message["headers"], extra)
                self._note(scope, message["status"], time.perf_counter() - started)
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self._app(scope, receive, send_dressed)

    def _note(self, scope: HTTPScope, status: int, seconds: float) -> None:
        if self._on_answer is not None:
            self._on_answer(scope, status, seconds)
        if self._access_log:
            _log(scope, status, seconds)

    def _may_read(self, origin: bytes | None) -> bool:
        return origin is not None and (origin in self._origins or b"*" in self._origins)

    def _cors_headers(self, origin: bytes | None) -> tuple[Header, ...]:
        if not self._origins:
            return ()
        if origin is None or not self._may_read(origin):
            return (headers.VARY_BY_ORIGIN,)
        # No credentials: logins travel in a header that pages must set themselves.
        return (
            headers.VARY_BY_ORIGIN,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"X-Request-ID, Retry-After"),
        )


def _dressed(own: Iterable[Header], extra: tuple[Header, ...]) -> list[Header]:
    """Its own headers and ours. A page says itself what it may do: two policies would both hold."""
    given = [*own]
    if any(name == _POLICY for name, _ in given):
        return [*given, *(header for header in extra if header[0] != _POLICY)]
    return [*given, *extra]


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return correlation.request_id.get() or ""


def _headers_for(path: str) -> tuple[Header, ...]:
    if path.startswith(("/api", "/health")):
        return headers.PRIVATE
    if path.startswith("/docs"):
        return _PAGES
    return headers.DATA


def _asked_with(scope: HTTPScope) -> tuple[bytes, bytes | None, bool]:
    """The request's id as given, its origin, and whether a browser only asks what it may do."""
    given_id, origin, preflight = b"", None, False
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given_id = value
        elif name == b"origin":
            origin = value
        elif name == b"access-control-request-method":
            preflight = True
    return given_id, origin, preflight


async def _answer_preflight(send: Send, extra: tuple[Header, ...], *, allowed: bool) -> None:
    answer = [*extra, *(_CORS_ANSWERS if allowed else ())]
    await send({"type": "http.response.start", "status": 204, "headers": answer})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _log(scope: HTTPScope, status: int, seconds: float) -> None:
    logger.info(
        "%s %s %d %.1f ms from %s",
        scope["method"],
        scope.get("path_template") or "(no route)",
        status,
        seconds * 1000,
        peer_address(scope),
    )
