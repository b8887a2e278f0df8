"""A use case's transaction: all of it or nothing, and again when it lost a race."""

from __future__ import annotations

import pytest

from qure.application.ports.storage import TransactionConflict, UnitOfWork
from qure.application.transact import ATTEMPTS, transact
from qure.domain import events
from qure.domain.errors import DomainError, Unavailable
from qure.domain.user import User
from tests.application.world import World
from tests.support.builders import NOW, build_actor, build_session, build_user


def conflicts(number: int) -> list[TransactionConflict]:
    return [TransactionConflict() for _ in range(number)]


class Adding:
    """Adds a user; each attempt is noted with the unit of work it was given."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user or build_user()
        self.given: list[UnitOfWork] = []

    async def work(self, uow: UnitOfWork) -> str:
        self.given.append(uow)
        await uow.users.add(self.user)
        await uow.commit()
        return "done"


async def is_stored(world: World, user: User) -> bool:
    async with world.storage.read() as uow:
        return await uow.users.get(user.id) is not None


async def test_what_the_work_returns_is_the_answer_of_one_transaction(world: World) -> None:
    adding = Adding()
    assert await transact(world.storage, adding.work) == "done"
    assert (len(adding.given), world.storage.writes) == (1, 1)
    assert await is_stored(world, adding.user)


async def test_a_race_that_is_won_in_the_end_is_not_noticed(world: World) -> None:
    world.storage.commit_errors = [*conflicts(ATTEMPTS - 1)]
    adding = Adding()
    assert await transact(world.storage, adding.work) == "done"
    assert (len(adding.given), world.storage.writes) == (ATTEMPTS, ATTEMPTS)
    assert await is_stored(world, adding.user)


async def test_each_attempt_has_a_unit_of_work_of_its_own(world: World) -> None:
    world.storage.commit_errors = [*conflicts(ATTEMPTS - 1)]
    adding = Adding()
    await transact(world.storage, adding.work)
    assert len({id(uow) for uow in adding.given}) == ATTEMPTS


async def test_a_race_that_is_lost_every_time_is_told_after_three_attempts(world: World) -> None:
    world.storage.commit_errors = [*conflicts(ATTEMPTS)]
    adding = Adding()
    with pytest.raises(TransactionConflict):
        await transact(world.storage, adding.work)
    assert len(adding.given) == ATTEMPTS == 3
    assert not await is_stored(world, adding.user)


async def test_a_race_lost_before_the_commit_is_run_again_too(world: World) -> None:
    world.storage.write_errors = [*conflicts(1)]
    adding = Adding()
    assert await transact(world.storage, adding.work) == "done"
    assert (len(adding.given), world.storage.writes) == (1, 2)


@pytest.mark.parametrize("attempt", range(ATTEMPTS))
async def test_another_error_is_told_at_once(world: World, attempt: int) -> None:
    world.storage.commit_errors = [*conflicts(attempt), Unavailable("The database is away.")]
    adding = Adding()
    with pytest.raises(Unavailable):
        await transact(world.storage, adding.work)
    assert len(adding.given) == attempt + 1
    assert not await is_stored(world, adding.user)


async def test_work_that_fails_half_way_leaves_nothing_behind(world: World) -> None:
    user = build_user()

    async def half(uow: UnitOfWork) -> None:
        await uow.users.add(user)
        raise Unavailable("Something else is away.")

    with pytest.raises(DomainError):
        await transact(world.storage, half)
    assert not await is_stored(world, user)


async def test_work_that_does_not_commit_changes_and_tells_nothing(world: World) -> None:
    admin, user = build_actor(), build_user()
    await world.keep(user)

    async def look(uow: UnitOfWork) -> bool:
        found = await uow.users.get(user.id, lock=True)
        assert found is not None
        found.set_active(False, by=admin, at=NOW)
        await uow.users.save(found)
        return found.is_active

    assert not await transact(world.storage, look)
    assert (await world.user_of(user.id)).is_active
    assert world.told == []


async def test_everything_that_was_changed_is_stored_and_told_in_one_entry(world: World) -> None:
    admin, user = build_actor(), build_user()
    session = build_session(user.id)
    await world.keep(user, session)

    async def lock_out(uow: UnitOfWork) -> None:
        found = await uow.users.get(user.id, lock=True)
        login = await uow.sessions.get(session.id, lock=True)
        assert found is not None
        assert login is not None
        login.revoke(by=admin, at=NOW)
        await uow.sessions.save(login)
        found.set_active(False, by=admin, at=NOW)
        await uow.users.save(found)
        await uow.commit()

    world.storage.commit_errors = [*conflicts(1)]
    await transact(world.storage, lock_out)
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [events.SessionRevoked, events.UserChanged]


async def test_what_was_made_outside_is_told_of_once_however_often_it_is_tried(
    world: World,
) -> None:
    user = build_user()
    user.set_active(False, by=build_actor(), at=NOW)
    (changed,) = user.events
    world.storage.commit_errors = [*conflicts(ATTEMPTS - 1)]
    await transact(world.storage, Adding(user).work)
    assert world.events == [changed]
    assert user.events == [], "it has been told"
    async with world.storage.write() as uow:
        await uow.users.save(user)
        await uow.commit()
    assert world.events == [changed]


async def test_what_could_not_be_committed_is_still_to_be_told(world: World) -> None:
    user = build_user()
    user.set_active(False, by=build_actor(), at=NOW)
    (changed,) = user.events
    world.storage.commit_errors = [*conflicts(ATTEMPTS)]
    with pytest.raises(TransactionConflict):
        await transact(world.storage, Adding(user).work)
    assert (user.events, world.told) == ([changed], [])
