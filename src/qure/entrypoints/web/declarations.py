"""TypeScript declarations of all that clients send, get and hear, made of the bodies' own types.

For the modules of the pages, which are checked against them, and for whoever else writes in a typed
language: the same schemas as those of the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from qure.wire.queues import BoardBody, BoardUpdateBody, StatusBody
from qure.wire.tokens import PlaceBody, TokenBody
from qure.wire.waits import BoardWaitsBody

HEARD: tuple[Any, ...] = (
    BoardBody,
    BoardUpdateBody,
    BoardWaitsBody,
    PlaceBody,
    StatusBody,
    TokenBody,
)
"""What sockets send that no route of the HTTP API answers with."""

_HEAD = "// Made by `qure openapi --types`; a test holds it against the program.\n"
_WORDS = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def declarations(schemas: Mapping[str, Any]) -> str:
    """Of these schemas (those of an OpenAPI document) and of what sockets send."""
    _, heard = msgspec.json.schema_components(HEARD, ref_template="#/components/schemas/{name}")
    everything = {**schemas, **heard}
    return _HEAD + "".join(_interface(name, everything[name]) for name in sorted(everything))


def _interface(name: str, schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"\nexport type {name} = {_type(schema)};\n"
    required = schema.get("required", ())
    lines = [
        f"  {_key(key)}{'' if key in required else '?'}: {_type(value)};\n"
        for key, value in schema["properties"].items()
    ]
    text = " ".join(schema.get("description", "").split())
    comment = f"/** {text} */\n" if text else ""
    return f"\n{comment}export interface {name} {{\n{''.join(lines)}}}\n"


def _type(schema: Mapping[str, Any]) -> str:
    """Raises ``KeyError`` for a shape that no body has yet."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if values is not None:
        return " | ".join(map(_literal, values))
    return _named(schema.get("type"), schema)


def _named(kind: str | list[str] | None, schema: Mapping[str, Any]) -> str:
    if isinstance(kind, list):
        return " | ".join(_named(one, schema) for one in kind)
    if kind == "array":
        return f"({_type(schema.get('items') or {})})[]"
    if kind == "object":
        members = _members(schema)
        return f"{{ {' '.join(members)} }}" if members else "Record<string, unknown>"
    return _WORDS[kind] if kind else "unknown"


def _members(schema: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)}: {_type(value)};" for key, value in schema.get("properties", {}).items()]


def _key(name: str) -> str:
    return name if name.isidentifier() else _literal(name)


def _literal(value: object) -> str:
    return msgspec.json.encode(value).decode()
