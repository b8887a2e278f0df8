"""Stand-ins for what a use case reaches through a port: simple, honest, and seen through.

Each keeps its port's promises and nothing more; what it was asked can be looked at, and it can
be told to be away. Storage and throttle have adapters in memory that are used as they are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha512
from itertools import count
from pathlib import Path

from qure.adapters.media.keys import name_for
from qure.application.ports.gateways import AccessClaims, Job, JobCounts, Lease
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage, UnitOfWork
from qure.domain.errors import Invalid, Unauthenticated, Unavailable
from qure.domain.ids import SessionId
from qure.domain.user import User


class FakePasswords:
    """Hashes that say what they are of. Every comparison is noted, with what it was against."""

    def __init__(self) -> None:
        self.compared_with: list[str | None] = []

    async def hash(self, password: str) -> str:
        await asyncio.sleep(0)
        return f"hash of {password}"

    async def verify(self, password: str, hash: str | None) -> bool:
        self.compared_with.append(hash)
        await asyncio.sleep(0)
        return hash == f"hash of {password}"


class FakeDigests:
    """Digests under a key that can be changed."""

    def __init__(self) -> None:
        self.key = "key"

    def of(self, text: str, *, purpose: str) -> str:
        return sha512(f"{self.key}: {purpose}: {text}".encode()).hexdigest()


class FakeJwts:
    """Access JWTs that are numbered words, believed for 15 minutes."""

    LIFE = timedelta(minutes=15)

    def __init__(self) -> None:
        self._issued: dict[str, AccessClaims] = {}

    def issue(self, user: User, session_id: SessionId, *, at: datetime) -> str:
        jwt = f"jwt-{len(self._issued) + 1}"
        self._issued[jwt] = AccessClaims(
            actor_id=user.id, session_id=session_id, expires_at=at + self.LIFE
        )
        return jwt

    def verify(self, jwt: str, *, at: datetime) -> AccessClaims:
        claims = self._issued.get(jwt)
        if claims is None:
            raise Unauthenticated("invalid_token", "This access token is not valid.")
        if claims.expires_at <= at:
            raise Unauthenticated("token_expired", "This access token has expired.")
        return claims


class FakeImages:
    """Bytes that begin with ``picture`` are one; those that begin with ``picture torn`` cannot
    be made fit, which shows only when it is tried."""

    async def check(self, content: bytes, *, path: str) -> None:
        if not content.startswith(b"picture"):
            raise Invalid.field(path, "This is no picture.")

    async def fit(self, content: bytes) -> bytes:
        if content.startswith(b"picture torn"):
            raise Invalid.field("image", "This picture is torn.")
        return b"fitted " + content


class FakeMediaStore:
    """Pictures by URL; ``deleted`` is what it was asked to forget."""

    BASE = "https://media.example.org/"

    def __init__(self) -> None:
        self.shown: dict[str, bytes] = {}
        self.deleted: list[str] = []
        self.is_away = False

    async def put(self, key: str, content: bytes, *, content_type: str) -> str:
        if self.is_away:
            raise Unavailable("The media store is away.")
        url = self.BASE + name_for(key, content_type)
        self.shown[url] = content
        return url

    async def find(self, name: str) -> Path | None:
        """None: they lie in no file."""
        return None

    async def delete(self, url: str) -> None:
        self.deleted.append(url)
        self.shown.pop(url, None)

    async def close(self) -> None:
        """It holds nothing open."""


class FakeJobs:
    """Jobs that nobody does: they are only noted."""

    def __init__(self) -> None:
        self.enqueued: list[Job] = []
        self.is_away = False

    async def enqueue(self, jobs: Sequence[Job]) -> None:
        await self.ping()
        self.enqueued.extend(jobs)

    async def ping(self) -> None:
        if self.is_away:
            raise Unavailable("Nobody takes jobs.")

    async def counts(self) -> JobCounts:
        return JobCounts(queued=len(self.enqueued), running=0, retrying=0, done=0, failed=0)

    async def close(self) -> None:
        self.is_away = True


class FakeBus:
    """A bus whose listener hears at once; it can be away, fail, or hang until it is released."""

    def __init__(self) -> None:
        self.published: list[JournalEntry] = []
        self.batches: list[int] = []
        self.live = True
        self.error: Exception | None = None
        self.released = asyncio.Event()
        self.released.set()
        self._on_entry: Callable[[JournalEntry], None] = lambda entry: None

    def subscribe(
        self, on_entry: Callable[[JournalEntry], None], on_resync: Callable[[], Awaitable[None]]
    ) -> None:
        self._on_entry = on_entry

    def hang(self) -> None:
        """From now on publishing does not end until ``released`` is set."""
        self.released.clear()

    async def publish(self, entries: Sequence[JournalEntry]) -> None:
        await self.released.wait()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.batches.append(len(entries))
        for entry in entries:
            self.published.append(entry)
            self._on_entry(entry)

    async def start(self) -> None:
        self.live = True

    async def close(self) -> None:
        self.live = False

    def generation(self) -> int | None:
        return 0 if self.live else None


class FakeCache:
    """What all processes share; it can be away, and says what was going on when it was told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.dropped: list[list[str]] = []
        self.on_drop: Callable[[], None] = lambda: None
        self._groups: dict[str, dict[str, bytes]] = {}
        self._leases: dict[str, Lease] = {}
        self._numbers = count(1)

    async def get(self, group: str, key: str) -> bytes | Lease:
        await asyncio.sleep(0)
        if key in self._groups.get(group, {}):
            return self._groups[group][key]
        if group not in self._leases:
            self._leases[group] = Lease(f"lease {next(self._numbers)}")
        return self._leases[group]

    async def put(
        self, group: str, key: str, value: bytes, *, lease: Lease, ttl_seconds: int
    ) -> None:
        await asyncio.sleep(0)
        if self._leases.get(group) == lease:
            self._groups.setdefault(group, {})[key] = value

    async def drop(self, groups: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.on_drop()
        self.dropped.append(list(groups))
        for group in groups:
            self._groups.pop(group, None)
            self._leases.pop(group, None)


class Hearing:
    """What a process hears, as ``EventBus.generation`` tells it: settable, for the memories."""

    def __init__(self) -> None:
        self.now: int | None = 0

    def __call__(self) -> int | None:
        return self.now

    def lose(self) -> None:
        """Announcements may be late from now on."""
        self.now = None


class WatchedStorage:
    """A storage that counts its transactions, and fails or waits when told to.

    ``reads_for`` are those that were begun for a purpose.

    ``commit_errors`` are raised by the commits to come, one each, instead of committing.
    ``before_read`` runs when a reader has taken its snapshot and before it may look at it.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.writes = 0
        self.reads = 0
        self.reads_for: Counter[str] = Counter()
        self.write_errors: list[Exception] = []
        self.commit_errors: list[Exception] = []
        self.read_errors: list[Exception] = []
        self.before_read: Callable[[], Awaitable[None]] | None = None
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[UnitOfWork]:
        self.writes += 1
        if self.write_errors:
            raise self.write_errors.pop(0)
        async with self._storage.write(purpose) as uow:
            commit = uow.commit

            async def watched_commit() -> None:
                await self.may_commit.wait()
                if self.commit_errors:
                    raise self.commit_errors.pop(0)
                await commit()

            uow.commit = watched_commit  # type: ignore[method-assign]
            yield uow

    @asynccontextmanager
    async def read(self, purpose: str = "read") -> AsyncIterator[UnitOfWork]:
        self.reads += 1
        self.reads_for[purpose] += 1
        if self.read_errors:
            raise self.read_errors.pop(0)
        async with self._storage.read(purpose) as uow:
            if self.before_read is not None:
                # Once: whatever it does may read, too.
                before_read, self.before_read = self.before_read, None
                await before_read()
            yield uow

    async def ping(self) -> None:
        await self._storage.ping()
