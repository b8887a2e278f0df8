"""What waits to be written to one client: in order, bounded, and never in anybody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from qure.adapters.sockets.messages import Encoded

MAX_MESSAGES = 512
MAX_CHARACTERS = 512 * 1024
MAX_SECONDS = 30.0
"""A client that leaves more than this unread, or anything for longer, cannot keep up.

The longest of what waits is not counted: a board may be longer than all that may wait besides."""


class Outgoing:
    """A queue with one reader that never makes a sender wait.

    What waits gives way to something newer of the same thing, which takes its place at the end:
    what was put before it is still read before it. When a bound is passed, everything is dropped,
    nothing more is taken, and ``on_overflow`` is called once.

    ``write_through``, when set, is offered a whole WebSocket frame whenever nothing waits; it
    writes it at once and returns True, or returns False and the frame waits like any other.
    """

    __slots__ = (
        "_characters",
        "_ended",
        "_longest",
        "_next_key",
        "_oldest",
        "_on_overflow",
        "_reader",
        "_reader_is_writing",
        "_waiting",
        "write_through",
    )

    def __init__(self, on_overflow: Callable[[], None]) -> None:
        self.write_through: Callable[[bytes], bool] | None = None
        self._on_overflow: Callable[[], None] | None = on_overflow
        self._waiting: dict[Hashable, Encoded] = {}
        self._next_key = 0
        self._characters = 0
        self._longest = 0
        self._oldest = 0.0
        self._reader: asyncio.Future[None] | None = None
        self._reader_is_writing = True
        self._ended = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_reader(self) -> bool:
        """Whether somebody waits in ``take`` now."""
        return self._reader is not None

    def put(self, encoded: Encoded) -> None:
        """To be read after everything put before."""
        if self._write_through(encoded):
            return
        self._next_key += 1
        self._append(self._next_key, encoded)

    def put_newest(self, of: Hashable, encoded: Encoded) -> None:
        """Newer than any before of the same thing; one that still waits is dropped."""
        if self._write_through(encoded):
            return
        replaced = self._waiting.pop(of, None)
        if replaced is not None:
            self._characters -= len(replaced.text)
        self._append(of, encoded)

    async def take(self, *, at_most: int = MAX_MESSAGES) -> list[Encoded]:
        """What waits, at least one; empty only when ended. One reader at a time."""
        if self._reader is not None:
            raise RuntimeError("what waits for a client has one reader at a time")
        self._reader_is_writing = False
        while not self._waiting and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        self._reader_is_writing = True
        if len(self._waiting) > at_most:
            keys = list(self._waiting)[:at_most]
            taken = [self._waiting.pop(key) for key in keys]
            self._characters -= sum(len(one.text) for one in taken)
            self._longest = max(len(one.text) for one in self._waiting.values())
            self._oldest = asyncio.get_running_loop().time()
            return taken
        taken = list(self._waiting.values())
        self._waiting.clear()
        self._characters = 0
        return taken

    def end(self) -> None:
        """Take nothing more; what waits may still be read."""
        self._ended = True
        self._on_overflow = self.write_through = None
        self._wake()

    def _write_through(self, encoded: Encoded) -> bool:
        # While the reader is between taking and having written, writing past it would overtake.
        return (
            self.write_through is not None
            and not self._waiting
            and not self._reader_is_writing
            and not self._ended
            and self.write_through(encoded.frame)
        )

    def _append(self, key: Hashable, encoded: Encoded) -> None:
        if self._ended:
            return
        now = asyncio.get_running_loop().time()
        if not self._waiting:
            self._oldest, self._longest = now, 0
        self._waiting[key] = encoded
        self._characters += len(encoded.text)
        self._longest = max(self._longest, len(encoded.text))
        if (
            len(self._waiting) > MAX_MESSAGES
            or self._characters - self._longest > MAX_CHARACTERS
            or now - self._oldest > MAX_SECONDS
        ):
            self._waiting.clear()
            self._characters = 0
            on_overflow = self._on_overflow
            self.end()
            if on_overflow is not None:
                on_overflow()
        else:
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
