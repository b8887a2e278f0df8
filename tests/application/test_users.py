"""How admins find users and lock them out."""

from __future__ import annotations

import pytest

from qure.application.ports.storage import Page
from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import (
    Forbidden,
    NotFound,
)
from qure.domain.ids import UserId
from qure.domain.user import User
from tests.application.world import World
from tests.support.builders import NOW, new_id


async def test_an_admin_finds_users_by_name_address_and_role(world: World) -> None:
    admin, clinic = await world.admin(first_name="Root"), await world.clinic()
    staff = await world.staff_of(clinic.id, first_name="Grace", last_name="Hopper")
    patient = await world.patient(email="grace@example.org")

    async def found(
        query: str | None = None, role: Role | None = None, page: Page | None = None
    ) -> tuple[list[UserId], int]:
        users, total = await world.use.users.search(
            query=query, role=role, page=page or Page(), actor=admin
        )
        return [user.id for user in users], total

    assert await found("grace") == ([patient.user_id, staff.user_id], 2)
    assert await found("grace", Role.STAFF) == ([staff.user_id], 1)
    assert await found("race hop") == ([staff.user_id], 1)
    assert await found(page=Page(2, 2)) == ([admin.user_id], 3)


async def test_only_an_admin_looks_for_users_and_locks_them_out(world: World) -> None:
    clinic, victim = await world.clinic(), await world.patient()
    for actor in (await world.patient(), await world.staff_of(clinic.id)):
        with pytest.raises(Forbidden):
            await world.use.users.search(query=None, role=None, page=Page(), actor=actor)
        with pytest.raises(Forbidden):
            await set_active(world, victim.user_id, actor, active=False)


async def set_active(world: World, user_id: UserId, actor: Actor, *, active: bool) -> User:
    return await world.use.users.set_active(
        user_id,
        active=active,
        actor=actor,
    )


async def test_locking_a_user_out_ends_all_their_sessions_at_once(world: World) -> None:
    admin = await world.admin()
    user, actors = await world.with_sessions()
    changed = await set_active(world, user.id, admin, active=False)
    assert not changed.is_active
    assert not (await world.user_of(user.id)).is_active
    assert await world.live_sessions_of(user) == []
    (entry,) = world.told
    *revoked, told = entry.events
    assert {one.session_id for one in revoked if isinstance(one, events.SessionRevoked)} == {
        one.session_id for one in actors
    }
    assert told == events.UserChanged(
        user_id=user.id, is_active=False, clinic_ids=(), actor=admin, at=NOW
    )


async def test_letting_a_user_in_again_revives_no_session(world: World) -> None:
    admin = await world.admin()
    user, _ = await world.with_sessions()
    await set_active(world, user.id, admin, active=False)
    world.forget_events()
    assert (await set_active(world, user.id, admin, active=True)).is_active
    assert await world.live_sessions_of(user) == []
    assert [type(event) for event in world.events] == [events.UserChanged]


async def test_locking_out_who_is_locked_out_changes_and_tells_nothing(world: World) -> None:
    admin, user = await world.admin(), await world.patient(is_active=False)
    await set_active(world, user.user_id, admin, active=False)
    assert world.told == []


async def test_nobody_locks_themselves_out_and_nobody_who_does_not_exist(world: World) -> None:
    admin = await world.admin()
    with pytest.raises(Forbidden) as refused:
        await set_active(world, admin.user_id, admin, active=False)
    assert refused.value.code == "cannot_disable_self"
    with pytest.raises(NotFound):
        await set_active(world, UserId(new_id()), admin, active=False)
