"""Clinics held in memory are exact after every change, or nothing is answered from them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from qure.application.clinics.nearby import BATCH, NearbyClinics
from qure.application.clinics.position_index import Nearest
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.errors import Unavailable
from tests.application.world import World
from tests.support.builders import NOW, build_clinic, build_entry
from tests.support.fakes import Hearing
from tests.support.waiting import eventually

EVERYWHERE = ClinicFilter(nearby=Nearby(40.7, -74.0, 20_100))


class Process:
    """One process that searches."""

    def __init__(self, world: World, **bounds: int) -> None:
        self.world = world
        self.hearing = Hearing()
        self.nearby = NearbyClinics(
            world.storage,
            generation=self.hearing,
            body=lambda one: one.name.encode(),
            **bounds,
        )

    def search(self, page: Page | None = None) -> Nearest | None:
        return self.nearby.search(EVERYWHERE, page=page or Page(1, 100))

    def names(self) -> set[str] | None:
        found = self.search()
        return None if found is None else {body.decode() for body, _ in found.shown}

    async def read(self) -> None:
        """Until it answers by itself."""
        await eventually(lambda: self.search() is not None)

    async def rest(self) -> None:
        """Until nothing is read any more."""
        reading = self.nearby._reading
        if reading is not None:
            await asyncio.wait([reading])

    def hear_of(self, clinic: Clinic) -> None:
        self.nearby.receive(
            build_entry(
                events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW),
                events.ClinicChanged(clinic_id=clinic.id, actor=SYSTEM, at=NOW),
            )
        )

    async def change(self, clinic: Clinic, *, announced: bool = True) -> None:
        async with self.world.storage.write() as uow:
            if await uow.clinics.get(clinic.id) is None:
                await uow.clinics.add(clinic)
            else:
                await uow.clinics.save(clinic)
            await uow.commit()
        if announced:
            self.hear_of(clinic)


@pytest.fixture
async def process(world: World) -> AsyncIterator[Process]:
    made = Process(world)
    yield made
    await made.nearby.close()


def named(name: str, **fields: object) -> Clinic:
    return build_clinic(name=name, **fields)


async def test_the_first_search_is_left_to_the_database_and_the_next_ones_are_not(
    process: Process,
) -> None:
    await process.world.keep(named("one"), named("two"), named("retired", is_active=False))
    assert process.names() is None
    await process.read()
    reads = process.world.storage.reads
    for _ in range(10):
        assert process.names() == {"one", "two"}
    assert process.world.storage.reads == reads


async def test_without_a_place_it_is_always_the_database_that_is_asked(process: Process) -> None:
    assert process.nearby.search(ClinicFilter(), page=Page()) is None
    assert process.nearby._reading is None


async def test_more_clinics_than_are_read_at_once_are_all_read(process: Process) -> None:
    clinics = [named(f"{number}") for number in range(3 * BATCH)]
    await process.world.keep(*clinics)
    await process.read()
    found = process.search(Page(1, 5))
    assert found is not None
    assert (found.total, len(found.shown)) == (3 * BATCH, 5)


async def test_any_number_of_searches_begin_one_reading(process: Process) -> None:
    async def many_search() -> None:
        for _ in range(100):
            assert process.search() is None
            await asyncio.sleep(0)

    await process.world.keep(*(named(f"{number}") for number in range(3 * BATCH)))
    await while_it_reads(process, many_search)
    await process.read()
    assert process.world.storage.reads == 4


async def test_who_does_not_search_holds_nothing(process: Process) -> None:
    process.hear_of(named("one"))
    assert process.nearby._held is None
    assert process.world.storage.reads == 0


@pytest.mark.parametrize(
    "change",
    [
        {"name": "renamed"},
        {"is_active": False},
        {"latitude": -10.0, "longitude": 100.0},
        {"phone": "2125550123"},
    ],
)
async def test_from_the_announcement_of_a_change_on_nothing_older_is_answered(
    process: Process, change: dict[str, object]
) -> None:
    clinic = named("one")
    await process.world.keep(clinic, named("other"))
    await process.read()
    await process.change(replace(clinic, **change))  # type: ignore[arg-type]
    assert process.search() is None
    await process.read()
    expected = {"other", change.get("name", "one")} if change.get("is_active", True) else {"other"}
    assert process.names() == expected


async def test_a_new_clinic_is_found_once_it_was_announced(process: Process) -> None:
    await process.read()
    await process.change(named("new"))
    assert process.search() is None
    await process.read()
    assert process.names() == {"new"}


async def test_a_retired_clinic_comes_back(process: Process) -> None:
    clinic = named("one", is_active=False)
    await process.world.keep(clinic)
    await process.read()
    assert process.names() == set()
    await process.change(replace(clinic, is_active=True))
    await process.read()
    assert process.names() == {"one"}


async def test_a_clinic_that_is_not_there_at_all_is_no_obstacle(process: Process) -> None:
    await process.read()
    process.hear_of(named("never kept"))
    assert process.search() is None
    await process.read()
    assert process.names() == set()


async def while_it_reads(process: Process, happens: Callable[[], Awaitable[None]]) -> None:
    """The next reader has taken its snapshot when it happens."""
    process.world.storage.before_read = happens
    assert process.search() is None
    await eventually(lambda: process.world.storage.before_read is None)


async def test_a_change_while_the_clinics_are_first_read_is_not_missed(process: Process) -> None:
    clinic = named("old")
    await process.world.keep(clinic)
    await while_it_reads(process, lambda: process.change(replace(clinic, name="new")))
    await process.read()
    assert process.names() == {"new"}


async def test_a_second_change_while_the_first_is_read_again_is_not_missed(
    process: Process,
) -> None:
    clinic = named("old")
    await process.world.keep(clinic)
    await process.read()
    await process.change(replace(clinic, name="newer"))
    await while_it_reads(process, lambda: process.change(replace(clinic, name="newest")))
    await process.read()
    assert process.names() == {"newest"}


async def test_while_announcements_may_be_late_nothing_is_answered(process: Process) -> None:
    clinic = named("old")
    await process.world.keep(clinic)
    await process.read()
    process.hearing.lose()
    assert process.search() is None
    await process.change(replace(clinic, name="new"))
    process.hearing.now = 0
    assert process.search() is None, "what came late counts"
    await process.read()
    assert process.names() == {"new"}


async def test_while_nothing_is_heard_nothing_is_read_either(process: Process) -> None:
    process.hearing.lose()
    assert process.search() is None
    assert process.nearby._reading is None


async def test_after_a_gap_everything_is_read_anew(process: Process) -> None:
    clinic = named("old")
    await process.world.keep(clinic)
    await process.read()
    await process.change(replace(clinic, name="new"), announced=False)
    process.hearing.now = 1
    assert process.search() is None
    await process.read()
    assert process.names() == {"new"}


async def test_what_was_being_read_in_a_gap_is_not_taken_for_what_came_after(
    process: Process,
) -> None:
    clinic = named("old")
    await process.world.keep(clinic)

    async def miss_something() -> None:
        await process.change(replace(clinic, name="new"), announced=False)
        process.hearing.now = 1
        assert process.search() is None

    await while_it_reads(process, miss_something)
    await process.read()
    assert process.names() == {"new"}


async def test_what_a_gap_has_made_useless_is_not_read_to_its_end(process: Process) -> None:
    async def miss_something() -> None:
        process.hearing.now = 1
        assert process.search() is None

    await process.world.keep(*(named(f"{number}") for number in range(3 * BATCH)))
    await while_it_reads(process, miss_something)
    await process.read()
    assert process.world.storage.reads == 1 + 4


async def test_a_database_that_is_away_is_asked_again_where_it_stopped(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    await process.world.keep(*(named(f"{number}") for number in range(2 * BATCH)))
    process.world.storage.read_errors = [Unavailable("The database is away.")]
    assert process.search() is None
    await process.rest()
    assert "cannot be read into memory now: The database is away." in caplog.text
    await process.read()
    assert len(process.names() or ()) == 2 * BATCH


async def test_an_unexpected_fault_is_logged_once_and_searches_go_without(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    process.world.storage.read_errors = [RuntimeError("a fault in the program")]
    assert process.search() is None
    await process.rest()
    for _ in range(3):
        assert process.search() is None
        await process.rest()
    assert caplog.text.count("a fault in the program") == 1
    process.hearing.now = 1
    await process.read()


async def test_more_than_fits_is_not_held(world: World, caplog: pytest.LogCaptureFixture) -> None:
    process = Process(world, max_bytes=10_000)
    await world.keep(*(named(f"{number}") for number in range(2 * BATCH)))
    assert process.search() is None
    await process.rest()
    assert "too many clinics" in caplog.text
    reads = world.storage.reads
    for _ in range(3):
        assert process.search() is None
        await process.rest()
    process.hear_of(named("one"))
    held = process.nearby._held
    assert held is not None
    assert (world.storage.reads, len(held.index), held.changed) == (reads, 0, {})


async def test_growing_over_the_bound_gives_up_what_was_held(world: World) -> None:
    clinic = named("one")
    process = Process(world, max_bytes=1_000)
    await process.world.keep(clinic)
    await process.read()
    await process.change(named("x" * 200))
    await process.change(named("y" * 200))
    assert process.search() is None
    await process.rest()
    assert process.search() is None
    held = process.nearby._held
    assert held is not None
    assert len(held.index) == 0


async def test_more_changes_than_are_worth_reading_one_by_one_read_everything_anew(
    world: World,
) -> None:
    process = Process(world, max_changed=3)
    await process.read()
    for number in range(4):
        await process.change(named(f"{number}"))
    assert process.nearby._held is None
    await process.read()
    assert process.names() == {"0", "1", "2", "3"}


async def test_closing_stops_the_reading(world: World) -> None:
    process = Process(world)
    await process.nearby.close()
    stuck = asyncio.Event()

    async def wait() -> None:
        await stuck.wait()

    world.storage.before_read = wait
    assert process.search() is None
    await eventually(lambda: world.storage.before_read is None)
    await process.nearby.close()
    assert process.nearby._reading is not None
    assert process.nearby._reading.cancelled()


async def test_reading_is_of_nobodys_request(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    from qure.application.correlation import request_id

    seen: list[str | None] = []

    async def look() -> None:
        seen.append(request_id.get())

    caplog.set_level(logging.INFO)
    request_id.set("somebody's")
    await while_it_reads(process, look)
    await process.read()
    assert seen == [None]
    assert "0 clinics are held in memory" in caplog.text
