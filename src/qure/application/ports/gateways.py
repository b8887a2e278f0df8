"""Everything else the use cases need from outside: time, ids, secrets, images, delivery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from qure.application.ports.journal import JournalEntry
from qure.domain.ids import ImageId, SessionId
from qure.domain.user import User


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The instant, UTC-aware, with millisecond precision."""


class Ids(Protocol):
    """Where ids come from."""

    def new_id(self) -> UUID:
        """A UUID that sorts by time (RFC 9562, version 7)."""


class Secrets(Protocol):
    """Where secrets come from."""

    def new_secret(self) -> str:
        """64 bytes from the system's generator, as 128 lower-case hex digits."""


class PasswordHasher(Protocol):
    """Slow on purpose; bounded, and off the event loop.

    Raises ``Unavailable`` (``busy``) when too many are waiting already.
    """

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, hash: str | None) -> bool:
        """Takes the same time for ``None`` (no such user) as for a wrong password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What a believed access JWT says. The role in it is not looked at: the stored user is."""

    actor_id: UUID
    session_id: SessionId
    expires_at: datetime


class AccessJwts(Protocol):
    """Access JWTs (RFC 7519), RS256 only."""

    def issue(self, user: User, session_id: SessionId, *, at: datetime) -> str: ...

    def verify(self, jwt: str, *, at: datetime) -> AccessClaims:
        """Raises ``Unauthenticated`` (``token_expired``, ``invalid_token``)."""


class KeyedDigests(Protocol):
    """Digests that nobody makes who does not have the service's own key."""

    def of(self, text: str, *, purpose: str) -> str:
        """128 lower-case hex digits. The same in every process and after every restart, as long
        as the key stays; those of one purpose say nothing about those of another."""


class Images(Protocol):
    """What can be known of and done to an image; bounded in time and memory, off the event loop.

    Whatever an image does to its reader is its own fault, and ``Invalid``. Work that is
    cancelled ends. Raises ``Unavailable`` (``busy``) when too many are waiting already.
    """

    async def check(self, content: bytes, *, path: str) -> None:
        """Raises ``Invalid`` about ``path`` unless it is an image we read, within the bounds."""

    async def fit(self, content: bytes) -> bytes:
        """As a JPEG within 1024x1024, upright, without metadata. Raises ``Invalid``."""


class MediaStore(Protocol):
    """Where finished images are shown from."""

    async def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Keep it and return its URL. The same key again overwrites. Raises ``Unavailable``."""

    async def delete(self, url: str) -> None:
        """Forget it; a URL that is not this store's, or is gone, is ignored."""

    async def find(self, name: str) -> Path | None:
        """The file of an image that this server shows itself; None when there is none."""

    async def close(self) -> None:
        """Do nothing more."""


@dataclass(frozen=True, slots=True)
class ProcessImage:
    """Make a staged image fit and show it."""

    image_id: ImageId


@dataclass(frozen=True, slots=True)
class DeleteImage:
    """Take a replaced image out of the media store."""

    url: str


Job = ProcessImage | DeleteImage


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """How many wait, run, wait for another attempt, were done, and failed for good."""

    queued: int
    running: int
    retrying: int
    done: int
    failed: int


class Jobs(Protocol):
    """Work for later, done at least once; enqueuing the same job twice does no harm."""

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        """Raises ``Unavailable`` when the jobs could not be handed over."""

    async def ping(self) -> None:
        """Raises ``Unavailable`` when jobs cannot be handed over."""

    async def counts(self) -> JobCounts:
        """Raises ``Unavailable``."""

    async def close(self) -> None:
        """Take no more."""


class EventBus(Protocol):
    """Carries announcements to every process, this one included."""

    async def start(self) -> None:
        """From now on it carries, as far as its backend is there."""

    async def close(self) -> None:
        """It carries nothing more."""

    async def publish(self, entries: Sequence[JournalEntry]) -> None:
        """Raises ``Unavailable`` when they did not get onto the bus."""

    def subscribe(
        self,
        on_entry: Callable[[JournalEntry], None],
        on_resync: Callable[[], Awaitable[None]],
    ) -> None:
        """Call ``on_entry`` for each entry, in the order of publishing.

        ``on_resync`` is called when entries may have been missed and the bus is heard again: what
        is remembered must be read anew. Once, before ``start``.
        """

    def generation(self) -> int | None:
        """None unless everything published up to 1.5 s ago has been heard here.

        Else a number which has changed whenever entries may have been missed.
        """


@dataclass(frozen=True, slots=True)
class Limit:
    """Under ``key``, ``at_once`` attempts and then one more each ``every_milliseconds``.

    A token bucket: what is not used comes back, up to ``at_once``.
    """

    key: str
    at_once: int
    every_milliseconds: int


class Throttle(Protocol):
    """Hands out attempts, for all processes together. Never fails, and never keeps one waiting."""

    async def take(self, limits: Sequence[Limit]) -> int | None:
        """Take a try under every limit, in one step; None when all of them had one left.

        Else none is taken, and it says in how many whole seconds, at least 1, there will be.
        """

    async def give_back(self, limits: Sequence[Limit]) -> None:
        """What was taken shall not count."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to fill a key that was missing; void once the group has been dropped."""

    id: str


class Cache(Protocol):
    """Bytes under a key of a group; a group is dropped as a whole.

    Losing entries is always allowed. Serving bytes that were put with a lease taken before the
    group was last dropped never is.
    """

    async def get(self, group: str, key: str) -> bytes | Lease: ...

    async def put(
        self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int
    ) -> None:
        """Does nothing when the lease is void."""

    async def drop(self, groups: Sequence[str]) -> None:
        """Raises ``Unavailable`` when the cache could not be told."""
