"""Each announced entry is heard once, by everyone, and reaches all that is remembered here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from qure.application.announcing.actors import Actors
from qure.application.announcing.cached_reads import (
    CLINIC_LISTS,
    CachedReads,
    clinic_group,
    profile_group,
    staff_group,
)
from qure.application.announcing.inbox import Inbox
from qure.application.announcing.live_status import LiveStatus
from qure.application.clinics.nearby import NearbyClinics
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.storage import ClinicFilter, JournalEntry, Nearby, Page
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.events import Event
from qure.domain.ids import ClinicId, UserId
from tests.application.world import World
from tests.builders import NOW, build_entry, build_session, build_status, build_user, new_id
from tests.fakes import Hearing
from tests.waiting import eventually

CLINIC = ClinicId(new_id())
OTHER_CLINIC = ClinicId(new_id())
SOMEWHERE = ClinicFilter(nearby=Nearby(40.0, -74.0, 10))


class Ear:
    """A subscriber that keeps what it hears, under its name, in one list with the others."""

    def __init__(self, name: str, heard: list[tuple[str, JournalEntry]]) -> None:
        self.name = name
        self.heard = heard
        self.fault: Exception | None = None

    def __call__(self, entry: JournalEntry) -> None:
        self.heard.append((self.name, entry))
        if self.fault is not None:
            raise self.fault


def ears(*names: str) -> tuple[list[tuple[str, JournalEntry]], list[Ear]]:
    heard: list[tuple[str, JournalEntry]] = []
    return heard, [Ear(name, heard) for name in names]


def test_each_entry_is_heard_once_by_each_in_their_order() -> None:
    heard, subscribers = ears("first", "second")
    inbox = Inbox(subscribers)
    one, other = build_entry(), build_entry()
    for entry in (one, one, other, one, other):
        inbox.receive(entry)
    assert heard == [("first", one), ("second", one), ("first", other), ("second", other)]


def test_an_entry_is_known_by_its_id_whoever_brings_it() -> None:
    heard, subscribers = ears("ear")
    inbox = Inbox(subscribers)
    entry = build_entry()
    inbox.receive(entry)
    inbox.receive(replace(entry))
    inbox.receive(replace(entry, id=build_entry().id))
    assert len(heard) == 2


def test_those_who_are_called_every_time_hear_what_repeats_and_are_the_first() -> None:
    heard, (once, every_time) = ears("once", "every time")
    inbox = Inbox([once], every_time=[every_time])
    entry = build_entry()
    inbox.receive(entry)
    inbox.receive(entry)
    assert heard == [("every time", entry), ("once", entry), ("every time", entry)]


def test_only_so_many_are_remembered_and_the_oldest_is_forgotten_first() -> None:
    heard, subscribers = ears("ear")
    inbox = Inbox(subscribers, remembered=3)
    entries = [build_entry() for _ in range(4)]
    for entry in (*entries, *entries[1:]):
        inbox.receive(entry)
    assert [entry for _, entry in heard] == entries
    inbox.receive(entries[0])
    assert [entry for _, entry in heard] == [*entries, entries[0]]


def test_one_who_fails_keeps_nobody_from_hearing_and_it_is_not_hushed_up() -> None:
    heard, subscribers = ears("first", "second", "third")
    subscribers[0].fault, subscribers[1].fault = LookupError("one"), ValueError("two")
    inbox = Inbox(subscribers)
    entry = build_entry()
    with pytest.raises(ExceptionGroup) as failed:
        inbox.receive(entry)
    assert failed.value.exceptions == (subscribers[0].fault, subscribers[1].fault)
    assert [name for name, _ in heard] == ["first", "second", "third"]
    inbox.receive(entry)  # It is not stuck with it: what failed has been reported.
    assert len(heard) == 3


@dataclass
class Memory:
    """A process that remembers a user, their session, and reads of all kinds."""

    claims: AccessClaims
    other: AccessClaims
    actors: Actors
    live: LiveStatus
    reads: CachedReads
    nearby: NearbyClinics
    inbox: Inbox

    def hear(self, *happened: Event) -> None:
        """Twice, as may well happen."""
        entry = build_entry(*happened)
        self.inbox.receive(entry)
        self.inbox.receive(entry)

    def remembers(self, group: str) -> bool:
        return self.reads.peek(group, "key") is not None


@pytest.fixture
async def memory(world: World) -> Memory:
    hearing = Hearing()
    actors = Actors(world.storage, world.clock, generation=hearing)
    live = LiveStatus(world.storage, generation=hearing)
    reads = CachedReads(shared=None, generation=hearing)
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
        profile_group(both[0].actor_id),
        profile_group(both[1].actor_id),
        staff_group(CLINIC),
        staff_group(OTHER_CLINIC),
        clinic_group(CLINIC),
        clinic_group(OTHER_CLINIC),
        CLINIC_LISTS,
    ):
        await reads.get_or_load(group, "key", ttl_seconds=60, load=load)
    nearby = NearbyClinics(world.storage, generation=hearing, body=lambda clinic: b"{}")
    await eventually(lambda: nearby.search(SOMEWHERE, page=Page()) is not None)
    inbox = Inbox([live.receive, actors.receive, nearby.receive], every_time=[reads.receive])
    return Memory(both[0], both[1], actors, live, reads, nearby, inbox)


def test_a_change_of_a_queue_that_was_read_is_known_at_once(memory: Memory) -> None:
    status = build_status()
    memory.live.offer_read(status, epoch=memory.live.epoch)
    changed = replace(status, version=3)
    memory.hear(events.QueueActivated(queue=changed, actor=SYSTEM, at=NOW))
    assert memory.live.get(status.queue_id) == changed


def test_every_event_of_an_entry_counts(memory: Memory) -> None:
    one, other = build_status(version=2), build_status(version=2)
    for status in (one, other):
        memory.live.offer_read(replace(status, version=1), epoch=memory.live.epoch)
    memory.hear(
        events.QueueActivated(queue=one, actor=SYSTEM, at=NOW),
        events.QueueActivated(queue=other, actor=SYSTEM, at=NOW),
    )
    assert (memory.live.get(one.queue_id), memory.live.get(other.queue_id)) == (one, other)


def test_a_changed_user_is_looked_at_anew_as_are_their_profile_and_staff_list(
    memory: Memory,
) -> None:
    memory.hear(
        events.UserChanged(
            user_id=UserId(memory.claims.actor_id),
            is_active=True,
            clinic_ids=(CLINIC,),
            actor=SYSTEM,
            at=NOW,
        )
    )
    assert memory.actors.peek(memory.claims) is None
    assert not memory.remembers(profile_group(memory.claims.actor_id))
    assert not memory.remembers(staff_group(CLINIC))
    assert memory.actors.peek(memory.other) is not None
    assert memory.remembers(profile_group(memory.other.actor_id))
    assert memory.remembers(staff_group(OTHER_CLINIC))


def test_a_revoked_session_is_looked_at_anew(memory: Memory) -> None:
    memory.hear(
        events.SessionRevoked(
            session_id=memory.claims.session_id,
            user_id=UserId(memory.claims.actor_id),
            actor=SYSTEM,
            at=NOW,
        )
    )
    assert memory.actors.peek(memory.claims) is None
    assert memory.actors.peek(memory.other) is not None


async def test_a_changed_clinic_is_read_anew_as_are_the_lists_it_may_be_in(
    memory: Memory,
) -> None:
    memory.hear(events.ClinicChanged(clinic_id=CLINIC, actor=SYSTEM, at=NOW))
    assert not memory.remembers(clinic_group(CLINIC))
    assert not memory.remembers(CLINIC_LISTS)
    assert memory.nearby.search(SOMEWHERE, page=Page()) is None
    assert memory.remembers(clinic_group(OTHER_CLINIC))
    assert memory.remembers(staff_group(CLINIC))


def test_what_concerns_nothing_remembered_leaves_everything_as_it_is(memory: Memory) -> None:
    memory.hear(events.ImageReplaced(url="https://example.org/a.jpg", actor=SYSTEM, at=NOW))
    assert memory.actors.peek(memory.claims) is not None
    assert memory.nearby.search(SOMEWHERE, page=Page()) is not None
    assert memory.remembers(CLINIC_LISTS)
