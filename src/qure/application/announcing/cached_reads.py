"""Reads that are remembered as encoded bytes: in the process, and behind it for all processes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from cachetools import LRUCache

from qure.application.announcing.trust import Generation, TrustedCache
from qure.application.ports.gateways import Cache, Lease
from qure.application.ports.journal import JournalEntry
from qure.domain import events

DAY = 24 * 60 * 60
QUARTER_HOUR = 15 * 60

CLINIC_LISTS = "clinics"

MAX_BYTES = 32 * 1024 * 1024
MAX_KEYS_OF_A_GROUP = 1000
GROUPS_AT_LEAST = 4
"""No group takes more than its part of the bytes: lists that nobody asks for twice leave room."""
OVERHEAD = 400
"""Roughly what an answer costs beside its own bytes (measured on CPython 3.11)."""


def profile_group(user_id: UUID) -> str:
    """What is remembered of a user."""
    return f"me:{user_id}"


def clinic_group(clinic_id: UUID) -> str:
    """What is remembered of a clinic."""
    return f"clinic:{clinic_id}"


def staff_group(clinic_id: UUID) -> str:
    """What is remembered of a clinic's staff."""
    return f"staff:{clinic_id}"


def groups_changed_by(entry: JournalEntry) -> Iterator[str]:
    """Which remembered reads an entry makes false."""
    for event in entry.events:
        if isinstance(event, events.UserChanged):
            yield profile_group(event.user_id)
            for clinic_id in event.clinic_ids:
                yield staff_group(clinic_id)
        elif isinstance(event, events.ClinicChanged):
            yield clinic_group(event.clinic_id)
            yield CLINIC_LISTS


@dataclass(slots=True)
class _Group:
    """What is forgotten together."""

    answers: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    size: int = OVERHEAD

    def with_answer(
        self, key: str, value: bytes, expires_at: float, *, max_bytes: int
    ) -> _Group | None:
        """The same and this one; the oldest make room. None when it is too great by itself."""
        if OVERHEAD + _size(key, value) > max_bytes:
            return None
        answers, size = dict(self.answers), self.size
        if key in answers:
            size -= _size(key, answers.pop(key)[0])
        answers[key] = value, expires_at
        size += _size(key, value)
        while len(answers) > MAX_KEYS_OF_A_GROUP or size > max_bytes:
            oldest = next(iter(answers))
            size -= _size(oldest, answers.pop(oldest)[0])
        return _Group(answers, size)


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD


class CachedReads:
    """Two levels of bytes: one in this process, one (``shared``, if any) for all of them.

    Both are believed only while every change is heard: who hears none cannot know whether the
    shared level has been told of a change either. Losing them slows reads and breaks none. The
    local level is bounded in bytes, and what was used least recently goes first.
    """

    def __init__(
        self,
        *,
        shared: Cache | None,
        generation: Generation,
        max_bytes: int = MAX_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._groups: LRUCache[str, _Group] = LRUCache(max_bytes, getsizeof=lambda one: one.size)
        self._local: TrustedCache[str, _Group] = TrustedCache(generation, self._groups)

    @property
    def size(self) -> int:
        """Bytes in use in this process (estimated)."""
        return int(self._groups.currsize)

    def peek(self, group: str, key: str) -> bytes | None:
        """The bytes, if this process holds them and may believe them."""
        found = self._local.get(group)
        answer = None if found is None else found.answers.get(key)
        if answer is None or answer[1] <= self._monotonic():
            return None
        return answer[0]

    async def get_or_load(
        self, group: str, key: str, *, ttl_seconds: int, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        """The remembered bytes, else what ``load`` gives, which is then remembered."""
        found = self.peek(group, key)
        if found is not None:
            return found
        stamp = self._local.stamp()
        if stamp is None:
            return await load()
        value = await self._through_shared(group, key, ttl_seconds, load)
        self._remember(group, key, value, ttl_seconds, stamp)
        return value

    def receive(self, entry: JournalEntry) -> None:
        """Forget in this process what it makes false.

        Each time that it is announced: the first time the shared level may hold the old bytes yet.
        """
        for group in groups_changed_by(entry):
            self._local.forget(group)

    async def forget_shared(self, entries: Iterable[JournalEntry]) -> None:
        """Forget for all processes what they make false. Raises ``Unavailable``.

        To be done before the others hear of it: they would only read the old bytes again.
        """
        changed = {group for entry in entries for group in groups_changed_by(entry)}
        if changed and self._shared is not None:
            await self._shared.drop(sorted(changed))
            # Until now the shared level held the old bytes: what was read of late may be those.
            for group in changed:
                self._local.forget(group)

    async def _through_shared(
        self, group: str, key: str, ttl_seconds: int, load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        if self._shared is None:
            return await load()
        found = await self._shared.get(group, key)
        if not isinstance(found, Lease):
            return found
        value = await load()
        await self._shared.put(group, key, value, lease=found, ttl_seconds=ttl_seconds)
        return value

    def _remember(self, group: str, key: str, value: bytes, ttl_seconds: int, stamp: int) -> None:
        grown = (self._local.get(group) or _Group()).with_answer(
            key,
            value,
            self._monotonic() + ttl_seconds,
            max_bytes=self._max_bytes // GROUPS_AT_LEAST,
        )
        if grown is not None:
            self._local.put(group, grown, stamp=stamp)
