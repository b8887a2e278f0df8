"""Reading a request's body: bounded while it streams, whatever its headers say."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.types import HTTPScope
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from qure.domain.errors import FieldError, Invalid
from qure.entrypoints.http.errors import BodyTooLarge, MalformedBody, UnsupportedMediaType
from qure.wire.move_requests import KeyHeader
from qure.wire.parsing import Fields, parse

SESSION_HEADER = "Qure-Session"
MAX_JSON_BYTES = 64 * 1024
MAX_FORM_TEXT_BYTES = 64 * 1024
MAX_FORM_PARTS = 100
MAX_FORM_OVERHEAD_BYTES = 256 * 1024

RequestT = TypeVar("RequestT", bound=Fields)
AnyRequest = Request[Any, Any, Any]
ImageFiles = Mapping[str, Sequence[bytes]]
"""The files of a form, by field."""


@dataclass(slots=True)
class _Form:
    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[bytes]] = field(default_factory=dict)


async def read_json(request: AnyRequest, kind: type[RequestT]) -> RequestT:
    """The JSON body as a ``kind``. No body at all is an empty object.

    Raises ``Invalid``, ``MalformedBody``, ``BodyTooLarge``, ``UnsupportedMediaType``.
    """
    body = await _read(request, MAX_JSON_BYTES)
    if not body:
        return parse(kind, {})
    media_type, _ = _media_type(request)
    if not _is_json(media_type):
        raise UnsupportedMediaType("Send JSON, as application/json.")
    return parse(kind, _decode(body))


async def read_form(
    request: AnyRequest, kind: type[RequestT], *, max_image_bytes: int
) -> tuple[RequestT, ImageFiles]:
    """The multipart body as a ``kind`` and the images in it; JSON is read too.

    A file field (``kind.PICTURES``) that was not sent is not in the result. Raises what
    ``read_json`` raises.
    """
    media_type, options = _media_type(request)
    if media_type != "multipart/form-data":
        if media_type and not _is_json(media_type):
            raise UnsupportedMediaType("Send multipart/form-data or application/json.")
        return await read_json(request, kind), {}
    images = kind.IMAGES
    form = await _read_form(request, options.get("boundary", ""), images, max_image_bytes)
    surplus = [
        FieldError(name, f"Give at most {images[name]}.")
        for name, files in form.files.items()
        if len(files) > images[name]
    ]
    try:
        fields = parse(kind, form.texts, text=True)
    except Invalid as error:
        raise Invalid([*error.errors, *surplus]) from None
    if surplus:
        raise Invalid(surplus)
    return fields, form.files


def read_query(scope: HTTPScope, kind: type[RequestT]) -> RequestT:
    """The query string as a ``kind``; of a repeated parameter the last counts."""
    query = scope["query_string"].decode("latin-1")
    return parse(kind, dict(parse_qsl(query, keep_blank_values=True)), text=True)


def read_key(scope: HTTPScope) -> str | None:
    """The request's idempotency key, if it has one. Raises ``Invalid``."""
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return parse(KeyHeader, {"Idempotency-Key": value.decode("latin-1")}).key
    return None


def read_session(scope: HTTPScope, known: Collection[str]) -> str | None:
    """Which session's cookie the request means, if it says so. Raises ``Invalid``."""
    for name, value in scope["headers"]:
        if name == b"qure-session":
            word = value.decode("latin-1")
            if word not in known:
                raise Invalid.field(SESSION_HEADER, f"Must be {' or '.join(known)}.")
            return word
    return None


async def _read_form(
    request: AnyRequest, boundary: str, images: Mapping[str, int], max_image_bytes: int
) -> _Form:
    limit = sum(images.values()) * max_image_bytes + MAX_FORM_OVERHEAD_BYTES
    form, segment, chunks = _Form(), None, list[bytes]()
    try:
        with PushMultipartParser(
            boundary,
            max_segment_size=max_image_bytes,
            max_segment_count=MAX_FORM_PARTS,
        ) as parser:
            async for chunk in _stream(request, limit):
                # What follows the closing boundary has no meaning (RFC 2046 §5.1.1).
                for event in () if parser.closed else parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        segment, chunks = event, []
                    elif event:
                        chunks.append(bytes(event))
                        _check_size(segment)
                    elif segment is not None:
                        _keep(form, segment, b"".join(chunks), images)
    except ParserLimitReached:
        raise BodyTooLarge("The form, or a file in it, is too large.") from None
    except (MultipartError, UnicodeError):
        raise MalformedBody("malformed_form", "The form cannot be read.") from None
    return form


def _check_size(segment: MultipartSegment | None) -> None:
    if segment is None or segment.filename is not None:
        return
    if segment.bytes_received > MAX_FORM_TEXT_BYTES:
        raise BodyTooLarge("A text field of the form is too large.")


def _keep(
    form: _Form, segment: MultipartSegment, content: bytes, images: Mapping[str, int]
) -> None:
    name = segment.name
    if name in images:
        # A file input that was left empty still sends a part, without a name or a byte; an
        # empty text, though, is what a null is in JSON. Other text is a URL as it was read.
        if segment.filename is None and not content:
            form.texts[name] = ""
        elif segment.filename or (segment.filename is not None and content):
            form.files.setdefault(name, []).append(content)
    elif segment.filename is None:
        try:
            form.texts[name] = content.decode()
        except UnicodeDecodeError:
            raise MalformedBody("malformed_form", "Send the text of a form as UTF-8.") from None


async def _read(request: AnyRequest, limit: int) -> bytes:
    return b"".join([chunk async for chunk in _stream(request, limit)])


async def _stream(request: AnyRequest, limit: int) -> AsyncIterator[bytes]:
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise BodyTooLarge(f"The body must not be larger than {limit} bytes.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body without a content encoding.")
    received, more = 0, True
    while more:
        message = cast("Mapping[str, Any]", await request.receive())
        if message["type"] == "http.disconnect":
            raise MalformedBody("body_incomplete", "The body ended too early.")
        chunk: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(chunk)
        if received > limit:
            raise BodyTooLarge(f"The body must not be larger than {limit} bytes.")
        if chunk:
            yield chunk


def _decode(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise MalformedBody("malformed_json", "The body is not valid JSON.") from None


def _media_type(request: AnyRequest) -> tuple[str, Mapping[str, str]]:
    media_type, options = parse_options_header(request.headers.get("content-type", ""))
    return media_type.lower(), options


def _is_json(media_type: str) -> bool:
    # A body that is said to be nothing is taken for what nearly every body here is.
    return media_type in ("", "application/json") or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
