"""Announcements reach everything that this process remembers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from qure.adapters.memory.cache import MemoryCache
from qure.application.announcing.freshness import Freshness

from qure.application.announcing.actors import Actors
from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    CachedReads,
    clinic_group,
    profile_group,
    staff_group,
)
from qure.application.announcing.live_status import LiveStatus
from qure.application.clinics.nearby import Places
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain import events
from qure.domain.events import Event
from qure.domain.ids import ClinicId
from tests.application.world import World
from tests.builders import NOW, build_entry, build_session, build_status, build_user, new_id
from tests.fakes import Hearing
from tests.waiting import eventually

CLINIC = ClinicId(new_id())
OTHER_CLINIC = ClinicId(new_id())
SOMEWHERE = ClinicFilter(nearby=Nearby(40.0, -74.0, 10))


@dataclass
class Memory:
    """A process that remembers a user, their session, and reads of all kinds."""

    claims: AccessClaims
    other: AccessClaims
    actors: Actors
    live: LiveStatus
    reads: CachedReads
    places: Places
    freshness: Freshness

    def hear(self, *happened: Event) -> None:
        """Twice, as may well happen."""
        entry = build_entry(*happened)
        self.freshness.apply(entry)
        self.freshness.apply(entry)

    def remembers(self, group: str) -> bool:
        return self.reads.peek(group, "key") is not None


@pytest.fixture
async def memory(world: World) -> Memory:
    hearing = Hearing()
    actors = Actors(storage=world.storage, clock=world.clock, hearing=hearing)
    live = LiveStatus(hearing=hearing)
    reads = CachedReads(near=MemoryCache(), far=None, hearing=hearing)
    both: list[AccessClaims] = []
    for user in (build_user(), build_user()):
        session = build_session(user.id)
        await world.keep(user, session)
        claims = AccessClaims(
            actor_id=user.id, session_id=session.id, expires_at=NOW + timedelta(minutes=15)
        )
        await actors.of(claims)
        both.append(claims)

    async def load() -> bytes:
        return b"{}"

    for group in (
        profile_group(both[0].user_id),
        profile_group(both[1].user_id),
        staff_group(CLINIC),
        staff_group(OTHER_CLINIC),
        clinic_group(CLINIC),
        clinic_group(OTHER_CLINIC),
        CLINIC_LISTS,
    ):
        await reads.get_or_load(group, "key", ttl_seconds=60, load=load)
    places = Places(storage=world.storage, hearing=hearing, body=lambda clinic: b"{}")
    await eventually(lambda: places.search(SOMEWHERE, page=Page()) is not None)
    freshness = Freshness(actors=actors, live_status=live, reads=reads, places=places)
    return Memory(both[0], both[1], actors, live, reads, places, freshness)


def test_a_change_of_a_queue_that_was_read_is_known_at_once(memory: Memory) -> None:
    status = build_status()
    memory.live.offer_read(status, epoch=memory.live.epoch)
    changed = replace(status, version=3)
    memory.hear(events.QueueActivated(queue=changed, actor_id=None, at=NOW))
    assert memory.live.get(status.queue_id) == changed


def test_every_event_of_an_entry_counts(memory: Memory) -> None:
    one, other = build_status(version=2), build_status(version=2)
    for status in (one, other):
        memory.live.offer_read(replace(status, version=1), epoch=memory.live.epoch)
    memory.hear(
        events.QueueActivated(queue=one, actor_id=None, at=NOW),
        events.QueueActivated(queue=other, actor_id=None, at=NOW),
    )
    assert (memory.live.get(one.queue_id), memory.live.get(other.queue_id)) == (one, other)


def test_a_changed_user_is_looked_at_anew_as_are_their_profile_and_staff_list(
    memory: Memory,
) -> None:
    memory.hear(
        events.UserChanged(
            user_id=memory.claims.actor_id,
            is_active=True,
            clinic_ids=(CLINIC,),
            actor_id=None,
            at=NOW,
        )
    )
    assert memory.actors.peek(memory.claims) is None
    assert not memory.remembers(profile_group(memory.claims.actor_id))
    assert not memory.remembers(staff_group(CLINIC))
    assert memory.actors.peek(memory.other) is not None
    assert memory.remembers(profile_group(memory.other.user_id))
    assert memory.remembers(staff_group(OTHER_CLINIC))


def test_a_revoked_session_is_looked_at_anew(memory: Memory) -> None:
    memory.hear(
        events.SessionRevoked(
            session_id=memory.claims.session_id,
            user_id=memory.claims.actor_id,
            actor_id=None,
            at=NOW,
        )
    )
    assert memory.actors.peek(memory.claims) is None
    assert memory.actors.peek(memory.other) is not None


async def test_a_changed_clinic_is_read_anew_as_are_the_lists_it_may_be_in(
    memory: Memory,
) -> None:
    memory.hear(events.ClinicChanged(clinic_id=CLINIC, actor_id=None, at=NOW))
    assert not memory.remembers(clinic_group(CLINIC))
    assert not memory.remembers(CLINIC_LISTS)
    assert memory.places.search(SOMEWHERE, page=Page()) is None
    assert memory.remembers(clinic_group(OTHER_CLINIC))
    assert memory.remembers(staff_group(CLINIC))


def test_what_concerns_nothing_remembered_leaves_everything_as_it_is(memory: Memory) -> None:
    memory.hear(events.ImageReplaced(url="https://example.org/a.jpg", actor_id=None, at=NOW))
    assert memory.actors.peek(memory.claims) is not None
    assert memory.places.search(SOMEWHERE, page=Page()) is not None
    assert memory.remembers(CLINIC_LISTS)
