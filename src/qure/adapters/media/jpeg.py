"""How a JPEG is laid out (ITU-T T.81, annex B), read without unpacking it."""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd9-\xfe])")
"""A marker, where the packed pixels end. Inside of them FF is followed by 00, or begins one of the
restart markers D0 to D7; bytes that belong to nothing are passed over by decoders too."""

_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA


def number_of_scans(content: bytes) -> int:
    """How often the pixels are gone over by who decodes the first image in ``content``."""
    scans, place = 0, 2  # behind the marker that begins the image
    while (marker := _MARKER.search(content, place)) is not None:
        kind = marker[1][0]
        if kind == _END_OF_IMAGE:
            break
        scans += kind == _START_OF_SCAN
        length = int.from_bytes(content[marker.end() : marker.end() + 2])
        place = marker.end() + max(2, length)
    return scans
