"""Socket.IO packets (protocol revision 5), as clients send them.

Read here and not by python-socketio: with its packets come its clients and servers, and whatever
those import, which made the service's start a tenth longer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
MAX_ATTACHMENTS: Final = 4
MAX_DIGITS: Final = 100
"""Of a number, an id too."""

_HEAD = re.compile(r"([0-6])(?:([0-9]{1,10})-)?(?:(/[^,]*),?)?([0-9]{1,100})?+(?![0-9])")
"""Type, number of binary parts, namespace, id. JSON is what follows."""


@dataclass(slots=True)
class Packet:
    """One packet, complete when all of its binary parts have come (``add``)."""

    kind: int
    namespace: str
    id: int | None
    data: Any
    parts_to_come: int = 0
    _parts: list[bytes] = field(default_factory=list)

    def add(self, part: bytes) -> None:
        """Raises ``LookupError`` and ``TypeError`` when the last one does not go into ``data``."""
        self._parts.append(part)
        self.parts_to_come -= 1
        if not self.parts_to_come:
            self.data = _put_in_place(self.data, self._parts)


def decode(text: str) -> Packet:
    """Raises ``ValueError`` and ``RecursionError`` for what is none."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("no packet")
    kind, parts, id, body = int(head[1]), int(head[2] or 0), head[4], text[head.end() :]
    is_binary = kind in (BINARY_EVENT, BINARY_ACK)
    if is_binary and not 1 <= parts <= MAX_ATTACHMENTS:
        raise ValueError("no binary parts, or too many")
    return Packet(
        kind,
        namespace=(head[3] or "/").partition("?")[0],
        id=None if id is None else int(id),
        data=json.loads(body, parse_int=_number) if body else None,
        parts_to_come=parts if is_binary else 0,
    )


def _put_in_place(data: Any, parts: list[bytes]) -> Any:
    if isinstance(data, list):
        return [_put_in_place(one, parts) for one in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") and "num" in data:
        return parts[data["num"]]
    return {name: _put_in_place(one, parts) for name, one in data.items()}


def _number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("too long a number")
    return int(digits)
