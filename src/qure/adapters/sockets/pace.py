"""How fast clients may send: so much at once, and so much a second in the long run.

Counted before anything is looked at, for each connection and for all of a user's together.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final
from uuid import UUID

from cachetools import LRUCache

BURST: Final = 200
"""Packets of one connection at once: a display that comes back joins 100 queues, an app sends what
it has kept meanwhile."""

USER_SHARES: Final = 5
"""All connections of a user together may send as much as so many of them."""

REMEMBERED_USERS: Final = 10_000


class Verdict(Enum):
    """What becomes of a packet."""

    IN_TIME = auto()
    TOO_SOON = auto()
    """It is turned away unread."""
    TOO_MUCH = auto()
    """As many have been turned away as may come at once: the connection ends."""


class Bucket:
    """Holds ``size``, and gets ``per_second`` back."""

    __slots__ = ("_level", "_per_second", "_seen_at", "_size")

    def __init__(self, size: float, per_second: float) -> None:
        self._size = self._level = size
        self._per_second = per_second
        self._seen_at = 0.0

    def take(self, now: float) -> bool:
        """One less, at that monotonic time in seconds; False when there is none."""
        level = min(self._size, self._level + (now - self._seen_at) * self._per_second)
        self._seen_at = now
        is_there = level >= 1.0
        self._level = level - 1.0 if is_there else level
        return is_there


class Pace:
    """Of one connection. ``user`` is shared by all of its user's, once it is known whose it is."""

    __slots__ = ("_own", "_refusals", "user")

    def __init__(self, per_second: float) -> None:
        self._own = Bucket(BURST, per_second)
        self._refusals = Bucket(BURST, per_second)
        self.user: Bucket | None = None

    def take(self, now: float) -> Verdict:
        """A packet has come, at that monotonic time in seconds."""
        if self._own.take(now) and (self.user is None or self.user.take(now)):
            return Verdict.IN_TIME
        return Verdict.TOO_SOON if self._refusals.take(now) else Verdict.TOO_MUCH


class Paces:
    """Of everybody in this process. ``per_second`` is what one connection may send."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._users: LRUCache[UUID, Bucket] = LRUCache(REMEMBERED_USERS)

    def of_connection(self) -> Pace:
        """For a new one."""
        return Pace(self._per_second)

    def of_user(self, user_id: UUID) -> Bucket:
        """The same for all of the user's connections. It outlives them: coming back is no way out.

        Of more than ``REMEMBERED_USERS`` those who connected last are remembered.
        """
        bucket = self._users.get(user_id)
        if bucket is None:
            bucket = Bucket(BURST * USER_SHARES, self._per_second * USER_SHARES)
            self._users[user_id] = bucket
        return bucket
