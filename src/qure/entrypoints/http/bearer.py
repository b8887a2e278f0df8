"""Who is asking: ``Authorization: Bearer`` (RFC 6750), checked before any handler runs."""

from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from qure.container import Container
from qure.domain.actor import Actor
from qure.domain.errors import Unauthenticated

PUBLIC = "public"
"""The mark of a route that anybody may call, in its ``opt``."""

ASKER = "asker"
"""The mark of a public route that wishes to know who asks, if they are somebody."""


class Bearer:
    """Puts the ``Actor`` into ``scope["user"]``, or refuses. Of a public route only where it wishes
    to know, and then nobody is refused: whoever is not known is nobody, None.

    A plain ASGI layer: the framework's own base class for this costs half as much again.
    """

    def __init__(self, app: ASGIApp, *, container: Container) -> None:
        self._app = app
        self._jwts = container.jwts
        self._clock = container.clock
        self._principals = container.memory.actors

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
        claims = self._jwts.verify(jwt.strip().decode("latin-1"), at=self._clock.now())
        return self._principals.peek(claims) or await self._principals.of(claims)
