"""A clinic's day, from `qure create-admin` to the last patient: one scenario for every topology.

It is lived by clients alone, over HTTP and all four kinds of sockets. It asserts only what it needs
to go on; what became of everything is in the `Record`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from time import monotonic
from typing import Any, TypeVar

import httpx
from PIL import Image

from tests.e2e.desks import Desk
from tests.e2e.phones import AskingAgain, Phone, was_repeated
from tests.e2e.record import Patient, Record, recorded
from tests.e2e.topology import Topology
from tests.support.clients.sockets import TRANSPORTS, Hearing, open_at
from tests.support.http_service import Person, comes_true, data_of, refused
from tests.support.waiting import eventually

ASKING = 60
PLACES = 50
ADMIN = "admin@clinic.example"
PASSWORD = "correct horse"
SETTLED_SECONDS = 30.0
PICTURES_SECONDS = 120.0

T = TypeVar("T")
Meanwhile = Callable[["Day"], Awaitable[None]]


class Day:
    """The day as it goes by. Whoever disturbs it waits for a moment with ``reached``."""

    def __init__(self, topology: Topology, http: httpx.AsyncClient) -> None:
        self.topology = topology
        self.people = People(http)
        self.queue_id = ""
        self.patients: list[Patient] = []
        self.desks: list[Desk] = []
        self.record = Record()
        self._rests: list[tuple[int, str]] = []
        self._moments: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def reach(self, moment: str) -> None:
        """It is that moment now."""
        self._moments[moment].set()

    async def reached(self, moment: str) -> None:
        """Wait for it."""
        await self._moments[moment].wait()

    def rest_after(self, patients: int, moment: str) -> None:
        """When staff have seen so many, they call nobody until that moment."""
        self._rests.append((patients, moment))

    async def live(self, *, undisturbed: bool) -> Record:
        """The whole day, once."""
        await asyncio.to_thread(self.topology.create_admin, ADMIN, PASSWORD)
        admin = await self.people.log_in(ADMIN)
        first, second, removed, *others = await few_at_once(
            self.people.newcomer(f"p{number}@clinic.example") for number in range(ASKING + 4)
        )
        disabled, *asking = others
        clinic_id = await self._open_clinic(admin)
        for staff in ({"userId": first.id}, {"email": second.email}):
            data_of(await admin.post(f"/clinic/{clinic_id}/staff", staff), 201)
        opened = await first.post(f"/queues/init/{clinic_id}", {"maxQueueSize": PLACES})
        self.queue_id = data_of(opened, 201)["id"]
        await self._connect([first, second], asking)
        if undisturbed:
            self.reach("nothing disturbs any more")
        await self._everybody_asks()
        await asyncio.gather(self._see_everybody(), *map(self._leave, self.patients))
        await self.reached("nothing disturbs any more")
        await self._settle(first)
        await self._pictures(admin, clinic_id)
        await self._disable(admin, disabled)
        await self._change_role(admin, removed, clinic_id)
        await recorded(self.record, self.topology, self.patients, self.desks)
        return self.record

    async def caught_up(self) -> None:
        """Measure how long it takes until everybody knows what is true now."""
        began = monotonic()
        status = await self._status()
        phones = self._phones()
        await eventually(
            lambda: all(one.knows(status["version"]) for one in phones), within=SETTLED_SECONDS
        )
        self.record.caught_up_seconds = monotonic() - began

    async def close(self) -> None:
        """Put every phone away."""
        await asyncio.gather(*(phone.close() for phone in self._phones()))

    # The acts of the day

    async def _open_clinic(self, admin: Person) -> str:
        form = {
            "name": "Riverside Practice",
            "latitude": "40.7",
            "longitude": "-74.0",
            "timezone": where_the_day_is_young(datetime.now(UTC)),
        }
        text = ("images", ("room.jpg", b"This is no picture.", "image/jpeg"))
        refused_picture = await admin.post("/clinic", data=form, files=[text])
        self.record.refusal_of_text = dict(refused(refused_picture, 400, "validation_failed"))
        self.reach("pictures come")
        files = [
            # Neither names nor declared types are right: the content counts.
            ("logo", ("logo.txt", picture("PNG", 64, 64), "text/plain")),
            ("images", ("room.png", picture("JPEG", 1600, 1200), "image/png")),
            ("images", ("desk", picture("WEBP", 300, 200), "application/octet-stream")),
            ("images", ("door.jpeg", picture("GIF", 200, 300), "image/jpeg")),
        ]
        self.record.pictures_given = len(files)
        clinic_id: str = data_of(await admin.post("/clinic", data=form, files=files), 201)["id"]
        self.reach("pictures given")
        return clinic_id

    async def _connect(self, staff: Sequence[Person], asking: Sequence[Person]) -> None:
        url = self.topology.url
        ways = ("upgraded", "plain")
        for person, way in zip(staff, ways, strict=True):
            phone = Phone(url, person.access_token, way)
            is_second = bool(self.desks)
            visit = 0.1 if is_second else 0.0
            self.desks.append(Desk(person, phone, uses_http=is_second, visit_seconds=visit))
        for number, person in enumerate(asking):
            phone = Phone(url, person.access_token, TRANSPORTS[number % len(TRANSPORTS)])
            self.patients.append(Patient(person, phone))
        await few_at_once(phone.open() for phone in self._phones())
        await few_at_once(phone.watch(self.queue_id) for phone in self._phones())
        for door in self.topology.doors:
            self.record.sockets_at[door] = await sockets_at(door)

    async def _everybody_asks(self) -> None:
        self.reach("everybody asks")
        await asyncio.gather(*map(self._ask, self.patients))

    async def _ask(self, patient: Patient) -> None:
        answer = await patient.person.post("/tokens", {"queueId": self.queue_id})
        if answer.status_code == 201:
            patient.token = data_of(answer, 201)
            return
        code = answer.json()["code"]
        if code == "active_token_exists" and was_repeated(answer):
            patient.token = answer.json()["meta"]["token"]
            return
        refused(answer, 409, "queue_full")
        patient.was_told_full = True

    async def _see_everybody(self) -> None:
        phones = {one.person.id: one.phone for one in self.patients}
        await asyncio.gather(*(desk.work(self.queue_id, phones, self._rest) for desk in self.desks))

    async def _rest(self) -> None:
        seen = sum(desk.seen for desk in self.desks)
        for patients, moment in self._rests:
            if seen >= patients:
                self.reach(f"{patients} were seen")
                await self.reached(moment)

    async def _leave(self, patient: Patient) -> None:
        """A few of the last go home; too late if they were called already."""
        if patient.token is None or patient.token["tokenNumber"] not in (44, 46, 48, 50):
            return
        answer = await patient.person.delete(f"/tokens/{patient.token['id']}")
        if answer.status_code == 200:
            patient.has_left = True
        else:
            refused(answer, 409, "illegal_transition")

    async def _settle(self, staff: Person) -> None:
        await self._finish_what_nobody_holds(staff)
        if self.record.caught_up_seconds is None:
            await self.caught_up()
        self.record.status = await self._status()
        self.record.tokens = data_of(await staff.get(f"/tokens/queue/{self.queue_id}"))
        phones = self._phones()
        await eventually(
            lambda: all(one.knows(self.record.status["version"]) for one in phones),
            within=SETTLED_SECONDS,
        )

    async def _finish_what_nobody_holds(self, staff: Person) -> None:
        """Calls whose answers were lost: their patients stand CALLED, and no desk knows."""
        for token in data_of(await staff.get(f"/tokens/queue/{self.queue_id}")):
            if token["status"] in ("CALLED", "IN_PROGRESS"):
                assert any(desk.lost_answers for desk in self.desks), token
                answer = await staff.post(f"/tokens/{token['id']}/complete")
                assert answer.status_code == 200 or was_repeated(answer), answer.text

    async def _pictures(self, admin: Person, clinic_id: str) -> None:
        async def are_shown() -> bool:
            clinic = data_of(await admin.get(f"/clinic/{clinic_id}"))
            urls = [clinic["logo"], *clinic["images"]]
            self.record.picture_urls = [url for url in urls if url is not None]
            return len(self.record.picture_urls) == self.record.pictures_given

        await comes_true(are_shown, within=PICTURES_SECONDS)
        self.record.pictures = [
            await asyncio.to_thread(self.topology.picture, url) for url in self.record.picture_urls
        ]

    async def _disable(self, admin: Person, person: Person) -> None:
        sockets = await self._sockets_everywhere(person)
        data_of(await admin.patch(f"/users/{person.id}", {"isActive": False}))
        began = monotonic()
        try:
            await eventually(lambda: all(one.gone.is_set() for one in sockets), within=10)
        finally:
            await asyncio.gather(*(one.close() for one in sockets))
        self.record.closed_after_seconds = monotonic() - began

    async def _change_role(self, admin: Person, person: Person, clinic_id: str) -> None:
        """Made staff and a patient again: what is the open sockets' answer to a call?"""
        sockets = await self._sockets_everywhere(person)

        async def codes() -> set[str]:
            answers = [await one.ask("queue:call_next", self.queue_id) for one in sockets]
            return {answer["code"] for answer in answers}

        async def measured(code: str) -> float:
            began = monotonic()

            async def is_so() -> bool:
                return await codes() == {code}

            await comes_true(is_so)
            return monotonic() - began

        self.record.role_changes = [("forbidden", await measured("forbidden"))]
        staff = f"/clinic/{clinic_id}/staff"
        data_of(await admin.post(staff, {"userId": person.id}), 201)
        self.record.role_changes.append(("queue_empty", await measured("queue_empty")))
        data_of(await admin.delete(f"{staff}/{person.id}"))
        self.record.role_changes.append(("forbidden", await measured("forbidden")))
        await asyncio.gather(*(one.close() for one in sockets))

    async def _sockets_everywhere(self, person: Person) -> list[Any]:
        """Over every transport, to each process."""
        ways = [(door, way) for door in self.topology.doors for way in TRANSPORTS]
        opened: list[Hearing] = [
            await open_at(door, person.access_token, way) for door, way in ways
        ]
        return opened

    async def _status(self) -> dict[str, Any]:
        path = f"/queues/{self.queue_id}/status"
        status: dict[str, Any] = data_of(await self.desks[0].person.get(path))
        return status

    def _phones(self) -> list[Phone]:
        return [*(one.phone for one in self.desks), *(one.phone for one in self.patients)]


class People:
    """Everybody who has an account."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def newcomer(self, email: str) -> Person:
        """Registered and logged in."""
        account = {
            "firstName": "Marie",
            "lastName": "Curie",
            "email": email,
            "password": PASSWORD,
            "confirmPassword": PASSWORD,
        }
        data_of(await self._http.post("/api/auth/register", json=account), 201)
        return await self.log_in(email)

    async def log_in(self, email: str) -> Person:
        """Somebody who has an account."""
        login = {"email": email, "password": PASSWORD}
        data = data_of(await self._http.post("/api/auth/login", json=login))
        return Person(
            self._http, email, data["user"]["id"], data["accessToken"], data["refreshToken"]
        )


async def live_through(topology: Topology, meanwhile: Meanwhile | None = None) -> Record:
    """The day at that place, and what is done to it meanwhile."""
    async with httpx.AsyncClient(
        base_url=topology.url, transport=AskingAgain(), timeout=30
    ) as http:
        day = Day(topology, http)
        try:
            async with asyncio.TaskGroup() as group:
                if meanwhile is not None:
                    group.create_task(meanwhile(day))  # type: ignore[arg-type]
                return await day.live(undisturbed=meanwhile is None)
        finally:
            await day.close()


async def few_at_once(work: Iterable[Awaitable[T]], *, at_once: int = 6) -> list[T]:
    """All of it, in order; the service is not pushed to its limits here."""
    free = asyncio.Semaphore(at_once)

    async def one(awaitable: Awaitable[T]) -> T:
        async with free:
            return await awaitable

    return await asyncio.gather(*map(one, work))


async def sockets_at(door: str) -> int:
    """How many sockets that process says it has."""
    async with httpx.AsyncClient() as http:
        figures = (await http.get(f"{door}/metrics")).text
    return sum(
        int(float(line.rsplit(" ", 1)[1]))
        for line in figures.splitlines()
        if line.startswith("qure_sockets{")
    )


def picture(format: str, width: int, height: int) -> bytes:
    """A picture of that kind."""
    stream = BytesIO()
    Image.new("RGB", (width, height), "teal").save(stream, format)
    return stream.getvalue()


def where_the_day_is_young(now: datetime) -> str:
    """A time zone in which it is noon: its day does not end while the test runs."""
    west = now.hour - 12  # In these names, + is west of Greenwich.
    return f"Etc/GMT{west:+d}" if west else "Etc/GMT"
