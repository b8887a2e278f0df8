"""New accounts: patients who register, and admins that an operator makes."""

from __future__ import annotations

import pytest

from qure.application.accounts.attempts import REGISTRATION_WINDOW_SECONDS
from qure.domain import events
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import (
    Conflict,
    Invalid,
    TooManyTries,
)
from qure.domain.user import User
from tests.application.world import World, outcomes
from tests.support.builders import NOW, build_staff


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
        world.use.registration.admit(address) for _ in range(times)
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
            user_id=staff.id, is_active=True, clinic_ids=(clinic.id,), actor=SYSTEM, at=NOW
        )
    ]


async def test_somebody_who_registers_the_address_at_that_very_moment_is_not_overwritten(
    world: World,
) -> None:
    (_,), (refused,) = await outcomes((make_admin(world), make_admin(world)))
    assert isinstance(refused, Conflict)
    assert refused.code == "email_taken"
