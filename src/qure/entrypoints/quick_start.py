"""Loading a server without what its libraries load for uses that are not ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLIENT_LIBRARIES = ("aiohttp", "requests", "redis", "rich")
"""python-socketio imports the first three for its clients and its own Redis manager, structlog the
last for tracebacks in colour. All do without what is not installed; a fifth of the start is saved.
"""


@contextmanager
def without_client_libraries() -> Iterator[None]:
    """In the block they seem not to be installed; whoever needs one later can import it."""
    hidden = [name for name in CLIENT_LIBRARIES if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # as the import system has it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
