"""What a process is made of: the parts that ``bootstrap`` has chosen, and how they run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from qure.adapters.sockets.gateway import SocketGateway
from qure.adapters.sockets.hub import Hub
from qure.adapters.sql.pools import PoolUse
from qure.application.announcing.relay import Relay
from qure.application.jobs.images import ImageJobs
from qure.application.memory import Memory
from qure.application.observers import Observers
from qure.application.ports.gateways import (
    AccessJwts,
    Clock,
    EventBus,
    Ids,
    Images,
    Jobs,
    MediaStore,
    PasswordHasher,
    Secrets,
    Throttle,
)
from qure.application.ports.storage import Storage
from qure.application.use_cases import UseCases
from qure.settings import Settings

if TYPE_CHECKING:
    from qure.adapters.tracing.spans import Tracing


class ProcessRole(Enum):
    """What a process is for."""

    SERVER = "server"
    """Answers clients; announces what it commits, and hears what everyone announces."""

    WORKER = "worker"
    """Does jobs and periodic tasks; announces what it commits."""

    COMMAND = "command"
    """Does one thing and ends; what it commits is announced by the service's sweep."""


class Part(NamedTuple):
    """How something starts, if it has to, and how it ends."""

    close: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[object]] | None = None


@dataclass(slots=True, kw_only=True)
class Container:
    """Everything a process is made of, connected but not started."""

    settings: Settings
    role: ProcessRole
    clock: Clock
    ids: Ids
    secrets: Secrets
    storage: Storage
    pool_use: Callable[[], PoolUse]
    passwords: PasswordHasher
    jwts: AccessJwts
    images: Images
    media: MediaStore
    bus: EventBus
    throttle: Throttle
    jobs: Jobs
    image_jobs: ImageJobs
    memory: Memory
    use_cases: UseCases
    hub: Hub
    sockets: SocketGateway
    relay: Relay
    observers: Observers
    tracing: Tracing | None
    parts: tuple[Part, ...]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Container]:
        """Start what this role needs, in order; stop it in reverse, whatever happens."""
        async with AsyncExitStack() as stack:
            for part in self.parts:
                stack.push_async_callback(part.close)
                if part.start is not None and self.role is not ProcessRole.COMMAND:
                    await part.start()
            yield self
