"""Who hears what of a change, in which order, and how often."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qure.adapters.sockets.clients import MAX_ROOMS_PER_CLIENT, Closing
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.pausing import LONGEST_PAUSE
from qure.application.announcing.inbox import Inbox
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Conflict, NotFound, Unauthenticated, Unavailable
from qure.domain.events import (
    Event,
    QueueActivated,
    SessionRevoked,
    TokenCalled,
    TokenCompleted,
    TokenIssued,
    TokenSkipped,
    TokenStarted,
    UserChanged,
)
from qure.domain.ids import QueueId, TokenId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus
from tests.sockets.listeners import HubSources, RememberingListener, claims, connected
from tests.support.builders import NOW, build_entry, build_status, build_token, new_id
from tests.support.waiting import eventually, time_passes


@pytest.fixture
def world() -> HubSources:
    return HubSources()


def watched(world: HubSources, **fields: object) -> QueueStatus:
    status = build_status(**fields)
    world.statuses[status.queue_id] = status
    return status


def changed(status: QueueStatus, version: int) -> Event:
    return QueueActivated(actor=SYSTEM, at=NOW, queue=replace(status, version=version))


def moved(
    kind: type[TokenCalled | TokenStarted | TokenCompleted | TokenIssued],
    status: TokenStatus,
    token: Token,
) -> Event:
    return kind(
        actor=SYSTEM,
        at=NOW,
        queue=build_status(queue_id=token.queue_id),
        token=replace(token, status=status, version=VERSIONS[status]),
        from_status=token.status,
    )


VERSIONS = {
    TokenStatus.WAITING: 1,
    TokenStatus.CALLED: 2,
    TokenStatus.IN_PROGRESS: 3,
    TokenStatus.COMPLETED: 4,
}
"""Of a token that goes from one to the next."""


async def loop_turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


# Rooms


async def test_who_joins_gets_join_queue_and_then_the_status(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=7)
    client, listener = await connected(hub)
    assert await client.join(status.queue_id) == status
    assert listener.names == ["join-queue", "queue:status_update"]
    assert listener.versions == [7]


async def test_a_lone_change_goes_out_at_once(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    members = [await connected(hub) for _ in range(200)]
    for client, _ in members:
        await client.join(status.queue_id)
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert all(listener.versions == [1, 2] for _, listener in members)


async def test_a_rush_is_merged_and_ends_with_the_last_state(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    members = [await connected(hub) for _ in range(300)]
    for client, _ in members:
        await client.join(status.queue_id)
    for version in range(2, 202):
        hub.receive(build_entry(changed(status, version)))
        await asyncio.sleep(0)
    await eventually(lambda: all(listener.versions[-1] == 201 for _, listener in members))
    for _, listener in members:
        assert listener.versions == sorted(set(listener.versions))
    assert sum(len(listener.versions) - 1 for _, listener in members) <= 300 * 200 * 0.25


async def test_an_older_version_is_never_sent_after_a_newer_one(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    await client.join(status.queue_id)
    for version in (3, 2, 3, 5, 4):
        hub.receive(build_entry(changed(status, version)))
        await loop_turns()
    assert listener.versions == [1, 3, 5]
    late, late_listener = await connected(hub)
    await late.join(status.queue_id)  # What it reads is version 1 still.
    assert late_listener.versions == [5]


async def test_a_change_during_the_reading_of_a_join_is_not_missed(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    world.reading = asyncio.Event()
    joining = asyncio.create_task(client.join(status.queue_id))
    await loop_turns()
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert listener.names == []  # Nothing of the room before join-queue.
    world.reading.set()
    assert (await joining).version == 2
    await loop_turns()
    assert listener.names == ["join-queue", "queue:status_update"]
    assert listener.versions == [2]


async def test_the_room_stands_while_one_leaves_and_another_is_about_to_enter(
    world: HubSources,
) -> None:
    hub, status = world.hub(), watched(world, version=1)
    (first, _), (second, listener) = await connected(hub), await connected(hub)
    await first.join(status.queue_id)
    world.reading = asyncio.Event()
    joining = asyncio.create_task(second.join(status.queue_id))
    await loop_turns()
    first.leave(status.queue_id)
    world.reading.set()
    await joining
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert listener.versions == [1, 2]


async def test_who_joins_again_hears_nothing_between_asking_and_join_queue(
    world: HubSources,
) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    await client.join(status.queue_id)
    world.reading = asyncio.Event()
    joining = asyncio.create_task(client.join(status.queue_id))
    await loop_turns()
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    world.reading.set()
    await joining
    assert listener.names == ["join-queue", "queue:status_update"] * 2
    assert listener.versions == [1, 2]


async def test_joining_again_in_vain_leaves_things_as_they_were(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    await client.join(status.queue_id)
    world.is_away = True
    with pytest.raises(Unavailable):
        await client.join(status.queue_id)
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert listener.versions[-1] == 2


async def test_a_newer_status_read_by_a_joiner_reaches_those_who_were_in_already(
    world: HubSources,
) -> None:
    hub, status = world.hub(), watched(world, version=1)
    first, first_listener = await connected(hub)
    await first.join(status.queue_id)
    world.statuses[status.queue_id] = replace(status, version=4)
    second, second_listener = await connected(hub)
    await second.join(status.queue_id)
    await loop_turns()
    assert first_listener.versions == [1, 4]
    assert second_listener.versions == [4]


async def test_joining_again_is_answered_again_and_sends_no_change_twice(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    await client.join(status.queue_id)
    await client.join(status.queue_id)
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert listener.names == ["join-queue", "queue:status_update"] * 2 + ["queue:status_update"]
    assert listener.versions == [1, 1, 2]


async def test_an_unknown_queue_is_refused_and_leaves_no_room_behind(world: HubSources) -> None:
    hub = world.hub()
    client, listener = await connected(hub)
    with pytest.raises(NotFound):
        await client.join(QueueId(new_id()))
    assert hub.watched_queues() == 0
    assert listener.names == []


async def test_who_leaves_or_is_gone_hears_nothing_more_and_the_room_goes_with_the_last(
    world: HubSources,
) -> None:
    hub, status = world.hub(), watched(world, version=1)
    leaver, leaver_listener = await connected(hub)
    goner, goner_listener = await connected(hub)
    for client in (leaver, goner):
        await client.join(status.queue_id)
    leaver.leave(status.queue_id)
    hub.disconnect(goner)
    assert hub.watched_queues() == 0
    hub.receive(build_entry(changed(status, 2)))
    await loop_turns()
    assert leaver_listener.versions == goner_listener.versions == [1]


async def test_who_is_gone_before_the_join_has_read_is_not_let_in(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    client, listener = await connected(hub)
    world.reading = asyncio.Event()
    joining = asyncio.create_task(client.join(status.queue_id))
    await loop_turns()
    hub.disconnect(client)
    world.reading.set()
    await joining
    assert hub.watched_queues() == 0
    assert listener.names == []


async def test_a_client_may_watch_a_bounded_number_of_queues(world: HubSources) -> None:
    hub = world.hub()
    client, _ = await connected(hub)
    for _ in range(MAX_ROOMS_PER_CLIENT):
        await client.join(watched(world).queue_id)
    with pytest.raises(Conflict) as refusal:
        await client.join(watched(world).queue_id)
    assert refusal.value.code == "too_many_queues"


async def test_a_thousand_joins_cost_two_messages_each(
    world: HubSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, status = world.hub(), watched(world, version=3)
    members = [await connected(hub) for _ in range(1000)]
    await asyncio.gather(*(client.join(status.queue_id) for client, _ in members))
    await time_passes(2 * LONGEST_PAUSE, monkeypatch)  # A room sends all it holds.
    assert sum(len(listener.messages) for _, listener in members) == 2000


# Personal events


async def test_every_connection_of_the_patient_hears_of_the_call_and_nobody_else(
    world: HubSources,
) -> None:
    hub, token = world.hub(), build_token()
    phone, tablet = claims(token.patient_id), claims(token.patient_id)
    (_, on_phone), (_, on_tablet) = await connected(hub, phone), await connected(hub, tablet)
    _, of_other = await connected(hub)
    hub.receive(build_entry(moved(TokenCalled, TokenStatus.CALLED, token)))
    assert on_phone.names == on_tablet.names == ["queue:your_token_called"]
    assert on_phone.bodies("queue:your_token_called")[0]["id"] == str(token.id)
    assert of_other.names == []


async def test_personal_events_are_never_merged(world: HubSources) -> None:
    hub, token = world.hub(), build_token()
    _, listener = await connected(hub, claims(token.patient_id))
    hub.receive(
        build_entry(
            moved(TokenCalled, TokenStatus.CALLED, token),
            moved(TokenStarted, TokenStatus.IN_PROGRESS, token),
            moved(TokenCompleted, TokenStatus.COMPLETED, token),
        )
    )
    assert listener.names == [
        "queue:your_token_called",
        "queue:your_token_started",
        "queue:your_token_completed",
    ]


async def test_what_is_announced_too_early_is_told_after_what_went_before_it(
    world: HubSources,
) -> None:
    """After an outage: the completion is announced at once, call and start by the sweep."""
    hub, patient = world.hub(), UserId(new_id())
    token = build_token(patient_id=patient, number=9)
    called = replace(token, called_at=NOW)
    started = replace(called, started_at=NOW + timedelta(minutes=1))
    completed = replace(started, completed_at=NOW + timedelta(minutes=2))
    _, phone = await connected(hub, claims(patient))
    for moving in (
        moved(TokenCompleted, TokenStatus.COMPLETED, completed),
        moved(TokenCalled, TokenStatus.CALLED, called),
        moved(TokenStarted, TokenStatus.IN_PROGRESS, started),
    ):
        hub.receive(build_entry(moving))
    assert phone.names == [
        "queue:your_token_called",
        "queue:your_token_started",
        "queue:your_token_completed",
    ]
    (early,) = phone.bodies("queue:your_token_called")
    assert (early["status"], early["tokenNumber"]) == ("CALLED", 9)
    assert early["calledAt"] == "2025-12-30T15:00:00.000Z"
    assert (early["startedAt"], early["completedAt"]) == (None, None)
    (middle,) = phone.bodies("queue:your_token_started")
    assert (middle["startedAt"], middle["completedAt"]) == ("2025-12-30T15:01:00.000Z", None)


def tell(hub: Hub, *stages: Token) -> None:
    """Announce the token as it was at each of these versions, in this order."""
    kinds = {
        TokenStatus.CALLED: TokenCalled,
        TokenStatus.IN_PROGRESS: TokenStarted,
        TokenStatus.COMPLETED: TokenCompleted,
        TokenStatus.SKIPPED: TokenSkipped,
    }
    for token in stages:
        told = kinds[token.status](
            actor=SYSTEM,
            at=NOW,
            queue=build_status(queue_id=token.queue_id),
            token=replace(token),  # As decoded anew.
            from_status=TokenStatus.WAITING,
        )
        hub.receive(build_entry(told))


def stages_of_two_calls() -> tuple[Token, Token, Token]:
    """Called, given back to the line, and called again: at each call, and when it was started."""
    waiting = build_token()
    called = replace(waiting, status=TokenStatus.CALLED, version=2, called_at=NOW)
    again = replace(called, version=4, called_at=NOW + timedelta(minutes=5))
    started = replace(
        again,
        status=TokenStatus.IN_PROGRESS,
        version=5,
        started_at=NOW + timedelta(minutes=6),
    )
    return called, again, started


async def test_who_is_called_a_second_time_is_told_a_second_time(world: HubSources) -> None:
    hub = world.hub()
    called, again, started = stages_of_two_calls()
    _, phone = await connected(hub, claims(called.patient_id))
    tell(hub, called, called, again, called, again, started)
    assert phone.names == [
        "queue:your_token_called",
        "queue:your_token_called",
        "queue:your_token_started",
    ]
    assert [body["calledAt"] for body in phone.bodies("queue:your_token_called")] == [
        "2025-12-30T15:00:00.000Z",
        "2025-12-30T15:05:00.000Z",
    ]


async def test_an_older_version_is_told_to_nobody(world: HubSources) -> None:
    hub = world.hub()
    called, again, started = stages_of_two_calls()
    _, phone = await connected(hub, claims(called.patient_id))
    _, tablet = await connected(hub, claims(called.patient_id))
    tell(hub, started)
    before = phone.names
    tell(hub, again, called)
    assert phone.names == tablet.names == before
    assert before == ["queue:your_token_called", "queue:your_token_started"]


async def test_a_start_that_is_announced_before_the_second_call_is_told_after_it(
    world: HubSources,
) -> None:
    hub = world.hub()
    called, again, started = stages_of_two_calls()
    _, phone = await connected(hub, claims(called.patient_id))
    tell(hub, called, started, again)
    assert phone.names == [
        "queue:your_token_called",
        "queue:your_token_called",
        "queue:your_token_started",
    ]
    second = phone.bodies("queue:your_token_called")[1]
    assert (second["calledAt"], second["startedAt"]) == ("2025-12-30T15:05:00.000Z", None)


async def test_what_went_before_is_told_though_it_happened_at_the_same_instant(
    world: HubSources,
) -> None:
    """Two moves in one millisecond, or the clocks of two machines that differ."""
    hub = world.hub()
    called = build_token(status=TokenStatus.CALLED, version=2, called_at=NOW)
    for started_at in (NOW, NOW - timedelta(seconds=1)):
        token = replace(called, id=TokenId(new_id()))
        completed = replace(
            token,
            status=TokenStatus.COMPLETED,
            version=4,
            started_at=started_at,
            completed_at=NOW,
        )
        _, phone = await connected(hub, claims(called.patient_id))
        tell(hub, token, completed)
        assert phone.names == [
            "queue:your_token_called",
            "queue:your_token_started",
            "queue:your_token_completed",
        ]


async def test_what_was_told_on_connecting_is_not_told_again_and_what_follows_is(
    world: HubSources,
) -> None:
    hub = world.hub()
    called, again, started = stages_of_two_calls()
    world.held[called.patient_id] = [again]
    _, phone = await connected(hub, claims(called.patient_id))
    tell(hub, called, again, started)
    assert phone.names == ["queue:your_token_called", "queue:your_token_started"]


async def test_reading_the_same_token_again_is_no_news(world: HubSources) -> None:
    hub = world.hub()
    called, again, _ = stages_of_two_calls()
    world.held[called.patient_id] = [called]
    _, phone = await connected(hub, claims(called.patient_id))
    for _ in range(2):
        await hub.reread()
    assert phone.names == ["queue:your_token_called"]
    world.held[called.patient_id] = [again]
    await hub.reread()
    assert phone.names == ["queue:your_token_called"] * 2


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_in_whatever_order_moves_are_announced_each_is_told_once_and_in_order(
    data: st.DataObject,
) -> None:
    """Of one call: as far as the last of them tells what went before it."""
    waiting = build_token()
    called = replace(waiting, status=TokenStatus.CALLED, version=2, called_at=NOW)
    started = replace(called, status=TokenStatus.IN_PROGRESS, version=3, started_at=NOW)
    completed = replace(started, status=TokenStatus.COMPLETED, version=4, completed_at=NOW)
    stages = (called, started, completed)
    announced = data.draw(st.lists(st.sampled_from(stages), min_size=1, max_size=8))

    async def names() -> list[str]:
        hub = HubSources().hub()
        _, phone = await connected(hub, claims(waiting.patient_id))
        tell(hub, *announced)
        return phone.names

    newest = max(token.version for token in announced)
    assert (
        asyncio.run(names())
        == [
            "queue:your_token_called",
            "queue:your_token_started",
            "queue:your_token_completed",
        ][: newest - 1]
    )


async def test_taking_a_number_is_no_personal_event(world: HubSources) -> None:
    hub, token = world.hub(), build_token()
    _, listener = await connected(hub, claims(token.patient_id))
    hub.receive(build_entry(moved(TokenIssued, TokenStatus.WAITING, token)))
    assert listener.names == []


async def test_a_repeated_announcement_is_heard_once(world: HubSources) -> None:
    hub, token = world.hub(), build_token()
    _, listener = await connected(hub, claims(token.patient_id))
    entry = build_entry(moved(TokenCalled, TokenStatus.CALLED, token))
    inbox = Inbox([hub.receive])
    inbox.receive(entry)
    inbox.receive(entry)
    hub.receive(entry)  # As after so many others that the inbox does not remember it.
    hub.receive(replace(entry, id=build_entry().id))  # As told again by another process.
    assert listener.names == ["queue:your_token_called"]


async def test_a_patient_who_was_away_is_told_on_coming_back(world: HubSources) -> None:
    hub, patient = world.hub(), UserId(new_id())
    called = build_token(patient_id=patient, status=TokenStatus.CALLED)
    started = build_token(patient_id=patient, status=TokenStatus.IN_PROGRESS)
    world.held[patient] = [called, started]
    _, listener = await connected(hub, claims(patient))
    assert listener.names == ["queue:your_token_called", "queue:your_token_started"]


async def test_only_patients_are_looked_up_on_connecting(world: HubSources) -> None:
    hub, staff = world.hub(), claims()
    world.roles[UserId(staff.actor_id)] = Role.STAFF
    world.held[UserId(staff.actor_id)] = [build_token(status=TokenStatus.CALLED)]
    _, listener = await connected(hub, staff)
    assert listener.names == []


async def test_a_start_heard_while_looking_up_is_not_followed_by_the_older_call(
    world: HubSources,
) -> None:
    hub, token = world.hub(), build_token(status=TokenStatus.CALLED)
    world.held[token.patient_id] = [token]
    listener = RememberingListener()
    client = await hub.connect(listener, claims(token.patient_id))
    world.reading = asyncio.Event()
    welcoming = asyncio.create_task(hub.welcome(client))
    await loop_turns()
    hub.receive(build_entry(moved(TokenStarted, TokenStatus.IN_PROGRESS, token)))
    world.reading.set()
    await welcoming
    assert listener.names == ["queue:your_token_started"]


async def test_nothing_is_sent_before_the_client_knows_that_it_is_connected(
    world: HubSources,
) -> None:
    hub, token = world.hub(), build_token()
    listener = RememberingListener()
    client = await hub.connect(listener, claims(token.patient_id))
    hub.receive(build_entry(moved(TokenCalled, TokenStatus.CALLED, token)))
    assert listener.names == []
    world.held[token.patient_id] = [replace(token, status=TokenStatus.CALLED)]
    await hub.welcome(client)
    assert listener.names == ["queue:your_token_called"]


async def test_a_patient_who_cannot_be_caught_up_is_sent_to_try_again(world: HubSources) -> None:
    hub, listener = world.hub(), RememberingListener()
    client = await hub.connect(listener, claims())
    world.is_away = True
    await hub.welcome(client)
    assert listener.closed is Closing.GOING_AWAY


# Who may listen


async def test_a_revoked_session_is_closed_and_the_other_login_stays(world: HubSources) -> None:
    hub, user = world.hub(), UserId(new_id())
    ended, other = claims(user), claims(user)
    (_, of_ended), (_, of_other) = await connected(hub, ended), await connected(hub, other)
    revoked = SessionRevoked(actor=SYSTEM, at=NOW, session_id=ended.session_id, user_id=user)
    hub.receive(build_entry(revoked))
    assert of_ended.closed is Closing.NOT_ALLOWED
    assert of_other.closed is None
    assert len(hub.clients()) == 1


@pytest.mark.parametrize("is_active", [True, False])
async def test_a_disabled_user_is_closed_everywhere_and_a_changed_one_stays(
    world: HubSources, is_active: bool
) -> None:
    hub, user = world.hub(), UserId(new_id())
    listeners = [(await connected(hub, claims(user)))[1] for _ in range(2)]
    event = UserChanged(actor=SYSTEM, at=NOW, user_id=user, is_active=is_active)
    hub.receive(build_entry(event))
    wanted = None if is_active else Closing.NOT_ALLOWED
    assert [listener.closed for listener in listeners] == [wanted, wanted]


async def test_an_old_ban_that_is_announced_again_does_not_hit_who_was_let_in_since(
    world: HubSources,
) -> None:
    hub, user = world.hub(), UserId(new_id())
    inbox = Inbox([hub.receive])
    ban = build_entry(UserChanged(actor=SYSTEM, at=NOW, user_id=user, is_active=False))
    inbox.receive(ban)
    inbox.receive(build_entry(UserChanged(actor=SYSTEM, at=NOW, user_id=user, is_active=True)))
    _, listener = await connected(hub, claims(user))
    inbox.receive(ban)
    assert listener.closed is None


async def test_who_has_no_right_is_not_counted_among_the_listeners(world: HubSources) -> None:
    hub, who = world.hub(), claims()
    world.ended.add(who.session_id)
    with pytest.raises(Unauthenticated):
        await hub.connect(RememberingListener(), who)
    assert hub.clients() == []


async def test_a_revocation_during_the_check_is_not_missed(world: HubSources) -> None:
    hub, who = world.hub(), claims()
    world.reading = asyncio.Event()
    connecting = asyncio.create_task(hub.connect(RememberingListener(), who))
    await loop_turns()
    revoked = SessionRevoked(
        actor=SYSTEM, at=NOW, session_id=who.session_id, user_id=UserId(who.actor_id)
    )
    hub.receive(build_entry(revoked))
    world.reading.set()
    with pytest.raises(Unauthenticated):
        await connecting
    assert hub.clients() == []


async def test_a_user_has_a_bounded_number_of_connections(world: HubSources) -> None:
    hub, user = world.hub(max_connections_per_user=2), UserId(new_id())
    first, _ = await connected(hub, claims(user))
    await connected(hub, claims(user))
    with pytest.raises(Conflict) as refusal:
        await connected(hub, claims(user))
    assert refusal.value.code == "too_many_connections"
    hub.disconnect(first)
    await connected(hub, claims(user))


async def test_a_login_that_has_run_out_is_shown_out_at_the_next_look(world: HubSources) -> None:
    hub, who = world.hub(), claims()
    _, of_ended = await connected(hub, who)
    _, of_other = await connected(hub)
    world.ended.add(who.session_id)
    world.is_away = True
    await hub.recheck()
    # Nobody is thrown out because a backend is away.
    assert (of_ended.closed, of_other.closed) == (None, None)
    world.is_away = False
    await hub.recheck()
    assert (of_ended.closed, of_other.closed) == (Closing.NOT_ALLOWED, None)


# After a gap


async def test_after_a_gap_everyone_is_brought_to_the_true_state(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    watcher, of_watcher = await connected(hub)
    await watcher.join(status.queue_id)
    token = build_token(status=TokenStatus.CALLED)
    _, of_patient = await connected(hub, claims(token.patient_id))
    told_token = build_token(status=TokenStatus.CALLED)
    world.held[told_token.patient_id] = [told_token]
    _, of_told = await connected(hub, claims(told_token.patient_id))
    gone = claims()
    _, of_gone = await connected(hub, gone)

    world.statuses[status.queue_id] = replace(status, version=5)
    world.held[token.patient_id] = [token]
    world.ended.add(gone.session_id)
    await hub.reread()
    await loop_turns()

    assert of_watcher.versions == [1, 5]
    assert of_patient.names == ["queue:your_token_called"]
    assert of_told.names == ["queue:your_token_called"]  # Not a second time.
    assert of_gone.closed is Closing.NOT_ALLOWED


async def test_rereading_tries_again_until_the_database_answers(world: HubSources) -> None:
    hub, status = world.hub(), watched(world, version=1)
    watcher, listener = await connected(hub)
    await watcher.join(status.queue_id)
    world.statuses[status.queue_id] = replace(status, version=2)
    world.is_away = True
    rereading = asyncio.create_task(hub.reread())
    before = world.reads
    await eventually(lambda: world.reads >= before + 2)
    assert not rereading.done()
    world.is_away = False
    await rereading
    await loop_turns()
    assert listener.versions == [1, 2]


async def test_a_process_that_goes_away_sends_everyone_away(world: HubSources) -> None:
    hub = world.hub()
    listeners = [(await connected(hub))[1] for _ in range(3)]
    hub.close_all()
    assert {listener.closed for listener in listeners} == {Closing.GOING_AWAY}
    assert hub.clients() == []
