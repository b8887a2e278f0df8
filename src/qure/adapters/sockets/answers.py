"""What the addresses of sockets answer over HTTP, refused WebSockets included."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from qure.adapters.sockets.door import Scope, Send

Header = tuple[bytes, bytes]

HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Origin"),
)
"""On every answer: those of the API, for the same reasons."""

COMING_BACK: Final[tuple[Header, ...]] = ((b"retry-after", b"1"),)


class Refusal(Exception):
    """A request that is not served: a status and words, and Engine.IO's own number if it is its."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        number = {} if code is None else {"code": code}
        self.body = json.dumps(number | {"message": message}).encode()


async def answer(
    send: Send,
    status: int,
    body: bytes = b"",
    *,
    headers: Iterable[Header] = (),
    content_type: bytes = b"text/plain; charset=UTF-8",
    prefix: str = "",
) -> None:
    """A whole answer. ``prefix`` is ``websocket.`` for a WebSocket that is not accepted."""
    length = (b"content-length", str(len(body)).encode())
    everything = [*HEADERS, (b"content-type", content_type), length, *headers]
    start = {"type": f"{prefix}http.response.start", "status": status, "headers": everything}
    await send(start)
    await send({"type": f"{prefix}http.response.body", "body": body})


async def refuse(
    scope: Scope, send: Send, refusal: Refusal, *, headers: Iterable[Header] = ()
) -> None:
    """Answer the refusal, to a request or to a WebSocket that has not been accepted."""
    is_websocket = scope["type"] == "websocket"
    if is_websocket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})  # The server makes 403 of it.
        return
    await answer(
        send,
        refusal.status,
        refusal.body,
        headers=[*refusal.headers, *headers],
        content_type=b"application/json",
        prefix="websocket." if is_websocket else "",
    )
