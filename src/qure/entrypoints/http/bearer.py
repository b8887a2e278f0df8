"""Who is asking: ``Authorization: Bearer`` (RFC 6750), checked before any handler runs."""

from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from qure.domain.actor import Actor
from qure.domain.errors import Unauthenticated
from qure.entrypoints.http.calls import parts_of

PUBLIC = "public"
"""The mark of a route that anybody may call, in its ``opt``."""

ASKER = "asker"
"""The mark of a public route that wishes to know who asks, if they are somebody."""


class Bearer:
    """Puts the ``Actor`` into ``scope["user"]``, or refuses. Of a public route only where it wishes
    to know, and then nobody is refused: whoever is not known is nobody, None.

    A plain ASGI layer: the framework's own base class for this costs half as much again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # There are no other routes than HTTP's.
        scope = cast("HTTPScope", scope)
        if scope["method"] != "OPTIONS":
            opt = scope["route_handler"].opt
            if PUBLIC not in opt:
                scope["user"] = await self._who(scope)
            elif ASKER in opt:
                scope["user"] = await self._who_if_known(scope)
        await self._app(scope, receive, send)

    async def _who_if_known(self, scope: HTTPScope) -> Actor | None:
        try:
            return await self._who(scope)
        except Unauthenticated:
            return None

    async def _who(self, scope: HTTPScope) -> Actor:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, jwt = given.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Unauthenticated("unauthenticated", "Please log in first.")
        container = parts_of(scope).container
        claims = container.jwts.verify(jwt.strip().decode("latin-1"), at=container.clock.now())
        actors = container.memory.actors
        return actors.peek(claims) or await actors.of(claims)
