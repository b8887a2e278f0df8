"""What an image may be kept under, in every media store."""

from __future__ import annotations

import re

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

_SEGMENT = "[a-z0-9][a-z0-9_-]{0,99}"
KEY_PATTERN = f"{_SEGMENT}(?:/{_SEGMENT}){{0,4}}"
"""One to five segments of lower-case letters, digits, ``-`` and ``_``, separated by ``/``."""

NAME_PATTERN = rf"{KEY_PATTERN}\.(?:{'|'.join(EXTENSIONS.values())})"
"""A key with the extension of its content type: nothing that a path could be bent with."""

_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Whether a store could have made that name."""
    return _NAME.fullmatch(text) is not None


def name_for(key: str, content_type: str) -> str:
    """The name of an image. Raises ``ValueError`` for a key or content type that none may have."""
    name = f"{key}.{EXTENSIONS.get(content_type, '')}"
    if not is_name(name):
        raise ValueError(f"cannot keep {content_type!r} under the key {key!r}")
    return name
