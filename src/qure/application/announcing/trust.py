"""May I trust what I remember? One answer for everything that a process keeps in memory."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Generation = Callable[[], int | None]
"""None while announcements may be late by more than 1.5 s, else a number that changes whenever
some may have been missed. See ``EventBus.generation``."""


class Trust:
    """Whether one memory may be believed: as long as every change is heard.

    What was remembered in another generation is forgotten before anything of it is believed, and
    nothing is believed without a connection: so a change takes effect here within 2 s whatever
    happens to the bus.
    """

    def __init__(self, generation: Generation, *, forget: Callable[[], None]) -> None:
        self._generation = generation
        self._forget = forget
        self._seen: int | None = None

    def holds(self) -> bool:
        """Ask before each look at the memory, and before each change of it."""
        generation = self._generation()
        if generation is None:
            return False
        if generation != self._seen:
            self._seen = generation
            self._forget()
        return True


class TrustedCache(Generic[K, V]):
    """Values by key, as long as they may be believed; bounded as the given ``cache`` is.

    What is put was read: take ``stamp`` before reading, so that nothing is kept which a change
    that was heard meanwhile has made false.
    """

    def __init__(self, generation: Generation, cache: MutableMapping[K, V]) -> None:
        self._cache = cache
        self._changes = 0
        self._trust = Trust(generation, forget=self.clear)

    def get(self, key: K) -> V | None:
        """The value, if it is known and may be believed."""
        return self._cache.get(key) if self._trust.holds() else None

    def stamp(self) -> int | None:
        """To be taken before reading; None when nothing may be remembered now."""
        return self._changes if self._trust.holds() else None

    def put(self, key: K, value: V, *, stamp: int | None) -> None:
        """Remember what was read after ``stamp``, unless anything was forgotten since."""
        if stamp is not None and stamp == self.stamp():
            self._cache[key] = value

    def forget(self, key: K) -> None:
        """It has changed."""
        self._changes += 1
        self._cache.pop(key, None)

    def clear(self) -> None:
        """Anything may have changed."""
        self._changes += 1
        self._cache.clear()
