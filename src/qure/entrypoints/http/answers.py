"""Successful answers, encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

Body = TypeVar("Body")


class JsonAnswer(ASGIResponse):
    """Finished JSON.

    Goes round the parent's own headers, cookies and background tasks: together they cost as much
    as the rest of a quick handler. ``cookies`` are all that an answer may add.
    """

    __slots__ = ("_cookies",)

    def __init__(self, body: bytes, status: int, cookies: Sequence[Cookie] = ()) -> None:
        self.body = body
        self.status_code = status
        self._cookies = cookies

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self.body)),
            *(cookie.to_encoded_header() for cookie in self._cookies),
        ]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(frozen=True, slots=True)
class WithCookies(Generic[Body]):
    """A body, and the cookies that go with it."""

    body: Body
    cookies: Sequence[Cookie]
