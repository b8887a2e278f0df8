"""Serving together: in order, each with their own answer, and nobody kept waiting for company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from qure.application.batching import Batches
from qure.domain.errors import Conflict, DomainError, Unavailable
from tests.application.world import outcomes
from tests.support.waiting import eventually


class Counter:
    """Answers ten times the ask, refuses what is negative, and can be held up or made to fail."""

    def __init__(self, *, max_batch: int = 100) -> None:
        self.batches: Batches[str, int, int] = Batches(self.serve, max_batch=max_batch)
        self.served: list[tuple[str, list[int]]] = []
        self.begun: list[str] = []
        self.errors: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()

    async def serve(self, key: str, asks: Sequence[int]) -> Sequence[int | DomainError]:
        self.begun.append(key)
        await self.open.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.served.append((key, list(asks)))
        return [ask * 10 if ask >= 0 else Conflict("negative", "No.") for ask in asks]

    def asking(self, *asks: int, key: str = "a") -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.batches.ask(key, ask)) for ask in asks]

    async def held_up(self, ask: int = 0, key: str = "a") -> asyncio.Task[int]:
        """One who is being served and will not be done before ``open`` is set."""
        self.open.clear()
        before = len(self.begun)
        (task,) = self.asking(ask, key=key)
        await eventually(lambda: len(self.begun) > before)
        return task


async def test_whoever_asks_alone_is_served_at_once_and_alone() -> None:
    counter = Counter()
    assert await counter.batches.ask("a", 1) == 10
    assert await counter.batches.ask("a", 2) == 20
    assert counter.served == [("a", [1]), ("a", [2])]


async def test_whoever_asks_meanwhile_is_served_next_together_and_in_order() -> None:
    counter = Counter()
    first = await counter.held_up()
    others = counter.asking(3, 1, 2)
    await asyncio.sleep(0)
    counter.open.set()
    assert await asyncio.gather(first, *others) == [0, 30, 10, 20]
    assert counter.served == [("a", [0]), ("a", [3, 1, 2])]


async def test_each_has_their_own_answer_or_refusal() -> None:
    counter = Counter()
    answers, refused = await outcomes(counter.asking(1, -1, 2))
    assert answers == [10, 20]
    assert [error.code for error in refused] == ["negative"]


async def test_a_batch_is_no_larger_than_allowed() -> None:
    counter = Counter(max_batch=2)
    await asyncio.gather(*counter.asking(1, 2, 3, 4, 5))
    assert counter.served == [("a", [1, 2]), ("a", [3, 4]), ("a", [5])]


async def test_one_key_does_not_wait_for_another() -> None:
    counter = Counter()
    first = await counter.held_up(key="a")
    other = await counter.held_up(key="b")
    assert counter.begun == ["a", "b"]
    counter.open.set()
    assert await asyncio.gather(*[first, other]) == [0, 0]


async def test_of_one_key_only_one_batch_is_served_at_a_time() -> None:
    counter = Counter()
    first = await counter.held_up()
    others = counter.asking(1, 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert counter.begun == ["a"]
    counter.open.set()
    await asyncio.gather(first, *others)


async def test_what_serving_raises_everyone_of_the_batch_hears_and_the_next_are_served() -> None:
    counter = Counter()
    counter.errors.append(Unavailable("Away."))
    _, refused = await outcomes(counter.asking(1, 2))
    assert [error.code for error in refused] == ["service_unavailable"] * 2
    assert await counter.batches.ask("a", 3) == 30


async def test_those_behind_a_batch_that_failed_are_served_all_the_same() -> None:
    counter = Counter()
    counter.errors.append(Unavailable("Away."))
    first = await counter.held_up()
    others = counter.asking(1, 2)
    await asyncio.sleep(0)
    counter.open.set()
    answers, refused = await outcomes([first, *others])
    assert (answers, len(refused)) == ([10, 20], 1)


async def test_whoever_has_hung_up_is_not_served() -> None:
    counter = Counter()
    first = await counter.held_up()
    one, gone, other = counter.asking(1, 2, 3)
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait((gone,))
    counter.open.set()
    assert await asyncio.gather(*[first, one, other]) == [0, 10, 30]
    assert counter.served == [("a", [0]), ("a", [1, 3])]


async def test_when_all_have_hung_up_nobody_is_served() -> None:
    counter = Counter()
    tasks = counter.asking(1, 2)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert counter.begun == []
    assert await counter.batches.ask("a", 3) == 30


@pytest.mark.parametrize("ask", [1, -1])
async def test_whoever_hangs_up_while_being_served_disturbs_nobody(ask: int) -> None:
    counter = Counter()
    counter.open.clear()
    gone, other = counter.asking(ask, 2)
    await eventually(lambda: counter.begun == ["a"])
    gone.cancel()
    await asyncio.wait((gone,))
    counter.open.set()
    assert await other == 20


async def test_whoever_still_waits_when_the_line_is_ended_is_told() -> None:
    counter = Counter()
    first = await counter.held_up()
    (second,) = counter.asking(1)
    await asyncio.sleep(0)
    (serving,) = (task for task in asyncio.all_tasks() if task.get_name() == "batches of a")
    serving.cancel()
    _, refused = await outcomes((first, second))
    assert [error.code for error in refused] == ["service_unavailable"] * 2
    counter.open.set()
    assert await counter.batches.ask("a", 2) == 20
