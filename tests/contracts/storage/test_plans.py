"""What is asked in every action is answered by an index made for it, however long the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event, text

from qure.adapters.sql.unit_of_work import SqlStorage, SqlUnitOfWork
from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.actor import SYSTEM
from qure.domain.calling_order import HEADS
from qure.domain.clinic import Clinic
from qure.domain.display import DisplayPairing
from qure.domain.events import DeskPaused, TokenCalled
from qure.domain.guest import GuestLink
from qure.domain.ids import ClinicId, DeskId, EntryId, TokenId, UserId
from qure.domain.queue import Queue
from qure.domain.queue_status import Notice, NoticeKind
from qure.domain.token import Priority, Token, TokenStatus
from qure.domain.waiting.calibration import Calibration
from tests.contracts.storage.given import given, given_queue, given_tokens
from tests.support.builders import (
    NOW,
    build_clinic,
    build_desk,
    build_display,
    build_entry,
    build_guest,
    build_guest_link,
    build_kept_answer,
    build_pairing,
    build_promise,
    build_queue,
    build_service,
    build_session,
    build_staff,
    build_status,
    build_token,
    new_id,
)

# SQLite gives the indexes of keys names of its own.
UNIQUE_DAY = "uq_queues_service_date or sqlite_autoindex_queues_2"
JOURNAL_KEY = "pk_journal or sqlite_autoindex_journal_1"
OF_QUEUE = "uq_tokens_queue_number or sqlite_autoindex_tokens_2 or ix_tokens_taken"
# And makes them in no order when it makes a table anew.
JOIN_CODE = "uq_clinics_join_digest or (join_digest=?)"
LINK = "uq_guest_links_digest or sqlite_autoindex_guest_links_2"
USER_CODE = "uq_display_pairings_user_code or sqlite_autoindex_display_pairings_2"
CALIBRATIONS = "pk_calibrations or sqlite_autoindex_calibrations_1"
KEPT = "pk_kept_answers or sqlite_autoindex_kept_answers_1"

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
    guest: GuestLink
    pairing: DisplayPairing
    kept: KeptAnswer
    join_digest: str


def line(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.tokens.line_for(full.queue.id, full.token.patient_id)


def taken(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.tokens.taken_by([full.token.patient_id], queue_id=full.queue.id, now=NOW)


def places(db: SqlUnitOfWork, full: Filled, *, behind: Token | None) -> Awaitable[object]:
    return db.tokens.places(full.queue.id, Priority.NORMAL, behind=behind, limit=3)


def last_move(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    since = NOW + timedelta(seconds=TOLD - 60)
    return db.journal.last_move(full.queue, full.token.patient_id, since=since)


def of_services(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.queues.of_services([full.queue.service_id], now=NOW)


def day(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.journal.of_clinic(full.clinic_id, since=NOW, until=NOW + timedelta(hours=1))


def seen_days(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    before = full.queue.date + timedelta(days=1)
    return db.tokens.seen_days(full.queue.service_id, before=before, days=28)


def accuracy(db: SqlUnitOfWork, full: Filled) -> Awaitable[object]:
    return db.promises.accuracy(full.clinic_id, since=NOW)


LATELY = NOW + timedelta(seconds=TOLD - 20)

QUESTIONS: list[tuple[str, Ask]] = [
    ("ix_tokens_waiting", line),
    ("ix_tokens_assigned", line),
    ("ix_tokens_taken", taken),
    ("ix_tokens_active", taken),
    ("ix_tokens_active", lambda db, full: db.tokens.active_of(full.token.patient_id, now=NOW)),
    ("ix_tokens_active", lambda db, full: db.tokens.standing_of(full.token.patient_id, now=NOW)),
    ("ix_tokens_skipped", lambda db, full: db.tokens.standing_of(full.token.patient_id, now=NOW)),
    (UNIQUE_DAY, lambda db, full: db.queues.of_day(full.queue.service_id, full.queue.date)),
    ("uq_services_default", lambda db, full: db.clinics.get(full.clinic_id)),
    ("ix_clinics_position", lambda db, _: db.clinics.search(NEARBY, page=Page())),
    ("ix_clinics_newest", lambda db, _: db.clinics.search(ClinicFilter(), page=Page())),
    ("ix_tokens_waiting", lambda db, full: db.tokens.line_for(full.queue.id, None)),
    ("ix_tokens_waiting", lambda db, full: places(db, full, behind=None)),
    ("ix_tokens_waiting", lambda db, full: places(db, full, behind=full.token)),
    ("ix_tokens_called", lambda db, _: db.tokens.not_shown_up(now=NOW, limit=10)),
    (OF_QUEUE, lambda db, full: db.tokens.space_out(full.queue.id, Priority.NORMAL)),
    (OF_QUEUE, lambda db, full: db.tokens.of_queue(full.queue.id)),
    (OF_QUEUE, lambda db, full: db.tokens.on_board(full.queue.id)),
    (
        f"{OF_QUEUE} or uq_tokens_active",
        lambda db, full: db.tokens.active_in(full.queue.id, limit=10),
    ),
    (UNIQUE_DAY, of_services),
    (UNIQUE_DAY, seen_days),
    (OF_QUEUE, seen_days),
    ("ix_promises_open", lambda db, _: db.promises.due(called_before=NOW, limit=10)),
    ("ix_promises_called", accuracy),
    (
        CALIBRATIONS,
        lambda db, full: db.calibrations.of_services([full.queue.service_id], lock=True),
    ),
    (UNIQUE_DAY, lambda db, full: db.queues.of_clinic(full.clinic_id, now=NOW)),
    ("ix_services_clinic", lambda db, full: db.queues.of_clinic(full.clinic_id, now=NOW)),
    ("ix_queues_ending", lambda db, _: db.queues.to_end(now=NOW, limit=10)),
    ("ix_queues_notice_ends_at", lambda db, _: db.queues.with_notice_over(now=NOW, limit=10)),
    ("ix_services_clinic", lambda db, full: db.services.of_clinic(full.clinic_id)),
    ("ix_services_next_opening", lambda db, _: db.services.due_for_opening(NOW, limit=1)),
    (JOIN_CODE, lambda db, full: db.clinics.by_join_digest(full.join_digest)),
    ("ix_desks_clinic", lambda db, full: db.desks.of_clinic(full.clinic_id)),
    ("uq_desks_staff", lambda db, full: db.desks.of_staff(full.token.patient_id)),
    ("uq_desks_staff", lambda db, _: db.desks.deserted(now=NOW, limit=10)),
    ("ix_users_staff", lambda db, full: db.users.staff_of(full.clinic_id)),
    (LINK, lambda db, full: db.guest_links.by_digest(full.guest.digest)),
    ("ix_guest_links_expires_at", lambda db, _: db.guest_links.delete_expired(before=NOW)),
    ("ix_displays_clinic", lambda db, full: db.displays.of_clinic(full.clinic_id)),
    (USER_CODE, lambda db, full: db.displays.pairing_by_code(full.pairing.user_code)),
    (
        "ix_display_pairings_expires_at",
        lambda db, _: db.displays.delete_expired_pairings(before=NOW),
    ),
    (KEPT, lambda db, full: db.kept_answers.get(full.kept.scope, full.kept.key)),
    (KEPT, lambda db, full: db.kept_answers.get_all({(full.kept.scope, full.kept.key)})),
    (
        "ix_kept_answers_created_at",
        lambda db, _: db.kept_answers.delete_older(before=NOW, limit=10),
    ),
    ("ix_journal_pending", lambda db, _: db.journal.pending(before=FOR_EVER, limit=10)),
    ("ix_journal_pending", lambda db, _: db.journal.depth()),
    ("ix_journal_token", lambda db, full: db.journal.of_token(full.called)),
    ("ix_journal_clinic", day),
    ("ix_journal_clinic", last_move),
    ("ix_journal_desks", lambda db, full: db.journal.of_desks(full.clinic_id, since=NOW)),
    (JOURNAL_KEY, lambda db, full: db.journal.after(full.last_entry, limit=10)),
    (JOURNAL_KEY, lambda db, full: db.journal.mark_announced([full.last_entry])),
    ("ix_journal_created_at", lambda db, _: db.journal.kept(after=LATELY, limit=10)),
]
"""An index, and a question that it is for."""


async def fill(storage: SqlStorage) -> Filled:
    """Enough of everything that reading all of it would not be the better plan."""
    queue = await given_queue(storage, max_size=1000)
    done = {"status": TokenStatus.COMPLETED}
    *before, last = await given_tokens(storage, queue, *(done for _ in range(900)), *[{}] * 50)
    patients = [token.patient_id for token in before]
    clinics = [
        build_clinic(
            latitude=number % 170 - 85.0,
            longitude=number % 350 - 175.0,
            created_at=NOW + timedelta(seconds=number),
            next_opening_at=NOW + timedelta(days=1) if number else NOW,
            no_show_minutes=5,
            join_digest=f"{number:064x}" if number % 2 else None,
        )
        for number in range(2000)
    ]
    queues = [
        build_queue(clinic, ended_at=NOW if number % 50 else None)
        for number, clinic in enumerate(clinics)
    ]
    for noticed in queues[::50]:
        noticed.notice = Notice(kind=NoticeKind.PAUSE, until=NOW, at=NOW)
    await given(storage, *clinics, *queues)
    for full in queues[:8]:
        await _fill_queue(storage, full, patients)
    await _fill_waits(storage, queues)
    guest, pairing, kept = await _fill_the_rest(storage, clinics, patients)
    called = build_token(queue, status=TokenStatus.CALLED)
    entry = await _fill_journal(storage, clinics, called)
    async with storage.write() as db:
        await db._transaction.change(text("ANALYZE"))
        await db.commit()
    return Filled(queue, last, clinics[0].id, called.id, entry, guest, pairing, kept, f"{1:064x}")


async def _fill_queue(storage: SqlStorage, queue: Queue, patients: list[UserId]) -> None:
    called = {"status": TokenStatus.CALLED, "last_called_at": NOW - timedelta(minutes=9)}
    tokens = [
        build_token(
            queue,
            patient_id=patient,
            number=number,
            **({"status": TokenStatus.COMPLETED} if number > 1 else called),
        )
        for number, patient in enumerate(patients, start=1)
    ]
    async with storage.write() as db:
        await db.tokens.add(tokens)
        await db.commit()


async def _fill_waits(storage: SqlStorage, queues: list[Queue]) -> None:
    """Everybody was told something; of one in 300 it is not known yet what came of it."""
    async with storage.write() as db:
        for queue in queues[:8]:
            await db.promises.add(
                [
                    build_promise(token, clinic_id=queue.clinic_id)
                    if token.number % 300 == 0
                    else build_promise(
                        token,
                        clinic_id=queue.clinic_id,
                        called_at=NOW + timedelta(seconds=token.number),
                        is_open=False,
                    )
                    for token in await db.tokens.of_queue(queue.id)
                ]
            )
        of_each = product([queue.service_id for queue in queues], range(4))
        await db.calibrations.save({key: Calibration() for key in of_each})
        await db.commit()


async def _fill_the_rest(
    storage: SqlStorage, clinics: list[Clinic], patients: list[UserId]
) -> tuple[GuestLink, DisplayPairing, KeptAnswer]:
    """Every tenth clinic has somebody at a desk; what is old is little of all."""
    some, late = clinics[::10], NOW + timedelta(hours=1)
    staff = [build_staff(clinic.id) for clinic in some]
    logins = [build_session(user.id) for user in staff]
    others = [build_session(patient) for patient in patients]
    desks = [
        build_desk(clinic.id, user, closes_at=late)
        for clinic, user in zip(some, staff, strict=True)
    ]
    guests = [build_guest() for _ in range(1000)]
    links = [build_guest_link(guest.id, expires_at=late) for guest in guests]
    pairings = [build_pairing(expires_at=late) for _ in range(1000)]
    answers = [build_kept_answer(created_at=late, tokens=()) for _ in range(2000)]
    for link, pairing in zip(links[:10], pairings, strict=False):
        link.expires_at = pairing.expires_at = NOW - timedelta(hours=1)
    old = [build_kept_answer(created_at=NOW - timedelta(days=2), tokens=()) for _ in range(30)]
    await given(
        storage,
        *staff,
        *((session, None) for session in (*logins, *others)),
        *desks,
        *(build_service(clinic.id) for clinic in clinics),
        *(build_desk(clinic.id) for clinic in clinics),
        *(build_display(clinic.id) for clinic in clinics),
        *guests,
        *links,
        *pairings,
        *answers,
        *old,
    )
    return links[-1], pairings[-1], answers[-1]


async def _fill_journal(storage: SqlStorage, clinics: list[Clinic], called: Token) -> EntryId:
    pauses = [
        build_entry(
            DeskPaused(
                actor=SYSTEM,
                at=NOW,
                clinic_id=clinics[number % 50].id,
                desk_id=DeskId(new_id()),
                desk_name="Room 1",
                staff_id=None,
                service_ids=(),
                paused_until=None,
            ),
            created_at=NOW + timedelta(seconds=10 * number),
        )
        for number in range(TOLD // 10)
    ]
    calls = [
        build_entry(
            TokenCalled(
                actor=SYSTEM,
                at=NOW,
                token=called if number == TOLD // 2 else build_token(),
                from_status=TokenStatus.WAITING,
                queue=build_status(clinic_id=clinics[number % 50].id),
            ),
            created_at=NOW + timedelta(seconds=number),
        )
        for number in range(TOLD)
    ]
    entries = [*pauses, *calls]
    async with storage.write() as db:
        for entry in entries:
            await db.journal.add(entry, request_id=None)
        await db.journal.mark_announced(entry.id for entry in entries[:-1])
        await db.commit()
    return entries[-1].id


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
        for table in ("tokens", "journal", "queues", "kept_answers", "promises"):
            assert f"Seq Scan on {table}" not in plan, plan
            assert f"SCAN {table}\n" not in f"{plan}\n", plan


async def test_what_finding_the_next_costs_does_not_grow_with_the_queue(
    sql_storage: SqlStorage,
) -> None:
    costs: list[int] = []
    for length in (3 * HEADS, 30, 900):
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
            assert (len(found.heads), len(found.assigned)) == (3 * HEADS, 1)
            costs.append(await cost_of(db, db.tokens.line_for(queue.id, staff_id)))
    assert costs == costs[:1] * 3
    assert costs[0] < 3_000


async def test_what_the_queues_of_now_cost_does_not_grow_with_those_of_other_days(
    sql_storage: SqlStorage,
) -> None:
    costs: list[int] = []
    for days in (200, 800):
        clinic = build_clinic()
        past = [build_queue(clinic, at=NOW - timedelta(days=day)) for day in range(days)]
        await given(sql_storage, clinic, *past)
        async with sql_storage.write() as db:
            await db._transaction.change(text("ANALYZE"))
            await db.commit()
        async with sql_storage.read() as db:
            of_clinic = await cost_of(db, db.queues.of_clinic(clinic.id, now=NOW))
            services = [clinic.service.id]
            of_services = await cost_of(db, db.queues.of_services(services, now=NOW))
        costs += [of_clinic, of_services]
    # Postgres estimates anew, and looks at a row more or less.
    assert costs[2] < costs[0] + 5
    assert costs[3] < costs[1] + 5
