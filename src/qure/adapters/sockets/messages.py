"""What is sent, encoded once for all who hear it."""

from __future__ import annotations

import json
from typing import Final

_TEXT_FIN: Final = 0x81
_CLOSE_FIN: Final = 0x88
"""FIN and the opcode (RFC 6455 §5.2)."""


def text_frame(payload: bytes) -> bytes:
    """A whole, unmasked, uncompressed WebSocket text frame around UTF-8 bytes."""
    size = len(payload)
    if size < 126:
        head = bytes((_TEXT_FIN, size))
    elif size < 1 << 16:
        head = bytes((_TEXT_FIN, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_TEXT_FIN, 127)) + size.to_bytes(8, "big")
    return head + payload


def close_frame(code: int) -> bytes:
    """A whole WebSocket close frame (RFC 6455 §5.5.1)."""
    return bytes((_CLOSE_FIN, 2)) + code.to_bytes(2, "big")


class Encoded:
    """A text as it goes over the wire, and the WebSocket frame around it."""

    __slots__ = ("_frame", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """Made once, on first use."""
        if self._frame is None:
            self._frame = text_frame(self.text.encode())
        return self._frame


class Message:
    """An event for clients; ``body`` is its one argument as JSON, None for no argument."""

    __slots__ = ("_socketio", "_websocket", "body", "name")

    def __init__(self, name: str, body: bytes | None = None) -> None:
        self.name = name
        self.body = body
        self._socketio: Encoded | None = None
        self._websocket: Encoded | None = None

    @property
    def socketio(self) -> Encoded:
        """As Engine.IO MESSAGE with a Socket.IO EVENT in the main namespace."""
        if self._socketio is None:
            name, body = json.dumps(self.name), self.body
            arguments = name if body is None else f"{name},{body.decode()}"
            self._socketio = Encoded(f"42[{arguments}]")
        return self._socketio

    @property
    def websocket(self) -> Encoded:
        """As a frame of the plain WebSocket protocol."""
        if self._websocket is None:
            body = "" if self.body is None else self.body.decode()
            self._websocket = Encoded(f'{{"event":{json.dumps(self.name)},"data":[{body}]}}')
        return self._websocket
