"""Passwords as bcrypt hashes, worked out in threads of their own."""

from __future__ import annotations

import os

from passlib.hash import bcrypt

from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Invalid
from qure.domain.user import MAX_PASSWORD_BYTES


class BcryptHasher:
    """bcrypt (``$2b$``) with ``2 ** rounds`` iterations.

    At most ``threads`` (by default one a core) work at once and ``queue_limit`` wait; the next
    caller gets ``Unavailable`` (``busy``). What bcrypt cannot read (over 72 bytes as UTF-8, a NUL
    character, half a surrogate pair) is never a right password, and takes as long to refuse as a
    wrong one.
    """

    def __init__(
        self, *, rounds: int = 10, threads: int | None = None, queue_limit: int = 64
    ) -> None:
        self._bcrypt = bcrypt.using(rounds=rounds)
        # A salt and a digest of nothing but zeros: costs what any hash costs, and fits no password.
        self._nobodys_hash = f"$2b${rounds:02d}$" + "." * 53
        self._threads = BoundedThreads(
            "passwords", threads=threads or os.cpu_count() or 1, queue_limit=queue_limit
        )

    async def warm_up(self) -> None:
        """Load bcrypt's backend now (some 20 ms), so that the first login does not pay for it."""
        await self.verify("", None)

    async def hash(self, password: str) -> str:
        """Raises ``Invalid`` for a password that bcrypt cannot read, ``Unavailable``."""
        readable = _readable(password)
        if readable is None:
            raise Invalid.field(
                "password",
                f"The password must be at most {MAX_PASSWORD_BYTES} bytes long "
                "and contain no NUL character.",
            )
        return str(await self._threads.run(self._bcrypt.hash, readable))

    async def verify(self, password: str, hash: str | None) -> bool:
        """Takes the same time for ``None`` (no such user) as for a wrong password."""
        readable = _readable(password)
        if readable is None or hash is None:
            await self._threads.run(self._bcrypt.verify, b"", self._nobodys_hash)
            return False
        return bool(await self._threads.run(self._bcrypt.verify, readable, hash))

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()


def _readable(password: str) -> bytes | None:
    try:
        encoded = password.encode()
    except UnicodeEncodeError:
        return None
    return None if b"\0" in encoded or len(encoded) > MAX_PASSWORD_BYTES else encoded
