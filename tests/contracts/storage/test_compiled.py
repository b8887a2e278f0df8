"""What was compiled for one storage of this process can be said by each."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from qure.adapters.sql.compiled import COMPILED, POSTGRES, SQLITE
from qure.application.ports.storage import UnitOfWork
from tests.contracts.storage.conftest import Announced, opened
from tests.support.builders import FixedClock, build_clinic


async def look_around(uow: UnitOfWork) -> None:
    clinic = build_clinic()
    assert await uow.clinics.get(clinic.id) is None
    assert await uow.users.by_email("nobody@example.org") is None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_another_storage_and_readers_beside_writers_compile_nothing_anew(
    kind: str, request: pytest.FixtureRequest, clock: FixedClock, announced: Announced
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    COMPILED.clear()
    async with opened(url, clock=clock, announced=announced) as first:
        async with first.write() as uow:
            await look_around(uow)
        compiled = dict(COMPILED)
        assert len(compiled) == 2
        async with first.read() as uow:
            await look_around(uow)
    async with opened(url, clock=clock, announced=announced) as second, second.read() as uow:
        await look_around(uow)
    assert dict(COMPILED) == compiled


def test_dialects_are_equal_that_say_the_same() -> None:
    sqlite, postgres = (make_url(f"{name}://").get_dialect() for name in (SQLITE, POSTGRES))
    assert sqlite() == sqlite()
    assert hash(sqlite()) == hash(sqlite())
    older, newer, another = postgres(), postgres(), postgres()
    older.server_version_info, newer.server_version_info = (16, 4), (18, 1)
    another.server_version_info = (18, 1)
    assert older != newer
    assert newer == another
    assert hash(newer) == hash(another)
    assert newer != sqlite()
