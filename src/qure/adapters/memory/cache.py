"""A cache in this process, bounded in bytes: what was used least recently goes first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from qure.application.ports.gateways import Lease

MAX_BYTES = 32 * 1024 * 1024
MAX_MARKS = 100_000

_OVERHEAD = 400
"""Roughly what an entry costs beside its own bytes (measured on CPython 3.11)."""


@dataclass(slots=True)
class _Entry:
    value: bytes
    expires_at: float
    size: int


class MemoryCache:
    """See ``Cache``.

    A group has a mark from the first miss until it is dropped, and a lease is good while its
    mark is the group's. Marks are never used twice, so a lease from before a drop stays void
    whatever happens afterwards.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_marks: int = MAX_MARKS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_marks = max_marks
        self._monotonic = monotonic
        self._bytes = 0
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._keys: dict[str, set[str]] = {}
        self._marks: OrderedDict[str, str] = OrderedDict()
        self._new_mark = count(1)

    @property
    def size(self) -> int:
        """Bytes in use, entries' own overhead included (estimated)."""
        return self._bytes

    def peek(self, group: str, key: str) -> bytes | None:
        """``get`` without awaiting and without a lease: for the hot path."""
        entry = self._entries.get((group, key))
        if entry is None:
            return None
        if entry.expires_at <= self._monotonic():
            self._remove(group, key)
            return None
        self._entries.move_to_end((group, key))
        return entry.value

    def lease(self, group: str) -> Lease:
        """Leave to fill a key of that group."""
        mark = self._marks.get(group)
        if mark is None:
            mark = self._marks[group] = str(next(self._new_mark))
            if len(self._marks) > self._max_marks:
                self._marks.popitem(last=False)
        else:
            self._marks.move_to_end(group)
        return Lease(mark)

    async def get(self, group: str, key: str) -> bytes | Lease:
        value = self.peek(group, key)
        return self.lease(group) if value is None else value

    async def put(
        self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int
    ) -> None:
        """Does nothing when the lease is void, or when the value alone is over the bound."""
        self.fill(group, key, value, lease=lease, ttl_seconds=ttl_seconds)

    def fill(self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int) -> None:
        """``put`` without awaiting."""
        if self._marks.get(group) != lease.mark:
            return
        self._remove(group, key)
        size = len(value) + len(key) + _OVERHEAD
        if size > self._max_bytes:
            return
        self._entries[group, key] = _Entry(value, self._monotonic() + ttl_seconds, size)
        self._keys.setdefault(group, set()).add(key)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._remove(*next(iter(self._entries)))

    async def drop(self, groups: Sequence[str]) -> None:
        """Never fails."""
        for group in groups:
            self.drop_group(group)

    def drop_group(self, group: str) -> None:
        """Forget a group, and make the leases for it void, without awaiting."""
        self._marks.pop(group, None)
        for key in tuple(self._keys.get(group, ())):
            self._remove(group, key)

    def clear(self) -> None:
        """Forget every group, and make every lease void."""
        self._marks.clear()
        self._entries.clear()
        self._keys.clear()
        self._bytes = 0

    def _remove(self, group: str, key: str) -> None:
        entry = self._entries.pop((group, key), None)
        if entry is None:
            return
        self._bytes -= entry.size
        keys = self._keys[group]
        keys.discard(key)
        if not keys:
            del self._keys[group]
