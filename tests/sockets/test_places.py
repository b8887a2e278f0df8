"""Who hears their place in the line, when, and how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qure.adapters.sockets import places
from qure.adapters.sockets.pausing import LONGEST_PAUSE
from qure.application.announcing import live_boards
from qure.domain import board
from qure.domain.calling_order import call_order
from qure.domain.errors import Unavailable
from qure.domain.token import Priority, Token
from qure.wire.body import instant
from tests.application.world import holding
from tests.sockets.listeners import RememberingListener, claims, connected
from tests.sockets.scene import Scene
from tests.support.builders import NOW, build_service
from tests.support.waiting import loop_turns, time_passes

NOW_TEXT = instant(NOW)


@pytest.fixture
async def scene() -> Scene:
    return await Scene().set_up()


async def phones_of(scene: Scene, *tokens: Token) -> list[RememberingListener]:
    return [(await scene.phone(token))[1] for token in tokens]


async def test_a_patient_hears_their_place_on_connecting_and_nobody_else_does(scene: Scene) -> None:
    *_, third = await scene.take(3)
    await scene.happens()
    _, stranger = await connected(scene.hub)
    _, doctor = await connected(scene.hub, claims(scene.staff.user_id))
    _, phone = await scene.phone(third)
    assert phone.bodies("queue:your_place") == [
        {
            "tokenId": str(third.id),
            "queueId": str(scene.queue.id),
            "ahead": 2,
            "wait": {
                "state": "unknown",
                "reason": "no_desk",
                "low": None,
                "likely": None,
                "high": None,
                "leaveBy": None,
                "basis": "live",
                "reasons": [],
                "asOf": NOW_TEXT,
                "version": 1,
            },
            "version": 4,
        }
    ]
    assert stranger.names == doctor.names == []


async def test_a_call_moves_everybody_forward_and_who_is_called_has_no_place_any_more(
    scene: Scene,
) -> None:
    first, second, third = await phones_of(scene, *await scene.take(3))
    await scene.call()
    await scene.happens()
    assert (first.places, second.places, third.places) == ([0, None], [1, 0], [2, 1])
    assert first.names == ["queue:your_place", "queue:your_token_called", "queue:your_place"]


async def test_whose_place_stays_the_same_hears_nothing(scene: Scene) -> None:
    phones = await phones_of(scene, *await scene.take(2))
    await scene.take(5)
    await scene.use.queues.set_active(scene.queue.id, active=False, actor=scene.staff)
    await scene.happens()
    assert [phone.places for phone in phones] == [[0], [1]]


async def test_who_takes_a_number_while_connected_hears_the_place_at_once(scene: Scene) -> None:
    await scene.take()
    patient = await scene.world.patient()
    await scene.happens()
    _, phone = await connected(scene.hub, claims(patient.user_id))
    assert phone.names == []
    await scene.use.issuing.issue(scene.queue.id, actor=patient)
    await scene.happens()
    assert phone.places == [1]


async def test_who_is_held_has_no_place_until_they_are_resumed_and_others_move_up(
    scene: Scene,
) -> None:
    tokens = await scene.take(2)
    first, second = await phones_of(scene, *tokens)
    moves, me = scene.use.moves, holding(tokens[0])
    await moves.hold(tokens[0].id, actor=me)
    await scene.happens()
    await moves.resume(tokens[0].id, actor=me)
    await scene.happens()
    assert (first.places, second.places) == ([0, None, 0], [1, 0, 1])
    _, tablet = await scene.phone(tokens[0])
    assert tablet.places == [0]


async def test_who_is_skipped_and_comes_back_hears_both(scene: Scene) -> None:
    tokens = await scene.take(4)
    first, *_, last = await phones_of(scene, *tokens)
    await scene.use.moves.skip(tokens[0].id, actor=scene.staff)
    await scene.happens()
    await scene.use.moves.rejoin(tokens[0].id, actor=holding(tokens[0]))
    await scene.happens()
    assert (first.places, last.places) == ([0, None, 2], [3, 2, 3])


async def test_who_is_returned_or_whose_call_is_undone_hears_the_new_place(scene: Scene) -> None:
    first, second = await phones_of(scene, *await scene.take(2))
    await scene.call()
    await scene.happens()
    await scene.use.undoing.undo(scene.queue.id, actor=scene.staff)
    await scene.happens()
    assert (first.places, second.places) == ([0, None, 0], [1, 0, 1])


async def test_an_urgent_one_comes_before_all_and_all_hear_it(scene: Scene) -> None:
    tokens = await scene.take(3)
    first, second, third = await phones_of(scene, *tokens)
    await scene.use.moves.change_priority(tokens[2].id, priority=Priority.URGENT, actor=scene.staff)
    await scene.happens()
    assert (first.places, second.places, third.places) == ([0, 1], [1, 2], [2, 0])


async def test_who_is_transferred_hears_the_place_in_the_other_queue_too(scene: Scene) -> None:
    service = build_service(scene.clinic.id)
    await scene.world.keep(service)
    elsewhere = await scene.world.queue(scene.clinic, service=service)
    await scene.use.issuing.issue(elsewhere.id, actor=await scene.world.patient())
    (token,) = await scene.take()
    await scene.happens()
    _, phone = await scene.phone(token)
    await scene.use.transferring.transfer(token.id, service_id=service.id, actor=scene.staff)
    await scene.happens()
    places = phone.bodies("queue:your_place")
    assert [(one["queueId"], one["ahead"]) for one in places] == [
        (str(scene.queue.id), 0),
        (str(scene.queue.id), None),
        (str(elsewhere.id), 1),
    ]


async def test_a_patient_with_several_tokens_hears_of_each(scene: Scene) -> None:
    other = await scene.world.queue()
    patient = await scene.world.patient()
    for queue in (scene.queue, other):
        await scene.use.issuing.issue(queue.id, actor=await scene.world.patient())
        await scene.use.issuing.issue(queue.id, actor=patient)
    await scene.happens()
    _, phone = await connected(scene.hub, claims(patient.user_id))
    await loop_turns()
    assert phone.places == [1, 1]
    await scene.call()
    await scene.happens()
    assert [(one["queueId"], one["ahead"]) for one in phone.bodies("queue:your_place")][2:] == [
        (str(scene.queue.id), 0)
    ]


async def test_every_device_hears_it_and_one_that_comes_later_hears_it_alone(scene: Scene) -> None:
    (token,) = await scene.take()
    _, phone = await scene.phone(token)
    _, tablet = await scene.phone(token)
    assert (phone.places, tablet.places) == ([0], [0])
    await scene.call()
    await scene.happens()
    assert phone.places == tablet.places == [0, None]


async def test_two_devices_that_come_at_one_moment_hear_it_once_each(scene: Scene) -> None:
    (token,) = await scene.take()
    await scene.happens()
    who = [await connected(scene.hub, claims(token.patient_id)) for _ in range(2)]
    await loop_turns()
    assert [listener.places for _, listener in who] == [[0], [0]]


async def test_nothing_is_told_before_the_client_knows_that_it_is_connected(scene: Scene) -> None:
    (token,) = await scene.take()
    _, tablet = await scene.phone(token)
    listener = RememberingListener()
    client = await scene.hub.connect(listener, claims(token.patient_id))
    await scene.call()
    await scene.happens()
    assert (tablet.places, listener.names) == ([0, None], [])
    await scene.hub.welcome(client)
    await loop_turns()
    assert listener.names == ["queue:your_token_called", "queue:your_place"]
    assert listener.places == [None]


async def test_a_rush_is_merged_and_ends_with_the_last_place(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine: a rush is what comes within a pause.
    monkeypatch.setattr(places, "PAUSE_PER_MEMBER", LONGEST_PAUSE)
    tokens = await scene.take(50)
    await scene.happens()
    phones = [(await connected(scene.hub, claims(token.patient_id)))[1] for token in tokens]
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    for _ in range(40):
        await scene.call()
        scene.sources.announce(scene.hub)
        await asyncio.sleep(0)
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert phones[-1].places[-1] == 9
    assert phones[0].places == [0, None]
    for phone in phones:
        versions = [one["version"] for one in phone.bodies("queue:your_place")]
        assert versions == sorted(versions)
    assert len(phones[-1].places) < 30


async def test_who_is_next_is_worked_out_once_for_all_who_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = await phones_of(scene, *await scene.take(40))
    worked_out = []

    def counting(*arguments: Any, **named: Any) -> list[Token]:
        worked_out.append(1)
        return call_order(*arguments, **named)

    monkeypatch.setattr(board, "call_order", counting)
    await scene.call()
    await scene.happens()
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert [phone.places for phone in phones] == [[0, None]] + [[n, n - 1] for n in range(1, 40)]
    assert len(worked_out) == 1


async def test_no_place_is_told_by_a_board_that_does_not_have_the_token_yet(scene: Scene) -> None:
    await scene.phone((await scene.take())[0])  # Somebody is there, so that the board is known.
    scene.sources.news()
    (token,) = await scene.take()
    (issued,) = scene.sources.news()
    _, phone = await scene.phone(token)
    assert phone.places == []
    scene.hub.receive(issued)  # The board hears of it later.
    await loop_turns()
    assert phone.places == []
    scene.sources.boards.receive(issued)
    await loop_turns()
    assert phone.places == [1]


async def test_an_older_place_is_never_told_after_a_newer_one(scene: Scene) -> None:
    tokens = await scene.take(5)
    _, phone = await scene.phone(tokens[-1])
    scene.sources.news()
    for _ in range(3):
        await scene.call()
    late, *early = scene.sources.news()
    scene.sources.announce(scene.hub, early)
    await loop_turns()
    assert phone.places == [4]
    scene.sources.announce(scene.hub, [late, *early])
    await loop_turns()
    places = phone.bodies("queue:your_place")
    assert [one["ahead"] for one in places] == [4, 1]
    assert places[-1]["version"] == 9


async def test_of_a_token_that_is_over_before_its_place_was_known_nothing_is_told(
    scene: Scene,
) -> None:
    first, token = await scene.take(2)
    await scene.phone(first)
    scene.sources.held[token.patient_id] = [token]  # As it was read a moment ago.
    await scene.use.moves.cancel(token.id, actor=holding(token))
    await scene.happens()
    _, phone = await scene.phone(token)
    assert phone.places == []


async def test_of_a_token_that_is_over_as_soon_as_it_was_heard_of_nothing_is_told(
    scene: Scene,
) -> None:
    patient = await scene.world.patient()
    _, phone = await connected(scene.hub, claims(patient.user_id))
    token = await scene.use.issuing.issue(scene.queue.id, actor=patient)
    await scene.use.moves.cancel(token.id, actor=patient)
    await scene.happens()
    assert phone.places == []
    assert scene.sources.boards.watched == []


async def test_a_board_that_cannot_be_read_at_once_is_told_of_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token,) = await scene.take()
    scene.sources.held[token.patient_id] = [token]
    scene.world.storage.read_errors.append(Unavailable("away"))
    _, phone = await scene.phone(token)
    assert (phone.places, phone.closed) == ([], None)
    await time_passes(1.2 * live_boards.RETRY_SECONDS, monkeypatch)
    assert phone.places == [0]


async def test_after_a_resync_everybody_is_told_what_is_different_and_nothing_else(
    scene: Scene,
) -> None:
    first, second, third = await phones_of(scene, *await scene.take(3))
    patient = await scene.world.patient()
    _, late = await connected(scene.hub, claims(patient.user_id))
    await scene.call()
    await scene.use.issuing.issue(scene.queue.id, actor=patient)
    scene.sources.news()  # Nobody here hears of it.
    await scene.hub.reread()
    await loop_turns()
    assert [one.places for one in (first, second, third, late)] == [[0, None], [1, 0], [2, 1], [2]]
    await scene.hub.reread()
    await loop_turns()
    assert [one.places for one in (first, second, third, late)] == [[0, None], [1, 0], [2, 1], [2]]


async def test_a_device_that_is_gone_is_told_nothing_and_the_others_are(scene: Scene) -> None:
    (token,) = await scene.take()
    client, phone = await scene.phone(token)
    _, tablet = await scene.phone(token)
    await scene.call()
    scene.sources.announce(scene.hub)
    scene.hub.disconnect(client)
    await loop_turns()
    assert (phone.places, tablet.places) == ([0], [0, None])


async def test_a_board_is_let_go_with_the_last_who_has_a_place_on_it(scene: Scene) -> None:
    tokens = await scene.take(3)
    await scene.happens()
    (first, _), (second, _), (third, _) = [await scene.phone(token) for token in tokens]
    scene.hub.disconnect(first)
    assert scene.sources.boards.watched == [scene.queue.id]
    scene.hub.disconnect(second)
    scene.hub.disconnect(third)
    await loop_turns()
    assert scene.sources.boards.watched == []
    assert len(scene.sources.boards) == 0


async def test_a_board_is_let_go_when_the_last_place_on_it_is_over(scene: Scene) -> None:
    token, other = await scene.take(2)
    _, phone = await scene.phone(token)
    await scene.call()
    await scene.happens()
    assert scene.sources.boards.watched == [scene.queue.id]
    await scene.use.moves.complete(token.id, actor=scene.staff)
    await scene.happens()
    assert phone.places == [0, None]
    assert scene.sources.boards.watched == []
    _, late = await scene.phone(other)
    assert late.places == [0]


async def test_leaving_during_the_telling_does_no_harm(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await scene.take(3)
    clients = [await scene.phone(token) for token in tokens]

    def go_away(_of: object, _message: object) -> None:
        for client, _ in clients:
            scene.hub.disconnect(client)

    monkeypatch.setattr(clients[0][1], "send_newest", go_away)
    await scene.call()
    await scene.happens()
    assert [listener.places for _, listener in clients[1:]] == [[1], [2]]
    assert scene.sources.boards.watched == []


async def test_a_guest_hears_the_place_of_the_token_that_they_hold(scene: Scene) -> None:
    await scene.take(2)
    admitted = await scene.use.guests.admit_walk_in(scene.queue.id, actor=scene.staff)
    await scene.happens()
    _, phone = await scene.phone(admitted.token)
    assert phone.places == [2]
