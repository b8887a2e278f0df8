"""What staff see of waits on the board: with each token, and what is different by itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from qure.adapters.sockets import board_room
from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.pausing import LONGEST_PAUSE
from qure.application.queueing.board import BoardSnapshot
from qure.domain.token import Token
from qure.domain.waiting.wait import Unknown
from qure.wire.body import encode, instant
from qure.wire.queues import BoardBody
from tests.application.world import holding
from tests.sockets.forecaster import build_waits, waits_of
from tests.sockets.listeners import RememberingListener
from tests.sockets.scene import Scene
from tests.support.builders import NOW, build_desk
from tests.support.waiting import loop_turns, time_passes

LATER = NOW + timedelta(seconds=15)


@pytest.fixture
async def scene() -> Scene:
    return await Scene().set_up()


async def sit_down(
    scene: Scene, client: Client, read: Callable[[], Awaitable[BoardSnapshot]] | None = None
) -> BoardSnapshot:
    """The client has the board of the scene's queue before it, and the newest forecast."""

    async def from_storage() -> BoardSnapshot:
        return await scene.use.boards.read(scene.queue.id, actor=scene.staff)

    return await client.join_board(scene.queue.id, scene.clinic.id, read or from_storage)


async def doctor(scene: Scene) -> RememberingListener:
    """Somebody who has the board, and what follows on it."""
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    await loop_turns()
    desk.messages.clear()
    return desk


async def say(scene: Scene, *minutes: tuple[Token, float], **fields: Any) -> None:
    """Each of them is called in so many minutes, by the newest forecast."""
    its = {token.id: number for token, number in minutes}
    scene.sources.forecasts.say(waits_of(scene.queue, its, **fields))
    await loop_turns()


def at(minutes: float) -> str:
    """So many minutes from now, as it is told."""
    return instant(NOW + timedelta(minutes=minutes))


def told(desk: RememberingListener) -> list[dict[str, Any]]:
    """By token, when each message of other waits said that the call would probably come."""
    return [
        {one["tokenId"]: one["wait"]["likely"] for one in body["waits"]}
        for body in desk.bodies("queue:board_waits")
    ]


async def test_the_waits_that_a_newer_forecast_says_otherwise_are_sent_and_no_others(
    scene: Scene,
) -> None:
    first, second, third = await scene.take(3)
    await scene.happens()
    await say(scene, (first, 2), (second, 20), (third, 40))
    desk = await doctor(scene)
    await say(scene, (first, 2), (second, 25), (third, 40), as_of=LATER, version=4)
    (sent,) = desk.bodies("queue:board_waits")
    assert (sent["queueId"], sent["version"]) == (str(scene.queue.id), 4)
    ((token_id, wait),) = [(one["tokenId"], one["wait"]) for one in sent["waits"]]
    assert (token_id, wait["likely"], wait["asOf"]) == (
        str(second.id),
        at(25),
        instant(LATER),
    )
    assert desk.names == ["queue:board_waits"]


async def test_a_forecast_that_says_the_same_is_not_sent(scene: Scene) -> None:
    (token,) = await scene.take()
    await scene.happens()
    await say(scene, (token, 20))
    desk = await doctor(scene)
    await say(scene, (token, 20), as_of=LATER)
    assert desk.names == []


async def test_what_several_forecasts_say_otherwise_during_a_pause_is_one_message(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_room, "PAUSE_PER_BYTE", 1.0)
    first, second, third = await scene.take(3)
    await scene.happens()
    await say(scene, (first, 2), (second, 20), (third, 40))
    desk = await doctor(scene)
    await say(scene, (first, 4), (second, 20), (third, 40))
    await say(scene, (first, 4), (second, 25), (third, 40))
    await say(scene, (first, 6), (second, 30), (third, 40))
    assert told(desk) == [{str(first.id): at(4)}]
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert told(desk)[1:] == [{str(first.id): at(6), str(second.id): at(30)}]


async def test_only_who_has_the_board_is_sent_them_and_all_the_same_message(scene: Scene) -> None:
    (token,) = await scene.take()
    await scene.happens()
    await say(scene, (token, 20))
    desk, other = await doctor(scene), await doctor(scene)
    leaver, gone = await scene.doctor()
    await sit_down(scene, leaver)
    leaver.leave_board(scene.queue.id)
    _, passer_by = await scene.doctor()
    await say(scene, (token, 30))
    assert told(desk) == [{str(token.id): at(30)}]
    assert desk.messages[0] is other.messages[0]
    assert gone.names == passer_by.names == []


async def test_nothing_is_sent_before_whoever_asked_has_the_board(scene: Scene) -> None:
    (token,) = await scene.take()
    await scene.happens()
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        await say(scene, (token, 20))
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        await say(scene, (token, 30))
        return snapshot

    await sit_down(scene, client, read)
    assert desk.names == []


async def test_the_tokens_of_an_update_carry_the_newest_waits(scene: Scene) -> None:
    first, second = await scene.take(2)
    await scene.happens()
    await say(scene, (first, 2), (second, 20))
    desk = await doctor(scene)
    await scene.call()
    (late,) = await scene.take()
    await scene.use.moves.hold(second.id, actor=holding(second))
    await scene.use.moves.resume(second.id, actor=holding(second))
    await scene.happens()
    changed = [
        (token["id"], token["wait"]["reason"], token["wait"]["likely"])
        for body in desk.bodies("queue:board_update")
        for token in body["changed"]
    ]
    assert changed == [
        (str(first.id), "not_waiting", None),
        (str(late.id), None, at(60)),  # What whoever joins is told.
        (str(second.id), "on_hold", None),
        (str(second.id), None, at(20)),
    ]
    assert "queue:board_waits" not in desk.names


async def test_an_update_without_any_forecast_has_no_waits(scene: Scene) -> None:
    scene.sources.forecasts.silent = True
    desk = await doctor(scene)
    (token,) = await scene.take()
    await scene.happens()
    ((seen,),) = [body["changed"] for body in desk.bodies("queue:board_update")]
    assert seen["wait"] is None
    await say(scene, (token, 20))
    assert told(desk) == [{str(token.id): at(20)}]


async def test_the_board_that_is_acknowledged_carries_waits(scene: Scene) -> None:
    called, waiting, held = await scene.take(3)
    await scene.world.keep(build_desk(scene.clinic.id, name="Room 1"))
    await scene.call()
    await scene.use.moves.hold(held.id, actor=holding(held))
    client, _ = await scene.doctor()
    body = json.loads(encode(BoardBody.of(await sit_down(scene, client))))
    waits = {token["id"]: token["wait"] for token in body["tokens"]}
    assert waits[str(called.id)]["reason"] == "not_waiting"
    assert waits[str(held.id)]["reason"] == "on_hold"
    assert waits[str(waiting.id)]["state"] == "estimated"
    assert waits[str(waiting.id)]["low"] <= waits[str(waiting.id)]["high"]


async def test_that_nothing_is_known_any_more_is_sent_and_so_is_what_is_known_again(
    scene: Scene,
) -> None:
    waiting, held = await scene.take(2)
    await scene.use.moves.hold(held.id, actor=holding(held))
    await scene.happens()
    await say(scene, (waiting, 20))
    desk = await doctor(scene)
    paused = build_waits(scene.queue, unknown=Unknown.PAUSED, as_of=LATER)
    scene.sources.forecasts.say(paused)
    await loop_turns()
    ((one,),) = [body["waits"] for body in desk.bodies("queue:board_waits")]
    assert (one["tokenId"], one["wait"]["reason"]) == (str(waiting.id), "paused")
    await say(scene, (waiting, 30))
    assert told(desk)[1:] == [{str(waiting.id): at(30)}]


async def test_what_an_update_says_already_is_not_said_again(scene: Scene) -> None:
    first, second = await scene.take(2)
    await scene.happens()
    await say(scene, (first, 2), (second, 20))
    desk = await doctor(scene)
    await scene.call()
    scene.sources.forecasts.say(waits_of(scene.queue, {first.id: 4, second.id: 25}))
    await scene.happens()
    assert desk.names == ["queue:board_update", "queue:board_waits"]
    assert told(desk) == [{str(second.id): at(25)}]


async def test_late_updates_of_an_older_forecast_than_the_board_are_put_right(
    scene: Scene,
) -> None:
    (token,) = await scene.take()
    await scene.happens()
    await say(scene, (token, 20))
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        await scene.use.moves.hold(token.id, actor=holding(token))
        await scene.use.moves.resume(token.id, actor=holding(token))
        await scene.happens()
        await say(scene, (token, 30))
        return snapshot

    await sit_down(scene, client, read)
    await loop_turns()
    assert desk.names == ["queue:board_update", "queue:board_update", "queue:board_waits"]
    assert told(desk) == [{str(token.id): at(30)}]


async def test_who_goes_while_waits_are_sent_does_no_harm(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token,) = await scene.take()
    await scene.happens()
    await say(scene, (token, 20))
    (first, one), (second, other) = await scene.doctor(), await scene.doctor()
    for client in (first, second):
        await sit_down(scene, client)
    await loop_turns()

    def go_away(_message: object) -> None:
        scene.hub.disconnect(first)
        scene.hub.disconnect(second)

    monkeypatch.setattr(one, "send", go_away)
    await say(scene, (token, 30))
    assert other.names == []
    assert scene.sources.forecasts.watched == []
