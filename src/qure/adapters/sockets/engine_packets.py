"""Engine.IO 4 packets, as far as Qure has them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from qure.adapters.sockets.messages import Encoded

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = range(7)
SEPARATOR: Final = "\x1e"


class BadPacketError(Exception):
    """What came is not Engine.IO 4, or nothing that a client may send now."""


def decode(frame: str | bytes) -> tuple[int, str | bytes]:
    """Packet type and data of one packet. Raises ``BadPacketError``."""
    if isinstance(frame, bytes):
        return MESSAGE, frame
    if frame.startswith("b"):
        return MESSAGE, _from_base64(frame[1:])
    if not frame or frame[0] not in "0123456":
        raise BadPacketError("unknown packet type")
    return int(frame[0]), frame[1:]


def split(payload: bytes) -> list[str]:
    """The packets of a POST's body. Raises ``BadPacketError``."""
    try:
        return payload.decode().split(SEPARATOR)
    except UnicodeDecodeError as error:
        raise BadPacketError("not UTF-8") from error


def join(packets: Iterable[Encoded]) -> bytes:
    """The body of a GET's answer."""
    return SEPARATOR.join(packet.text for packet in packets).encode()


def _from_base64(text: str) -> bytes:
    # Java's client breaks it into lines, others leave the padding out.
    text = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPacketError("bad base64") from error
