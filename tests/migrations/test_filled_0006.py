"""A database of version 0005 that was in use is taken along to 0006 and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from qure.adapters.sql.migrations.migrate import downgrade, migrate
from qure.adapters.sql.unit_of_work import open_storage
from qure.domain.clinic import Language
from qure.domain.ids import ClinicId
from tests.migrations import filled_0003
from tests.migrations.filled_0002 import uid
from tests.migrations.test_filled_0004 import fill_with_what_is_new
from tests.migrations.test_filled_0005 import Everything, everything, fill_what_is_new_at_0005
from tests.migrations.test_schema import looked_at
from tests.support.builders import FixedClock, SequentialIds

CHOOSE = sa.text('UPDATE clinics SET languages = \'["ar", "en"]\'')


@pytest.fixture
async def url(empty: str, now: datetime) -> str:
    """A filled one of revision 0005: what came from before, and what only it could write."""
    await migrate(empty, "0003")
    await looked_at(empty, lambda connection: filled_0003.fill(connection, now))
    await migrate(empty, "0004")
    await fill_with_what_is_new(empty, now)
    await migrate(empty, "0005")
    await fill_what_is_new_at_0005(empty, now)
    return empty


def without_languages(found: Everything) -> tuple[Everything, list[Any]]:
    """All the rest, and the languages of each clinic."""
    chosen = []
    for row in found["clinics"]:
        languages = row.pop("languages")
        # In SQL, SQLite has JSON as text, and so does the Postgres driver.
        chosen.append(msgspec.json.decode(languages) if isinstance(languages, str) else languages)
    found["clinics"].sort(key=lambda row: str(sorted(row.items())))
    return found, chosen


async def test_clinics_speak_as_each_browser_wishes_and_nothing_else_changes(url: str) -> None:
    before = await everything(url)
    await migrate(url, "0006")
    after, chosen = without_languages(await everything(url))
    assert after == before
    assert chosen == [[], [], []]


async def test_what_was_chosen_is_given_up_on_the_way_back_and_the_rest_stays(url: str) -> None:
    before = await everything(url)
    await migrate(url, "0006")
    await looked_at(url, lambda connection: connection.execute(CHOOSE))
    await downgrade(url, "0005")
    assert await everything(url) == before
    await migrate(url, "0006")
    after, chosen = without_languages(await everything(url))
    assert after == before
    assert chosen == [[], [], []]
    await downgrade(url, "base")


async def test_the_program_of_today_finds_its_way_in_it(url: str, now: datetime) -> None:
    await migrate(url)
    clinic_id = ClinicId(uid(0x101))
    storage = open_storage(url, clock=FixedClock(now), ids=SequentialIds())
    try:
        async with storage.write() as db:
            clinic = await db.clinics.get(clinic_id, lock=True)
            assert clinic is not None
            assert clinic.languages == ()
            clinic.languages = (Language.GERMAN, Language.ENGLISH)
            await db.clinics.save(clinic)
            await db.commit()
        async with storage.read() as db:
            assert await db.clinics.get(clinic_id) == clinic
    finally:
        await storage.close()
