"""The OpenAPI 3.1 document, made of the routes' own descriptions and the bodies' own types."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from qure.entrypoints.http.operation import OPERATION, Operation
from qure.entrypoints.version import VERSION
from qure.wire.envelope import Failure

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
    "Queues": "One queue a clinic and local day.",
    "Tokens": "A patient's place in a queue.",
    "Health": "For load balancers and operators.",
}

_USUAL = {
    "validation_failed": "Some fields are not valid.",
    "malformed_json": "The body is not valid JSON.",
    "malformed_form": "The form cannot be read.",
    "unauthenticated": "Please log in first.",
    "invalid_token": "Your access token is not valid.",
    "token_expired": "Your access token has expired.",
    "session_ended": "This login has ended. Please log in again.",
    "account_disabled": "This account is disabled.",
    "body_too_large": "The body must not be larger than 65536 bytes.",
    "unsupported_media_type": "Send JSON, as application/json.",
    "internal_error": "Something went wrong on our side.",
    "service_unavailable": "Something we need is away for the moment.",
    "busy": "There is too much to do at the moment.",
    "invalid_credentials": "The e-mail address or password is wrong.",
    "email_taken": "This e-mail address is taken.",
    "wrong_password": "The old password is wrong.",
    "too_many_tries": "Too many failed tries. Please wait a while.",
    "active_token_exists": "You already have an active token in this queue.",
    "queue_full": "This queue is full for today.",
}
_AT_FIELD = {
    "validation_failed": ("email", "Must be a valid e-mail address."),
    "wrong_password": ("oldPassword", "The old password is wrong."),
}
_WAITING = {429, 503}


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
    kinds: list[Any] = [Failure]
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
        parameters += _query_parameters(components[one.query.__name__])
    if parameters:
        described["parameters"] = parameters
    if one.body is not None:
        described["requestBody"] = _request_body(one, schemas[repr(one.body)], components)
    if one.public:
        described["security"] = []
    return described


def _path_parameter(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }


def _query_parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(shape)}
        for name, shape in schema["properties"].items()
    ]


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: a parameter is there or it is not."""
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
    return {"required": not one.body_optional, "content": content}


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
    elif one.query is not None or _PARAMETER.search(path):
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
        str(status): _failure(status, codes[status], schemas[repr(Failure)])
        for status in sorted(codes)
    }
    if one.other_status is not None:
        failures[str(one.other_status)] = {
            **_success(one, schemas),
            "description": "A backend is away.",
        }
    return failures


def _failure(status: int, codes: tuple[str, ...], schema: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {
            _JSON: {
                "schema": schema,
                "examples": {code: {"value": _sample_failure(code)} for code in codes},
            }
        },
    }
    if status in _WAITING:
        described["headers"] = {
            "Retry-After": {
                "description": "In how many seconds to try again.",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return described


def _sample_failure(code: str) -> dict[str, Any]:
    at = _AT_FIELD.get(code)
    meta = {"requestId": "0193f3d0000070008000000000000007"} if code == "internal_error" else None
    return {
        "success": False,
        "message": _USUAL.get(code, code.replace("_", " ").capitalize() + "."),
        "code": code,
        "errors": [{"path": at[0], "message": at[1]}] if at else None,
        "meta": meta,
    }


def _text_header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}
