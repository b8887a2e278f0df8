"""Registering, and what users and admins change about users."""

from __future__ import annotations

import pytest
from qure.application.accounts.accounts import (
    admit_registration,
)

from qure.application.accounts.attempts import ACCOUNT_TRIES, REGISTRATION_WINDOW_SECONDS
from qure.application.ports.storage import Page
from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    TooManyTries,
    Unavailable,
)
from qure.domain.ids import UserId
from qure.domain.image import ImagePurpose
from qure.domain.user import User, initials_picture
from tests.application.world import World, acting, outcomes
from tests.builders import NOW, build_session, build_staff, build_user, new_id


async def register(world: World, email: str = "ada@example.org") -> User:
    return await world.use.registration.register(
        first_name="Ada",
        last_name="Lovelace",
        email=email,
        password="secret",
    )


async def test_who_registers_is_a_patient_with_a_hashed_password(world: World) -> None:
    user = await register(world, " Ada@Example.ORG ")
    assert (user.role, user.email, user.password_hash) == (
        Role.PATIENT,
        "ada@example.org",
        "hash of secret",
    )
    assert await world.use.profiles.read(user.id) == user


async def test_an_address_is_registered_once_however_many_ask_at_once(world: World) -> None:
    emails = ("ada@example.org", "ADA@example.org", "ada@example.org ")
    registered, refused = await outcomes(register(world, email) for email in emails)
    assert len(registered) == 1
    assert [error.code for error in refused] == ["email_taken"] * 2


async def admitted(world: World, address: str | None, times: int = 100) -> int:
    admissions, refused = await outcomes(
        admit_registration(address, throttle=world.throttle, in_ten_minutes=30)
        for _ in range(times)
    )
    assert len(admissions) + len(refused) == times
    for error in refused:
        assert isinstance(error, TooManyTries)
        assert error.retry_after <= REGISTRATION_WINDOW_SECONDS / 30
    return len(admissions)


async def test_one_address_makes_so_many_accounts_at_once_and_as_many_in_the_next_ten_minutes(
    world: World,
) -> None:
    assert await admitted(world, "203.0.113.7") == 30
    more = 0
    for _ in range(60):
        world.clock.advance(seconds=REGISTRATION_WINDOW_SECONDS / 60)
        more += await admitted(world, "203.0.113.7", times=2)
    assert more == 30
    assert await admitted(world, "203.0.113.8") == 30


async def test_all_addresses_of_one_ipv6_network_register_as_one(world: World) -> None:
    assert await admitted(world, "2001:db8:0:7::1", times=20) == 20
    assert await admitted(world, "2001:db8:0:7:ffff::1", times=20) == 10
    assert await admitted(world, "2001:db8:0:8::1", times=20) == 20


async def test_those_without_an_address_register_as_one(world: World) -> None:
    assert await admitted(world, None) == 30


async def test_a_user_who_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.profiles.read(UserId(new_id()))
    assert refused.value.code == "user_not_found"


async def update(
    world: World,
    actor: Actor,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    picture: bytes | None = None,
) -> User:
    return await world.use.profiles.update(
        first_name=first_name,
        last_name=last_name,
        picture=picture,
        actor=actor,
        images=world.images,
    )


async def test_a_profile_changes_in_what_was_given_and_everyone_is_told(world: World) -> None:
    actor = await world.patient(first_name="Ada", last_name="Byron")
    at = world.clock.advance(minutes=1)
    changed = await update(world, actor, last_name="Lovelace")
    assert (changed.first_name, changed.last_name) == ("Ada", "Lovelace")
    assert changed.updated_at == at
    assert await world.user_of(actor.user_id) == changed
    assert world.events == [
        events.UserChanged(
            user_id=actor.user_id, is_active=True, clinic_ids=(), actor_id=actor.user_id, at=at
        )
    ]


async def test_initials_follow_the_name_but_a_picture_stays(world: World) -> None:
    with_initials = await world.patient(
        first_name="Ada", last_name="Byron", profile_picture=initials_picture("Ada", "Byron")
    )
    with_picture = await world.patient(profile_picture="https://example.org/me.jpg")
    changed = await update(world, with_initials, first_name="Augusta")
    assert changed.profile_picture == initials_picture("Augusta", "Byron")
    changed = await update(world, with_picture, first_name="Augusta")
    assert changed.profile_picture == "https://example.org/me.jpg"


async def test_staff_are_shown_changed_to_their_clinic(world: World) -> None:
    clinic = await world.clinic()
    actor = await world.staff_of(clinic.id)
    await update(world, actor, first_name="Grace")
    (told,) = world.events
    assert isinstance(told, events.UserChanged)
    assert told.clinic_ids == (clinic.id,)


async def test_a_picture_is_staged_with_the_change_and_shown_later(world: World) -> None:
    actor = await world.patient(profile_picture="https://example.org/old.jpg")
    changed = await update(world, actor, picture=b"picture of me")
    assert changed.profile_picture == "https://example.org/old.jpg"
    assert changed.pending_picture is not None
    async with world.storage.read() as uow:
        staged = await uow.staged_images.get(changed.pending_picture)
    assert staged is not None
    assert (staged.purpose, staged.owner_id, staged.content) == (
        ImagePurpose.PROFILE_PICTURE,
        actor.user_id,
        b"picture of me",
    )
    (entry,) = world.told
    assert [type(event) for event in entry.events] == [events.ImageStaged, events.UserChanged]


async def test_what_is_no_picture_is_refused_before_anything_has_changed(world: World) -> None:
    actor = await world.patient(first_name="Ada")
    with pytest.raises(Invalid) as refused:
        await update(world, actor, first_name="Grace", picture=b"a letter")
    assert refused.value.errors[0].path == "profilePicture"
    assert (await world.user_of(actor.user_id)).first_name == "Ada"


async def with_sessions(world: World, number: int = 3) -> tuple[User, list[Actor]]:
    """A user whose password is ``old``, logged in so many times."""
    user = build_user(password_hash="hash of old")
    sessions = [build_session(user.id) for _ in range(number)]
    await world.keep(user, *sessions)
    return user, [acting(user, session.id) for session in sessions]


async def change(world: World, actor: Actor, old: str = "old", new: str = "new") -> User:
    return await world.use.profiles.change_password(
        old_password=old,
        new_password=new,
        actor=actor,
    )


async def live_sessions(world: World, user: User) -> list[object]:
    async with world.storage.read() as uow:
        return [one.id for one in await uow.sessions.live_of(user.id, now=world.clock.now())]


async def test_a_new_password_ends_every_other_session_of_the_user(world: World) -> None:
    user, (here, *elsewhere) = await with_sessions(world)
    bystander, _ = await with_sessions(world, 1)
    changed = await change(world, here)
    assert changed.password_hash == "hash of new"
    assert (await world.user_of(user.id)).password_hash == "hash of new"
    assert await live_sessions(world, user) == [here.session_id]
    assert len(await live_sessions(world, bystander)) == 1
    revoked = [one.session_id for one in world.events if isinstance(one, events.SessionRevoked)]
    assert sorted(revoked) == sorted(one.session_id for one in elsewhere)


async def test_a_wrong_old_password_changes_nothing_and_names_the_field(world: World) -> None:
    user, (here, _) = await with_sessions(world, 2)
    with pytest.raises(Invalid) as refused:
        await change(world, here, old="guess")
    assert refused.value.code == "wrong_password"
    assert refused.value.errors == (FieldError("oldPassword", "The old password is wrong."),)
    assert (await world.user_of(user.id)).password_hash == "hash of old"
    assert len(await live_sessions(world, user)) == 2


async def test_guessing_the_old_password_is_bounded_and_only_guesses_count(
    world: World,
) -> None:
    _, (here,) = await with_sessions(world, 1)
    for number in range(ACCOUNT_TRIES):
        await change(world, here, old="old" if number == 0 else "new", new="new")
    for _ in range(ACCOUNT_TRIES):
        with pytest.raises(Invalid):
            await change(world, here, old="guess")
    with pytest.raises(TooManyTries):
        await change(world, here, old="new")


async def test_an_old_password_that_was_not_looked_at_is_not_counted(world: World) -> None:
    _, (here,) = await with_sessions(world, 1)
    for _ in range(ACCOUNT_TRIES + 1):
        world.storage.read_errors.append(Unavailable("The database is away."))
        with pytest.raises(Unavailable):
            await change(world, here)
    await change(world, here)


async def test_of_two_changes_at_once_from_the_same_old_password_one_wins(
    world: World,
) -> None:
    user, (here, there) = await with_sessions(world, 2)
    (won,), (lost,) = await outcomes(
        (change(world, here, new="one"), change(world, there, new="two"))
    )
    assert lost.code == "wrong_password"
    assert (await world.user_of(user.id)).password_hash == won.password_hash


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
    user, actors = await with_sessions(world)
    changed = await set_active(world, user.id, admin, active=False)
    assert not changed.is_active
    assert not (await world.user_of(user.id)).is_active
    assert await live_sessions(world, user) == []
    (entry,) = world.told
    *revoked, told = entry.events
    assert {one.session_id for one in revoked if isinstance(one, events.SessionRevoked)} == {
        one.session_id for one in actors
    }
    assert told == events.UserChanged(
        user_id=user.id, is_active=False, clinic_ids=(), actor_id=admin.user_id, at=NOW
    )


async def test_letting_a_user_in_again_revives_no_session(world: World) -> None:
    admin = await world.admin()
    user, _ = await with_sessions(world)
    await set_active(world, user.id, admin, active=False)
    world.forget_events()
    assert (await set_active(world, user.id, admin, active=True)).is_active
    assert await live_sessions(world, user) == []
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


async def make_admin(
    world: World, email: str = "root@example.org", password: str | None = "secret"
) -> tuple[User, bool]:
    return await world.use.registration.create_admin(
        email=email,
        first_name="Root",
        last_name="Admin",
        password=password,
    )


async def test_an_operator_makes_an_admin(world: World) -> None:
    user, made = await make_admin(world, " Root@Example.org")
    assert made
    assert (user.role, user.email, user.password_hash) == (
        Role.ADMIN,
        "root@example.org",
        "hash of secret",
    )
    assert await world.user_of(user.id) == user


async def test_a_new_admin_needs_a_password_and_one_who_exists_does_not(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        await make_admin(world, password=None)
    assert refused.value.errors[0].path == "password"
    await world.patient(email="root@example.org")
    user, made = await make_admin(world, password=None)
    assert (made, user.role) == (False, Role.ADMIN)


async def test_a_user_who_exists_is_promoted_and_keeps_name_and_password(world: World) -> None:
    clinic = await world.clinic()
    staff = build_staff(clinic.id, email="root@example.org", password_hash="hash of theirs")
    await world.keep(staff)
    user, made = await make_admin(world, "ROOT@example.org")
    assert not made
    assert (user.id, user.role, user.clinic_id) == (staff.id, Role.ADMIN, None)
    assert (user.first_name, user.password_hash) == (staff.first_name, "hash of theirs")
    assert await world.user_of(staff.id) == user
    assert world.events == [
        events.UserChanged(
            user_id=staff.id, is_active=True, clinic_ids=(clinic.id,), actor_id=None, at=NOW
        )
    ]


async def test_somebody_who_registers_the_address_at_that_very_moment_is_not_overwritten(
    world: World,
) -> None:
    (_,), (refused,) = await outcomes((make_admin(world), make_admin(world)))
    assert isinstance(refused, Conflict)
    assert refused.code == "email_taken"
