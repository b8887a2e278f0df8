"""When a clinic's forecast is made, and who is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from qure.application.announcing.kept_board import Watcher
from qure.application.waiting.kept_clinic import KeptClinic
from qure.application.waiting.making import Maker, Rhythm
from qure.application.waiting.told import QueueWaits
from qure.domain.errors import NotFound, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue_status import NoticeKind
from qure.domain.waiting.wait import Reason
from tests.application.waiting.practice import Practice, Process
from tests.application.world import AT_ONCE, World
from tests.support.builders import NOW, new_id
from tests.support.waiting import eventually, loop_turns, time_passes

NEVER = 1e6


class Watching:
    """What a watcher was told, oldest first."""

    def __init__(self) -> None:
        self.told: list[QueueWaits] = []

    def __call__(self, waits: QueueWaits) -> None:
        self.told.append(waits)


async def keeping(practice: Practice, rhythm: Rhythm) -> tuple[Process, Watching]:
    """A process that has made its first forecast in that rhythm, and somebody who watches it."""
    process = Process(practice.world)
    await practice.kept(process.forecasts)
    process.forecasts._rhythm = process.forecasts._maker._rhythm = rhythm
    watching = Watching()
    process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    watching.told.clear()
    return process, watching


async def begun(kept: KeptClinic) -> asyncio.Task[None]:
    """The next forecast is being made."""
    while (task := kept.task) is None:
        await loop_turns(1)
    return task


# Asking


async def test_who_asks_first_waits_for_it_and_the_next_ones_are_answered_at_once(
    practice: Practice,
) -> None:
    await practice.take()
    process = Process(practice.world)
    asked = [process.forecasts.of(practice.queue.id) for _ in range(3)]
    first = await asyncio.gather(*asked)
    assert first[0] is not None
    assert first[0].version == (await practice.world.queue_of(practice.queue.id)).version
    assert first[1:] == first[:1] * 2
    reads = practice.world.storage.reads
    assert await process.forecasts.of(practice.queue.id) == first[0]
    assert practice.world.storage.reads == reads
    await process.forecasts.close()


async def test_who_has_waited_long_enough_is_told_nothing(
    practice: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(practice.world, rhythm=Rhythm(soon=NEVER, patience=0.01))
    assert await process.forecasts.of(practice.queue.id) is None
    assert "a forecast was not there in time" in caplog.text
    await process.forecasts.close()


async def test_who_asks_after_midnight_is_not_told_what_was_made_before(practice: Practice) -> None:
    kept = await practice.kept()
    practice.world.clock.advance(hours=24)
    assert await practice.forecasts.of(practice.queue.id) is None
    assert kept.day is not None
    assert not kept.day.queue_ids


async def test_of_a_queue_of_another_day_there_is_none_and_of_no_queue_neither(
    practice: Practice,
) -> None:
    yesterday = await practice.world.queue(practice.clinic, at=NOW - timedelta(days=1))
    assert await practice.forecasts.of(yesterday.id) is None
    with pytest.raises(NotFound):
        await practice.forecasts.of(QueueId(new_id()))
    practice.world.storage.read_errors.append(Unavailable("away"))
    with pytest.raises(Unavailable):
        await practice.forecasts.clinic_of(QueueId(new_id()))


async def test_a_clinic_that_does_not_exist_is_forgotten(world: World) -> None:
    watching = Watching()
    world.forecasts.watch(QueueId(new_id()), ClinicId(new_id()), watching)
    await eventually(lambda: len(world.forecasts) == 0)
    assert watching.told == []


# Watching


async def test_a_watcher_is_told_of_what_there_is_and_of_each_that_follows(
    practice: Practice,
) -> None:
    watching = Watching()
    practice.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    await practice.kept()
    late = Watching()
    practice.forecasts.watch(practice.queue.id, practice.clinic.id, late)
    assert late.told == watching.told[-1:]
    token = await practice.take()
    await practice.kept()
    assert late.told[-1].of(token).likely is not None
    assert late.told[-1] is watching.told[-1]
    practice.forecasts.unwatch(practice.queue.id, practice.clinic.id, watching)
    told = len(watching.told)
    await practice.take()
    await practice.kept()
    assert (len(watching.told), late.told[-1].version) == (told, late.told[-2].version + 1)


async def test_a_watcher_of_a_queue_of_another_day_is_told_nothing(practice: Practice) -> None:
    yesterday = await practice.world.queue(practice.clinic, at=NOW - timedelta(days=1))
    watching = Watching()
    practice.forecasts.watch(yesterday.id, practice.clinic.id, watching)
    await practice.kept()
    assert watching.told == []


async def test_nobody_has_to_have_watched_to_watch_no_more(practice: Practice) -> None:
    watching = Watching()
    other = ClinicId(new_id())
    practice.forecasts.unwatch(practice.queue.id, other, watching)
    await practice.kept()
    practice.forecasts.unwatch(practice.queue.id, practice.clinic.id, watching)
    practice.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    practice.forecasts.unwatch(practice.queue.id, practice.clinic.id, watching)
    assert (await practice.kept()).is_idle


# How often


async def test_a_rush_of_changes_is_one_forecast(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, watching = await keeping(practice, Rhythm(soon=5, pause=0, rest=0))
    tokens = [await practice.take() for _ in range(6)]
    assert watching.told == []
    await time_passes(6, monkeypatch)
    await practice.kept(process.forecasts)
    (waits,) = watching.told
    assert list(waits.waiting) == [token.id for token in tokens]
    await process.forecasts.close()


@pytest.mark.parametrize("more_happens", [True, False])
@pytest.mark.parametrize("change", [{"pause": 60}, {"rest": 1e7}])
async def test_forecasts_come_no_more_often_than_they_may(
    practice: Practice,
    change: dict[str, Any],
    more_happens: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither when much happens, nor because time goes by."""
    rhythm = replace(AT_ONCE, grid=1, **change)
    process, watching = await keeping(practice, rhythm)
    await practice.take()
    await eventually(lambda: len(watching.told) == 1)
    if more_happens:
        await practice.take()
    await time_passes(50, monkeypatch)
    assert len(watching.told) == 1
    await time_passes(rhythm.rest + 20, monkeypatch)
    await eventually(lambda: len(watching.told) > 1)
    await process.forecasts.close()


async def test_time_alone_makes_it_anew_at_fixed_instants(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    await practice.take()
    await practice.waits()
    process, watching = await keeping(practice, replace(AT_ONCE, grid=15))
    practice.world.clock.advance(seconds=44)
    await time_passes(16, monkeypatch)
    await practice.kept(process.forecasts)
    first = watching.told[-1].as_of
    assert NOW + timedelta(seconds=29) < first <= NOW + timedelta(seconds=44)
    practice.world.clock.advance(seconds=15)
    await time_passes(16, monkeypatch)
    await eventually(lambda: watching.told[-1].as_of == first + timedelta(seconds=15))
    await process.forecasts.close()


async def test_what_staff_have_to_tell_does_not_wait_for_the_next_turn(practice: Practice) -> None:
    process, watching = await keeping(practice, replace(AT_ONCE, pause=NEVER))
    await practice.take()
    await eventually(lambda: len(watching.told) == 1)
    await practice.take()
    await loop_turns(20)
    assert len(watching.told) == 1
    await practice.world.use.queues.give_notice(
        practice.queue.id, kind=NoticeKind.DELAY, minutes=40, actor=practice.staff
    )
    await eventually(lambda: len(watching.told) == 2)
    assert watching.told[-1].if_joined.reasons == (Reason.DOCTOR_LATE,)
    await process.forecasts.close()


async def test_it_is_of_the_instant_of_the_last_change(practice: Practice) -> None:
    practice.world.clock.advance(seconds=7)
    await practice.take()
    changed_at = practice.world.clock.now()
    assert (await practice.waits()).as_of == changed_at
    practice.world.clock.advance(seconds=4)
    process = Process(practice.world, rhythm=replace(AT_ONCE, grid=10**9))
    assert (await practice.waits(process.forecasts)).as_of == changed_at, "also who comes later"
    await process.forecasts.close()


async def test_what_changes_while_one_is_made_is_in_the_next_one(practice: Practice) -> None:
    process, watching = await keeping(practice, replace(AT_ONCE, slice=0))
    kept = await practice.kept(process.forecasts)
    await practice.take()
    await begun(kept)
    await practice.take()
    assert kept.task is not None
    assert kept.is_stale
    await practice.kept(process.forecasts)
    assert [len(waits.waiting) for waits in watching.told] == [1, 2]
    await process.forecasts.close()


async def test_others_run_while_it_is_made(practice: Practice) -> None:
    turns = 0

    def work() -> Generator[None, None, str]:
        for _ in range(20):
            yield
        return "done"

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    maker = Maker(practice.world.storage, practice.world.clock, Rhythm(slice=0))
    running = asyncio.create_task(others())
    result, spent = await maker.in_slices(work())
    running.cancel()
    assert (result, turns) == ("done", 20)
    assert spent > 0


# What is forgotten


async def test_what_nobody_asks_for_is_let_go_with_its_boards(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, watching = await keeping(practice, replace(AT_ONCE, forgotten_after=0))
    process.forecasts.unwatch(practice.queue.id, practice.clinic.id, watching)
    assert process.live_boards.watched == [practice.queue.id]
    await time_passes(16, monkeypatch)
    assert (len(process.forecasts), process.live_boards.watched) == (0, [])


async def test_what_somebody_watches_is_not_let_go(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, _ = await keeping(practice, replace(AT_ONCE, forgotten_after=0))
    await time_passes(16, monkeypatch)
    assert len(process.forecasts) == 1
    await process.forecasts.close()


async def test_nothing_is_made_any_more_when_it_is_closed(practice: Practice) -> None:
    process = Process(practice.world, rhythm=replace(AT_ONCE, slice=0))
    watching = Watching()
    process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    kept = await process.forecasts.clinic(practice.clinic.id)
    watching.told.clear()
    await practice.take()
    task = await begun(kept)
    await process.forecasts.close()
    assert task.done()
    assert (len(process.forecasts), process.live_boards.watched) == (0, [])
    process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    await practice.take()
    await loop_turns()
    assert watching.told == []


# Faults


async def test_while_the_database_is_away_it_is_tried_again(
    practice: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    await practice.forecasts.close()
    process = Process(practice.world, rhythm=replace(AT_ONCE, retry=0))
    practice.world.storage.read_errors += [Unavailable("The database is away.")] * 2
    watching = Watching()
    process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    await eventually(lambda: len(watching.told) > 0)
    assert caplog.text.count("a forecast has to wait: The database is away.") == 2
    await process.forecasts.close()


async def test_a_fault_is_logged_and_it_is_tried_again(
    practice: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    await practice.forecasts.close()
    process = Process(practice.world, rhythm=replace(AT_ONCE, retry=0))
    practice.world.storage.read_errors.append(RuntimeError("broken"))
    watching = Watching()
    process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
    await eventually(lambda: len(watching.told) > 0)
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.getMessage() == "a forecast failed and is tried again"
    assert record.exc_info is not None
    await process.forecasts.close()


async def test_nothing_is_told_before_every_board_of_the_clinic_is_there(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, watching = Process(practice.world), Watching()
    asked: list[tuple[QueueId, Watcher]] = []
    with monkeypatch.context() as patch:
        patch.setattr(process.live_boards, "watch", lambda *args: asked.append(args))
        process.forecasts.watch(practice.queue.id, practice.clinic.id, watching)
        await eventually(lambda: len(asked) == 1)
        await loop_turns()
        assert watching.told == []
    process.live_boards.watch(*asked[0])
    await eventually(lambda: len(watching.told) == 1)
    await process.forecasts.close()
