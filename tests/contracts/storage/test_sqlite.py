"""What a SQLite file alone can do to us: be full, be locked by others, outlive a kill."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import stat
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from qure.adapters.sql import sqlite
from qure.adapters.sql.migrations.migrate import migrate
from qure.adapters.sql.unit_of_work import open_storage
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.errors import Unavailable
from qure.domain.ids import UserId
from tests.contracts.storage.conftest import Announced, opened
from tests.contracts.storage.given import given, given_patients, given_queue
from tests.contracts.storage.test_races import issue
from tests.support.builders import (
    FixedClock,
    SequentialIds,
    build_clinic,
    build_staged_image,
    build_user,
    new_id,
)

FULL = 2


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


async def test_the_file_and_what_lies_beside_it_are_for_their_owner_alone(
    tmp_path: Path, clock: FixedClock, announced: Announced
) -> None:
    path = tmp_path / "new folder" / "qure.db"
    await migrate(f"sqlite:///{path}")
    async with opened(f"sqlite:///{path}", clock=clock, announced=announced) as storage:
        await given(storage, build_user())
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["qure.db", "qure.db-shm", "qure.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_file_that_was_open_to_others_is_closed_to_them(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    path_of(sqlite_url).chmod(0o644)
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        await storage.ping()
    assert stat.S_IMODE(path_of(sqlite_url).stat().st_mode) == 0o600


async def test_a_write_ahead_log_is_kept_and_foreign_keys_are_looked_at(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        for begin in (storage.write, storage.read):
            async with begin() as db:
                assert await db._transaction.scalar(text("PRAGMA journal_mode")) == "wal"
                assert await db._transaction.scalar(text("PRAGMA foreign_keys")) == 1
        async with storage.write() as db:
            assert await db._transaction.scalar(text("PRAGMA synchronous")) == FULL


async def test_an_empty_file_does_not_answer_a_ping(
    tmp_path: Path, clock: FixedClock, announced: Announced
) -> None:
    async with opened(f"sqlite:///{tmp_path}/qure.db", clock=clock, announced=announced) as storage:
        with pytest.raises(Unavailable, match="migrated"):
            await storage.ping()


async def test_a_file_that_cannot_be_opened_is_unavailable(
    tmp_path: Path, clock: FixedClock, announced: Announced
) -> None:
    (tmp_path / "qure.db").mkdir()
    async with opened(f"sqlite:///{tmp_path}/qure.db", clock=clock, announced=announced) as storage:
        with pytest.raises(Unavailable):
            await storage.ping()


async def test_a_file_that_is_not_a_database_does_not_answer_a_ping(
    tmp_path: Path, clock: FixedClock, announced: Announced
) -> None:
    (tmp_path / "qure.db").write_bytes(b"no database" * 1000)
    async with opened(f"sqlite:///{tmp_path}/qure.db", clock=clock, announced=announced) as storage:
        with pytest.raises(Unavailable, match="damaged"):
            await storage.ping()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_a_database_that_would_not_be_kept_is_refused(url: str, clock: FixedClock) -> None:
    with pytest.raises(ValueError, match="file"):
        open_storage(url, clock=clock, ids=SequentialIds())


def test_the_url_of_another_database_is_refused(clock: FixedClock) -> None:
    with pytest.raises(ValueError, match="postgresql"):
        open_storage("mysql://localhost/qure", clock=clock, ids=SequentialIds())


async def test_a_sqlite_built_without_mathematics_finds_the_same_places(
    sqlite_url: str, clock: FixedClock, announced: Announced, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinics = [build_clinic(latitude=float(degrees), longitude=179.0) for degrees in range(10)]
    wanted = ClinicFilter(nearby=Nearby(4.4, -179.0, 500))
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        await given(storage, *clinics)
        async with storage.read() as db:
            found = await db.clinics.search(wanted, page=Page())
    assert 0 < len(found[0]) < 10

    monkeypatch.setattr(sqlite, "_HAS_MATHEMATICS", False)
    asked: list[float] = []

    def asin(number: float) -> float:
        asked.append(number)
        return math.asin(number)

    monkeypatch.setattr(
        sqlite,
        "math",
        SimpleNamespace(
            sin=math.sin, cos=math.cos, asin=asin, sqrt=math.sqrt, radians=math.radians
        ),
    )
    async with (
        opened(sqlite_url, clock=clock, announced=announced) as storage,
        storage.read() as db,
    ):
        again = await db.clinics.search(wanted, page=Page())
    assert again[1] == found[1]
    assert [each.clinic for each in again[0]] == [each.clinic for each in found[0]]
    assert [each.distance_km for each in again[0]] == pytest.approx(
        [each.distance_km for each in found[0]]
    )
    assert asked


async def test_a_file_that_another_process_writes_to_is_unavailable_in_time(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        (user,) = await given_patients(storage, 1)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await given(storage, build_user())
        assert time.monotonic() - began < 2
        async with storage.read() as db:  # readers wait for nobody
            assert await db.users.get(user.id) == user
        other.execute("ROLLBACK")
        await given(storage, build_user())
    other.close()


async def test_who_waits_too_long_for_the_writer_before_is_told_that_it_is_busy(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        async with storage.write():
            began = time.monotonic()
            with pytest.raises(Unavailable):
                async with storage.write():
                    pass
            assert time.monotonic() - began < 2
        await given(storage, build_user())


async def test_writers_come_in_the_order_in_which_they_asked(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    order: list[int] = []
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:

        async def write(number: int) -> None:
            async with storage.write() as db:
                order.append(number)
                await db.users.add(build_user())
                await db.commit()

        await asyncio.gather(*(write(number) for number in range(20)))
    assert order == list(range(20))


async def test_two_processes_on_one_file_issue_numbers_without_gap(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with (
        opened(sqlite_url, clock=clock, announced=announced) as one,
        opened(sqlite_url, clock=clock, announced=announced, first_id=1_000_000) as other,
    ):
        queue = await given_queue(one)
        patients = await given_patients(one, 30)
        tokens = await asyncio.gather(
            *(
                issue(storage, queue.id, patient.id)
                for patient, storage in zip(patients, [one, other] * 15, strict=True)
            )
        )
    assert sorted(token.number for token in tokens) == list(range(1, 31))


async def test_a_full_disk_is_unavailable_and_left_nothing_of_the_work(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        user, image = build_user(), build_staged_image(content=bytes(1_000_000))
        async with storage.write() as db:
            pages = await db._transaction.scalar(text("PRAGMA page_count"))
            await db._transaction.scalar(text(f"PRAGMA max_page_count = {pages + 20}"))
            await db.commit()
        with pytest.raises(Unavailable):
            await given(storage, user, image)
        async with storage.write() as db:
            assert await db.users.get(user.id) is None
            await db._transaction.scalar(text("PRAGMA max_page_count = 1000000"))
            await db.commit()
        await given(storage, user, image)


async def test_a_reader_cannot_write(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        with pytest.raises(Unavailable):
            async with storage.read() as db:
                await db.users.add(build_user())


WRITER = """
import asyncio, sys
from uuid import UUID
from qure.adapters.sql.unit_of_work import open_storage
from tests.support.builders import FixedClock, SequentialIds, build_user

async def main():
    storage = open_storage(sys.argv[1], clock=FixedClock(), ids=SequentialIds())
    for number in range(1, 100_000):
        async with storage.write() as db:
            await db.users.add(build_user(id=UUID(int=number), email=f"{number}@example.org"))
            await db.commit()
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_outlives_a_kill_and_nothing_more_than_the_next(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        sqlite_url,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = int(await process.stdout.readline())
    process.kill()
    rest, _ = await process.communicate()
    acknowledged = int(rest.split()[-1]) if rest.split() else acknowledged
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        async with storage.read() as db:
            for number in range(1, acknowledged + 1):
                assert await db.users.by_email(f"{number}@example.org") is not None
            assert await db.users.by_email(f"{acknowledged + 2}@example.org") is None
        await given(storage, build_user())


async def test_pool_use_counts_the_writer_and_the_readers(
    sqlite_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(sqlite_url, clock=clock, announced=announced) as storage:
        queue = await given_queue(storage)
        async with storage.write() as writing, storage.read() as reading:
            assert await writing.queues.get(queue.id) == await reading.queues.get(queue.id)
            assert await reading.users.get(UserId(new_id())) is None
            assert storage.pool_use().in_use == 2
        assert storage.pool_use().in_use == storage.pool_use().waiting == 0
