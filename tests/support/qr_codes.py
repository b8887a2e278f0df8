"""How Qure draws QR codes."""

from __future__ import annotations

import segno


def drawn(text: str) -> str:
    """The QR code of that text, as an SVG in a data URI."""
    return str(segno.make(text, error="m", micro=False).svg_data_uri(scale=4, omitsize=True))
