"""From what went wrong to the answer: one table, one shape."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from qure.domain.errors import (
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    TooManyTries,
    Unauthenticated,
    Unavailable,
)
from qure.entrypoints.http.gateway import request_id
from qure.entrypoints.http.methods import allow
from qure.entrypoints.http.operation import camel_case
from qure.wire import envelope

logger = logging.getLogger(__name__)


class MalformedBody(DomainError):
    """The body cannot even be read."""


class BodyTooLarge(DomainError):
    """The body, or one image in it, is larger than we take."""

    def __init__(self, message: str) -> None:
        super().__init__("body_too_large", message)


class RefusedWithCookie(Exception):
    """A refusal, and the cookie that its answer sets."""

    def __init__(self, refusal: DomainError, cookie: Cookie) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.cookie = cookie


class UnsupportedMediaType(DomainError):
    """The body is of a type that we do not read."""

    def __init__(self, message: str) -> None:
        super().__init__("unsupported_media_type", message)


STATUS: Mapping[type[DomainError], int] = MappingProxyType(
    {
        Invalid: 400,
        MalformedBody: 400,
        Unauthenticated: 401,
        Forbidden: 403,
        NotFound: 404,
        Conflict: 409,
        BodyTooLarge: 413,
        UnsupportedMediaType: 415,
        TooManyTries: 429,
        Unavailable: 503,
    }
)
"""Every kind of refusal, and how HTTP says it."""

_PROTOCOL: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        404: ("not_found", "There is nothing at this address."),
        405: ("method_not_allowed", "This address does not know that method."),
        413: ("body_too_large", "The body is too large."),
    }
)
"""What the framework refuses before any of our code is asked."""


def status_of(error: DomainError) -> int:
    """The HTTP status of a refusal."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer_refusal(_request: Request[Any, Any, Any], error: DomainError) -> Response[bytes]:
    """A rule said no."""
    headers: dict[str, str] = {}
    if isinstance(error, TooManyTries | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="Qure"'
    return _response(envelope.refusal(error), status_of(error), headers)


def answer_with_cookie(
    request: Request[Any, Any, Any], refused: RefusedWithCookie
) -> Response[bytes]:
    """A rule said no, and the client shall keep something else from now on."""
    response = answer_refusal(request, refused.refusal)
    response.set_cookie(refused.cookie)
    return response


def answer_validation(
    _request: Request[Any, Any, Any], error: ValidationException
) -> Response[bytes]:
    """A parameter in the path is not what it must be; bodies and queries are our own to check."""
    fields = [
        FieldError(camel_case(one["key"]), "Must be a UUID.")
        for one in (error.extra if isinstance(error.extra, list) else ())
    ]
    return _response(envelope.refusal(Invalid(fields)), 400, {})


def answer_protocol_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """The framework said no: no such route or method, a request that is none."""
    if error.status_code >= 500:
        return answer_fault(request, error)
    code, message = _PROTOCOL.get(
        error.status_code, ("bad_request", "The request is not well-formed.")
    )
    known = dict(error.headers or {}).get("allow")
    headers = {"Allow": allow(known.split(", "))} if known else {}
    return _response(envelope.failure(code, message), error.status_code, headers)


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Something broke: the log learns what, the client only under which id to ask for it."""
    logger.error(
        "unexpected fault in %s %s (request %s)",
        request.scope["method"],
        request.scope.get("path_template") or "(no route)",
        request_id(),
        exc_info=error,
    )
    body = envelope.failure(
        "internal_error",
        "Something went wrong on our side.",
        meta={"requestId": request_id()},
    )
    return _response(body, 500, {})


def _response(body: bytes, status: int, headers: dict[str, str]) -> Response[bytes]:
    return Response(body, status_code=status, headers=headers, media_type="application/json")


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    DomainError: answer_refusal,
    RefusedWithCookie: answer_with_cookie,
    ValidationException: answer_validation,
    HTTPException: answer_protocol_error,
    Exception: answer_fault,
}
