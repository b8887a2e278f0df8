"""What patients hear of their wait: with their place, and whenever it is another one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qure.adapters.sockets.places import FIRST_FORECAST_SECONDS
from qure.domain.token import Token
from qure.domain.waiting.wait import Unknown
from qure.wire.body import instant
from tests.application.world import holding
from tests.sockets.forecaster import build_waits, waits_of
from tests.sockets.listeners import RememberingListener, claims, connected
from tests.sockets.scene import Scene
from tests.support.builders import NOW
from tests.support.waiting import loop_turns, time_passes

LATER = NOW + timedelta(seconds=15)


@pytest.fixture
async def scene() -> Scene:
    return await Scene().set_up()


def at(minutes: float) -> str:
    """So many minutes from now, as it is told."""
    return instant(NOW + timedelta(minutes=minutes))


def likely(phone: RememberingListener) -> list[Any]:
    """When it was told that the call would probably come, one after the other."""
    return [wait and wait["likely"] for wait in phone.waits]


async def say(scene: Scene, *minutes: tuple[Token, float], **fields: Any) -> None:
    """Each of them is called in so many minutes, by the newest forecast."""
    its = {token.id: number for token, number in minutes}
    scene.sources.forecasts.say(waits_of(scene.queue, its, **fields))
    await loop_turns()


async def phones_of(scene: Scene, *tokens: Token) -> list[RememberingListener]:
    return [(await scene.phone(token))[1] for token in tokens]


async def test_the_wait_is_told_with_the_first_place(scene: Scene) -> None:
    *_, token = await scene.take(3)
    await say(scene, (token, 20), version=4)
    (phone,) = await phones_of(scene, token)
    assert phone.bodies("queue:your_place") == [
        {
            "tokenId": str(token.id),
            "queueId": str(scene.queue.id),
            "ahead": 2,
            "wait": {
                "state": "estimated",
                "reason": None,
                "low": at(10),
                "likely": at(20),
                "high": at(30),
                "leaveBy": at(5),
                "basis": "live",
                "reasons": [],
                "asOf": instant(NOW),
                "version": 4,
            },
            "version": 4,
        }
    ]


async def test_a_newer_forecast_that_says_otherwise_is_told_although_nobody_has_moved(
    scene: Scene,
) -> None:
    first, second = await scene.take(2)
    await say(scene, (first, 2), (second, 20))
    one, other = await phones_of(scene, first, second)
    await say(scene, (first, 2), (second, 35), as_of=LATER)
    assert (one.places, likely(one)) == ([0], [at(2)])
    assert (other.places, likely(other)) == ([1, 1], [at(20), at(35)])
    assert [place["version"] for place in other.bodies("queue:your_place")] == [3, 3]


async def test_a_newer_forecast_that_says_the_same_is_not_told(scene: Scene) -> None:
    (token,) = await scene.take()
    await say(scene, (token, 20))
    (phone,) = await phones_of(scene, token)
    for seconds in (15, 30, 45):
        await say(scene, (token, 20), as_of=NOW + timedelta(seconds=seconds))
    assert likely(phone) == [at(20)]


async def test_a_place_that_moves_is_told_at_once_with_the_newest_wait(scene: Scene) -> None:
    first, second = await scene.take(2)
    await say(scene, (first, 2), (second, 20))
    one, other = await phones_of(scene, first, second)
    await say(scene, (first, 2), (second, 20), as_of=LATER, version=3)
    await scene.call()
    await scene.happens()
    assert (one.places, other.places) == ([0, None], [1, 0])
    assert likely(other) == [at(20), at(20)]
    assert [wait["asOf"] for wait in other.waits] == [instant(NOW), instant(LATER)]
    assert [one.waits[1][name] for name in ("state", "reason", "likely")] == [
        "unknown",
        "not_waiting",
        None,
    ]


async def test_who_has_joined_since_is_told_what_whoever_joins_is(scene: Scene) -> None:
    (token,) = await scene.take()
    await say(scene, (token, 20))
    patient = await scene.world.patient()
    await scene.happens()
    _, phone = await connected(scene.hub, claims(patient.user_id))
    late = await scene.use.issuing.issue(scene.queue.id, actor=patient)
    await scene.happens()
    assert (phone.places, likely(phone)) == ([1], [at(60)])
    await say(scene, (token, 20), (late, 40), version=3)
    assert (phone.places, likely(phone)) == ([1, 1], [at(60), at(40)])


async def test_who_steps_out_is_told_that_nothing_is_known_and_then_the_wait_again(
    scene: Scene,
) -> None:
    (token,) = await scene.take()
    await say(scene, (token, 20))
    (phone,) = await phones_of(scene, token)
    await scene.use.moves.hold(token.id, actor=holding(token))
    await scene.happens()
    await scene.use.moves.resume(token.id, actor=holding(token))
    await scene.happens()
    assert phone.places == [0, None, 0]
    assert [wait["reason"] for wait in phone.waits] == [None, "on_hold", None]
    assert likely(phone) == [at(20), None, at(20)]


async def test_while_the_queue_is_paused_nobody_is_told_a_range(scene: Scene) -> None:
    (token,) = await scene.take()
    await say(scene, (token, 20))
    (phone,) = await phones_of(scene, token)
    scene.sources.forecasts.say(build_waits(scene.queue, unknown=Unknown.PAUSED, as_of=LATER))
    await loop_turns()
    await say(scene, (token, 25), as_of=LATER)
    assert [(wait["state"], wait["reason"]) for wait in phone.waits] == [
        ("estimated", None),
        ("unknown", "paused"),
        ("estimated", None),
    ]
    assert phone.places == [0, 0, 0]


async def test_a_place_is_told_without_a_wait_when_no_forecast_comes_in_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sources.forecasts.silent = True
    first, token = await scene.take(2)
    (phone,) = await phones_of(scene, token)
    await time_passes(0.8 * FIRST_FORECAST_SECONDS, monkeypatch)
    assert phone.places == []
    await time_passes(0.4 * FIRST_FORECAST_SECONDS, monkeypatch)
    assert (phone.places, phone.waits) == ([1], [None])
    await scene.call()
    await scene.happens()
    assert (phone.places, phone.waits) == ([1, 0], [None, None])
    await say(scene, (first, 2), (token, 20))
    assert (phone.places, likely(phone)) == ([1, 0, 0], [None, None, at(20)])


async def test_a_first_forecast_is_waited_for_and_then_the_place_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sources.forecasts.silent = True
    *_, token = await scene.take(2)
    (phone,) = await phones_of(scene, token)
    await scene.call()
    await scene.happens()
    assert phone.places == []
    await say(scene, (token, 20))
    assert (phone.places, likely(phone)) == ([0], [at(20)])
    await time_passes(2 * FIRST_FORECAST_SECONDS, monkeypatch)
    assert phone.places == [0]


async def test_every_device_hears_the_other_wait_and_a_new_one_the_newest(scene: Scene) -> None:
    (token,) = await scene.take()
    await say(scene, (token, 20))
    phone, tablet = await phones_of(scene, token, token)
    await say(scene, (token, 30))
    (watch,) = await phones_of(scene, token)
    assert likely(phone) == likely(tablet) == [at(20), at(30)]
    assert likely(watch) == [at(30)]


async def test_a_forecast_is_let_go_with_the_last_who_has_a_place(scene: Scene) -> None:
    forecasts = scene.sources.forecasts
    tokens = await scene.take(2)
    (client, _), (other, phone) = [await scene.phone(token) for token in tokens]
    scene.hub.disconnect(client)
    assert forecasts.watched == [scene.queue.id]
    scene.hub.disconnect(other)
    assert forecasts.watched == []
    await say(scene, (tokens[1], 20))
    assert len(phone.places) == 1


async def test_who_leaves_while_the_first_forecast_is_waited_for_hears_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sources.forecasts.silent = True
    (token,) = await scene.take()
    client, phone = await scene.phone(token)
    scene.hub.disconnect(client)
    await time_passes(2 * FIRST_FORECAST_SECONDS, monkeypatch)
    assert (phone.names, scene.sources.forecasts.watched) == ([], [])
