"""From a plain function to a route: what it takes and what it returns say all that is needed.

A handler is a coroutine function with a docstring (summary; description) that returns a body. Its
name is the operation's id. Of its parameters

- ``given`` is the request's body, or in a GET its query: its type says what is read and checked;
- ``files`` are those of a multipart body, as ``given``'s type knows them;
- ``key`` is its idempotency key, if it has one;
- ``session`` is what its header ``Qure-Session`` says, of the words of that type; with the header
  a ``given`` that may be None is None, and no body is read;
- ``request`` is the request;
- ``asker`` is who asks, of a public route, if they are somebody;
- a parameter of the path is the id of that name, or where it is a ``str`` that text;
- every other is one of the service's parts (``calls.PARTS``).

What it returns is put into the envelope and is the answer's type in the documentation:
``Annotated[bytes, Body]`` is a ``Body`` that was encoded before, ``WithCookies[Body]`` brings
cookies along, ``Annotated[ASGIResponse, Body]`` is sent as it is, without an envelope.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import partial, wraps
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from litestar import Router
from litestar.handlers import HTTPRouteHandler, route
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse
from litestar.types import HTTPScope

from qure.domain.actor import Actor
from qure.domain.errors import FieldError, Invalid
from qure.entrypoints.http.answers import JsonAnswer, WithCookies
from qure.entrypoints.http.bearer import ASKER, PUBLIC
from qure.entrypoints.http.bodies import read_form, read_json, read_key, read_query, read_session
from qure.entrypoints.http.calls import PARTS, PublicCall, parts_of
from qure.entrypoints.http.operation import OPERATION, Operation, camel_case, refusals, texts_of
from qure.entrypoints.http.samples import sample_of
from qure.wire import envelope
from qure.wire.parsing import Fields

Handler = Callable[..., Awaitable[object]]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_OWN = frozenset({"given", "files", "key", "session", "request", "asker"})


class Api(Router):
    """The calls under one address that share a tag."""

    def __init__(self, path: str, *, tag: str) -> None:
        super().__init__(path, route_handlers=[])
        self._tag = tag

    def call(
        self,
        method: Method,
        path: str,
        message: str,
        *,
        status: int = 200,
        refuses: tuple[str, ...] = (),
        only: Callable[[Actor], None] | None = None,
        example: Any = None,
        body_optional: bool = False,
        public: bool = False,
        other_status: int | None = None,
    ) -> Callable[[Handler], HTTPRouteHandler]:
        """Serves the decorated handler; ``message`` is that of its success.

        ``only`` is asked before a body is read. That a thing in the path is not there need not
        be among ``refuses``. Without ``example`` the sample of the answer's type is shown.
        """

        def serve(handler: Handler) -> HTTPRouteHandler:
            takes = get_type_hints(handler, include_extras=True)
            returns = takes.pop("return")
            answer = _answer_type(returns)
            reads = _without_none(takes.get("given"))
            summary, description = texts_of(handler)
            operation = Operation(
                id=camel_case(handler.__name__),
                summary=summary,
                description=description,
                tag=self._tag,
                message=message,
                answer=answer,
                example=sample_of(answer) if example is None else example,
                status=status,
                body=None if method == "GET" else reads,
                body_optional=body_optional,
                query=reads if method == "GET" else None,
                takes_key="key" in takes,
                sessions=get_args(_without_none(takes.get("session"))),
                spares_body=reads is not takes.get("given"),
                takes_asker="asker" in takes,
                refusals=refusals(path, refuses),
                public=public,
                enveloped=not _is_response(returns),
                other_status=other_status,
            )
            opt: dict[str, Any] = {OPERATION: operation}
            opt |= {PUBLIC: True} if public else {}
            opt |= {ASKER: True} if operation.takes_asker else {}
            served = route(
                path.replace("}", ":str}"),
                http_method=method,
                name=operation.id,
                status_code=status,
                opt=opt,
            )(_answering(handler, takes, operation, path, only))
            self.register(served)
            return served

        return serve


def _answering(
    handler: Handler,
    takes: Mapping[str, Any],
    operation: Operation,
    path: str,
    only: Callable[[Actor], None] | None,
) -> Callable[..., Awaitable[ASGIResponse]]:
    """What the framework calls. Its dependency injection is not used: it costs each call time, and
    each part of each route a model of its own.
    """
    ids = {name: camel_case(name) for name in takes if f"{{{camel_case(name)}}}" in path}
    names = _parts_among(takes, ids, operation, path)
    takes_request, takes_asker = "request" in takes, operation.takes_asker
    reads = any(_headers_of(operation)) or operation.body is not None or operation.query is not None
    status, message = operation.status, operation.message

    @wraps(handler)
    async def answering(request: PublicCall, **arguments: Any) -> ASGIResponse:
        parts = parts_of(request.scope).by_name
        for name in names:
            arguments[name] = parts[name]
        if takes_request:
            arguments["request"] = request
        if only is not None:
            only(request.user)
        if takes_asker:
            arguments["asker"] = request.scope["user"]
        if reads:
            arguments |= await _read(request, operation, parts)
        data = await handler(**arguments)
        if isinstance(data, ASGIResponse):
            return data
        if isinstance(data, WithCookies):
            return JsonAnswer(envelope.success(data.body, message), status, data.cookies)
        return JsonAnswer(envelope.success(data, message), status)

    _show(
        answering,
        request=PublicCall,
        **{
            name: Annotated[str if takes[name] is str else UUID, PathParameter(name=known)]
            for name, known in ids.items()
        },
    )
    return answering


async def _read(
    request: PublicCall, operation: Operation, parts: Mapping[str, Any]
) -> dict[str, object]:
    """What the handler takes of the request. ``Invalid`` names what is wrong anywhere in it."""
    read: dict[str, object] = {}
    wrong: list[FieldError] = []
    for name, read_header in _headers_of(operation):
        try:
            read[name] = read_header(request.scope)
        except Invalid as error:
            wrong += error.errors
    try:
        if operation.query is not None:
            read["given"] = read_query(request.scope, operation.query)
        elif operation.spares_body and (wrong or read["session"] is not None):
            read["given"] = None
        elif operation.body is not None:
            read |= await _read_body(request, operation.body, parts)
    except Invalid as error:
        wrong += error.errors
    if wrong:
        raise Invalid(wrong)
    return read


def _headers_of(operation: Operation) -> Iterator[tuple[str, Callable[[HTTPScope], object]]]:
    if operation.takes_key:
        yield "key", read_key
    if operation.sessions:
        yield "session", partial(read_session, known=operation.sessions)


async def _read_body(
    request: PublicCall, body: type[Fields], parts: Mapping[str, Any]
) -> dict[str, object]:
    if not body.IMAGES:
        return {"given": await read_json(request, body)}
    limit = parts["settings"].max_image_bytes
    given, files = await read_form(request, body, max_image_bytes=limit)
    return {"given": given, "files": files}


def _parts_among(
    takes: Mapping[str, Any], ids: Collection[str], operation: Operation, path: str
) -> tuple[str, ...]:
    """The names of the parts. Raises ``TypeError`` if the handler cannot be served."""
    if len(ids) != path.count("{"):
        raise TypeError(f"{operation.id} does not take every id in {path}")
    if bool(operation.body and operation.body.IMAGES) != ("files" in takes):
        raise TypeError(f"{operation.id}: files and the body that has them go together")
    if operation.takes_asker and not operation.public:
        raise TypeError(f"{operation.id}: of a route that is not public the request says who asks")
    names = tuple(name for name in takes if name not in _OWN and name not in ids)
    for name in names:
        if takes[name] is not PARTS.get(name):
            raise TypeError(f"{operation.id}: there is no part {name!r} of type {takes[name]}")
    return names


def _show(answering: Callable[..., Awaitable[ASGIResponse]], **takes: Any) -> None:
    """Makes the parameters known to the framework, which looks at names and types."""
    answering.__annotations__ = {**takes, "return": ASGIResponse}
    answering.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
            for name, annotation in takes.items()
        ],
        return_annotation=ASGIResponse,
    )


def _answer_type(returns: Any) -> Any:
    if returns is type(None):
        return None
    if get_origin(returns) is Annotated:
        return get_args(returns)[1]
    if get_origin(returns) is WithCookies:
        return _answer_type(get_args(returns)[0])
    return returns


def _without_none(shape: Any) -> Any:
    """``X`` of ``X | None``; anything else as it is."""
    if get_origin(shape) not in (Union, UnionType) or NoneType not in get_args(shape):
        return shape
    return next(one for one in get_args(shape) if one is not NoneType)


def _is_response(returns: Any) -> bool:
    return get_origin(returns) is Annotated and get_args(returns)[0] is ASGIResponse
