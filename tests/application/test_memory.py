"""Announcements reach everything that this process remembers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    clinic_group,
    profile_group,
    staff_group,
)
from qure.application.memory import Memory
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.events import Event
from qure.domain.ids import ClinicId, UserId
from tests.application.world import World
from tests.support.builders import NOW, build_entry, build_session, build_status, build_user, new_id
from tests.support.fakes import Hearing
from tests.support.waiting import eventually

CLINIC = ClinicId(new_id())
OTHER_CLINIC = ClinicId(new_id())
SOMEWHERE = ClinicFilter(nearby=Nearby(40.0, -74.0, 10))


@dataclass
class Process:
    """A process that remembers a user, their session, and reads of all kinds."""

    claims: AccessClaims
    other: AccessClaims
    memory: Memory

    def hear(self, *happened: Event) -> None:
        """Twice, as may well happen."""
        entry = build_entry(*happened)
        self.memory.receive(entry)
        self.memory.receive(entry)

    def remembers(self, group: str) -> bool:
        return self.memory.reads.peek(group, "key") is not None


@pytest.fixture
async def process(world: World) -> Process:
    memory = Memory.on(
        world.storage,
        world.clock,
        shared_cache=None,
        generation=Hearing(),
        clinic_body=lambda clinic: b"{}",
    )
    both: list[AccessClaims] = []
    for user in (build_user(), build_user()):
        session = build_session(user.id)
        await world.keep(user, session)
        claims = AccessClaims(
            actor_id=user.id, session_id=session.id, expires_at=NOW + timedelta(minutes=15)
        )
        await memory.actors.of(claims)
        both.append(claims)

    async def load() -> bytes:
        return b"{}"

    for group in (
        profile_group(both[0].actor_id),
        profile_group(both[1].actor_id),
        staff_group(CLINIC),
        staff_group(OTHER_CLINIC),
        clinic_group(CLINIC),
        clinic_group(OTHER_CLINIC),
        CLINIC_LISTS,
    ):
        await memory.reads.get_or_load(group, "key", ttl_seconds=60, load=load)
    await eventually(lambda: memory.nearby.search(SOMEWHERE, page=Page()) is not None)
    return Process(both[0], both[1], memory)


def test_a_change_of_a_queue_that_was_read_is_known_at_once(process: Process) -> None:
    status = build_status()
    process.memory.live_status.offer_read(status, epoch=process.memory.live_status.epoch)
    changed = replace(status, version=3)
    process.hear(events.QueueActivated(queue=changed, actor=SYSTEM, at=NOW))
    assert process.memory.live_status.get(status.queue_id) == changed


async def test_a_board_that_was_read_is_carried_on(world: World, process: Process) -> None:
    queue = await world.queue()
    assert (await process.memory.live_boards.of(queue.id)).version == 1
    world.when_told = lambda: process.memory.receive(world.told[-1])
    (token,) = await world.waiting_in(queue, 1)
    board = process.memory.live_boards.get(queue.id)
    assert board is not None
    assert (board.version, list(board.tokens)) == (2, [token.id])


def test_every_event_of_an_entry_counts(process: Process) -> None:
    one, other = build_status(version=2), build_status(version=2)
    for status in (one, other):
        process.memory.live_status.offer_read(
            replace(status, version=1), epoch=process.memory.live_status.epoch
        )
    process.hear(
        events.QueueActivated(queue=one, actor=SYSTEM, at=NOW),
        events.QueueActivated(queue=other, actor=SYSTEM, at=NOW),
    )
    assert (
        process.memory.live_status.get(one.queue_id),
        process.memory.live_status.get(other.queue_id),
    ) == (one, other)


def test_a_changed_user_is_looked_at_anew_as_are_their_profile_and_staff_list(
    process: Process,
) -> None:
    process.hear(
        events.UserChanged(
            user_id=UserId(process.claims.actor_id),
            is_active=True,
            clinic_ids=(CLINIC,),
            actor=SYSTEM,
            at=NOW,
        )
    )
    assert process.memory.actors.peek(process.claims) is None
    assert not process.remembers(profile_group(process.claims.actor_id))
    assert not process.remembers(staff_group(CLINIC))
    assert process.memory.actors.peek(process.other) is not None
    assert process.remembers(profile_group(process.other.actor_id))
    assert process.remembers(staff_group(OTHER_CLINIC))


def test_a_revoked_session_is_looked_at_anew(process: Process) -> None:
    process.hear(
        events.SessionRevoked(
            session_id=process.claims.session_id,
            user_id=UserId(process.claims.actor_id),
            actor=SYSTEM,
            at=NOW,
        )
    )
    assert process.memory.actors.peek(process.claims) is None
    assert process.memory.actors.peek(process.other) is not None


async def test_a_changed_clinic_is_read_anew_as_are_the_lists_it_may_be_in(
    process: Process,
) -> None:
    process.hear(events.ClinicChanged(clinic_id=CLINIC, actor=SYSTEM, at=NOW))
    assert not process.remembers(clinic_group(CLINIC))
    assert not process.remembers(CLINIC_LISTS)
    assert process.memory.nearby.search(SOMEWHERE, page=Page()) is None
    assert process.remembers(clinic_group(OTHER_CLINIC))
    assert process.remembers(staff_group(CLINIC))


def test_what_concerns_nothing_remembered_leaves_everything_as_it_is(process: Process) -> None:
    process.hear(events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW))
    assert process.memory.actors.peek(process.claims) is not None
    assert process.memory.nearby.search(SOMEWHERE, page=Page()) is not None
    assert process.remembers(CLINIC_LISTS)
