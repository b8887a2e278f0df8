"""Pictures for tests."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def jpeg(width: int = 40, height: int = 30, colour: str = "teal") -> bytes:
    """A small picture."""
    stream = BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "JPEG")
    return stream.getvalue()
