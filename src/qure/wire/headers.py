"""Headers of answers, whoever gives them: the API, the sockets' addresses, the server itself."""

from __future__ import annotations

from typing import Final

Header = tuple[bytes, bytes]
Headers = tuple[Header, ...]

NO_SNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
NO_STORE: Final[Header] = (b"cache-control", b"no-store")

ALWAYS: Final[Headers] = (
    NO_SNIFF,
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
DATA: Final[Headers] = (
    *ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
)
"""Of what is no page."""
PRIVATE: Final[Headers] = (*DATA, NO_STORE)
"""Of what is for the asking client only."""

VARY_BY_ORIGIN: Final[Header] = (b"vary", b"Origin")
PREFLIGHT: Final[Headers] = (
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
)
"""Of every answer to a preflight; which methods there are its giver knows."""
