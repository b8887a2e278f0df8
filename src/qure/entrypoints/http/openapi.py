"""The OpenAPI 3.1 document, made of the routes' own descriptions and the bodies' own types."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from qure.entrypoints.http.bodies import SESSION_HEADER
from qure.entrypoints.http.openapi_failures import failure
from qure.entrypoints.http.operation import OPERATION, Operation
from qure.entrypoints.version import VERSION
from qure.wire.envelope import Failure
from qure.wire.move_requests import KeyHeader

_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_JSON = "application/json"

INTRODUCTION = """\
The queue of a clinic: patients take a token on the phone, watch the queue live and are told when
it is their turn; staff call them one by one.

Every answer is JSON in one envelope. `success` says whether it worked; `data` is what was asked
for; of a failure `code` is stable, `message` is for a person, and `errors` names every bad field
at once. Ids are UUIDs, instants are UTC with milliseconds. Changes are also pushed, over
Socket.IO at `/socket.io` and a plain WebSocket at `/ws`.
"""

TAGS = {
    "Accounts": "Accounts, logins and sessions.",
    "Clinics": "Clinics and who works there.",
    "Users": "For admins: finding users, locking them out.",
    "Services": "What patients stand in line for.",
    "Desks": "Where patients go, and who sits there.",
    "Queues": "One queue a service and local day.",
    "Waits": "How long it takes, what if, and how often what was told held.",
    "Tokens": "A patient's place in a queue.",
    "Moves": "What staff and patients do with a token.",
    "Guests": "People without the app: walk-ins, and whoever joins at the door.",
    "Displays": "Devices that look on.",
    "Health": "For load balancers and operators.",
}


def operations(app: Litestar) -> Iterator[tuple[str, str, Operation]]:
    """Every described route: path, method in lower case, description."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            described = handler.opt.get(OPERATION)
            if described is not None:
                yield route.path_format, method.lower(), described


def openapi_document(app: Litestar) -> dict[str, Any]:
    """The whole document, as what JSON is made of."""
    listed = sorted(operations(app), key=lambda one: list(TAGS).index(one[2].tag))
    kinds: list[Any] = [Failure, KeyHeader]
    for _, _, one in listed:
        kinds += [kind for kind in (one.body, one.query, one.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_kind = dict(zip(map(repr, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, method, one in listed:
        paths.setdefault(path, {})[method] = _operation(path, one, by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Qure",
            "version": VERSION,
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `accessToken` of the login.",
                }
            },
        },
        "security": [{"accessToken": []}],
    }


def _operation(
    path: str, one: Operation, schemas: Mapping[str, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "description": one.description,
        "tags": [one.tag],
        "responses": {str(one.status): _success(one, schemas), **_failures(path, one, schemas)},
    }
    parameters = [_path_parameter(name) for name in _PARAMETER.findall(path)]
    if one.query is not None:
        parameters += _parameters("query", components[one.query.__name__])
    if one.takes_key:
        parameters += _parameters("header", components[KeyHeader.__name__])
    if one.sessions:
        parameters.append(_session_parameter(one.sessions))
    if parameters:
        described["parameters"] = parameters
    if one.body is not None:
        described["requestBody"] = _request_body(one, schemas[repr(one.body)], components)
    if one.public:
        described["security"] = [{}, {"accessToken": []}] if one.takes_asker else []
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    shape = {"format": "uuid"} if _is_id(name) else {"pattern": "^[A-Za-z0-9_-]{1,64}$"}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", **shape},
    }


def _is_id(name: str) -> bool:
    return name.endswith("Id")


def _parameters(where: str, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": where, "required": False, "schema": _without_null(shape)}
        for name, shape in schema["properties"].items()
    ]


def _session_parameter(sessions: Sequence[str]) -> dict[str, Any]:
    return {
        "name": SESSION_HEADER,
        "in": "header",
        "required": False,
        "description": "For pages: the refresh token is in a cookie, not in the body.",
        "schema": {"type": "string", "enum": [*sessions]},
    }


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """Neither queries nor headers have a null: a parameter is there or it is not."""
    rest = {key: value for key, value in shape.items() if key not in ("anyOf", "default")}
    kept = [one for one in shape.get("anyOf", []) if one != {"type": "null"}]
    if len(kept) == 1:
        return {**kept[0], **rest}
    if shape.get("default") is not None:
        rest["default"] = shape["default"]
    return rest


def _request_body(
    one: Operation, schema: Mapping[str, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    assert one.body is not None
    example = _sample_of(one.body)
    content: dict[str, Any] = {}
    if one.body.IMAGES:
        files = {
            name: _file() if most == 1 else {"type": "array", "maxItems": most, "items": _file()}
            for name, most in one.body.IMAGES.items()
        }
        # Written out, not composed: a page makes form fields of properties only.
        texts = components[one.body.__name__]
        form = {**texts, "properties": {**texts["properties"], **files}}
        content["multipart/form-data"] = {"schema": form}
    content[_JSON] = {"schema": schema, "example": example}
    required = not (one.body_optional or one.spares_body)
    return {"required": required, "content": content}


def _file() -> dict[str, Any]:
    return {"type": "string", "contentMediaType": "application/octet-stream"}


def _sample_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields that a request must have, with their first examples; without any, all."""
    fields = msgspec.structs.fields(kind)
    chosen = [field for field in fields if field.required] or list(fields[:1])
    _, parts = msgspec.json.schema_components([kind], ref_template=_REF)
    properties = parts[kind.__name__]["properties"]
    return {field.encode_name: _first_example(properties[field.encode_name]) for field in chosen}


def _first_example(shape: Mapping[str, Any]) -> Any:
    for one in (shape, *shape.get("anyOf", ())):
        if "examples" in one:
            return one["examples"][0]
    return True


def _success(one: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    data = {"type": "null"} if one.answer is None else schemas[repr(one.answer)]
    example = msgspec.json.decode(msgspec.json.encode(one.example))
    envelope = {"success": True, "data": example, "message": one.message, "meta": None}
    return {
        "description": one.message,
        "headers": {"X-Request-ID": _text_header("The id of this request in our logs.")},
        "content": {
            _JSON: {
                "schema": _envelope(data) if one.enveloped else data,
                "example": envelope if one.enveloped else example,
            }
        },
    }


def _envelope(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["success", "data", "message", "meta"],
        "properties": {
            "success": {"const": True},
            "data": data,
            "message": {"type": "string"},
            "meta": {"type": ["object", "null"]},
        },
    }


def _failures(path: str, one: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    codes: dict[int, tuple[str, ...]] = {}
    if one.body is not None:
        codes[400] = ("validation_failed", "malformed_json")
        codes[413], codes[415] = ("body_too_large",), ("unsupported_media_type",)
        if one.body.IMAGES:
            codes[400] += ("malformed_form",)
    elif one.query or one.takes_key or any(map(_is_id, _PARAMETER.findall(path))):
        codes[400] = ("validation_failed",)
    if not one.public:
        codes[401] = (
            "unauthenticated",
            "invalid_token",
            "token_expired",
            "session_ended",
            "account_disabled",
        )
    for status, own in one.refusals.items():
        codes[status] = (*codes.get(status, ()), *own)
    codes[500] = ("internal_error",)
    if one.enveloped:
        codes[503] = ("service_unavailable", "busy")
    failures = {
        str(status): failure(status, codes[status], schemas[repr(Failure)])
        for status in sorted(codes)
    }
    if one.other_status is not None:
        failures[str(one.other_status)] = {
            **_success(one, schemas),
            "description": "A backend is away.",
        }
    return failures


def _text_header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
