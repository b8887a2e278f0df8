"""Many who have the code for the first admin ask at one moment, on the real databases."""

from __future__ import annotations

import asyncio

from qure.adapters.memory.throttle import MemoryThrottle
from qure.adapters.sql.unit_of_work import SqlStorage
from qure.application.accounts.first_admin import FirstAdmin
from qure.application.accounts.registration import Registration
from qure.application.ports.storage import Page
from qure.domain.actor import Role
from qure.domain.errors import Conflict
from qure.domain.user import User
from tests.support.builders import FixedClock, SequentialIds
from tests.support.fakes import FakeDigests, FakePasswords


async def admins_of(storage: SqlStorage) -> int:
    async with storage.read() as uow:
        _, total = await uow.users.search(query=None, role=Role.ADMIN, page=Page())
    return total


async def test_exactly_one_becomes_the_admin_however_many_ask_at_one_moment(
    sql_storage: SqlStorage, clock: FixedClock
) -> None:
    first_admin = FirstAdmin(
        sql_storage,
        clock,
        SequentialIds(1_000),
        passwords=FakePasswords(),
        digests=FakeDigests(),
        throttle=MemoryThrottle(),
    )
    code = await first_admin.code()
    assert code is not None

    async def ask(number: int) -> User | Conflict:
        try:
            return await first_admin.make(
                code=code,
                first_name="Root",
                last_name="Admin",
                email=f"root{number}@example.org",
                password="secret",
                address=f"203.0.113.{number}",
            )
        except Conflict as refusal:
            return refusal

    outcomes = await asyncio.gather(*map(ask, range(24)))
    assert sum(isinstance(one, User) for one in outcomes) == 1
    assert {one.code for one in outcomes if isinstance(one, Conflict)} == {"already_set_up"}
    assert await admins_of(sql_storage) == 1
    assert not await first_admin.is_needed()


async def test_an_operator_and_a_browser_at_one_moment_do_not_hinder_each_other(
    sql_storage: SqlStorage, clock: FixedClock
) -> None:
    ids, passwords = SequentialIds(1_000), FakePasswords()
    throttle = MemoryThrottle()
    registration = Registration(
        sql_storage, clock, ids, passwords=passwords, throttle=throttle, per_ten_minutes=30
    )
    first_admin = FirstAdmin(
        sql_storage, clock, ids, passwords=passwords, digests=FakeDigests(), throttle=throttle
    )
    code = await first_admin.code()
    assert code is not None
    names = {"first_name": "Root", "last_name": "Admin", "password": "secret"}
    patients = [
        registration.register(email=f"patient{number}@example.org", **names) for number in range(8)
    ]
    by_command, by_browser, *registered = await asyncio.gather(
        registration.create_admin(email="command@example.org", **names),
        first_admin.make(code=code, email="browser@example.org", address=None, **names),
        *patients,
        return_exceptions=True,
    )
    assert isinstance(by_command, tuple)
    assert isinstance(by_browser, User) or getattr(by_browser, "code", "") == "already_set_up"
    assert all(isinstance(one, User) for one in registered)
