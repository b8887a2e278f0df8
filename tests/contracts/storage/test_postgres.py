"""What Postgres alone can do to us: be away, hang, time out, deadlock, or stand behind a pooler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg
import pytest
from sqlalchemy import text

from qure.adapters.sql.migrations.migrate import migrate
from qure.adapters.sql.unit_of_work import SqlStorage
from qure.application.ports.storage import Page, TransactionConflict, UnitOfWork
from qure.application.transact import transact
from qure.domain.actor import SYSTEM
from qure.domain.errors import Conflict, Unavailable
from qure.domain.ids import UserId
from tests.contracts.storage.conftest import Announced, opened
from tests.contracts.storage.given import changed_user, given, given_patients, given_queue
from tests.contracts.storage.test_races import issue
from tests.support.builders import NOW, FixedClock, build_clinic, build_user
from tests.support.servers.pgbouncer import PgBouncerServer, running_pgbouncer
from tests.support.servers.postgres import PostgresServer, running_postgres
from tests.support.servers.process import LOOPBACK, free_port

PROMPTLY = 2.0

SLEEP = text("SELECT pg_sleep(30)")
SHOW_LIMITS = text(
    "SELECT name, setting FROM pg_settings "
    "WHERE name IN ('jit', 'lock_timeout', 'statement_timeout')"
)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """One that loses nothing when it is killed."""
    with running_postgres(durable=True) as server:
        yield server


@pytest.fixture
async def own_storage(
    own_postgres: PostgresServer, clock: FixedClock, announced: Announced
) -> AsyncIterator[SqlStorage]:
    """On a server that the test may stop, kill and freeze."""
    await migrate(own_postgres.dsn)
    async with opened(own_postgres.dsn, clock=clock, announced=announced) as storage:
        yield storage


@contextmanager
def unavailable_promptly() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        yield
    assert time.monotonic() - began < PROMPTLY
    assert refusal.value.retry_after >= 1


async def eventually_answers(storage: SqlStorage) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await storage.ping()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def name_of(storage: SqlStorage, id: UserId) -> str | None:
    async with storage.read() as db:
        user = await db.users.get(id)
    return None if user is None else user.first_name


# --- away -----------------------------------------------------------------------------------


async def test_a_server_that_never_was_there_is_unavailable(
    clock: FixedClock, announced: Announced
) -> None:
    url = f"postgresql://qure@{LOOPBACK}:{free_port()}/qure"
    async with opened(url, clock=clock, announced=announced) as storage:
        with unavailable_promptly():
            await storage.ping()
        with unavailable_promptly():
            async with storage.write():
                pass


@pytest.mark.parametrize("wrong", ["no_such_database", "no_such_user"])
async def test_a_server_that_does_not_let_us_in_is_unavailable(
    postgres_server: str, clock: FixedClock, announced: Announced, wrong: str
) -> None:
    url = (
        postgres_server.rpartition("/")[0] + "/no_such_database"
        if wrong == "no_such_database"
        else postgres_server.replace("//postgres", "//nobody_we_know")
    )
    async with opened(url, clock=clock, announced=announced) as storage:
        with unavailable_promptly():
            await storage.ping()


async def test_an_empty_database_does_not_answer_a_ping(
    postgres_database: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_database, clock=clock, announced=announced) as storage:
        with pytest.raises(Unavailable, match="migrated"):
            await storage.ping()


@pytest.mark.parametrize("noticed", [False, True])
async def test_a_restart_is_felt_by_nobody_who_comes_after_it(
    own_postgres: PostgresServer, own_storage: SqlStorage, noticed: bool
) -> None:
    (user,) = await given_patients(own_storage, 1)
    # Fill the pool, so that every connection in it is broken by the restart.
    await asyncio.gather(*(own_storage.ping() for _ in range(8)))
    own_postgres.stop()
    if noticed:
        with unavailable_promptly():
            await own_storage.ping()
    own_postgres.start()
    for _ in range(5):  # the server was stopped and started without letting the loop hear of it
        await asyncio.sleep(0)
    found = await asyncio.gather(*(name_of(own_storage, user.id) for _ in range(8)))
    assert found == ["Ada"] * 8


async def test_a_transaction_that_the_server_died_in_is_unavailable_and_left_nothing(
    own_postgres: PostgresServer, own_storage: SqlStorage, announced: Announced
) -> None:
    user = changed_user()
    with unavailable_promptly():
        async with own_storage.write() as db:
            await db.users.add(user)
            own_postgres.kill()
            await db.commit()
    own_postgres.start()
    await eventually_answers(own_storage)
    async with own_storage.read() as db:
        assert await db.users.get(user.id) is None
    assert announced.entries == []


async def test_a_server_that_hangs_is_unavailable_and_is_used_again_when_it_goes_on(
    own_postgres: PostgresServer, own_storage: SqlStorage
) -> None:
    (user,) = await given_patients(own_storage, 1)
    own_postgres.pause()
    with unavailable_promptly():
        await name_of(own_storage, user.id)
    with unavailable_promptly():
        await own_storage.ping()
    # More than the pool has room for: those who wait for a connection are not held up either.
    began = time.monotonic()
    results = await asyncio.gather(
        *(name_of(own_storage, user.id) for _ in range(20)), return_exceptions=True
    )
    assert {type(result) for result in results} == {Unavailable}
    assert time.monotonic() - began < PROMPTLY
    own_postgres.resume()
    await eventually_answers(own_storage)
    assert await name_of(own_storage, user.id) == "Ada"
    assert own_storage.pool_use().in_use == 0


async def test_a_commit_on_a_server_that_hangs_is_unavailable(
    own_postgres: PostgresServer, own_storage: SqlStorage
) -> None:
    user = build_user()
    with unavailable_promptly():
        async with own_storage.write() as db:
            await db.users.add(user)
            own_postgres.pause()
            await db.commit()
    own_postgres.resume()
    await eventually_answers(own_storage)
    # It may or may not have been done; either way the address is there once from now on.
    with suppress(Conflict):
        await given(own_storage, build_user(email=user.email))
    async with own_storage.read() as db:
        assert (await db.users.search(query=user.email, role=None, page=Page()))[1] == 1


async def test_a_pool_that_is_used_up_is_unavailable_and_counts_who_waits(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced, pool_size=1) as storage:
        async with storage.write() as db:
            assert await db.journal.depth() == 0
            waiting = asyncio.create_task(storage.ping())
            await asyncio.sleep(0)  # it has begun now
            assert storage.pool_use().waiting == 1
            assert storage.pool_use().in_use == storage.pool_use().size == 1
            with unavailable_promptly():
                await waiting
        await storage.ping()
        assert storage.pool_use().waiting == storage.pool_use().in_use == 0


# --- limits and lost races ------------------------------------------------------------------


@asynccontextmanager
async def limited(
    kind: str, url: str, *, clock: FixedClock, announced: Announced, bouncer: PgBouncerServer
) -> AsyncIterator[SqlStorage]:
    url = url if kind == "direct" else f"{bouncer.through(url)}?pgbouncer=true"
    async with opened(url, clock=clock, announced=announced) as storage:
        yield storage


@pytest.fixture(scope="module")
def bouncer(postgres_server: str) -> Iterator[PgBouncerServer]:
    # Two server connections for everybody: whoever leaves something behind in the session, or
    # relies on something of its own there, is found out.
    with running_pgbouncer(postgres_server, settings={"default_pool_size": "2"}) as server:
        yield server


@pytest.mark.parametrize("kind", ["direct", "pooled"])
async def test_who_waits_too_long_for_a_lock_is_told_that_it_is_busy(
    kind: str,
    postgres_url: str,
    clock: FixedClock,
    announced: Announced,
    bouncer: PgBouncerServer,
) -> None:
    async with limited(
        kind, postgres_url, clock=clock, announced=announced, bouncer=bouncer
    ) as storage:
        queue = await given_queue(storage)
        async with storage.write() as holder:
            await holder.queues.get(queue.id, lock=True)
            with unavailable_promptly():
                async with storage.write() as waiter:
                    await waiter.queues.get(queue.id, lock=True)
        async with storage.write() as db:
            assert await db.queues.get(queue.id, lock=True) == queue


@pytest.mark.parametrize("kind", ["direct", "pooled"])
async def test_every_transaction_has_its_limits(
    kind: str,
    postgres_url: str,
    clock: FixedClock,
    announced: Announced,
    bouncer: PgBouncerServer,
) -> None:
    async with limited(
        kind, postgres_url, clock=clock, announced=announced, bouncer=bouncer
    ) as storage:
        for begin in (storage.write, storage.read):
            async with begin() as db:
                settings = await db._transaction.all(  # no port shows them
                    SHOW_LIMITS
                )
            assert {row.name: row.setting for row in settings} == {
                "jit": "off",
                "lock_timeout": "1200",
                "statement_timeout": "1400",
            }


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        with unavailable_promptly():
            async with storage.read() as db:
                await db._transaction.scalar(SLEEP)
        await storage.ping()


async def test_of_two_who_wait_for_each_other_one_may_try_again(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        first, second = await given_patients(storage, 2)
        meeting = asyncio.Barrier(2)
        attempts: list[UserId] = []

        async def rename_both(db: UnitOfWork, *ids: UserId) -> None:
            attempts.append(ids[0])
            for step, id in enumerate(ids):
                user = await db.users.get(id, lock=True)
                assert user is not None
                user.first_name += "!"
                await db.users.save(user)
                if step == 0 and len(attempts) <= 2:
                    await meeting.wait()
            await db.commit()

        await asyncio.gather(
            transact(storage, lambda db: rename_both(db, first.id, second.id)),
            transact(storage, lambda db: rename_both(db, second.id, first.id)),
        )
        assert len(attempts) == 3
        assert await name_of(storage, first.id) == "Ada!!"
        assert await name_of(storage, second.id) == "Ada!!"


async def test_a_deadlock_is_told_as_a_lost_race(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        first, second = await given_patients(storage, 2)
        meeting = asyncio.Barrier(2)

        async def lock(one: UserId, other: UserId) -> None:
            async with storage.write() as db:
                await db.users.get(one, lock=True)
                await meeting.wait()
                await db.users.get(other, lock=True)

        results = await asyncio.gather(
            lock(first.id, second.id), lock(second.id, first.id), return_exceptions=True
        )
        (lost,) = (result for result in results if result is not None)
        assert isinstance(lost, TransactionConflict)


async def test_a_row_that_names_a_locked_one_can_be_added(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    """Staff of a clinic can register while somebody changes the clinic."""
    async with opened(postgres_url, clock=clock, announced=announced) as storage:
        clinic = build_clinic()
        await given(storage, clinic)
        async with storage.write() as changing:
            await changing.clinics.get(clinic.id, lock=True)
            await given_queue(storage)
            async with storage.write() as db:
                user = build_user()
                user.join_clinic(clinic.id, by=SYSTEM, at=NOW)
                await db.users.add(user)
                await db.commit()


async def test_who_stops_waiting_for_a_lock_leaves_nothing_behind(
    postgres_url: str, clock: FixedClock, announced: Announced
) -> None:
    async with opened(postgres_url, clock=clock, announced=announced, pool_size=2) as storage:
        queue = await given_queue(storage)

        async def wait_for_it() -> None:
            async with storage.write() as db:
                await db.queues.get(queue.id, lock=True)

        async with storage.write() as holder:
            await holder.queues.get(queue.id, lock=True)
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await wait_for_it()
                assert storage.pool_use().in_use == 1
        async with asyncio.timeout(1):
            await wait_for_it()


# --- behind PgBouncer -----------------------------------------------------------------------


async def test_a_clinics_rush_goes_through_a_pooler_with_fewer_connections_than_we_have(
    postgres_url: str, clock: FixedClock, announced: Announced, bouncer: PgBouncerServer
) -> None:
    url = f"{bouncer.through(postgres_url)}?pgbouncer=true"
    async with (
        opened(url, clock=clock, announced=announced) as one,
        opened(url, clock=clock, announced=announced, first_id=1_000_000) as other,
    ):
        queue = await given_queue(one, max_size=60)
        patients = await given_patients(one, 60)
        tokens = await asyncio.gather(
            *(
                issue(storage, queue.id, patient.id)
                for patient, storage in zip(patients, [one, other] * 30, strict=True)
            )
        )
        assert sorted(token.number for token in tokens) == list(range(1, 61))
        async with other.read() as db:
            assert (await db.users.search(query=None, role=None, page=Page()))[1] == 60


async def test_nothing_is_left_in_a_pooled_session(
    postgres_url: str, clock: FixedClock, announced: Announced, bouncer: PgBouncerServer
) -> None:
    url = f"{bouncer.through(postgres_url)}?pgbouncer=true"
    async with opened(url, clock=clock, announced=announced) as storage:
        queue = await given_queue(storage)
        (patient,) = await given_patients(storage, 1)
        await issue(storage, queue.id, patient.id)
    raw = await asyncpg.connect(bouncer.through(postgres_url), statement_cache_size=0)
    try:
        async with raw.transaction():
            prepared = await raw.fetchval(
                "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''"
            )
            timeout = await raw.fetchval("SHOW statement_timeout")
    finally:
        await raw.close()
    assert (prepared, timeout) == (0, "0")
