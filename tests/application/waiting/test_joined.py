"""What is told first to who joins is kept, once, as it was told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qure.domain.errors import Unavailable
from qure.domain.queue_status import NoticeKind
from qure.domain.token import Token
from tests.application.waiting.practice import Practice, Process
from tests.application.world import AT_ONCE, World
from tests.support.builders import build_service
from tests.support.waiting import eventually, loop_turns, time_passes


async def kept_promise(practice: Practice, token: Token) -> bool:
    """Whether anything was kept of it, once all that waits has been told."""
    kept = await practice.kept()
    await eventually(lambda: not kept.joined)
    await practice.kept()
    return await practice.promise(token.id) is not None


async def test_who_joins_is_promised_what_they_are_told_first(practice: Practice) -> None:
    for _ in range(3):
        token = await practice.take()
    told = (await practice.waits()).of(token)
    promise = await practice.promise(token.id)
    assert promise is not None
    assert (promise.ahead, promise.version, promise.as_of) == (2, told.version, told.as_of)
    assert (promise.low, promise.likely, promise.high) == (told.low, told.likely, told.high)
    assert (promise.clinic_id, promise.queue_id) == (practice.clinic.id, practice.queue.id)
    assert (promise.is_open, promise.called_at) == (True, None)


async def test_what_is_told_later_changes_no_promise(practice: Practice) -> None:
    for _ in range(3):
        token = await practice.take()
    await practice.kept()
    promise = await practice.promise(token.id)
    practice.world.clock.advance(minutes=20)
    await practice.serve(15)
    await practice.kept()
    assert await practice.promise(token.id) == promise


async def test_who_is_told_to_come_at_once_is_promised_that(practice: Practice) -> None:
    token = await practice.take()
    assert await kept_promise(practice, token)
    promise = await practice.promise(token.id)
    assert promise is not None
    assert (promise.low, promise.high) == (promise.as_of, promise.as_of)


async def test_whoever_holds_the_token_finds_it_in_its_history(practice: Practice) -> None:
    token = await practice.take()
    await kept_promise(practice, token)
    history = await practice.world.use.tokens.history_of(token.id, actor=practice.staff)
    assert history.promise is not None
    assert history.promise.token_id == token.id


async def test_nothing_is_promised_where_nothing_is_known(world: World) -> None:
    practice = await Practice(world).set_up(desks=0)
    token = await practice.take()
    assert not await kept_promise(practice, token)
    await practice.open_desk(practice.staff)
    assert (await practice.waits()).of(token).likely is not None
    assert await practice.promise(token.id) is None, "what is known later is no promise"


async def test_nothing_is_promised_in_a_break_without_an_end(practice: Practice) -> None:
    await practice.world.use.queues.give_notice(
        practice.queue.id, kind=NoticeKind.PAUSE, actor=practice.staff
    )
    assert not await kept_promise(practice, await practice.take())


@pytest.mark.parametrize("move", ["leave", "hold", "call"])
async def test_nothing_is_promised_to_who_waits_no_more_before_anything_was_told(
    practice: Practice, move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(practice.world)
    kept = await practice.kept(process.forecasts)
    process.forecasts._rhythm = replace(AT_ONCE, soon=5)
    practice.world.listeners[:] = [process.forecasts.committed, process.hear]
    token = await practice.take()
    if move == "leave":
        await practice.world.use.moves.cancel(token.id, actor=practice.staff)
    elif move == "hold":
        await practice.world.use.moves.hold(token.id, actor=practice.staff)
    else:
        await practice.call()
    assert list(kept.joined) == [token.id]
    await time_passes(6, monkeypatch)
    await practice.kept(process.forecasts)
    assert (kept.joined, await practice.promise(token.id)) == ({}, None)
    await process.forecasts.close()


async def test_while_the_database_is_away_promises_are_kept_in_mind(
    practice: Practice, caplog: pytest.LogCaptureFixture
) -> None:
    kept = await practice.kept()
    rhythm = replace(AT_ONCE, retry=0)
    practice.forecasts._rhythm = rhythm
    token = await practice.take()
    practice.world.storage.write_errors += [Unavailable("The database is away.")] * 2
    await eventually(lambda: not practice.world.storage.write_errors)
    await eventually(lambda: not kept.joined)
    await practice.kept()
    assert await practice.promise(token.id) is not None
    assert caplog.text.count("The database is away.") == 2


async def test_who_joins_a_new_queue_is_promised_something_when_it_has_been_read(
    practice: Practice,
) -> None:
    await practice.kept()
    service = build_service(practice.clinic.id)
    await practice.world.keep(service)
    await practice.world.use.desks.open(practice.desks[0].id, actor=practice.staff)
    queue = await practice.world.use.queues.open(
        practice.clinic.id, service_id=service.id, actor=practice.staff
    )
    assert await kept_promise(practice, await practice.take(queue))


async def test_who_joins_a_queue_that_is_newer_than_the_reading_is_in_the_next_forecast(
    practice: Practice,
) -> None:
    service = build_service(practice.clinic.id)
    await practice.world.keep(service)
    await practice.world.use.desks.open(practice.desks[0].id, actor=practice.staff)
    kept = await practice.kept()
    joined: list[Token] = []

    async def happens() -> None:
        queue = await practice.world.use.queues.open(
            practice.clinic.id, service_id=service.id, actor=practice.staff
        )
        joined.append(await practice.take(queue))

    practice.world.storage.before_read = happens
    await practice.forecasts.reread()
    while not joined or joined[0].id in kept.joined:
        await loop_turns(1)
    await practice.kept()
    assert await practice.promise(joined[0].id) is not None


async def test_who_joins_while_a_forecast_is_made_is_promised_what_the_next_one_tells(
    practice: Practice,
) -> None:
    practice.forecasts._maker._rhythm = replace(AT_ONCE, slice=0)
    kept = await practice.kept()
    await practice.take()
    while kept.task is None:
        await loop_turns(1)
    token = await practice.take()
    assert kept.task is not None, "it was made of how things stood before"
    assert await kept_promise(practice, token)
    promise = await practice.promise(token.id)
    assert promise is not None
    assert promise.version == (await practice.world.queue_of(token.queue_id)).version


async def test_who_has_joined_is_waited_for_until_the_board_knows_them(
    practice: Practice,
) -> None:
    """Its version is on the way: one before it has not been heard of yet."""
    world = practice.world
    process = Process(world)
    world.listeners.remove(practice.forecasts.committed)
    kept = await practice.kept(process.forecasts)
    process.is_deaf = True
    told = len(world.told)
    await practice.take()
    token = await practice.take()
    process.is_deaf = False
    first, second = world.told[told:]
    process.forecasts.committed(second)
    process.hear(second)
    await practice.kept(process.forecasts)
    assert list(kept.joined) == [token.id]
    process.hear(first)
    await practice.kept(process.forecasts)
    await eventually(lambda: not kept.joined)
    assert await practice.promise(token.id) is not None
    await process.forecasts.close()


async def test_only_the_process_that_gave_the_number_keeps_a_promise(practice: Practice) -> None:
    world = practice.world
    world.listeners.remove(practice.forecasts.committed)
    token = await practice.take()
    assert (await practice.waits()).of(token).likely is not None
    assert await practice.promise(token.id) is None


async def test_what_was_promised_first_stands_whoever_promises_again(practice: Practice) -> None:
    token = await practice.take()
    await kept_promise(practice, token)
    promise = await practice.promise(token.id)
    assert promise is not None
    async with practice.world.storage.write() as uow:
        await uow.promises.add([replace(promise, ahead=9)])
        await uow.commit()
    assert await practice.promise(token.id) == promise


async def test_hundreds_who_join_at_once_are_all_promised_something(practice: Practice) -> None:
    tokens = await asyncio.gather(*(practice.take() for _ in range(40)))
    assert await kept_promise(practice, tokens[-1])
    found = [await practice.promise(token.id) for token in tokens]
    assert sorted(one.ahead for one in found if one is not None) == list(range(40))
