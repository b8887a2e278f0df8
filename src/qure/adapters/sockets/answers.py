"""What the addresses of sockets answer over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from qure.wire.asgi import Send
from qure.wire.headers import PRIVATE, VARY_BY_ORIGIN, Header, Headers

HEADERS: Final[Headers] = (*PRIVATE, VARY_BY_ORIGIN)
"""On every answer: those of the API, for the same reasons."""

HANGING_UP: Final[Headers] = ((b"connection", b"close"),)
"""The rest of the body is not wanted."""
COMING_BACK: Final[Headers] = ((b"retry-after", b"1"),)


class Refusal(Exception):
    """A request of Engine.IO that is not served: a status, and its own number and words for it."""

    def __init__(self, status: int, message: str, *, code: int, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = json.dumps({"code": code, "message": message}).encode()


async def answer(
    send: Send,
    status: int,
    body: bytes = b"",
    *,
    headers: Iterable[Header] = (),
    content_type: bytes = b"text/plain; charset=UTF-8",
) -> None:
    """A whole answer."""
    length = (b"content-length", str(len(body)).encode())
    everything = [*HEADERS, (b"content-type", content_type), length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": everything})
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, refusal: Refusal, *, headers: Iterable[Header] = ()) -> None:
    """Answer a request with it."""
    await answer(
        send,
        refusal.status,
        refusal.body,
        headers=[*refusal.headers, *headers],
        content_type=b"application/json",
    )


async def reject(send: Send) -> None:
    """Do not accept a WebSocket: servers answer 403.

    ASGI has an extension for other answers, but uvicorn logs an error with each of them.
    """
    await send({"type": "websocket.close"})
