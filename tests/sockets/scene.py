"""A clinic's queue in memory, its staff, and a process to which clients are connected."""

from __future__ import annotations

from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.hub import Hub
from qure.domain.actor import Actor, Role
from qure.domain.ids import UserId
from qure.domain.queue import Queue
from qure.domain.token import Token
from tests.sockets.listeners import HubSources, RememberingListener, claims, connected
from tests.support.waiting import loop_turns


class Scene:
    """What is done there is announced by ``happens``."""

    def __init__(self) -> None:
        self.sources = HubSources()
        self.world = self.sources.world
        self.use = self.world.use
        self.hub: Hub = self.sources.hub()

    async def set_up(self) -> Scene:
        self.clinic = await self.world.clinic()
        self.queue: Queue = await self.world.queue(self.clinic)
        self.staff: Actor = await self.world.staff_of(self.clinic.id)
        return self

    async def take(self, count: int = 1) -> list[Token]:
        """So many patients take a number."""
        issue = self.use.issuing.issue
        return [await issue(self.queue.id, actor=await self.world.patient()) for _ in range(count)]

    async def call(self) -> Token:
        return await self.use.calling.call_next(self.queue.id, actor=self.staff)

    async def happens(self) -> None:
        """What was done is announced, and what follows from it is sent."""
        self.sources.announce(self.hub)
        await loop_turns()

    async def phone(self, token: Token) -> tuple[Client, RememberingListener]:
        """The patient connects, and hears what there is to hear."""
        who = await connected(self.hub, claims(token.patient_id))
        await loop_turns()
        return who

    async def doctor(self, actor: Actor | None = None) -> tuple[Client, RememberingListener]:
        """Somebody who works there connects: another one each time, unless given."""
        actor = actor or await self.world.staff_of(self.clinic.id)
        user_id = UserId(actor.user_id)
        assert actor.role is not None
        self.sources.roles[user_id] = actor.role
        if actor.role is Role.STAFF and actor.clinic_id is not None:
            self.sources.clinics[user_id] = actor.clinic_id
        return await connected(self.hub, claims(user_id))
