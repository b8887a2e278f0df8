"""The envelope around every answer.

The outside is built from bytes around bytes, so that an answer which was encoded once (a cached
one, say) is never taken apart again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from qure.domain.errors import DomainError, FieldError, Invalid
from qure.domain.token import ActiveTokenExists
from qure.wire.tokens import TokenBody


class BadField(msgspec.Struct, rename="camel"):
    """One bad field, by the name the client gave it."""

    path: str
    message: str


class Failure(msgspec.Struct, rename="camel"):
    """What a client gets when it did not work. ``code`` is stable, ``message`` for a person."""

    success: bool
    message: str
    code: str
    errors: Sequence[BadField] | None
    meta: dict[str, Any] | None


_encoder = msgspec.json.Encoder()


def success(data: object, message: str, meta: dict[str, Any] | None = None) -> bytes:
    """The envelope of an answer; ``data`` that is bytes is JSON already."""
    encoded = data if isinstance(data, bytes) else _encoder.encode(data)
    return b'{"success":true,"data":%b,"message":%b,"meta":%b}' % (
        encoded,
        _encoder.encode(message),
        b"null" if meta is None else _encoder.encode(meta),
    )


def failure(
    code: str,
    message: str,
    *,
    errors: Sequence[FieldError] | None = None,
    meta: dict[str, Any] | None = None,
) -> bytes:
    """The envelope of a refusal or a fault."""
    listed = None if errors is None else [BadField(one.path, one.message) for one in errors]
    return _encoder.encode(Failure(False, message, code, listed, meta))


def refusal(error: DomainError) -> bytes:
    """The envelope of a domain error, with all it can tell."""
    meta = {"token": TokenBody.of(error.token)} if isinstance(error, ActiveTokenExists) else None
    errors = error.errors or None if isinstance(error, Invalid) else None
    return failure(error.code, error.message, errors=errors, meta=meta)
