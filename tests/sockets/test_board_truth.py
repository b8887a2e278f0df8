"""Whatever staff and patients do: a screen that applies its updates has what a fresh read gives."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qure.domain.actor import Role
from qure.domain.clinic import Clinic
from qure.domain.queue import Queue
from qure.domain.service import Service
from tests.sockets.board_client import BoardClient, what_it_says
from tests.sockets.clients import TRANSPORTS, open_client
from tests.support.bodies import without_waits
from tests.support.http_service import comes_true
from tests.support.socket_service import Login, SocketService

TOKEN_MOVES: dict[str, list[dict[str, Any]]] = {
    "call": [{}, {"reason": "asked to be seen first"}],
    "recall": [{}],
    "start": [{}],
    "complete": [{}],
    "skip": [{}, {"reason": "STAFF"}],
    "rejoin": [{}],
    "return": [{"to": "FIRST"}, {"to": "LAST"}, {"to": "AFTER", "after": 1}],
    "hold": [{}],
    "resume": [{}],
    "cancel": [{}],
    "priority": [{"priority": name} for name in ("NORMAL", "PRIORITY", "URGENT")],
    "transfer": [{}],
}
OTHER_MOVES = ("take", "take", "walk in", "call next", "call next", "undo", "notice", "door")

moves = st.tuples(
    st.sampled_from([*TOKEN_MOVES, *OTHER_MOVES]), st.integers(0, 1 << 16), st.booleans()
)


class Day:
    """A clinic with two services, and everything that may happen there, allowed or not."""

    def __init__(self, service: SocketService) -> None:
        self.service = service

    async def begin(self) -> Day:
        self.clinic: Clinic
        self.queue: Queue
        self.clinic, self.queue = await self.service.clinic(size=100)
        self.other: Service
        self.other, _ = await self.service.service_of(self.clinic)
        self.doctors = [await self.service.person(Role.STAFF, self.clinic) for _ in range(2)]
        await self.service.desk(self.clinic, self.doctors[0])
        self.patients = [await self.service.person() for _ in range(6)]
        # Both protocols, and a door that leads past them.
        self.desks = [
            await open_client(self.service, doctor.jwt, kind)
            for doctor, kind in zip(self.doctors, ("plain", "websocket"), strict=True)
        ]
        return self

    async def move(self, name: str, chance: int, over_http: bool) -> None:
        """Try it; most of the times it is refused, and changes nothing."""
        doctor, desk = self.doctors[chance % 2], self.desks[chance % 2]
        queue_id = str(self.queue.id)
        if name == "take":
            patient = self.patients[chance % len(self.patients)]
            await self.service.request("POST", "/tokens", patient, queueId=queue_id)
        elif name == "walk in":
            priority = ("NORMAL", "PRIORITY", "URGENT")[chance % 3]
            path = f"/queues/{queue_id}/walk-ins"
            await self.service.request("POST", path, doctor, name="Zoe", priority=priority)
        elif name == "call next":
            if over_http:
                await self.service.request("POST", f"/queues/{queue_id}/call-next", doctor)
            else:
                await desk.ask("queue:call_next", queue_id)
        elif name == "undo":
            await desk.ask("queue:undo", queue_id)
        elif name == "notice":
            path = f"/queues/{queue_id}/notice"
            await self.service.request("PUT", path, doctor, kind="NOTE", text=f"Note {chance}")
        elif name == "door":
            await self.service.request(
                "PATCH", f"/queues/{queue_id}/status", doctor, isActive=chance % 3 > 0
            )
        else:
            await self.move_token(name, chance, over_http, doctor, desk)

    async def move_token(
        self, name: str, chance: int, over_http: bool, doctor: Login, desk: Any
    ) -> None:
        tokens = (await self.board())["tokens"]
        if not tokens:
            return
        token_id = tokens[chance % len(tokens)]["id"]
        options = TOKEN_MOVES[name][chance % len(TOKEN_MOVES[name])]
        if name == "transfer":
            options = {"serviceId": str(self.other.id)}
        if over_http:
            method = "PUT" if name == "priority" else "POST"
            await self.service.request(method, f"/tokens/{token_id}/{name}", doctor, **options)
        else:
            await desk.ask(f"queue:{name}_token", str(self.queue.id), token_id, options)

    async def board(self) -> Any:
        """A fresh read."""
        return await self.service.call("GET", f"/queues/{self.queue.id}/board", self.doctors[0])

    async def end(self) -> None:
        for desk in self.desks:
            await desk.close()


async def has_the_truth(day: Day, *screens: BoardClient) -> None:
    fresh = await day.board()
    for screen in screens:
        await screen.reach(fresh["version"])
        assert without_waits(screen.tokens) == without_waits(fresh["tokens"])
        assert screen.status == fresh["status"]
        assert screen.version == fresh["version"]

    async def all_know_how_long() -> bool:
        read = [(one["id"], what_it_says(one["wait"])) for one in (await day.board())["tokens"]]
        shown = [
            [(one["id"], what_it_says(one["wait"])) for one in screen.tokens] for screen in screens
        ]
        return all(one == read for one in shown)

    await comes_true(all_know_how_long)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(moves, min_size=5, max_size=30), st.data())
async def test_after_any_moves_every_screen_has_what_a_fresh_read_gives_and_no_version_is_missing(
    service: SocketService, played: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    day = await Day(service).begin()
    early, late = (BoardClient(desk, day.queue) for desk in day.desks)
    assert (await early.join())["ok"] is True
    middle = data.draw(st.integers(0, len(played)))
    try:
        for number, move in enumerate(played):
            if number == middle:
                assert (await late.join())["ok"] is True
            await day.move(*move)
        await has_the_truth(day, early, *([late] if late.version else []))
    finally:
        await day.end()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_joins_in_the_middle_of_a_rush_has_the_truth_in_the_end(
    service: SocketService, transport: str
) -> None:
    chance = random.Random(transport)
    day = await Day(service).begin()
    clients = [await open_client(service, day.doctors[1].jwt, transport) for _ in range(4)]
    screens = [BoardClient(client, day.queue) for client in clients]
    names = ["take", "walk in", "call next", "hold", "skip", "rejoin", "priority"]

    joining: list[asyncio.Task[Any]] = []

    async def rush() -> None:
        for number in range(12):
            await day.move(chance.choice(names), chance.randrange(1 << 16), True)
            if number % 4 == 2 and len(joining) < len(screens):
                joining.append(asyncio.create_task(screens[len(joining)].join()))

    await asyncio.gather(*(rush() for _ in range(4)))
    assert all(answer["ok"] for answer in await asyncio.gather(*joining))
    await has_the_truth(day, *screens)
    for client in clients:
        await client.close()
    await day.end()


async def test_a_screen_that_sees_a_gap_has_the_truth_when_it_has_joined_again(
    service: SocketService,
) -> None:
    day = await Day(service).begin()
    screen = BoardClient(day.desks[0], day.queue)
    await screen.join()
    await screen.client.ask("leave-desk", str(day.queue.id))
    for _ in range(3):
        await day.move("walk in", 0, True)
    await screen.join()
    await day.move("call next", 0, True)
    await has_the_truth(day, screen)
    await day.end()
