"""What is sent, encoded once for all who hear it."""

from __future__ import annotations

import json
from functools import cache


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
            self._frame = _frame_of(self.text.encode())
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
            name, body = _quoted(self.name), self.body
            arguments = name if body is None else f"{name},{body.decode()}"
            self._socketio = Encoded(f"42[{arguments}]")
        return self._socketio

    @property
    def websocket(self) -> Encoded:
        """As a frame of the plain WebSocket protocol."""
        if self._websocket is None:
            body = "" if self.body is None else self.body.decode()
            self._websocket = Encoded(f'{{"event":{_quoted(self.name)},"data":[{body}]}}')
        return self._websocket


@cache
def _quoted(name: str) -> str:
    return json.dumps(name)


def _frame_of(payload: bytes) -> bytes:
    """A final text frame that is not masked (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81%c%b" % (length, payload)
    if length < 65_536:
        return b"\x81\x7e%b%b" % (length.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (length.to_bytes(8, "big"), payload)
