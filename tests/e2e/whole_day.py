"""A clinic's whole day, lived by clients alone: services, desks, the whole life of tokens.

It asserts only what it needs to go on. What people were answered and heard is in the ``ToldDay``
that comes out of it: the oracle knows nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import cycle
from random import Random
from typing import Any

import httpx

from tests.e2e.clerks import Clerk, Token
from tests.e2e.day import ADMIN, PASSWORD, People, few_at_once, where_the_day_is_young
from tests.e2e.hall import Hall
from tests.e2e.phones import Phone
from tests.e2e.testimony import Who, now
from tests.e2e.told_day import ToldDay
from tests.e2e.topology import Topology
from tests.e2e.treatments import BASIC, SPECIAL, Room, seen
from tests.e2e.visitors import Visitor, networks
from tests.support.clients.sockets import TRANSPORTS
from tests.support.http_service import Person, data_of
from tests.support.waiting import eventually

KINDS = {"account": 60, "guest": 40, "walk-in": 20}
"""Who comes, and how many of each."""

EARLY = {"account": 20, "guest": 24, "walk-in": 10}
"""So many of each wait already when the doctors come."""

ABSENT = {
    "account 0": "G",
    "account 1": "D",
    "account 2": "BT",
    "account 3": "G",
    "guest 0": "D",
    "guest 1": "BT",
    "guest 2": "G",
    "guest 3": "D",
    "walk-in 0": "BT",
    "walk-in 1": "G",
}
"""The first ten, and where: they will not be there when they are called."""

BACK_BY_THEMSELVES = ("account 0", "account 1", "guest 0", "guest 1")
BACK_BY_STAFF = ("account 2", "walk-in 0")

LAST = {"guest 38": "G", "guest 39": "BT", "account 59": "D"}
"""They come when the doctors want to go home."""

FIRST_WAVE = {"account": 13, "guest": 11, "walk-in": 6}
SEEN_BEFORE_THE_KILL = 15
PATIENCE_SECONDS = 130.0
SETTLED_SECONDS = 30.0
LOOKED_UP = timedelta(seconds=2)
"""From when a connection stands their place is looked up within so long, or the connection ends:
what is over before its place is known is told of no place."""
BACK_SECONDS = 60.0
"""Longer than it takes an app to notice that nobody answers its pings."""


class WholeDay:
    """The day as it goes by."""

    def __init__(self, topology: Topology, networks: Sequence[httpx.AsyncClient]) -> None:
        self._topology = topology
        self._networks = networks
        self._dice = Random("a whole day")
        self._told = ToldDay()
        self._registered: dict[str, asyncio.Event] = {}
        self._hall_is_calm = asyncio.Event()
        self._is_healed = asyncio.Event()
        self._nobody_comes_any_more = asyncio.Event()

    async def live(self, *, kill: bool) -> ToldDay:
        """All of it, once; with ``kill`` a process dies in the middle."""
        told = self._told
        await self._open_clinic()
        self._make_visitors()
        if not kill:
            self._is_healed.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._register())
            await self._staff_arrive()
            await self._ten_are_called_who_are_not_there()
            back = group.create_task(self._six_come_back())
            await self._the_hall_fills()
            await Hall(told, self._reception).everything_happens()
            self._hall_is_calm.set()
            await self._compare_places()
            if kill:
                group.create_task(self._a_process_dies())
            working = group.create_task(self._the_desks_work())
            await self._the_others_come()
            await back
            self._nobody_comes_any_more.set()
            await working
        await self._the_last_three()
        await self._staff_close()
        await self._settle()
        return told

    async def close(self) -> None:
        """Everybody goes home."""
        staff = [one for one in self._told.clerks if one.is_there]
        await asyncio.gather(*(one.leave() for one in staff))
        await asyncio.gather(*(one.leave() for one in self._told.visitors.values()))

    # The house

    async def _open_clinic(self) -> None:
        people = People(self._networks[0])
        await asyncio.to_thread(self._topology.create_admin, ADMIN, PASSWORD)
        admin = await people.log_in(ADMIN)
        given = {
            "name": "Harbour Clinic",
            "latitude": 40.7,
            "longitude": -74.0,
            "timezone": where_the_day_is_young(now()),
            "noShowMinutes": 1,
            "guestJoin": True,
        }
        clinic = data_of(await admin.post("/clinic", given), 201)
        of_clinic = f"/clinic/{clinic['id']}"
        staff = await few_at_once(
            people.newcomer(f"staff{number}@harbour.example") for number in range(6)
        )
        for person in staff:
            data_of(await admin.post(f"{of_clinic}/staff", {"userId": person.id}), 201)
        # The service that every clinic has gets a prefix; of the others one chooses its own.
        (general,) = data_of(await admin.get(f"{of_clinic}/services"))
        first = await admin.put(f"/services/{general['id']}", {"prefix": "G"})
        second = await admin.post(f"{of_clinic}/services", {"name": "Dr Okafor"})
        third = await admin.post(f"{of_clinic}/services", {"name": "Blood tests", "prefix": "BT"})
        services = [data_of(first), data_of(second, 201), data_of(third, 201)]
        queues = {}
        for service in services:
            opening = {"serviceId": service["id"], "maxQueueSize": 100}
            opened = await staff[0].post(f"/queues/init/{clinic['id']}", opening)
            queues[service["prefix"]] = data_of(opened, 201)
        desks = [
            data_of(await admin.post(f"{of_clinic}/desks", {"name": f"Room {number}"}), 201)
            for number in (1, 2, 3, 4)
        ]
        told = self._told
        told.clinic, told.desks = clinic, desks
        told.services = {service["prefix"]: service for service in services}
        told.queues = queues
        told.join_code = data_of(await staff[0].get(of_clinic))["joinCode"]
        told.clerks = [
            Clerk(person, await _known_as(person), told.testimony, seed=number)
            for number, person in enumerate([*staff, admin])
        ]

    async def _staff_arrive(self) -> None:
        queue_ids = [queue["id"] for queue in self._told.queues.values()]
        for number, clerk in enumerate(self._told.clerks):
            transport = TRANSPORTS[number % len(TRANSPORTS)]
            await clerk.arrive(self._topology.url, transport, queue_ids)

    @property
    def _waiting_doctor(self) -> Clerk:
        """Whose first patient does not come: that desk is paused meanwhile."""
        return self._told.clerks[3]

    @property
    def _reception(self) -> tuple[Clerk, Clerk]:
        return self._told.clerks[4], self._told.clerks[5]

    @property
    def _admin(self) -> Clerk:
        return self._told.clerks[6]

    def _visitor(self, name: str) -> Visitor:
        return self._told.visitors[name]

    # Who comes

    def _make_visitors(self) -> None:
        names = [f"{kind} {number}" for kind, many in KINDS.items() for number in range(many)]
        for position, name in enumerate(names):
            visitor = self._told.visitors[name] = Visitor(
                name,
                self._told.testimony,
                http=self._networks[position % len(self._networks)],
                url=self._topology.url,
                transport=TRANSPORTS[position % len(TRANSPORTS)],
            )
            visitor.treatments.append(self._dice.choice(BASIC))
            if visitor.kind == "account":
                self._registered[name] = asyncio.Event()
        late = [self._visitor(name) for name in self._late()]
        for visitor in late:
            whims = ((), (), ("hold", "resume"), ("postpone",), ("cancel",))
            visitor.whims += self._dice.choice(whims)
        # What is not every day's happens to those who have no whims.
        calm = [visitor for visitor in late if not visitor.whims]
        for visitor, treatment in zip(calm, cycle(SPECIAL), strict=False):
            visitor.treatments.appendleft(treatment)

    def _late(self) -> list[str]:
        names = [f"{kind} {n}" for kind, many in KINDS.items() for n in range(EARLY[kind], many)]
        return [name for name in names if name not in LAST]

    def _wave(self, first: dict[str, int], end: dict[str, int]) -> list[str]:
        return [f"{kind} {number}" for kind in KINDS for number in range(first[kind], end[kind])]

    async def _register(self) -> None:
        async def register(visitor: Visitor) -> None:
            await visitor.register()
            self._registered[visitor.name].set()

        await few_at_once((register(self._visitor(name)) for name in self._registered), at_once=2)

    async def _arrive(self, name: str, prefix: str, **given: Any) -> None:
        """However that kind of patient comes into the queue."""
        visitor, queue_id = self._visitor(name), self._told.queue_id(prefix)
        if visitor.kind == "account":
            await self._registered[name].wait()
            await visitor.connect()
            answer = await visitor.take_number(queue_id)
            assert answer.ok, answer
            await visitor.watch()
        elif visitor.kind == "guest":
            look = visitor.number % 4 == 0
            code, [service_id] = self._told.join_code, self._told.service_ids(prefix)
            answer = await visitor.join(code, service_id, look=look)
            assert answer.ok, answer
            await visitor.connect()
        else:
            with_phone = visitor.number % 2 == 0
            clerk = self._reception[visitor.number // 2 % 2]
            await visitor.be_admitted(clerk, queue_id, with_phone=with_phone, **given)
            if with_phone:
                await visitor.connect()

    # The morning

    async def _ten_are_called_who_are_not_there(self) -> None:
        """A clerk keeps one of each queue; the desk that has one more is paused for it."""
        await few_at_once(self._arrive(name, prefix) for name, prefix in ABSENT.items())
        waiting, (one, other), admin = self._waiting_doctor, self._reception, self._admin
        await asyncio.gather(
            *(
                clerk.call_next(self._told.queue_id(prefix))
                for clerk in (one, other, admin)
                for prefix in ("G", "D", "BT")
            )
        )
        await waiting.sit_down(self._told.desks[3], self._told.service_ids("G", "D", "BT"))
        assert await waiting.call_next_here(), "the tenth was to be called"
        await waiting.pause()
        await other.must("recall", other.hand[0])

    async def _six_come_back(self) -> None:
        """When the clock has counted them as absent: four by themselves, two with help."""

        async def by_themselves(visitor: Visitor) -> None:
            await eventually(lambda: visitor.has_heard("SKIPPED"), within=PATIENCE_SECONDS)
            await visitor.must("rejoin")

        async def with_help(clerk: Clerk, visitor: Visitor) -> None:
            await eventually(lambda: clerk.sees(visitor.token, "SKIPPED"), within=PATIENCE_SECONDS)
            await clerk.must("rejoin", visitor.token)

        # All ten: nobody in hand is completed by somebody's next call.
        await eventually(
            lambda: all(self._admin.sees(self._visitor(name).token, "SKIPPED") for name in ABSENT),
            within=PATIENCE_SECONDS,
        )
        for clerk in (*self._reception, self._admin, self._waiting_doctor):
            clerk.hand.clear()
        # Not while a process is away: the paused desk goes on after it, too. Nor while clerks
        # still take back their last moves, on a machine that is as slow as that.
        await self._is_healed.wait()
        await self._hall_is_calm.wait()
        await asyncio.gather(
            *(by_themselves(self._visitor(name)) for name in BACK_BY_THEMSELVES),
            *map(with_help, self._reception, map(self._visitor, BACK_BY_STAFF)),
        )

    async def _the_hall_fills(self) -> None:
        prefixes = cycle(self._told.queues)
        none_yet = {"account": 4, "guest": 4, "walk-in": 2}
        for wave in (self._wave(none_yet, FIRST_WAVE), self._wave(FIRST_WAVE, EARLY)):
            classes = {"walk-in 2": "URGENT", "walk-in 3": "PRIORITY"}
            await few_at_once(
                self._arrive(
                    name,
                    next(prefixes),
                    **({"priority": classes[name]} if name in classes else {}),
                )
                for name in wave
            )

    # The afternoon

    async def _the_desks_work(self) -> None:
        desks, clerks = self._told.desks, self._told.clerks
        served = (("G", "D"), ("D", "BT"), ("BT", "G"))
        for clerk, desk, prefixes in zip(clerks, desks, served, strict=False):
            await clerk.sit_down(desk, self._told.service_ids(*prefixes))
        first = clerks[0]
        chosen = await first.do("call", self._visitor("guest 8").token, reason="asked for")
        assert chosen.ok, chosen
        await self._see(first, chosen.data)
        await asyncio.gather(*(self._work(clerk) for clerk in (*clerks[:3], self._waiting_doctor)))
        # What one sent back when others had gone: the desk that serves all sees to it.
        await self._work(self._waiting_doctor)

    async def _work(self, clerk: Clerk) -> None:
        if clerk is self._waiting_doctor:
            await eventually(lambda: not clerk.hand, within=PATIENCE_SECONDS)
            await self._is_healed.wait()
        is_over = self._nobody_comes_any_more.is_set
        await clerk.work(self._see, is_over, patience=PATIENCE_SECONDS)

    async def _see(self, clerk: Clerk, token: Token) -> None:
        """Do what is in store for whom they have called."""
        visitor = self._told.named(token["name"])
        treatment = visitor.treatments.popleft() if visitor.treatments else seen
        room = Room(clerk, token, visitor, self._told.next_door(token))
        await treatment(room)
        if room.new_token_id is not None:
            await self._told.goes_on(visitor, room.new_token_id, clerk)

    async def _the_others_come(self) -> None:
        prefixes = cycle(self._told.queues)
        classes = cycle(["NORMAL", "PRIORITY", "NORMAL", "URGENT", "NORMAL"])

        async def come(name: str, prefix: str, priority: str) -> None:
            visitor = self._visitor(name)
            given = {"priority": priority} if visitor.kind == "walk-in" else {}
            await self._arrive(name, prefix, **given)
            for whim in visitor.whims if visitor.has_login else ():
                # They may be called at any moment: then it is too late.
                answer = await visitor.do(whim, **({"pass": 2} if whim == "postpone" else {}))
                assert answer.ok or answer.code in ("illegal_transition", "nobody_behind"), answer

        names = self._late()
        self._dice.shuffle(names)
        async with asyncio.TaskGroup() as group:
            for name, prefix, priority in zip(names, prefixes, classes, strict=False):
                group.create_task(come(name, prefix, priority))

    async def _a_process_dies(self) -> None:
        """In the middle of everybody's work; it is started again at once."""
        clerks, process = self._told.clerks, self._topology.processes[0]
        await eventually(
            lambda: sum(clerk.seen for clerk in clerks) >= SEEN_BEFORE_THE_KILL,
            within=PATIENCE_SECONDS,
        )
        await asyncio.to_thread(process.kill)
        self._told.was_killed = True
        await asyncio.to_thread(process.start)
        with suppress(AssertionError):
            await eventually(lambda: not self._gone(), within=BACK_SECONDS)
        assert self._gone() == []
        self._is_healed.set()

    def _gone(self) -> list[Phone]:
        return [phone for phone in self._told.phones if phone.client.gone.is_set()]

    async def _the_last_three(self) -> None:
        """One is called, one is seen, one waits when the day ends."""
        for name, prefix in LAST.items():
            await self._arrive(name, prefix)
        first, second = self._told.clerks[:2]
        called, seen_last = await first.call_next_here(), await second.call_next_here()
        assert called, "somebody has just come"
        assert seen_last, "somebody has just come"
        await second.must("start", seen_last)

    async def _staff_close(self) -> None:
        one, other = self._reception
        for clerk, prefix in ((one, "G"), (self._admin, "D"), (other, "BT")):
            assert (await clerk.close_queue(self._told.queue_id(prefix))).ok
        for clerk in self._told.clerks[:4]:
            await clerk.stand_up()
        too_late = await self._visitor("account 3").do("rejoin")
        assert too_late.code == "queue_closed", too_late
        stranger = Visitor(
            "stranger 0",
            self._told.testimony,
            http=self._networks[-1],
            url=self._topology.url,
            transport="plain",
        )
        [service_id] = self._told.service_ids("G")
        too_late = await stranger.join(self._told.join_code, service_id, look=False)
        assert too_late.code == "queue_closed", too_late

    # Looking back

    async def _compare_places(self) -> None:
        """Nothing moves: what is everybody's phone's last word, and is it true?"""

        async def compare(visitor: Visitor) -> None:
            token_id = visitor.token["id"]
            asked = await visitor.place(token_id)

            def is_told() -> bool:
                told = visitor.last_place(token_id)
                return bool(told and told["ahead"] == asked["ahead"])

            moved_last = await visitor.moved_last(token_id)

            def is_over() -> bool:
                """Whoever comes when their token has ended is told of no place."""
                came_later = (
                    visitor.phone is not None
                    and moved_last < visitor.phone.connected_since + LOOKED_UP
                )
                return came_later and asked["ahead"] is None and not visitor.last_place(token_id)

            with suppress(AssertionError):
                await eventually(lambda: is_told() or is_over(), within=SETTLED_SECONDS)
            if not is_over():
                self._told.places.append((visitor.last_place(token_id), asked))

        await few_at_once((compare(one) for one in self._told.watching if one.tokens), at_once=30)

    async def _settle(self) -> None:
        told, admin = self._told, self._admin
        for queue in told.queues.values():
            id = queue["id"]
            told.statuses[id] = data_of(await admin.person.get(f"/queues/{id}/status"))
            told.boards[id] = data_of(await admin.person.get(f"/queues/{id}/board"))
            told.tokens[id] = data_of(await admin.person.get(f"/tokens/queue/{id}"))
        ids = [token["id"] for tokens in told.tokens.values() for token in tokens]
        histories = await few_at_once(
            admin.person.get(f"/tokens/{token_id}/history") for token_id in ids
        )
        told.histories = dict(zip(ids, map(data_of, histories), strict=True))
        versions = {id: status["version"] for id, status in told.statuses.items()}
        with suppress(AssertionError):
            await eventually(
                lambda: (
                    all(
                        screen.version >= versions[id]
                        for clerk in told.clerks
                        for id, screen in clerk.screens.items()
                    )
                    and all(
                        phone.knows_of(queue_id, versions[queue_id])
                        for phone in told.phones
                        for queue_id in phone.queue_ids
                    )
                ),
                within=SETTLED_SECONDS,
            )
        await self._compare_places()


async def _known_as(person: Person) -> Who:
    me = data_of(await person.get("/auth/me"))
    return Who(person.id, f"{me['firstName']} {me['lastName']}", me["role"])


@asynccontextmanager
async def _people(topology: Topology) -> AsyncIterator[WholeDay]:
    async with networks(topology.url) as clients:
        day = WholeDay(topology, clients)
        try:
            yield day
        finally:
            await day.close()


async def live_whole_day(topology: Topology, *, kill: bool) -> ToldDay:
    """The day at that place."""
    async with _people(topology) as day:
        return await day.live(kill=kill)
