"""What is sent, encoded once for all who hear it."""

from __future__ import annotations

import json

from websockets.frames import Frame, Opcode


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
            self._frame = Frame(Opcode.TEXT, self.text.encode()).serialize(mask=False)
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
