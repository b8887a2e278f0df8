"""Who has the board before them: every version, none twice, and nobody who may not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qure.adapters.sockets import board_room
from qure.adapters.sockets.boards import LOOK_SECONDS
from qure.adapters.sockets.clients import MAX_ROOMS_PER_CLIENT, Client, Closing
from qure.adapters.sockets.pausing import LONGEST_PAUSE
from qure.application.announcing.live_boards import GAP_SECONDS
from qure.application.queueing.board import BoardSnapshot
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from qure.domain.events import UserChanged
from qure.domain.ids import ClinicId, QueueId, UserId
from qure.domain.token import Priority
from tests.sockets.listeners import RememberingListener
from tests.sockets.scene import Scene
from tests.support.builders import NOW, build_entry, build_status, new_id
from tests.support.waiting import loop_turns, time_passes


@pytest.fixture
async def scene() -> Scene:
    return await Scene().set_up()


async def sit_down(
    scene: Scene, client: Client, read: Callable[[], Awaitable[BoardSnapshot]] | None = None
) -> BoardSnapshot:
    """The client has the board of the scene's queue before it."""

    async def from_storage() -> BoardSnapshot:
        return await scene.use.boards.read(scene.queue.id, actor=scene.staff)

    return await client.join_board(scene.queue.id, scene.clinic.id, read or from_storage)


def updates(listener: RememberingListener) -> list[int]:
    """The versions that it was sent."""
    return [body["version"] for body in listener.bodies("queue:board_update")]


def changed(listener: RememberingListener) -> list[list[int]]:
    """The numbers of the tokens that each update said were different."""
    return [
        sorted(token["tokenNumber"] for token in body["changed"])
        for body in listener.bodies("queue:board_update")
    ]


async def test_who_sits_down_gets_the_board_and_then_every_version_after_it(scene: Scene) -> None:
    await scene.take(2)
    await scene.happens()
    client, desk = await scene.doctor()
    assert (await sit_down(scene, client)).board.version == 3
    await scene.call()
    await scene.take()
    await scene.use.queues.set_active(scene.queue.id, active=False, actor=scene.staff)
    await scene.happens()
    assert updates(desk) == [4, 5, 6]
    assert changed(desk) == [[1], [3], []]
    last = desk.bodies("queue:board_update")[-1]
    assert (last["queueId"], last["status"]["isActive"]) == (str(scene.queue.id), False)
    assert len(last["order"]) == 3
    assert set(desk.names) == {"queue:board_update"}


async def test_a_board_that_is_known_because_patients_hear_their_places_is_no_different(
    scene: Scene,
) -> None:
    *_, second = await scene.take(2)
    await scene.happens()
    _, phone = await scene.phone(second)
    client, desk = await scene.doctor()
    assert (await sit_down(scene, client)).board.version == 3
    assert desk.names == []
    await scene.call()
    await scene.happens()
    assert (updates(desk), phone.places) == ([4], [1, 0])
    client.leave_board(scene.queue.id)
    assert scene.sources.boards.watched == [scene.queue.id]


async def test_staff_see_names_and_how_many_are_ahead(scene: Scene) -> None:
    await scene.take()
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    scene.sources.news()
    await scene.use.guests.admit_walk_in(scene.queue.id, name="Zoe", actor=scene.staff)
    await scene.happens()
    ((token,),) = [body["changed"] for body in desk.bodies("queue:board_update")]
    assert (token["name"], token["ahead"], token["guest"]) == ("Zoe", 1, True)


async def test_nothing_is_sent_before_whoever_asked_has_the_board(scene: Scene) -> None:
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        await scene.take(2)
        await scene.happens()
        return snapshot

    snapshot = await sit_down(scene, client, read)
    assert (snapshot.board.version, desk.names) == (1, [])
    await loop_turns()
    assert updates(desk) == [2, 3]


async def test_what_is_in_the_board_already_is_not_sent_again(scene: Scene) -> None:
    client, desk = await scene.doctor()
    await scene.take(2)  # Announced when the board has been read.
    assert (await sit_down(scene, client)).board.version == 3
    await scene.happens()
    assert updates(desk) == []
    await scene.take()
    await scene.happens()
    assert updates(desk) == [4]


async def test_who_sits_down_during_a_pause_misses_nothing_and_hears_nothing_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_room, "PAUSE_PER_BYTE", 1.0)
    first, one = await scene.doctor()
    await sit_down(scene, first)
    await scene.take()
    await scene.happens()
    await scene.take()
    await scene.happens()  # It waits for the end of the pause.
    second, other = await scene.doctor()

    async def read() -> BoardSnapshot:
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        await scene.take()
        await scene.happens()
        return snapshot

    assert (await sit_down(scene, second, read)).board.version == 3
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert (updates(one), updates(other)) == ([2, 3, 4], [4])


async def test_an_update_is_encoded_once_for_all(scene: Scene) -> None:
    desks = [await scene.doctor() for _ in range(3)]
    for client, _ in desks:
        await sit_down(scene, client)
    await scene.take()
    await scene.happens()
    first, second, third = (listener.messages[-1] for _, listener in desks)
    assert first is second is third


async def test_what_is_announced_out_of_order_is_sent_in_order(scene: Scene) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    await scene.take(3)
    first, second, third = scene.sources.news()
    scene.sources.announce(scene.hub, [third, first, second])
    await loop_turns()
    assert updates(desk) == [2, 3, 4]


async def test_where_versions_were_lost_the_newest_is_sent_and_the_client_sees_the_gap(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    await scene.take(3)
    _, *later = scene.sources.news()
    scene.sources.announce(scene.hub, later)
    await time_passes(1.2 * GAP_SECONDS, monkeypatch)
    assert (updates(desk), changed(desk)) == ([4], [[1, 2, 3]])


async def test_places_that_were_numbered_anew_are_one_version_like_any_other(scene: Scene) -> None:
    await scene.take(2)
    await scene.happens()
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    queue = await scene.world.queue_of(scene.queue.id)
    async with scene.world.storage.write() as uow:
        await uow.tokens.space_out(queue.id, Priority.NORMAL)
        queue.spaced_out(by=SYSTEM, at=NOW)
        await uow.queues.save(queue)
        await uow.commit()
    await scene.happens()
    assert (updates(desk), changed(desk)) == ([4], [[]])


async def test_of_too_much_at_once_only_the_newest_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_room, "MAX_BYTES_AT_ONCE", 6000)
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    await scene.take(20)
    await scene.happens()
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert updates(desk)[-1] == 21
    assert len(updates(desk)) < 5
    sent = sum(len(message.body or b"") for message in desk.messages)
    assert sent <= 2 * 6000


async def test_a_change_that_comes_alone_is_sent_at_once_and_in_a_rush_they_are_gathered(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_room, "PAUSE_PER_BYTE", 1.0)
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    for _ in range(5):
        await scene.take()
        await scene.happens()
    assert updates(desk) == [2]
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)
    assert updates(desk) == [2, 3, 4, 5, 6]


# Leaving


async def test_who_has_left_or_is_gone_hears_nothing_more_and_the_board_is_let_go(
    scene: Scene,
) -> None:
    (leaver, one), (goner, other) = await scene.doctor(), await scene.doctor()
    for client in (leaver, goner):
        await sit_down(scene, client)
    leaver.leave_board(scene.queue.id)
    leaver.leave_board(scene.queue.id)
    assert scene.sources.boards.watched == [scene.queue.id]
    scene.hub.disconnect(goner)
    assert len(scene.sources.boards) == 0
    await scene.take()
    await scene.happens()
    assert one.names == other.names == []


async def test_a_client_that_goes_while_it_is_sent_to_does_no_harm(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, one), (second, other) = await scene.doctor(), await scene.doctor()
    for client in (first, second):
        await sit_down(scene, client)

    def go_away(_message: object) -> None:
        scene.hub.disconnect(first)
        scene.hub.disconnect(second)

    monkeypatch.setattr(one, "send", go_away)
    await scene.take()
    await scene.happens()
    assert updates(other) == []
    assert scene.sources.boards.watched == []


async def test_who_sits_down_again_hears_nothing_between_asking_and_the_board(
    scene: Scene,
) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)

    async def read() -> BoardSnapshot:
        await scene.take()
        await scene.happens()
        assert desk.names == []
        return await scene.use.boards.read(scene.queue.id, actor=scene.staff)

    assert (await sit_down(scene, client, read)).board.version == 2
    await scene.take()
    await scene.happens()
    assert updates(desk) == [3]


@pytest.mark.parametrize(
    "refusal", [NotFound("queue_not_found", "No."), Forbidden("forbidden", "No.")]
)
async def test_who_sits_down_in_vain_has_no_board_and_leaves_nothing_behind(
    scene: Scene, refusal: Exception
) -> None:
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        raise refusal

    with pytest.raises(type(refusal)):
        await sit_down(scene, client, read)
    assert (client.boards, len(scene.sources.boards)) == ({}, 0)
    with pytest.raises(NotFound):
        await client.join_board(QueueId(new_id()), scene.clinic.id, read)
    assert (client.boards, len(scene.sources.boards)) == ({}, 0)
    await scene.take()
    await scene.happens()
    assert desk.names == []


async def test_who_is_gone_before_the_board_was_read_is_not_let_in(scene: Scene) -> None:
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        scene.hub.disconnect(client)
        return await scene.use.boards.read(scene.queue.id, actor=scene.staff)

    with pytest.raises(Forbidden):
        await sit_down(scene, client, read)
    assert desk.names == []
    assert scene.sources.boards.watched == []


async def test_boards_count_towards_the_queues_that_a_client_may_watch(scene: Scene) -> None:
    client, _ = await scene.doctor()
    await sit_down(scene, client)
    for _ in range(MAX_ROOMS_PER_CLIENT - 1):
        status = build_status()
        scene.sources.statuses[status.queue_id] = status
        await client.join(status.queue_id)
    await sit_down(scene, client)
    other = await scene.world.queue()
    with pytest.raises(Conflict) as refusal:
        await client.join_board(other.id, other.clinic_id, lambda: pytest.fail("it is not read"))
    assert refusal.value.code == "too_many_queues"
    scene.sources.statuses[other.id] = build_status(queue_id=other.id)
    with pytest.raises(Conflict):
        await client.join(other.id)


# Losing the right to it


def user_changed(client: Client) -> UserChanged:
    return UserChanged(actor=SYSTEM, at=NOW, user_id=UserId(client.claims.actor_id), is_active=True)


@pytest.mark.parametrize("becomes", ["patient", "staff elsewhere"])
async def test_who_works_there_no_more_has_the_board_no_more_and_is_told_so(
    scene: Scene, becomes: str
) -> None:
    (client, desk), (_, colleague) = await scene.doctor(), await scene.doctor()
    other, _ = await scene.doctor()
    for one in (client, other):
        await sit_down(scene, one)
    user_id = UserId(client.claims.actor_id)
    if becomes == "patient":
        scene.sources.roles[user_id] = Role.PATIENT
    else:
        scene.sources.clinics[user_id] = ClinicId(new_id())
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    assert desk.bodies("join-desk-error") == ["You are not staff of this clinic any more."]
    assert client.is_patient is (becomes == "patient")
    await scene.take()
    await scene.happens()
    assert updates(desk) == []
    assert colleague.names == []
    assert list(other.boards) == [scene.queue.id]


async def test_whose_name_has_changed_or_who_has_become_an_admin_keeps_the_board(
    scene: Scene,
) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    scene.sources.roles[UserId(client.claims.actor_id)] = Role.ADMIN
    del scene.sources.clinics[UserId(client.claims.actor_id)]
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    await scene.take()
    await scene.happens()
    assert updates(desk) == [2]


async def test_nobody_is_looked_up_who_has_no_board(scene: Scene) -> None:
    client, _ = await scene.doctor()
    reads = scene.sources.reads
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    assert scene.sources.reads == reads


async def test_who_cannot_be_looked_up_loses_the_board(scene: Scene) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    scene.sources.is_away = True
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    assert desk.names == ["join-desk-error"]
    assert client.boards == {}


async def test_whose_login_has_ended_is_closed_when_they_are_looked_up(scene: Scene) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    scene.sources.ended.add(client.claims.session_id)
    scene.hub.receive(build_entry(user_changed(client)))
    await loop_turns()
    assert desk.closed is Closing.NOT_ALLOWED
    assert scene.sources.boards.watched == []


async def test_who_loses_the_right_while_the_board_is_read_does_not_get_it(scene: Scene) -> None:
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        scene.sources.roles[UserId(client.claims.actor_id)] = Role.PATIENT
        scene.hub.receive(build_entry(user_changed(client)))
        await loop_turns()
        return snapshot

    with pytest.raises(Forbidden):
        await sit_down(scene, client, read)
    assert desk.names == []
    assert scene.sources.boards.watched == []


async def test_while_changes_are_not_heard_nobody_has_a_board(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, desk = await scene.doctor()
    await sit_down(scene, client)
    await time_passes(4 * LOOK_SECONDS, monkeypatch)
    assert desk.names == []
    scene.sources.hearing.lose()
    await time_passes(1.2 * LOOK_SECONDS, monkeypatch)
    assert desk.names == ["join-desk-error"]
    with pytest.raises(Unavailable):
        await sit_down(scene, client)
    assert scene.sources.boards.watched == []
    scene.sources.hearing.now = 1
    await sit_down(scene, client)
    await scene.take()
    await scene.happens()
    assert updates(desk) == [2]


async def test_when_changes_are_not_heard_any_more_while_the_board_is_read_it_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, desk = await scene.doctor()

    async def read() -> BoardSnapshot:
        snapshot = await scene.use.boards.read(scene.queue.id, actor=scene.staff)
        scene.sources.hearing.lose()
        await time_passes(1.2 * LOOK_SECONDS, monkeypatch)
        return snapshot

    with pytest.raises(Unavailable):
        await sit_down(scene, client, read)
    assert (desk.names, scene.sources.boards.watched) == ([], [])


async def test_after_a_resync_rights_are_looked_at_anew_and_the_newest_version_is_sent(
    scene: Scene,
) -> None:
    (client, desk), (other, staying) = await scene.doctor(), await scene.doctor()
    for one in (client, other):
        await sit_down(scene, one)
    await scene.take(2)
    scene.sources.news()  # Nobody here hears of it.
    scene.sources.roles[UserId(client.claims.actor_id)] = Role.PATIENT
    await scene.hub.reread()
    await loop_turns()
    assert desk.names == ["join-desk-error"]
    assert (updates(staying), changed(staying)) == ([3], [[1, 2]])


async def test_a_board_of_a_queue_that_is_not_there_does_not_hold_up_a_resync(
    scene: Scene,
) -> None:
    scene.sources.boards.watch(QueueId(new_id()), lambda *_: None)
    async with asyncio.timeout(5):
        await scene.hub.reread()
