"""Who stands behind an access JWT is remembered, and never believed after a change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from qure.application.announcing.actors import MAX_AGE, MAX_SESSIONS, Actors
from qure.application.ports.gateways import AccessClaims
from qure.domain import events
from qure.domain.actor import SYSTEM, Actor, ActorKind, Role
from qure.domain.errors import Unauthenticated
from qure.domain.ids import ClinicId, SessionId, UserId
from qure.domain.session import Session
from qure.domain.user import User
from tests.application.world import World, outcomes
from tests.support.builders import (
    NOW,
    build_display,
    build_display_user,
    build_entry,
    build_guest,
    build_session,
    build_staff,
    build_user,
    new_id,
)
from tests.support.fakes import Hearing


class Process:
    """Actors of the world, and what they hear."""

    def __init__(self, world: World, *, limit: int = 50) -> None:
        self.hearing = Hearing()
        self.world = world
        self.actors = Actors(world.storage, world.clock, generation=self.hearing, limit=limit)

    def hear_of_user(self, user_id: UUID) -> None:
        self.actors.receive(
            build_entry(
                events.ClinicChanged(clinic_id=ClinicId(new_id()), actor=SYSTEM, at=NOW),
                events.UserChanged(user_id=UserId(user_id), is_active=True, actor=SYSTEM, at=NOW),
            )
        )

    def hear_of_session(self, claims: AccessClaims) -> None:
        self.actors.receive(
            build_entry(
                events.SessionRevoked(
                    session_id=claims.session_id,
                    user_id=UserId(claims.actor_id),
                    actor=SYSTEM,
                    at=NOW,
                )
            )
        )

    async def reads_for(self, claims: AccessClaims) -> int:
        """How many transactions it takes to say who that is."""
        before = self.world.storage.reads
        await self.actors.of(claims)
        return self.world.storage.reads - before

    async def refused(self, claims: AccessClaims) -> str:
        with pytest.raises(Unauthenticated) as refused:
            await self.actors.of(claims)
        return refused.value.code


@pytest.fixture
def process(world: World) -> Process:
    return Process(world)


def claims_of(session: Session, *, user_id: UserId | None = None) -> AccessClaims:
    return AccessClaims(
        actor_id=user_id or session.user_id,
        session_id=session.id,
        expires_at=NOW + timedelta(minutes=15),
    )


async def logged_in(world: World, user: User | None = None, **fields: object) -> AccessClaims:
    user = user or build_user()
    session = build_session(user.id, **fields)
    await world.keep(user, session)
    return claims_of(session)


async def save(world: World, user: User) -> None:
    async with world.storage.write() as uow:
        await uow.users.save(user)
        await uow.commit()


async def promote(world: World, user_id: UserId) -> None:
    user = await world.user_of(user_id)
    user.role = Role.ADMIN
    await save(world, user)


async def test_the_stored_user_counts(world: World, process: Process) -> None:
    clinic = await world.clinic()
    user = build_staff(clinic.id)
    claims = await logged_in(world, user)
    assert await process.actors.of(claims) == Actor(
        id=user.id, session_id=claims.session_id, role=Role.STAFF, clinic_id=clinic.id
    )


async def test_guests_and_displays_are_known_for_what_they_are_and_remembered(
    world: World, process: Process
) -> None:
    clinic = await world.clinic()
    for user, kind in (
        (build_guest(), ActorKind.GUEST),
        (build_display_user(build_display(clinic.id)), ActorKind.DISPLAY),
    ):
        claims = await logged_in(world, user)
        actor = await process.actors.of(claims)
        assert (actor.kind, actor.id, actor.clinic_id) == (kind, user.id, user.clinic_id)
        assert await process.reads_for(claims) == 0
        process.hear_of_user(claims.actor_id)
        assert process.actors.peek(claims) is None


async def test_who_was_looked_up_is_remembered(world: World, process: Process) -> None:
    claims = await logged_in(world)
    assert process.actors.peek(claims) is None
    assert await process.reads_for(claims) == 1
    assert await process.reads_for(claims) == 0
    assert process.actors.peek(claims) == await process.actors.of(claims)


async def test_a_login_that_never_was_or_has_ended_lets_nobody_in(
    world: World, process: Process
) -> None:
    user = build_user()
    live = build_session(user.id)
    revoked = build_session(user.id, revoked_at=NOW)
    expired = build_session(user.id, expires_at=NOW)
    await world.keep(user, live, revoked, expired)
    unknown = AccessClaims(
        actor_id=user.id, session_id=SessionId(new_id()), expires_at=NOW + timedelta(minutes=1)
    )
    for claims in (unknown, claims_of(revoked), claims_of(expired)):
        assert await process.refused(claims) == "session_ended"
    for claims in (
        claims_of(live, user_id=UserId(new_id())),
        claims_of(live, user_id=(await world.patient()).user_id),
    ):
        assert await process.refused(claims) == "session_ended", "somebody else's login"


async def test_what_is_remembered_of_a_session_is_not_given_to_another_user(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    stranger = await world.patient()
    forged = AccessClaims(
        actor_id=stranger.user_id, session_id=claims.session_id, expires_at=claims.expires_at
    )
    assert await process.refused(forged) == "session_ended"


async def test_a_disabled_user_is_not_let_in(world: World, process: Process) -> None:
    claims = await logged_in(world, build_user(is_active=False))
    assert await process.refused(claims) == "account_disabled"


async def test_after_a_change_of_the_user_one_looks_again_at_all_their_sessions(
    world: World, process: Process
) -> None:
    user = build_user()
    first = await logged_in(world, user)
    second = build_session(user.id)
    await world.keep(second)
    bystander = await logged_in(world)
    for claims in (first, claims_of(second), bystander):
        await process.actors.of(claims)
    await promote(world, user.id)
    process.hear_of_user(user.id)
    for claims in (first, claims_of(second)):
        assert (await process.actors.of(claims)).role is Role.ADMIN
    assert await process.reads_for(bystander) == 0


async def test_after_a_change_of_a_session_one_looks_again_at_all_of_that_user_and_no_others(
    world: World, process: Process
) -> None:
    user = build_user()
    ended, other = await logged_in(world, user), build_session(user.id)
    await world.keep(other)
    bystander = await logged_in(world)
    for claims in (ended, claims_of(other), bystander):
        await process.actors.of(claims)
    async with world.storage.write() as uow:
        session = await uow.sessions.get(ended.session_id)
        assert session is not None
        session.revoke(at=NOW, by=SYSTEM)
        await uow.sessions.save(session)
        await uow.commit()
    process.hear_of_session(ended)
    assert await process.refused(ended) == "session_ended"
    assert await process.reads_for(bystander) == 0
    assert await process.reads_for(claims_of(other)) == 1
    assert await process.reads_for(claims_of(other)) == 0
    process.hear_of_user(user.id)
    assert process.actors.peek(claims_of(other)) is None


async def test_forgetting_what_is_not_remembered_does_no_harm(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    process.hear_of_user(new_id())
    process.hear_of_session(claims_of(build_session(UserId(new_id()))))
    assert await process.reads_for(claims) == 0


@pytest.mark.parametrize("what", ["user", "session"])
async def test_a_look_that_was_overtaken_by_a_change_is_not_remembered(
    world: World, process: Process, what: str
) -> None:
    claims = await logged_in(world)

    async def change() -> None:
        await promote(world, UserId(claims.actor_id))
        if what == "user":
            process.hear_of_user(claims.actor_id)
        else:
            process.hear_of_session(claims)

    world.storage.before_read = change
    assert (await process.actors.of(claims)).role is Role.PATIENT, "as it stood when asked"
    assert process.actors.peek(claims) is None
    assert (await process.actors.of(claims)).role is Role.ADMIN


async def test_while_announcements_may_be_late_nothing_is_believed_or_remembered(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    process.hearing.lose()
    assert process.actors.peek(claims) is None
    for _ in range(2):
        assert await process.reads_for(claims) == 1
    await promote(world, UserId(claims.actor_id))
    assert (await process.actors.of(claims)).role is Role.ADMIN


async def test_what_was_remembered_before_a_gap_is_not_believed_after_it(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    await promote(world, UserId(claims.actor_id))
    process.hearing.now = 1
    assert (await process.actors.of(claims)).role is Role.ADMIN
    assert await process.reads_for(claims) == 0


async def test_a_look_across_a_gap_is_not_believed_after_it(world: World, process: Process) -> None:
    claims = await logged_in(world)

    async def miss_something() -> None:
        await promote(world, UserId(claims.actor_id))
        process.hearing.now = 1

    world.storage.before_read = miss_something
    await process.actors.of(claims)
    assert (await process.actors.of(claims)).role is Role.ADMIN


async def test_a_look_begun_while_nothing_was_heard_is_not_remembered(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    process.hearing.lose()

    async def hear_again() -> None:
        process.hearing.now = 1

    world.storage.before_read = hear_again
    await process.actors.of(claims)
    assert process.actors.peek(claims) is None


async def test_nobody_is_remembered_for_longer_than_a_minute(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    world.clock.advance(seconds=MAX_AGE.total_seconds() - 0.001)
    assert await process.reads_for(claims) == 0
    world.clock.advance(milliseconds=1)
    assert await process.reads_for(claims) == 1


async def test_nobody_is_remembered_beyond_the_end_of_their_session(
    world: World, process: Process
) -> None:
    claims = await logged_in(world, expires_at=NOW + timedelta(seconds=10))
    await process.actors.of(claims)
    world.clock.advance(seconds=10)
    assert await process.refused(claims) == "session_ended"


async def test_an_access_jwt_that_was_refreshed_is_not_disturbed(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    await process.actors.of(claims)
    async with world.storage.write() as uow:
        session = await uow.sessions.get(claims.session_id)
        assert session is not None
        session.expires_at += timedelta(days=1)
        await uow.sessions.save(session)
        await uow.commit()
    assert await process.reads_for(claims) == 0


async def test_only_so_many_are_remembered_and_those_seen_least_recently_go_first(
    world: World,
) -> None:
    process = Process(world, limit=3)
    first, second, third, fourth = [await logged_in(world) for _ in range(4)]
    for claims in (first, second, third):
        await process.actors.of(claims)
    assert process.actors.peek(first) is not None
    await process.actors.of(fourth)
    assert process.actors.peek(second) is None
    for claims in (first, third, fourth):
        assert process.actors.peek(claims) is not None


async def test_it_is_logins_that_are_counted_whoever_they_are_of(world: World) -> None:
    process = Process(world, limit=3)
    user = build_user()
    first = await logged_in(world, user)
    second = build_session(user.id)
    await world.keep(second)
    others = [await logged_in(world) for _ in range(2)]
    for claims in (first, claims_of(second), *others):
        await process.actors.of(claims)
    assert process.actors.peek(first) is None
    assert process.actors.peek(claims_of(second)) is None
    for claims in others:
        assert process.actors.peek(claims) is not None


@pytest.mark.parametrize(("limit", "most"), [(1000, MAX_SESSIONS), (3, 3)])
async def test_of_one_user_only_so_many_logins_are_remembered_and_the_oldest_goes_first(
    world: World, limit: int, most: int
) -> None:
    process = Process(world, limit=limit)
    user = build_user()
    sessions = [build_session(user.id) for _ in range(most + 1)]
    await world.keep(user, *sessions)
    first, *rest = [claims_of(session) for session in sessions]
    for claims in (first, *rest[:-1]):
        await process.actors.of(claims)
    world.clock.advance(seconds=61)
    await process.actors.of(first)  # Looked up again, it is the newest.
    await process.actors.of(rest[-1])
    assert process.actors.peek(first) is not None
    assert process.actors.peek(rest[-1]) is not None
    assert len(process.actors._known.get(user.id) or ()) == most
    assert rest[0].session_id not in (process.actors._known.get(user.id) or ())


async def test_nothing_is_kept_of_whom_was_forgotten(world: World) -> None:
    process = Process(world, limit=2)
    user = build_user()
    first, second = await logged_in(world, user), build_session(user.id)
    await world.keep(second)
    third, fourth = await logged_in(world), await logged_in(world)
    for claims in (first, claims_of(second), third, fourth):
        await process.actors.of(claims)
    process.hear_of_session(third)
    process.hear_of_user(fourth.actor_id)
    # Not to be seen from outside but in the memory of a server that has run for weeks.
    assert len(process.actors._known._cache) == 0


async def test_those_who_come_at_one_moment_are_read_together_each_for_themselves(
    world: World, process: Process
) -> None:
    live = [await logged_in(world) for _ in range(3)]
    ended = await logged_in(world, revoked_at=NOW)
    disabled = await logged_in(world, build_user(is_active=False))
    before = world.storage.reads
    found, refused = await outcomes(process.actors.of(one) for one in (*live, ended, disabled))
    assert [actor.user_id for actor in found] == [claims.actor_id for claims in live]
    assert [error.code for error in refused] == ["session_ended", "account_disabled"]
    assert world.storage.reads == before + 1
    assert all(process.actors.peek(claims) is not None for claims in live)


async def test_whoever_comes_after_a_change_is_not_answered_from_a_read_before_it(
    world: World, process: Process
) -> None:
    claims = await logged_in(world)
    late: list[asyncio.Task[Actor]] = []

    async def change_and_come_again() -> None:
        await promote(world, UserId(claims.actor_id))
        process.hear_of_user(claims.actor_id)
        late.append(asyncio.create_task(process.actors.of(claims)))
        await asyncio.sleep(0)

    world.storage.before_read = change_and_come_again
    assert (await process.actors.of(claims)).role is Role.PATIENT
    assert (await late[0]).role is Role.ADMIN


async def test_looking_again_makes_one_the_newest(world: World) -> None:
    process = Process(world, limit=2)
    first, second, third = [await logged_in(world) for _ in range(3)]
    for claims in (first, second):
        await process.actors.of(claims)
    world.clock.advance(seconds=61)
    for claims in (first, third):
        await process.actors.of(claims)
    assert process.actors.peek(first) is not None
    assert process.actors.peek(third) is not None
