"""From which pages sockets may be opened (RFC 6454)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit


class Origins:
    """The server's own pages always, those of ``allowed`` origins too; ``*`` allows all.

    Browsers send their page's origin and let no script change it. What sends none is not a
    page but an app, and is let in: it has no user's cookies to misuse.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)

    def allow(self, origin: str, *, host: str) -> bool:
        """Whether a page of that origin may connect to the server that it reached as ``host``."""
        if not origin or "*" in self._allowed or origin in self._allowed:
            return True
        try:
            return bool(host) and urlsplit(origin).netloc == host
        except ValueError:
            return False
