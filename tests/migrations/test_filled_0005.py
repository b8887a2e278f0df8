"""A database of version 0004 that was in use is taken along to 0005 and back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from qure.adapters.sql.migrations.migrate import downgrade, migrate
from qure.adapters.sql.unit_of_work import open_storage
from qure.application.ports.waiting import Due
from qure.domain.ids import ClinicId, QueueId, ServiceId, TokenId
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise
from qure.domain.waiting.wait import Basis, Reason
from tests.migrations import filled_0003
from tests.migrations.filled_0002 import uid
from tests.migrations.test_filled_0004 import added, fill_with_what_is_new, found
from tests.migrations.test_schema import looked_at
from tests.support.builders import FixedClock, SequentialIds

Everything = dict[str, list[dict[str, Any]]]

NEW = {"promises", "calibrations"}


@pytest.fixture
async def url(empty: str, now: datetime) -> str:
    """A filled one of revision 0004: what came from before, and what only it could write."""
    await migrate(empty, "0003")
    await looked_at(empty, lambda connection: filled_0003.fill(connection, now))
    await migrate(empty, "0004")
    await fill_with_what_is_new(empty, now)
    return empty


def _everything(connection: sa.Connection) -> Everything:
    tables = set(sa.inspect(connection).get_table_names()) - {"alembic_version"}
    return {
        name: sorted(
            (dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}")).mappings()),
            key=lambda row: str(sorted(row.items())),
        )
        for name in tables
    }


async def everything(url: str) -> Everything:
    """Every row of every table, as the database itself has it."""
    rows: Everything = await looked_at(url, _everything)
    return rows


def at_0005(before: Everything) -> Everything:
    """The same at the next version, nothing lost and nothing guessed."""
    clinics = [row | {"refuse_below": 0.0} for row in before["clinics"]]
    clinics.sort(key=lambda row: str(sorted(row.items())))
    return before | {"clinics": clinics} | {name: [] for name in NEW}


async def test_clinics_refuse_nobody_and_nothing_was_told_of_waits(url: str) -> None:
    before = await everything(url)
    assert len(before["clinics"]) == 3
    assert not NEW & set(before)
    await migrate(url, "0005")
    assert await everything(url) == at_0005(before)


async def test_it_goes_up_down_and_up_again_and_is_what_it_was_to_the_byte(url: str) -> None:
    before = await everything(url)
    await migrate(url, "0005")
    after = await everything(url)
    await downgrade(url, "0004")
    assert await everything(url) == before
    await migrate(url, "0005")
    assert await everything(url) == after
    await downgrade(url, "base")


def told(now: datetime) -> dict[str, Any]:
    """Of a token that was called five minutes ago."""
    return {
        "token_id": uid(0x401),
        "clinic_id": uid(0x101),
        "service_id": uid(0x101),
        "queue_id": uid(0x301),
        "ahead": 1,
        "as_of": now - timedelta(minutes=30),
        "low": now - timedelta(minutes=20),
        "likely": now - timedelta(minutes=10),
        "high": now,
        "leave_by": now - timedelta(minutes=25),
        "basis": "history",
        "reasons": ["doctor_late"],
        "version": 3,
        "called_at": None,
        "error_seconds": None,
        "is_open": True,
    }


async def fill_what_is_new_at_0005(url: str, now: datetime) -> None:
    learned = {"service_id": uid(0x101), "bucket": 2, "bias": 1.25, "late": 0.1, "early": -0.1}
    await added(url, "promises", told(now))
    await added(url, "calibrations", learned | {"samples": 40})
    refuse = sa.text("UPDATE clinics SET refuse_below = 0.25")
    await looked_at(url, lambda connection: connection.execute(refuse))


async def test_what_0004_does_not_know_goes_and_the_rest_stays(url: str, now: datetime) -> None:
    before = await everything(url)
    await migrate(url, "0005")
    await fill_what_is_new_at_0005(url, now)
    await downgrade(url, "0004")
    assert await everything(url) == before
    await migrate(url, "0005")
    assert await everything(url) == at_0005(before)


async def test_the_program_of_today_finds_its_way_in_it(url: str, now: datetime) -> None:
    await migrate(url)
    await fill_what_is_new_at_0005(url, now)
    token, clinic_id, service_id = TokenId(uid(0x401)), ClinicId(uid(0x101)), ServiceId(uid(0x101))
    storage = open_storage(url, clock=FixedClock(now), ids=SequentialIds())
    try:
        async with storage.write() as db:
            clinic = await db.clinics.get(clinic_id)
            (due,) = await db.promises.due(called_before=now, limit=10)
            learned = await db.calibrations.of_services([service_id], lock=True)
            days = await db.tokens.seen_days(
                service_id, before=(now + timedelta(days=2)).date(), days=10
            )
            assert await db.journal.of_desks(clinic_id, since=now - timedelta(days=9)) == []
            await db.promises.settle({token: due.called_at})
            await db.commit()
        async with storage.read() as db:
            together, _ = await db.promises.accuracy(clinic_id, since=now - timedelta(hours=1))
    finally:
        await storage.close()
    assert clinic is not None
    assert clinic.refuse_below == 0.25
    row = told(now)
    for name in ("called_at", "error_seconds", "is_open"):
        del row[name]
    promise = Promise(
        **row
        | {
            "queue_id": QueueId(uid(0x301)),
            "basis": Basis.HISTORY,
            "reasons": (Reason.DOCTOR_LATE,),
        }
    )
    assert due == Due(promise, now - timedelta(minutes=5))
    assert learned == {(service_id, 2): Calibration(1.25, 0.1, -0.1, 40)}
    # Of yesterday one was called; of today two completed, one was not there, one is called.
    assert [len(day.tokens) for day in days] == [1, 4]
    assert together.samples == together.before_high == 1
    assert together.median_error == pytest.approx(300, abs=0.001)
    (kept,) = await found(url, "promises", "token_id", "is_open", "error_seconds")
    assert kept["is_open"] is False
