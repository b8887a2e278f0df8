"""A small clinic with its queue open, for tests of one thing at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID

import httpx

from qure.application.ports.gateways import Clock
from qure.application.use_cases import UseCases
from qure.domain.actor import Actor, Role
from qure.domain.ids import ClinicId, SessionId, UserId
from tests.e2e.day import ADMIN, PASSWORD, People, few_at_once, where_the_day_is_young
from tests.e2e.phones import AskingAgain, Phone
from tests.e2e.topology import Topology
from tests.support.clients.sockets import TRANSPORTS
from tests.support.http_service import Person, data_of


@dataclass(slots=True)
class Practice:
    """A clinic with its queue open, two staff, and patients whose phones watch the queue."""

    topology: Topology
    clinic_id: str
    queue_id: str
    staff: list[Person]
    patients: list[Person]
    phones: dict[str, Phone]

    async def take_number(self, patient: Person) -> dict[str, Any]:
        """The patient's token."""
        answer = await patient.post("/tokens", {"queueId": self.queue_id})
        token: dict[str, Any] = data_of(answer, 201)
        return token

    async def status(self) -> dict[str, Any]:
        """A fresh read."""
        status: dict[str, Any] = data_of(await self.staff[0].get(f"/queues/{self.queue_id}/status"))
        return status

    async def tokens(self) -> list[dict[str, Any]]:
        """The whole list."""
        tokens: list[dict[str, Any]] = data_of(
            await self.staff[0].get(f"/tokens/queue/{self.queue_id}")
        )
        return tokens

    async def without_announcing(
        self, act: Callable[[UseCases, Actor], Awaitable[object]], *, clock: Clock | None = None
    ) -> None:
        """Do it as a process that dies right after its COMMIT."""
        async with self.topology.container(clock).running() as container:
            actor = Actor(
                id=UserId(UUID(self.staff[0].id)),
                session_id=SessionId(container.ids.new_id()),
                role=Role.STAFF,
                clinic_id=ClinicId(UUID(self.clinic_id)),
            )
            await act(container.use_cases, actor)

    async def everything_is_announced(self) -> bool:
        """Whether nothing waits in the journal."""
        container = self.topology.container()
        async with container.running(), container.storage.read() as uow:
            return await uow.journal.depth() == 0


@asynccontextmanager
async def practice(
    topology: Topology, *, patients: int, phones_at: str | None = None
) -> AsyncIterator[Practice]:
    """``phones_at`` is where the phones connect, if not where everybody goes."""
    async with httpx.AsyncClient(
        base_url=topology.url, transport=AskingAgain(), timeout=30
    ) as http:
        people = People(http)
        name = f"practice{monotonic():.6f}"
        await asyncio.to_thread(topology.create_admin, ADMIN, PASSWORD)
        admin = await people.log_in(ADMIN)
        clinic = {"name": name, "latitude": 40.7, "longitude": -74.0}
        clinic["timezone"] = where_the_day_is_young(datetime.now(UTC))
        clinic_id = data_of(await admin.post("/clinic", clinic), 201)["id"]
        everybody = await few_at_once(
            people.newcomer(f"p{number}@{name}.example") for number in range(patients + 2)
        )
        staff, others = everybody[:2], everybody[2:]
        for person in staff:
            data_of(await admin.post(f"/clinic/{clinic_id}/staff", {"userId": person.id}), 201)
        opened = await staff[0].post(f"/queues/init/{clinic_id}", {"maxQueueSize": 1000})
        queue_id = data_of(opened, 201)["id"]
        phones = {
            person.id: Phone(
                phones_at or topology.url, person.access_token, TRANSPORTS[number % len(TRANSPORTS)]
            )
            for number, person in enumerate(everybody)
        }
        try:
            await few_at_once(phone.open() for phone in phones.values())
            await few_at_once(phone.watch(queue_id) for phone in phones.values())
            yield Practice(topology, clinic_id, queue_id, staff, others, phones)
        finally:
            await asyncio.gather(*(phone.close() for phone in phones.values()))
