"""What is read of a clinic once and carried on, and what asks for another reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from qure.application.waiting.kept_clinic import KeptClinic
from qure.domain.desk import Desk
from qure.domain.queue import Queue
from qure.domain.queue_status import NoticeKind
from qure.domain.token import Priority, Token
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.wait import Basis, Reason, Unknown, WaitState
from tests.application.waiting.practice import Practice, Process
from tests.application.world import AT_ONCE
from tests.support.builders import build_service
from tests.support.waiting import eventually, time_passes

Change = Callable[[Practice], Awaitable[object]]


def readings(practice: Practice) -> int:
    """How often forecasts have read anything."""
    return practice.world.storage.reads_for["waits"]


def lengths(kept: KeptClinic) -> list[float]:
    """Of today's visits, in minutes."""
    assert kept.day is not None
    return sorted(one.seconds / 60 for its in kept.day.finished.values() for one in its)


async def test_what_patients_and_staff_do_is_carried_on_without_reading(
    practice: Practice,
) -> None:
    kept = await practice.kept()
    day = kept.day
    tokens = [await practice.take() for _ in range(4)]
    await practice.serve(6)
    await practice.serve(4)
    await practice.world.use.moves.hold(tokens[3].id, actor=practice.staff)
    waits = await practice.waits()
    assert kept.day is day
    assert lengths(kept) == [4, 6]
    assert waits.known == {tokens[2].id, tokens[3].id}
    assert waits.of(tokens[2]).state is WaitState.NEXT
    assert list(waits.waiting) == [tokens[2].id], "who stepped out is told nothing"


async def test_what_is_undone_has_not_been_seen(practice: Practice) -> None:
    kept = await practice.kept()
    await practice.take()
    await practice.serve(6)
    await practice.kept()
    assert lengths(kept) == [6]
    await practice.world.use.undoing.undo(practice.queue.id, actor=practice.staff)
    await practice.kept()
    assert lengths(kept) == []


async def test_who_goes_before_others_is_counted_once(practice: Practice) -> None:
    kept = await practice.kept()
    assert kept.day is not None
    token = await practice.take()
    change = practice.world.use.moves.change_priority
    for priority, count in ((Priority.URGENT, 1), (Priority.PRIORITY, 1), (Priority.NORMAL, 0)):
        await change(token.id, priority=priority, actor=practice.staff)
        await practice.kept()
        assert kept.day.today([]).overtakers == ({token.service_id: 1} if count else {})


async def test_what_was_completed_by_the_days_end_shows_nothing(practice: Practice) -> None:
    kept = await practice.kept()
    await practice.take()
    token = await practice.call()
    await practice.world.use.moves.start(token.id, actor=practice.staff)
    practice.world.clock.advance(minutes=30)
    await practice.world.use.closing.close(practice.queue.id, actor=practice.staff)
    waits = await practice.waits()
    assert (waits.unknown, waits.before_closing) == (Unknown.CLOSED, 0)
    assert lengths(kept) == []
    other = Process(practice.world)
    assert lengths(await practice.kept(other.forecasts)) == [], "nor to who reads it"
    await other.forecasts.close()


# What is read anew


async def pause(practice: Practice) -> Desk:
    return await practice.world.use.desks.pause(practice.desks[0].id, actor=practice.staff)


async def leave(practice: Practice) -> Desk:
    return await practice.world.use.desks.close(practice.desks[0].id, actor=practice.staff)


async def change_rules(practice: Practice) -> object:
    return await practice.world.use.clinics.update(
        practice.clinic.id,
        fields={"max_rejoins": 0},
        reader=practice.world.images,
        actor=practice.admin,
    )


async def open_another_queue(practice: Practice) -> Queue:
    service = build_service(practice.clinic.id)
    await practice.world.keep(service)
    return await practice.world.use.queues.open(
        practice.clinic.id, service_id=service.id, actor=practice.staff
    )


@pytest.mark.parametrize("change", [pause, leave, change_rules, open_another_queue])
async def test_other_changes_of_the_clinic_are_read(practice: Practice, change: Change) -> None:
    before = await practice.kept()
    day, reads = before.day, readings(practice)
    await change(practice)
    kept = await practice.kept()
    assert (kept.day is day, readings(practice) > reads) == (False, True)


async def test_other_changes_make_no_forecast(practice: Practice) -> None:
    waits = await practice.waits()
    elsewhere = await Practice(practice.world).set_up()
    patient = await practice.world.patient()
    await practice.world.use.users.set_active(patient.user_id, active=False, actor=practice.admin)
    await elsewhere.take()
    assert await practice.waits() is waits


async def test_a_forecast_follows_a_desk_that_leaves(practice: Practice) -> None:
    token = await practice.take()
    assert (await practice.waits()).of(token).state is WaitState.NEXT
    await leave(practice)
    wait = (await practice.waits()).of(token)
    assert (wait.state, wait.unknown) == (WaitState.UNKNOWN, Unknown.NO_DESK)


async def test_a_forecast_follows_what_staff_tell(practice: Practice) -> None:
    token = await practice.take()
    give = practice.world.use.queues.give_notice
    await give(practice.queue.id, kind=NoticeKind.DELAY, minutes=40, actor=practice.staff)
    waits = await practice.waits()
    assert practice.minutes(waits, token) == 40
    assert waits.of(token).reasons == (Reason.DOCTOR_LATE,)
    await give(practice.queue.id, kind=NoticeKind.PAUSE, actor=practice.staff)
    assert (await practice.waits()).of(token).unknown is Unknown.PAUSED


async def test_a_new_queue_is_in_the_next_forecast_and_its_board_is_watched(
    practice: Practice,
) -> None:
    await practice.kept()
    queue = await open_another_queue(practice)
    kept = await practice.kept()
    await eventually(lambda: queue.id in kept.waits)
    assert set(practice.world.live_boards.watched) == {practice.queue.id, queue.id}


async def test_when_versions_of_a_board_were_lost_the_day_is_read(practice: Practice) -> None:
    process = Process(practice.world)
    await practice.take()
    await practice.take()
    kept = await practice.kept(process.forecasts)
    process.is_deaf = True
    await practice.serve(8)
    process.is_deaf = False
    token = await practice.take()
    await eventually(lambda: token.id in kept.waits[practice.queue.id].known)
    await practice.kept(process.forecasts)
    assert lengths(kept) == [8]
    await process.forecasts.close()


async def test_when_anything_may_have_been_missed_all_is_read(practice: Practice) -> None:
    process = Process(practice.world)
    kept = await practice.kept(process.forecasts)
    process.is_deaf = True
    await leave(practice)
    assert kept.waits[practice.queue.id].unknown is None
    await process.forecasts.reread()
    assert (await practice.waits(process.forecasts)).unknown is Unknown.NO_DESK
    await process.forecasts.close()


async def test_what_happens_during_a_reading_is_kept(practice: Practice) -> None:
    await practice.take()
    token = await practice.call()
    practice.world.clock.advance(minutes=5)
    await practice.kept()

    done: list[Token] = []

    async def happens() -> None:
        done.append(await practice.complete(token))

    practice.world.storage.before_read = happens
    await practice.forecasts.reread()
    kept = await practice.kept()
    assert len(done) == 1
    assert lengths(kept) == [5]


async def test_what_happens_before_the_boards_are_read_is_kept(practice: Practice) -> None:
    process = Process(practice.world)
    await practice.take()
    token = await practice.call()
    practice.world.clock.advance(minutes=5)
    await practice.kept()

    done: list[Token] = []

    async def happens() -> None:
        done.append(await practice.complete(token))

    await process.forecasts.clinic_of(practice.queue.id)
    practice.world.storage.before_read = happens
    kept = await practice.kept(process.forecasts)
    await practice.kept(process.forecasts)
    assert len(done) == 1
    assert lengths(kept) == [5]
    await process.forecasts.close()


async def test_a_new_service_or_another_length_is_learned_about_at_once(
    practice: Practice,
) -> None:
    for _ in range(3):
        await practice.take()
    token = await practice.take()
    before = practice.minutes(await practice.waits(), token)
    service = practice.clinic.service
    await practice.world.use.services.update(
        service.id, fields={"expected_minutes": 2 * service.expected_minutes}, actor=practice.admin
    )
    after = practice.minutes(await practice.waits(), token)
    assert after > 1.5 * before


# Days


async def test_the_next_day_is_another_one_and_learns_from_this_one(practice: Practice) -> None:
    for _ in range(12):
        await practice.take()
    for _ in range(11):
        await practice.serve(5)
    kept = await practice.kept()
    assert (await practice.waits()).basis is Basis.LIVE
    practice.world.clock.advance(days=1)
    practice.queue = await practice.world.queue(
        await practice.world.clinic_of(practice.clinic.id), at=practice.world.clock.now()
    )
    await practice.forecasts.reread()
    waits = await practice.waits()
    assert kept is await practice.kept()
    assert kept.waits.keys() == {practice.queue.id}
    assert lengths(kept) == []
    assert waits.basis is Basis.HISTORY
    assert kept.day is not None
    assert kept.day.usual.of[practice.queue.service_id].rows == 11
    assert practice.world.live_boards.watched == [practice.queue.id]


async def test_midnight_needs_nobody_to_say_so(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await practice.kept()
    assert kept.waits.keys() == {practice.queue.id}
    practice.world.clock.advance(days=1)
    await time_passes(AT_ONCE.grid + 1, monkeypatch)
    await practice.kept()
    assert kept.waits == {}


# What was learned


async def test_what_was_learned_of_earlier_forecasts_is_read_anew_each_minute(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await practice.take()
    await practice.take()
    last = await practice.take()
    before = practice.minutes(await practice.waits(), last)
    learned = {(token.service_id, bucket): Calibration(bias=1.5) for bucket in range(4)}
    async with practice.world.storage.write() as uow:
        await uow.calibrations.save(learned)
        await uow.commit()
    practice.world.clock.advance(seconds=59)
    await practice.take()
    kept = await practice.kept()
    assert kept.day is not None
    assert kept.day.calibrations == {}
    reads = readings(practice)
    practice.world.clock.advance(seconds=1)
    await time_passes(AT_ONCE.grid + 1, monkeypatch)
    after = practice.minutes(await practice.waits(), last)
    assert kept.day.calibrations == learned
    assert readings(practice) == reads + 1
    assert after > 1.3 * before


async def test_a_break_of_a_desk_counts_as_one_today(practice: Practice) -> None:
    await pause(practice)
    practice.world.clock.advance(minutes=5)
    await practice.world.use.desks.resume(practice.desks[0].id, actor=practice.staff)
    kept = await practice.kept()
    assert kept.day is not None
    (one,) = kept.day.pauses
    assert one.end is not None
    assert (one.desk_id, one.end - one.begin) == (practice.desks[0].id, timedelta(minutes=5))
