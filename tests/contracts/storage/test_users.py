"""Users are kept, found by any of their names, and have an e-mail address of their own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from qure.application.ports.storage import Page, Storage
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Conflict
from qure.domain.ids import ImageId, UserId
from tests.contracts.storage.given import given
from tests.support.builders import (
    NOW,
    build_admin,
    build_clinic,
    build_display,
    build_guest,
    build_staff,
    build_user,
    new_id,
)


async def test_a_user_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    clinic = build_clinic()
    user = build_staff(
        clinic.id,
        first_name="Zoë",
        last_name="O'Neil-Ünal",
        email="zoe@example.org",
        password_hash="$2b$10$abc",
        pending_picture=ImageId(new_id()),
        is_active=False,
        created_at=datetime(2025, 3, 1, 12, 0, 0, 123000, tzinfo=UTC),
        updated_at=datetime(2025, 3, 2, 12, 0, 0, 7000, tzinfo=UTC),
    )
    await given(storage, clinic, user)
    async with storage.read() as db:
        assert await db.users.get(user.id) == user
        assert await db.users.by_email("zoe@example.org") == user


async def test_an_instant_comes_back_in_utc(storage: Storage) -> None:
    user = build_user()
    await given(storage, user)
    async with storage.read() as db:
        found = await db.users.get(user.id)
    assert found is not None
    assert found.created_at.utcoffset() == timedelta(0)


async def test_an_unknown_user_is_none(storage: Storage) -> None:
    async with storage.write() as db:
        assert await db.users.get(UserId(new_id())) is None
        assert await db.users.get(UserId(new_id()), lock=True) is None
        assert await db.users.by_email("nobody@example.org") is None
        assert await db.users.by_email("nobody@example.org", lock=True) is None


async def test_guests_have_neither_address_nor_password_and_there_may_be_many(
    storage: Storage,
) -> None:
    guests = [build_guest(first_name="Ana") for _ in range(3)]
    await given(storage, *guests)
    async with storage.read() as db:
        for guest in guests:
            found = await db.users.get(guest.id)
            assert found == guest
            assert (found.email, found.password_hash, found.guest) == (None, None, True)


async def test_names_are_full_names_and_nobody_has_none(storage: Storage) -> None:
    ada, guest = build_user(), build_guest(first_name="Ana")
    await given(storage, ada, guest, build_user())
    names = {ada.id: "Ada Lovelace", guest.id: "Ana"}
    async with storage.write() as db:
        for asked in ([guest.id, ada.id, UserId(new_id())], {ada.id, guest.id}):
            assert await db.users.names_of(asked) == names
            assert await db.users.lock(asked) == names
        assert await db.users.names_of([UserId(new_id())]) == {}
        assert await db.users.names_of([]) == await db.users.lock([]) == {}


async def test_two_users_cannot_have_one_email_address(storage: Storage) -> None:
    await given(storage, build_user(email="ada@example.org"))
    async with storage.write() as db:
        with pytest.raises(Conflict) as refusal:
            await db.users.add(build_user(email="ada@example.org"))
    assert refusal.value.code == "email_taken"
    async with storage.read() as db:
        assert (await db.users.search(query=None, role=None, page=Page()))[1] == 1


async def test_saving_a_user_changes_every_field_and_nobody_else(storage: Storage) -> None:
    clinic, user, other = build_clinic(), build_user(), build_user()
    await given(storage, clinic, user, other)
    user.first_name, user.last_name = "Grace", "Hopper"
    user.password_hash, user.profile_picture = "other", "https://example.org/grace.jpg"
    user.pending_picture, user.is_active = ImageId(new_id()), False
    user.join_clinic(clinic.id, by=SYSTEM, at=NOW + timedelta(seconds=1))
    async with storage.write() as db:
        await db.users.save(user)
        await db.commit()
    async with storage.read() as db:
        assert await db.users.get(user.id) == user
        assert await db.users.get(other.id) == other
        found, _ = await db.users.search(query="grace hop", role=None, page=Page())
    assert found == [user]


async def test_the_staff_of_a_clinic_come_oldest_first(storage: Storage) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    second = build_staff(clinic.id, created_at=NOW)
    third = build_staff(clinic.id, created_at=NOW)
    first = build_staff(clinic.id, created_at=NOW - timedelta(days=1))
    await given(
        storage,
        clinic,
        elsewhere,
        third,
        second,
        first,
        build_staff(elsewhere.id),
        build_user(),
        build_display(clinic.id),
    )
    async with storage.read() as db:
        assert await db.users.staff_of(clinic.id) == [first, second, third]


async def test_users_are_listed_newest_first_page_by_page(storage: Storage) -> None:
    users = [build_user(created_at=NOW + timedelta(seconds=age)) for age in range(5)]
    await given(storage, *users)
    async with storage.read() as db:
        pages = [
            await db.users.search(query=None, role=None, page=Page(number, 2))
            for number in (1, 2, 3, 4)
        ]
    assert [user for page, _ in pages for user in page] == users[::-1]
    assert [len(page) for page, _ in pages] == [2, 2, 1, 0]
    assert {total for _, total in pages} == {5}


async def test_users_are_found_by_role(storage: Storage) -> None:
    admin = build_admin()
    await given(storage, admin, build_user())
    async with storage.read() as db:
        assert await db.users.search(query=None, role=Role.ADMIN, page=Page()) == ([admin], 1)
        assert await db.users.search(query=None, role=Role.STAFF, page=Page()) == ([], 0)


async def test_whether_there_is_an_admin_is_known_of_a_disabled_one_too(storage: Storage) -> None:
    clinic = build_clinic()
    await given(storage, clinic, build_user(), build_staff(clinic.id), build_display(clinic.id))
    for lock in (False, True):
        async with storage.write() as db:
            assert not await db.users.has_admin(lock=lock)
    await given(storage, build_admin(is_active=False))
    for lock in (False, True):
        async with storage.write() as db:
            assert await db.users.has_admin(lock=lock)
    async with storage.read() as db:
        assert await db.users.has_admin()


async def test_of_many_who_ask_under_the_lock_only_the_first_finds_no_admin(
    storage: Storage,
) -> None:
    async def make_one_if_there_is_none() -> bool:
        async with storage.write() as db:
            is_first = not await db.users.has_admin(lock=True)
            if is_first:
                await db.users.add(build_admin())
                await db.commit()
            return is_first

    made = await asyncio.gather(*(make_one_if_there_is_none() for _ in range(16)))
    assert sum(made) == 1


async def test_neither_guests_nor_displays_are_listed(storage: Storage) -> None:
    clinic, ada = build_clinic(), build_user()
    await given(storage, clinic, ada, build_guest(), build_display(clinic.id, name="Ada"))
    async with storage.read() as db:
        for query in (None, "ada", "@example"):
            assert await db.users.search(query=query, role=None, page=Page()) == ([ada], 1)
        patients = await db.users.search(query=None, role=Role.PATIENT, page=Page())
        assert patients == ([ada], 1)
        displays = await db.users.search(query=None, role=Role.DISPLAY, page=Page())
        assert displays == ([], 0)


@pytest.mark.parametrize(
    "query",
    ["ada", "ADA", "da love", "Lovelace", "lovelace", "ÉTÉ@", "@example", "été@EXAMPLE.org"],
)
async def test_users_are_found_by_part_of_name_or_address_in_any_case(
    storage: Storage, query: str
) -> None:
    ada = build_user(first_name="Ada", last_name="Lovelace", email="été@example.org")
    other = build_user(first_name="Grace", last_name="Hopper", email="grace@navy.mil")
    await given(storage, ada, other)
    async with storage.read() as db:
        assert await db.users.search(query=query, role=None, page=Page()) == ([ada], 1)


@pytest.mark.parametrize(
    ("name", "query"),
    [("MÜLLER", "müll"), ("straße", "STRASSE"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("Ång", "ÅNG")],
)
async def test_case_means_nothing_in_any_script(storage: Storage, name: str, query: str) -> None:
    user = build_user(last_name=name)
    await given(storage, user)
    async with storage.read() as db:
        assert await db.users.search(query=query, role=None, page=Page()) == ([user], 1)


@pytest.mark.parametrize("sign", ["%", "_", "\\", "/", "'", '"', "*", "?", "["])
async def test_signs_that_mean_something_to_a_database_are_plain_characters(
    storage: Storage, sign: str
) -> None:
    marked = build_user(last_name=f"Love{sign}lace")
    await given(storage, marked, build_user(last_name="Lovexlace"))
    async with storage.read() as db:
        assert await db.users.search(query=f"e{sign}l", role=None, page=Page()) == ([marked], 1)
