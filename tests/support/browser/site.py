"""The service that pages are tested on: `qure serve` in a process, on the embedded default."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

import httpx

from tests.support.http_service import PASSWORD, FrontDoor, Person, Thing, data_of
from tests.support.servers.process import LOOPBACK
from tests.support.servers.qure import QureProcess

_SETTINGS = {
    "QURE_REGISTRATIONS_PER_ADDRESS": "1000000",
    "QURE_MAX_CONNECTIONS_PER_USER": "10000",
    "QURE_MAX_ACTIVE_TOKENS": "1000",
    # Every device of a test says that it comes from an address of its own.
    "QURE_TRUSTED_PROXIES": LOOPBACK,
    # What it runs is measured by the tests of each part; here it would take twice as long.
    "COVERAGE_PROCESS_CONFIG": "",
    "COVERAGE_PROCESS_START": "",
}


class Addresses:
    """Addresses of devices, none twice."""

    def __init__(self) -> None:
        self._next = IPv4Address("10.0.0.1")

    def headers(self) -> dict[str, str]:
        """The header in which a trusted proxy would tell of the next one."""
        self._next += 1
        return {"X-Forwarded-For": str(self._next)}


@dataclass(slots=True)
class OpenClinic:
    """A clinic that works: its queues are open and its staff sit at their desks, in order."""

    clinic: Thing
    services: list[Thing]
    queues: list[Thing]
    desks: list[Thing]
    staff: list[Person]

    @property
    def id(self) -> str:
        """The clinic's."""
        return str(self.clinic["id"])


@dataclass(slots=True)
class Site(FrontDoor):
    """A service at an address, with shortcuts through its API."""

    process: QureProcess
    addresses: Addresses = field(default_factory=Addresses)

    @property
    def url(self) -> str:
        """Where it is, without a path; the same through every restart."""
        return self.process.url

    async def admin(self) -> Person:
        """A new admin: the first with the code that the operator reads, others by the command,
        which takes seconds."""
        self._numbers += 1
        email = f"admin{self._numbers}@example.com"
        if data_of(await self.http.get("/api/setup"))["needed"]:
            named = {"firstName": "Grace", "lastName": "Hopper", "email": email}
            secret = {"password": PASSWORD, "confirmPassword": PASSWORD, "code": self.setup_code()}
            data_of(await self.http.post("/api/setup", json={**named, **secret}), 201)
        else:
            given = ("--first-name", "Grace", "--last-name", "Hopper", "--password", PASSWORD)
            await asyncio.to_thread(self.process.command, "create-admin", email, *given)
        return await self.log_in(email)

    def setup_code(self) -> str:
        """As the operator reads it when the service is started and has no admin."""
        found = re.search(r"code ([A-Z0-9]{4}(?:-[A-Z0-9]{4})+)", self.process.log())
        assert found is not None, self.process.log()
        return found[1]

    async def open_clinic(
        self, admin: Person, *, services: int = 1, desks: int = 1, staff: int = 1, **fields: Any
    ) -> OpenClinic:
        """A clinic with so many services, desks and staff, where it is about noon.

        All its queues are open; as many staff as there are desks sit at one, and serve everything.
        """
        given = {"timezone": where_it_is_noon(), **fields}
        clinic = await self.clinic(admin, **given)
        staff_members = [await self.staff(admin, clinic["id"]) for _ in range(staff)]
        for number in range(1, services):
            await self.add_service(admin, clinic["id"], f"Service {number + 1}")
        found = (await admin.get(f"/clinic/{clinic['id']}/services")).json()["data"]
        queues = [await self.queue(admin, clinic["id"], service_id=each["id"]) for each in found]
        rooms = [
            await self.add_desk(admin, clinic["id"], f"Room {number + 1}")
            for number in range(desks)
        ]
        for person, desk in zip(staff_members, rooms, strict=False):
            (await person.post(f"/desks/{desk['id']}/open")).raise_for_status()
        return OpenClinic(clinic, found, queues, rooms, staff_members)

    async def walk_ins(self, clinic: OpenClinic, count: int, *, queue: int = 0) -> list[Thing]:
        """So many people who came to the first of the staff: ``token`` and ``guest`` of each."""
        [staff, *_] = clinic.staff
        return [
            await self.walk_in_link(staff, clinic.queues[queue], name=f"Visitor {number + 1}")
            for number in range(count)
        ]

    async def start(self) -> None:
        """Start it again, where it was."""
        await asyncio.to_thread(self.process.start)

    async def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        await asyncio.to_thread(self.process.stop)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        await asyncio.to_thread(self.process.kill)

    async def restart(self) -> None:
        """Stop it in order, and start it where it was."""
        await self.stop()
        await self.start()


@asynccontextmanager
async def running_site(settings: Mapping[str, str] | None = None) -> AsyncIterator[Site]:
    """A new installation, and nobody who uses it yet; its data go with it."""
    process = QureProcess({**_SETTINGS, **(settings or {})})
    addresses = Addresses()

    async def come_from_elsewhere(request: httpx.Request) -> None:
        request.headers.update(addresses.headers())

    try:
        await asyncio.to_thread(process.start)
        async with httpx.AsyncClient(
            base_url=process.url, timeout=30, event_hooks={"request": [come_from_elsewhere]}
        ) as http:
            yield Site(http, process, addresses)
    finally:
        await asyncio.to_thread(process.close)


def where_it_is_noon(now: datetime | None = None) -> str:
    """A time zone in which it is between twelve and one: open, and no midnight in the test."""
    ahead = 12 - (now or datetime.now(UTC)).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
