"""A hub whose surroundings are under control, and ends of connections that remember."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from qure.adapters.sockets.clients import Client, Closing
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.messages import Message
from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.journal import JournalEntry
from qure.domain.actor import Actor, Role
from qure.domain.errors import NotFound, Unauthenticated, Unavailable
from qure.domain.ids import ClinicId, QueueId, SessionId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token
from tests.application.world import World
from tests.sockets.forecaster import ToldForecasts
from tests.support.builders import NOW, new_id
from tests.support.fakes import Hearing


class RememberingListener:
    """Keeps what it was sent."""

    protocol = "remembering"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.closed: Closing | None = None

    def send(self, message: Message) -> None:
        assert self.closed is None, "a closed connection was sent something"
        self.messages.append(message)

    def send_newest(self, of: Hashable, message: Message) -> None:
        self.send(message)

    def close(self, why: Closing) -> None:
        self.closed = why

    @property
    def names(self) -> list[str]:
        """The events it was sent."""
        return [message.name for message in self.messages]

    @property
    def versions(self) -> list[int]:
        """The versions of the statuses it was sent."""
        return [
            json.loads(message.body or b"")["version"]
            for message in self.messages
            if message.name == "queue:status_update"
        ]

    @property
    def places(self) -> list[int | None]:
        """How many it was told are ahead, one after the other."""
        return [place["ahead"] for place in self.bodies("queue:your_place")]

    @property
    def waits(self) -> list[Any]:
        """What it was told of the wait, one after the other."""
        return [place["wait"] for place in self.bodies("queue:your_place")]

    def bodies(self, name: str) -> list[Any]:
        """The arguments of those events."""
        return [json.loads(one.body or b"null") for one in self.messages if one.name == name]


@dataclass
class HubSources:
    """What the hub reads: set it, break it, hold it up.

    Tokens of patients who are not in ``held`` are those in the ``world``.
    """

    statuses: dict[QueueId, QueueStatus] = field(default_factory=dict)
    held: dict[UserId, list[Token]] = field(default_factory=dict)
    ended: set[SessionId] = field(default_factory=set)
    roles: dict[UserId, Role] = field(default_factory=dict)
    clinics: dict[UserId, ClinicId] = field(default_factory=dict)
    hearing: Hearing = field(default_factory=Hearing)
    world: World = field(default_factory=World)
    """Where boards are read, and changed by use cases."""

    _announced: int = 0
    is_away: bool = False
    reading: asyncio.Event | None = None
    """When set, readers wait for it."""
    reads: int = 0

    def __post_init__(self) -> None:
        self.boards = LiveBoards(self.world.storage, generation=self.hearing)
        self.forecasts = ToldForecasts(self.world.storage, self.world.clock, self.boards)

    async def _read(self) -> None:
        self.reads += 1
        if self.reading is not None:
            await self.reading.wait()
        if self.is_away:
            raise Unavailable("The database is away.")

    async def status_of(self, queue_id: QueueId) -> QueueStatus:
        status = self.statuses.get(queue_id)
        await self._read()
        if status is None:
            raise NotFound("queue_not_found", "There is no such queue.")
        return status

    async def active_tokens_of(self, user_id: UserId) -> list[Token]:
        held = self.held.get(user_id)
        await self._read()
        if held is not None:
            return list(held)
        return await self.world.use.tokens.all_active_of(user_id)

    async def actor_of(self, claims: AccessClaims) -> Actor:
        has_ended = claims.session_id in self.ended
        await self._read()
        if has_ended:
            raise Unauthenticated("session_ended", "This login has ended.")
        return Actor(
            id=claims.actor_id,
            session_id=claims.session_id,
            role=self.roles.get(UserId(claims.actor_id), Role.PATIENT),
            clinic_id=self.clinics.get(UserId(claims.actor_id)),
        )

    def news(self) -> list[JournalEntry]:
        """What has been committed in the world and was not fetched yet."""
        fresh = self.world.told[self._announced :]
        self._announced += len(fresh)
        return fresh

    def announce(self, hub: Hub, entries: Iterable[JournalEntry] | None = None) -> None:
        """This process hears these, or all that is new, in the order of its inbox."""
        for entry in self.news() if entries is None else entries:
            self.boards.receive(entry)
            self.forecasts.receive(entry)
            hub.receive(entry)

    def hub(self, *, max_connections_per_user: int = 100) -> Hub:
        """A hub of this world."""
        return Hub(
            status_of=self.status_of,
            active_tokens_of=self.active_tokens_of,
            actor_of=self.actor_of,
            live_boards=self.boards,
            forecasts=self.forecasts,
            is_hearing=lambda: self.hearing() is not None,
            max_connections_per_user=max_connections_per_user,
        )


def claims(user_id: UserId | None = None, session_id: SessionId | None = None) -> AccessClaims:
    """Of a user and a login of their own, unless given."""
    return AccessClaims(
        actor_id=user_id or UserId(new_id()),
        session_id=session_id or SessionId(new_id()),
        expires_at=NOW,
    )


async def connected(
    hub: Hub, who: AccessClaims | None = None
) -> tuple[Client, RememberingListener]:
    """A welcomed client."""
    listener = RememberingListener()
    client = await hub.connect(listener, who or claims())
    await hub.welcome(client)
    return client, listener
