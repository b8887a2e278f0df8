"""The first admin: whoever has the code becomes it, once."""

from __future__ import annotations

import re

import pytest

from qure.application.accounts.attempts import REGISTRATION_WINDOW_SECONDS, SETUP_ATTEMPTS
from qure.application.accounts.first_admin import ALPHABET
from qure.domain.actor import Role
from qure.domain.errors import Conflict, DomainError, Forbidden, TooManyTries
from qure.domain.user import User
from tests.application.world import World, outcomes
from tests.support.builders import build_admin

NOWHERE = "203.0.113.7"


async def code_of(world: World) -> str:
    code = await world.use.first_admin.code()
    assert code is not None
    return code


async def become(world: World, code: str, **given: str | None) -> User:
    fields: dict[str, str | None] = {"email": "root@example.org", "address": NOWHERE, **given}
    return await world.use.first_admin.make(
        code=code,
        first_name="Root",
        last_name="Admin",
        password="secret",
        **fields,  # type: ignore[arg-type]
    )


async def refusal(world: World, code: str, **given: str | None) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await become(world, code, **given)
    return refused.value


async def test_whoever_has_the_code_becomes_the_admin(world: World) -> None:
    assert await world.use.first_admin.is_needed()
    user = await become(world, await code_of(world), email=" Root@Example.org")
    assert (user.role, user.email, user.password_hash) == (
        Role.ADMIN,
        "root@example.org",
        "hash of secret",
    )
    assert await world.user_of(user.id) == user


async def test_the_code_is_sixty_bits_without_characters_that_look_alike(world: World) -> None:
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("01IO")
    codes = set()
    for key in range(200):
        world.digests.key = str(key)
        codes.add(await code_of(world))
    group = f"[{ALPHABET}]{{4}}"
    assert all(re.fullmatch(f"{group}-{group}-{group}", code) for code in codes)
    assert len(codes) == 200
    for position in range(14):
        if position not in (4, 9):
            assert len({code[position] for code in codes}) > 25, position


async def test_the_code_stays_the_same_as_long_as_the_key_does(world: World) -> None:
    code = await code_of(world)
    assert await code_of(world) == code
    world.digests.key = "another"
    assert await code_of(world) != code
    assert (await refusal(world, code)).code == "wrong_setup_code"


async def test_the_code_may_be_typed_in_any_case_with_spaces_or_hyphens(world: World) -> None:
    code = (await code_of(world)).lower()
    await become(world, f" {code[:4]} {code[5:9]}--{code[10:12]} {code[12:]}")


@pytest.mark.parametrize("wrong", ["", "-", "AAAA-AAAA-AAAA", "ÄÖÜ", "🔑"])
async def test_a_wrong_code_is_refused_before_a_password_is_hashed(
    world: World, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.passwords, "hash", None)
    refused = await refusal(world, wrong)
    assert isinstance(refused, Forbidden)
    assert refused.code == "wrong_setup_code"
    assert await world.use.first_admin.is_needed()


async def test_half_of_the_code_is_not_enough_and_more_is_too_much(world: World) -> None:
    code = await code_of(world)
    for wrong in (code[:-1], code[:4], f"{code}2", code[::-1]):
        assert (await refusal(world, wrong)).code == "wrong_setup_code"


async def test_once_there_is_an_admin_the_code_is_dead_for_good(world: World) -> None:
    code = await code_of(world)
    await become(world, code)
    assert not await world.use.first_admin.is_needed()
    assert await world.use.first_admin.code() is None
    for given in (code, "wrong"):
        refused = await refusal(world, given, email="other@example.org")
        assert isinstance(refused, Conflict)
        assert refused.code == "already_set_up"


async def test_an_admin_that_an_operator_made_counts_a_disabled_one_too(world: World) -> None:
    code = await code_of(world)
    await world.keep(build_admin(is_active=False))
    assert not await world.use.first_admin.is_needed()
    assert (await refusal(world, code)).code == "already_set_up"


async def test_neither_patients_nor_staff_are_an_admin(world: World) -> None:
    await world.patient()
    await world.staff_of((await world.clinic()).id)
    assert await world.use.first_admin.is_needed()
    await become(world, await code_of(world))


async def test_what_is_known_once_is_not_asked_of_the_database_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.keep(build_admin())
    assert not await world.use.first_admin.is_needed()
    monkeypatch.setattr(world.storage, "read", None)
    assert not await world.use.first_admin.is_needed()


async def test_the_address_of_somebody_else_is_refused_and_the_code_lives_on(world: World) -> None:
    patient = await world.patient(email="root@example.org")
    code = await code_of(world)
    assert (await refusal(world, code)).code == "email_taken"
    assert (await world.user_of(patient.user_id)).role is Role.PATIENT
    await become(world, code, email="other@example.org")


async def test_one_network_tries_so_often_in_ten_minutes_right_or_wrong(world: World) -> None:
    code = await code_of(world)
    made, refused = await outcomes(
        become(world, "wrong", address=f"2001:db8::{host}") for host in range(100)
    )
    assert made == []
    codes = [error.code for error in refused]
    assert codes.count("wrong_setup_code") == SETUP_ATTEMPTS == 10
    late = await refusal(world, code, address="2001:db8::7")
    assert isinstance(late, TooManyTries)
    assert late.retry_after <= REGISTRATION_WINDOW_SECONDS / SETUP_ATTEMPTS
    world.clock.advance(seconds=late.retry_after)
    await become(world, code, address="2001:db8::7")


async def test_of_many_who_ask_at_once_one_becomes_the_admin(world: World) -> None:
    code = await code_of(world)
    made, refused = await outcomes(
        become(world, code, email=f"root{n}@example.org", address=f"203.0.113.{n}")
        for n in range(20)
    )
    assert len(made) == 1
    assert {error.code for error in refused} == {"already_set_up"}
