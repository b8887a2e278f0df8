"""What is asked in every action is answered by an index made for it, however long the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event, text

from qure.adapters.sql.unit_of_work import SqlStorage, SqlUnitOfWork
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.actor import SYSTEM
from qure.domain.events import TokenCalled
from qure.domain.ids import ClinicId, EntryId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import Priority, Token, TokenStatus
from tests.contracts.storage.given import given, given_queue, given_tokens
from tests.support.builders import (
    NOW,
    build_clinic,
    build_entry,
    build_queue,
    build_status,
    build_token,
)

# SQLite gives the indexes of keys names of its own.
UNIQUE_DAY = "uq_queues_service_date or sqlite_autoindex_queues_2"
JOURNAL_KEY = "pk_journal or sqlite_autoindex_journal_1"

FOR_EVER = NOW + timedelta(days=10_000)
NEARBY = ClinicFilter(nearby=Nearby(10.0, 10.0, 5))

TOLD = 5000
"""So many entries fill the journal: every fiftieth of one clinic, the last one pending."""

Ask = Callable[[SqlUnitOfWork, "Filled"], Awaitable[object]]


class Filled(NamedTuple):
    """What is asked about."""

    queue: Queue
    token: Token
    clinic_id: ClinicId
    called: TokenId
    last_entry: EntryId


def line(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.tokens.line_for(full.queue.id, full.token.patient_id)


def taken(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.tokens.taken_by([full.token.patient_id], queue_id=full.queue.id, now=NOW)


def day(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.journal.of_clinic(full.clinic_id, since=NOW, until=NOW + timedelta(hours=1))


LATELY = NOW + timedelta(seconds=TOLD - 20)

QUESTIONS: list[tuple[str, Ask]] = [
    ("ix_tokens_waiting", line),
    ("ix_tokens_assigned", line),
    ("ix_tokens_taken", taken),
    ("ix_tokens_active", taken),
    ("ix_tokens_active", lambda db, full: db.tokens.active_of(full.token.patient_id, now=NOW)),
    (UNIQUE_DAY, lambda db, full: db.queues.of_day(full.queue.service_id, full.queue.date)),
    ("uq_services_default", lambda db, full: db.clinics.get(full.clinic_id)),
    ("ix_clinics_position", lambda db, _: db.clinics.search(NEARBY, page=Page())),
    ("ix_clinics_newest", lambda db, _: db.clinics.search(ClinicFilter(), page=Page())),
    ("ix_services_next_opening", lambda db, _: db.clinics.due_for_opening(NOW, limit=1)),
    ("ix_journal_pending", lambda db, _: db.journal.pending(before=FOR_EVER, limit=10)),
    ("ix_journal_pending", lambda db, _: db.journal.depth()),
    ("ix_journal_token", lambda db, full: db.journal.of_token(full.called)),
    ("ix_journal_clinic", day),
    (JOURNAL_KEY, lambda db, full: db.journal.after(full.last_entry, limit=10)),
    (JOURNAL_KEY, lambda db, full: db.journal.mark_announced([full.last_entry])),
    ("ix_journal_created_at", lambda db, _: db.journal.kept(after=LATELY, limit=10)),
]
"""An index, and a question that it is for."""


async def fill(storage: SqlStorage) -> Filled:
    """Enough of everything that reading all of it would not be the better plan."""
    queue = await given_queue(storage, max_size=1000)
    done = {"status": TokenStatus.COMPLETED}
    *_, last = await given_tokens(storage, queue, *(done for _ in range(900)), *[{}] * 50)
    clinics = [
        build_clinic(
            latitude=number % 170 - 85.0,
            longitude=number % 350 - 175.0,
            created_at=NOW + timedelta(seconds=number),
            next_opening_at=NOW + timedelta(days=1) if number else NOW,
        )
        for number in range(2000)
    ]
    await given(storage, *clinics, *map(build_queue, clinics))
    called = build_token(queue, status=TokenStatus.CALLED)
    entries = [
        build_entry(
            TokenCalled(
                actor=SYSTEM,
                at=NOW,
                token=called if number == TOLD // 2 else build_token(queue),
                from_status=TokenStatus.WAITING,
                queue=build_status(clinic_id=clinics[number % 50].id),
            ),
            created_at=NOW + timedelta(seconds=number),
        )
        for number in range(TOLD)
    ]
    async with storage.write() as db:
        for entry in entries:
            await db.journal.add(entry, request_id=None)
        await db.journal.mark_announced(entry.id for entry in entries[:-1])
        await db._transaction.change(text("ANALYZE"))
        await db.commit()
    return Filled(queue, last, clinics[0].id, called.id, entries[-1].id)


async def asked_of(db: SqlUnitOfWork, ask: Awaitable[object]) -> list[tuple[str, Any]]:
    """Every statement of that question, with its parameters."""
    connection = db._transaction._connection
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, executemany: bool) -> None:
        asked.append((statement, parameters[0] if executemany else parameters))

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    try:
        await ask
    finally:
        event.remove(connection.sync_connection, "before_cursor_execute", note)
    return asked


async def plan_of(db: SqlUnitOfWork, ask: Awaitable[object]) -> str:
    """How the database goes about every statement of that question."""
    connection = db._transaction._connection
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    lines: list[str] = []
    for statement, parameters in await asked_of(db, ask):
        rows = await connection.exec_driver_sql(explain + statement, parameters)
        lines += [str(row[-1]) for row in rows]
    return "\n".join(lines)


async def cost_of(db: SqlUnitOfWork, ask: Awaitable[object]) -> int:
    """How many rows Postgres touches for it, and how many steps SQLite takes."""
    connection = db._transaction._connection
    if connection.dialect.name == "sqlite":
        steps: list[None] = []
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.set_progress_handler(lambda: steps.append(None), 1)
        await ask
        await driver.set_progress_handler(None, 0)
        return len(steps)
    touched = 0
    for statement, parameters in await asked_of(db, ask):
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) "
        rows = await connection.exec_driver_sql(explain + statement, parameters)
        plans = [one["Plan"] for one in rows.scalar_one()]
        while plans:
            plan = plans.pop()
            plans += plan.get("Plans", ())
            seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            touched += round(seen * plan["Actual Loops"])
    return touched


@pytest.mark.timeout(120)
async def test_every_question_of_an_action_has_its_index(sql_storage: SqlStorage) -> None:
    full = await fill(sql_storage)
    for index, ask in QUESTIONS:
        async with sql_storage.write() as db:
            plan = await plan_of(db, ask(db, full))
        assert any(name in plan for name in index.split(" or ")), f"{index}: {plan}"
        for table in ("tokens", "journal", "queues"):
            assert f"Seq Scan on {table}" not in plan, plan
            assert f"SCAN {table}\n" not in f"{plan}\n", plan


async def test_what_finding_the_next_costs_does_not_grow_with_the_queue(
    sql_storage: SqlStorage,
) -> None:
    costs: list[int] = []
    for length in (3, 30, 900):
        queue = await given_queue(sql_storage, max_size=1000)
        classes = [{"priority": each} for each in Priority] * (length // 3)
        done = [{"status": TokenStatus.COMPLETED}] * (950 - length)
        in_hand, *_ = await given_tokens(
            sql_storage, queue, {"status": TokenStatus.CALLED}, *done, *classes
        )
        async with sql_storage.write() as db:
            staff_id = in_hand.patient_id
            await db.tokens.save([replace(in_hand, assigned_to=staff_id)])
            await db._transaction.change(text("ANALYZE"))
            await db.commit()
        async with sql_storage.read() as db:
            found = await db.tokens.line_for(queue.id, staff_id)
            assert (len(found.heads), len(found.assigned)) == (3, 1)
            costs.append(await cost_of(db, db.tokens.line_for(queue.id, staff_id)))
    assert costs == costs[:1] * 3
    assert costs[0] < 500
