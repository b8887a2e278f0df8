"""What is asked in every action is answered by an index made for it, however long the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from qure.adapters.sql.unit_of_work import SqlStorage, SqlUnitOfWork
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.queue import Queue
from qure.domain.token import Token, TokenStatus
from tests.builders import NOW, build_clinic, build_entry
from tests.contracts.storage.given import given, given_queue, given_tokens

NEARBY = ClinicFilter(nearby=Nearby(10.0, 10.0, 5))

Ask = Callable[[SqlUnitOfWork, Queue, Token], Awaitable[object]]


def places(db: SqlUnitOfWork, queue: Queue, token: Token) -> Awaitable[object]:
    return db.tokens.places_of([token.patient_id], queue_id=queue.id, now=NOW)


QUESTIONS: list[tuple[str, Ask]] = [
    ("tokens_waiting", lambda db, queue, _: db.tokens.next_in_line(queue.id)),
    ("tokens_held", lambda db, queue, token: db.tokens.assigned_to(queue.id, token.patient_id)),
    ("tokens_taken", lambda db, queue, token: places(db, queue, token)),
    ("tokens_active", lambda db, queue, token: places(db, queue, token)),
    ("tokens_active", lambda db, _, token: db.tokens.active_of(token.patient_id, now=NOW)),
    ("clinics_position", lambda db, *_: db.clinics.search(NEARBY, page=Page())),
    ("clinics_newest", lambda db, *_: db.clinics.search(ClinicFilter(), page=Page())),
    ("clinics_next_opening", lambda db, *_: db.clinics.due_for_opening(NOW, limit=1)),
    ("outbox_pending", lambda db, *_: db.outbox.pending(before=NOW, limit=10)),
]
"""The end of an index's name, and a question that it is for."""


async def fill(storage: SqlStorage) -> tuple[Queue, Token]:
    """Enough of everything that reading all of it would not be the better plan."""
    queue = await given_queue(storage, max_size=1000)
    done = {"status": TokenStatus.COMPLETED}
    *_, last = await given_tokens(storage, queue, *(done for _ in range(900)), *[{}] * 50)
    await given(
        storage,
        *(
            build_clinic(
                latitude=number % 170 - 85.0,
                longitude=number % 350 - 175.0,
                created_at=NOW + timedelta(seconds=number),
            )
            for number in range(2000)
        ),
    )
    async with storage.write() as db:
        for _ in range(500):
            await db.outbox.add(build_entry())
        await db._transaction.change(text("ANALYZE"))
        await db.commit()
    return queue, last


async def plan_of(db: SqlUnitOfWork, ask: Awaitable[object]) -> str:
    """How the database goes about every statement of that question."""
    connection = db._transaction._connection
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    try:
        await ask
    finally:
        event.remove(connection.sync_connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    lines: list[str] = []
    for statement, parameters in asked:
        rows = await connection.exec_driver_sql(explain + statement, parameters)
        lines += [str(row[-1]) for row in rows]
    return "\n".join(lines)


@pytest.mark.timeout(120)
async def test_every_question_of_an_action_has_its_index(sql_storage: SqlStorage) -> None:
    queue, token = await fill(sql_storage)
    for index, ask in QUESTIONS:
        async with sql_storage.read() as db:
            plan = await plan_of(db, ask(db, queue, token))
        assert index in plan, plan
        for table in ("tokens", "outbox"):
            assert f"Seq Scan on {table}" not in plan, plan
            assert f"SCAN {table}\n" not in f"{plan}\n", plan
