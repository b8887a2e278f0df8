"""Passwords as bcrypt hashes, worked out in threads of their own."""

from __future__ import annotations

import os

from passlib.hash import bcrypt, bcrypt_sha256

from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Invalid

BCRYPT_BYTES = 72
"""bcrypt reads no further (Provos and Mazières, 1999)."""


class BcryptHasher:
    """bcrypt with ``2 ** rounds`` iterations: ``$2b$``, or ``$bcrypt-sha256$`` for what it cuts.

    What bcrypt does not read to the end (over 72 bytes as UTF-8, or a NUL character) is put
    through HMAC-SHA256 first; that takes microseconds more. Hashes of other programs are
    verified too (``$2a$``, ``$2y$``). At most ``threads`` (by default one a core) work at once
    and ``queue_limit`` wait; the next caller gets ``Unavailable`` (``busy``).
    """

    def __init__(
        self, *, rounds: int = 10, threads: int | None = None, queue_limit: int = 64
    ) -> None:
        self._short = bcrypt.using(rounds=rounds)
        self._long = bcrypt_sha256.using(rounds=rounds)
        # A salt and a digest of nothing but zeros: costs what any hash costs, and fits no password.
        self._nobodys_hash = f"$2b${rounds:02d}$" + "." * 53
        self._threads = BoundedThreads(
            "passwords", threads=threads or os.cpu_count() or 1, queue_limit=queue_limit
        )

    async def warm_up(self) -> None:
        """Load bcrypt's backend now (some 20 ms), so that the first login does not pay for it."""
        await self.verify("", None)

    async def hash(self, password: str) -> str:
        """Raises ``Invalid`` for half a surrogate pair, which no UTF-8 can write; ``Unavailable``.

        Every character counts.
        """
        encoded = _encoded(password)
        if encoded is None:
            raise Invalid.field("password", "The password holds characters that cannot be kept.")
        scheme = self._short if _is_read_whole(encoded) else self._long
        return str(await self._threads.run(scheme.hash, encoded))

    async def verify(self, password: str, hash: str | None) -> bool:
        """Takes the same time for ``None`` (no such user) as for a wrong password."""
        encoded = _encoded(password)
        if encoded is not None and hash is not None:
            if hash.startswith(bcrypt_sha256.prefix):
                return bool(await self._threads.run(bcrypt_sha256.verify, encoded, hash))
            if _is_read_whole(encoded):
                return bool(await self._threads.run(bcrypt.verify, encoded, hash))
        await self._threads.run(bcrypt.verify, b"", self._nobodys_hash)
        return False

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()


def _encoded(password: str) -> bytes | None:
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None


def _is_read_whole(encoded: bytes) -> bool:
    return len(encoded) <= BCRYPT_BYTES and b"\0" not in encoded
