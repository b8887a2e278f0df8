"""Successful answers, encoded once."""

from typing import Any

from litestar import Request
from litestar.response.base import ASGIResponse

from qure.entrypoints.http.operation import OPERATION, Operation
from qure.wire import envelope


def answer(request: Request[Any, Any, Any], data: object) -> ASGIResponse:
    """``data`` in the envelope, with the message and the status of the operation.

    Bytes are taken for JSON that was encoded before. The finished ASGI response, so that the
    framework encodes nothing and copies nothing.
    """
    done: Operation = request.route_handler.opt[OPERATION]
    return ASGIResponse(
        body=envelope.success(data, done.message),
        status_code=done.status,
        media_type="application/json",
    )
