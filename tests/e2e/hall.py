"""Where patients wait, before the doctors come: nobody is called, and all else happens."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.clerks import Clerk, Token
from tests.e2e.screens import waits
from tests.e2e.told_day import ToldDay
from tests.e2e.visitors import Visitor
from tests.support.http_service import data_of


class Hall:
    """Two clerks at the reception, and those who wait. Who does what is in their names."""

    def __init__(self, told: ToldDay, clerks: tuple[Clerk, Clerk]) -> None:
        self._told = told
        self._clerks = clerks

    def _visitor(self, name: str) -> Visitor:
        return self._told.visitors[name]

    async def everything_happens(self) -> None:
        """All that can be done with somebody who waits."""
        await asyncio.gather(self._first_clerk(), self._second_clerk(), self._patients())
        await self._somebody_comes_in_where_a_held_one_stands()

    async def _first_clerk(self) -> None:
        clerk, _ = self._clerks

        async def do(verb: str, name: str, **options: Any) -> None:
            await clerk.must(verb, self._visitor(name).token, **options)

        async def undo(name: str) -> None:
            await clerk.undo(self._visitor(name).token["queueId"])

        for name in ("account 4", "guest 4", "guest 5", "walk-in 4"):
            await do("priority", name, priority="PRIORITY")
        await do("priority", "account 5", priority="URGENT")
        await do("priority", "account 6", priority="PRIORITY")
        await do("priority", "account 6", priority="NORMAL")
        await do("priority", "guest 14", priority="URGENT")
        await undo("guest 14")
        await do("hold", "walk-in 8")
        await undo("walk-in 8")
        await do("skip", "account 14")
        await undo("account 14")
        await do("cancel", "account 15", reason="the wrong one")
        await undo("account 15")
        await do(
            "transfer",
            "guest 13",
            serviceId=self._told.next_door(self._visitor("guest 13").token),
        )
        await undo("guest 13")

    async def _second_clerk(self) -> None:
        _, clerk = self._clerks
        queue = f"/queues/{self._told.queue_id('G')}/notice"
        said = {"kind": "DELAY", "minutes": 20, "text": "The doctor is on her way."}
        data_of(await clerk.person.put(queue, said))
        await clerk.must("hold", self._visitor("walk-in 5").token)  # And nobody resumes it.
        await clerk.must("cancel", self._visitor("walk-in 6").token, reason="called away")
        await clerk.must("skip", self._visitor("guest 12").token)
        await self._visitor("guest 12").must("rejoin")
        for name, options in (
            ("account 13", {}),
            ("walk-in 7", {"to": "FIRST", "priority": "PRIORITY"}),
        ):
            visitor = self._visitor(name)
            service_id = self._told.next_door(visitor.token)
            moved = await clerk.must("transfer", visitor.token, serviceId=service_id, **options)
            await self._told.goes_on(visitor, moved["transferredTo"], clerk)
        await self._visitor("guest 7").must("hold")
        await clerk.must("resume", self._visitor("guest 7").token)
        data_of(await clerk.person.delete(queue))

    async def _somebody_comes_in_where_a_held_one_stands(self) -> None:
        """Between the same two others: who comes first shows when the held one goes on."""
        clerk, _ = self._clerks
        for prefix in self._told.queues:
            board = data_of(await clerk.person.get(f"/queues/{self._told.queue_id(prefix)}/board"))
            line = [one for one in board["tokens"] if waits(one) and one["priority"] == "NORMAL"]
            _, name, held = min(
                (_moved_since_they_came(before, held, behind), one["name"], held)
                for one, before, held, behind in zip(
                    line, line[1:], line[2:], line[3:], strict=False
                )
                if one["postponesLeft"] and self._told.named(one["name"]).has_login
            )
            await clerk.must("hold", held)
            await self._told.named(name).must("postpone", **{"pass": 1})
            await clerk.must("resume", held)

    async def _patients(self) -> None:
        async def steps_out() -> None:
            await self._visitor("account 7").must("hold")
            await self._visitor("account 7").must("resume")
            assert (await self._visitor("account 7").do("resume")).code == "illegal_transition"

        async def lets_pass(name: str, *many: int) -> None:
            for count in many:
                await self._visitor(name).must("postpone", **{"pass": count})

        async def lets_pass_too_often() -> None:
            await lets_pass("guest 10", 1, 1, 1)
            again = await self._visitor("guest 10").do("postpone", **{"pass": 1})
            assert again.code == "illegal_transition"

        async def leaves_and_comes_again() -> None:
            visitor = self._visitor("account 11")
            queue_id = visitor.token["queueId"]
            await visitor.go()
            assert (await visitor.take_number(queue_id)).ok

        async def wants_two() -> None:
            visitor = self._visitor("account 12")
            assert (await visitor.take_number(visitor.token["queueId"])).code == (
                "active_token_exists"
            )
            guest = self._visitor("guest 6")
            again = await guest.join_again(self._told.join_code, guest.token["serviceId"])
            assert again.code == "active_token_exists"

        await asyncio.gather(
            steps_out(),
            self._visitor("guest 8").must("hold"),  # Called in spite of it.
            self._visitor("account 8").must("hold"),  # And never comes back.
            lets_pass("account 9", 1),
            lets_pass("account 10", 2, 1),
            lets_pass("guest 9", 20),
            lets_pass_too_often(),
            leaves_and_comes_again(),
            self._visitor("guest 11").must("cancel"),
            wants_two(),
        )


def _moved_since_they_came(*neighbours: Token) -> bool:
    """Whether the one in the middle does not stand half way between the two others."""
    one, middle, other = (token["tokenNumber"] for token in neighbours)
    return not one + 1 == middle == other - 1
