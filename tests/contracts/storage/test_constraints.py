"""The databases themselves keep the rules that a race, or a fault of ours, could break."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from qure.adapters.sql.unit_of_work import SqlStorage
from qure.domain.actor import Role
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, UserId
from qure.domain.token import TokenStatus
from qure.domain.waiting.calibration import Calibration
from tests.contracts.storage.given import (
    Thing,
    changed_user,
    given,
    given_patients,
    given_queue,
    given_tokens,
)
from tests.support.builders import (
    NOW,
    build_clinic,
    build_desk,
    build_display,
    build_guest,
    build_guest_link,
    build_pairing,
    build_promise,
    build_queue,
    build_secret,
    build_service,
    build_session,
    build_staff,
    build_token,
    build_user,
    new_id,
)


async def test_a_second_active_token_of_a_patient_in_a_queue_is_refused(
    sql_storage: SqlStorage,
) -> None:
    queue = await given_queue(sql_storage)
    (standing,) = await given_tokens(sql_storage, queue, {"status": TokenStatus.CALLED})
    with pytest.raises(Conflict) as refusal:
        await given(sql_storage, build_token(queue, number=2, patient_id=standing.patient_id))
    assert refusal.value.code == "active_token_exists"


async def test_a_number_is_not_given_twice(sql_storage: SqlStorage) -> None:
    queue = await given_queue(sql_storage)
    await given_tokens(sql_storage, queue, {"status": TokenStatus.CANCELLED})
    (patient,) = await given_patients(sql_storage, 1)
    with pytest.raises(Conflict) as refusal:
        await given(sql_storage, build_token(queue, number=1, patient_id=patient.id))
    assert refusal.value.code == "token_number_taken"


@pytest.mark.parametrize("kind", ["links", "join codes", "default services"])
async def test_what_cannot_be_twice_is_refused(sql_storage: SqlStorage, kind: str) -> None:
    digest, clinic, guests = "d" * 64, build_clinic(), [build_guest(), build_guest()]
    await given(sql_storage, clinic, *guests)
    things: dict[str, list[Thing]] = {
        "links": [build_guest_link(guest.id, digest=digest) for guest in guests],
        "join codes": [build_clinic(join_digest=digest) for _ in range(2)],
        "default services": [build_service(clinic.id, is_default=True)],
    }
    with pytest.raises(IntegrityError):
        await given(sql_storage, *things[kind])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE queues SET waiting_count = -1",
        "UPDATE queues SET waiting_count = last_issued_number + 1",
        "UPDATE queues SET last_issued_number = max_size + 1",
        "UPDATE queues SET now_serving = last_issued_number + 1",
        "UPDATE queues SET last_served_number = last_issued_number + 1",
        "UPDATE queues SET max_size = 0",
        "UPDATE queues SET max_size = 1001",
        "UPDATE queues SET version = 0",
        "UPDATE queues SET day_ends_at = day_starts_at",
        "UPDATE queues SET end_time = start_time",
        "UPDATE queues SET on_hold_count = -1",
        "UPDATE queues SET on_hold_count = waiting_count + 1",
        "UPDATE queues SET open_desks = -1",
        "UPDATE queues SET closed_at = created_at",
        "UPDATE tokens SET skip_reason = 'BORED'",
        "UPDATE tokens SET cancel_reason = 'BORED'",
        "UPDATE tokens SET on_hold = true, status = 'CALLED'",
        "UPDATE clinics SET no_show_minutes = 0",
        "UPDATE clinics SET no_show_minutes = 61",
        "UPDATE clinics SET rejoin_minutes = -1",
        "UPDATE clinics SET rejoin_minutes = 241",
        "UPDATE clinics SET max_rejoins = -1",
        "UPDATE clinics SET max_rejoins = 11",
        "UPDATE clinics SET rejoin_after = -1",
        "UPDATE clinics SET rejoin_after = 21",
        "UPDATE clinics SET refuse_below = -0.01",
        "UPDATE clinics SET refuse_below = 1.01",
        "UPDATE desks SET state = 'ON FIRE'",
        "UPDATE desks SET state = 'CLOSED' WHERE staff_id IS NOT NULL",
        "UPDATE desks SET state = 'OPEN' WHERE staff_id IS NULL",
        "UPDATE users SET clinic_id = NULL WHERE role = 'DISPLAY'",
        "UPDATE guest_links SET digest = 'short'",
        "UPDATE guest_links SET generation = 0",
        "UPDATE display_pairings SET digest = 'short'",
        "UPDATE tokens SET number = 0",
        "UPDATE tokens SET status = 'LOST'",
        "UPDATE users SET role = 'EMPEROR'",
        "UPDATE users SET role = 'STAFF', clinic_id = NULL",
        "UPDATE users SET role = 'ADMIN' WHERE clinic_id IS NOT NULL",
        "UPDATE clinics SET latitude = 90.1",
        "UPDATE clinics SET longitude = -180.1",
        "UPDATE clinics SET type = 'BAKERY'",
        "UPDATE clinics SET opening_end = opening_start",
        "UPDATE services SET max_queue_size = 0",
        "UPDATE services SET max_queue_size = 1001",
        "UPDATE services SET expected_minutes = 0",
        "UPDATE services SET expected_minutes = 241",
        "UPDATE queues SET priority_run = -1",
        "UPDATE queues SET priority_run = 3",
        "UPDATE tokens SET version = 0",
        "UPDATE tokens SET priority = 'FIRST_CLASS'",
        "UPDATE promises SET ahead = -1",
        "UPDATE promises SET low = leave_by, leave_by = low",
        "UPDATE promises SET low = likely, likely = low",
        "UPDATE promises SET likely = high, high = likely",
        "UPDATE promises SET basis = 'hearsay'",
        "UPDATE promises SET version = 0",
        "UPDATE promises SET called_at = as_of, error_seconds = 1",
        "UPDATE promises SET called_at = as_of, is_open = false",
        "UPDATE promises SET error_seconds = 1, is_open = false",
        "UPDATE promises SET called_at = as_of, error_seconds = -1, is_open = false",
        "UPDATE calibrations SET bucket = -1",
        "UPDATE calibrations SET bias = 0",
        "UPDATE calibrations SET bias = 10.1",
        "UPDATE calibrations SET late = -1.1",
        "UPDATE calibrations SET early = 10.1",
        "UPDATE calibrations SET samples = -1",
        "DELETE FROM tokens",
        "UPDATE journal SET number = -1",
        "UPDATE journal SET actor_kind = 'GHOST'",
        "DELETE FROM services",
        "DELETE FROM clinics",
        "DELETE FROM users",
        "DELETE FROM queues",
    ],
)
async def test_what_cannot_be_is_refused(sql_storage: SqlStorage, change: str) -> None:
    clinic = build_clinic()
    queue, staff, guest = build_queue(clinic), build_staff(clinic.id), build_guest()
    await given(sql_storage, clinic, queue, staff, guest, changed_user())
    await given(
        sql_storage,
        build_desk(clinic.id, staff),
        build_desk(clinic.id),
        build_display(clinic.id),
        build_guest_link(guest.id),
        build_pairing(),
    )
    (token,) = await given_tokens(sql_storage, queue, {})
    async with sql_storage.write() as db:
        await db.promises.add([build_promise(token)])
        await db.calibrations.save({(queue.service_id, 0): Calibration()})
        await db.commit()
    async with sql_storage.write() as db:
        with pytest.raises(IntegrityError):
            await db._transaction.change(text(change))


async def test_nothing_names_what_is_not_there(sql_storage: SqlStorage) -> None:
    queue = await given_queue(sql_storage)
    (patient,) = await given_patients(sql_storage, 1)
    session = build_session(UserId(new_id()))
    for orphan in (
        build_queue(build_clinic()),
        build_token(queue),
        build_token(build_queue(), patient_id=patient.id),
        build_staff(ClinicId(new_id())),
        (session, build_secret(session)),
        build_service(),
        build_desk(),
        build_desk(queue.clinic_id, build_user()),
        build_display(),
        build_guest_link(UserId(new_id())),
    ):
        with pytest.raises(IntegrityError):
            await given(sql_storage, orphan)


async def test_the_secrets_of_a_forgotten_session_are_forgotten(sql_storage: SqlStorage) -> None:
    (user,) = await given_patients(sql_storage, 1)
    session = build_session(user.id, expires_at=NOW)
    secret = build_secret(session, expires_at=NOW + timedelta(days=1))
    await given(sql_storage, (session, secret))
    async with sql_storage.write() as db:
        assert await db.sessions.delete_expired(before=NOW + timedelta(seconds=1)) == 1
        assert await db.sessions.secret(secret.digest) is None


async def test_a_unit_of_work_in_which_a_statement_failed_cannot_be_committed(
    sql_storage: SqlStorage,
) -> None:
    taken, user = build_user(), build_user()
    await given(sql_storage, taken)
    async with sql_storage.write() as db:
        await db.users.add(user)
        with pytest.raises(Conflict):
            await db.users.add(build_user(email=taken.email))
        with pytest.raises(RuntimeError, match="failed"):
            await db.commit()
    async with sql_storage.read() as db:
        assert await db.users.get(user.id) is None


async def test_a_commit_that_has_begun_is_done_although_its_task_is_cancelled(
    sql_storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = build_user()
    begun = asyncio.Event()

    async def add() -> None:
        async with sql_storage.write() as db:
            await db.users.add(user)
            connection = db._transaction._connection

            async def slow_commit() -> None:
                begun.set()
                await asyncio.sleep(0.05)
                await connection.commit()

            monkeypatch.setattr(
                db._transaction,
                "_connection",
                SimpleNamespace(commit=slow_commit, close=connection.close),
            )
            await db.commit()

    task = asyncio.create_task(add())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with sql_storage.read() as db:
        assert await db.users.get(user.id) == user


async def test_after_the_commit_a_unit_of_work_answers_nothing_more(
    sql_storage: SqlStorage,
) -> None:
    async with sql_storage.write() as db:
        await db.users.add(build_user())
        await db.commit()
        with pytest.raises(RuntimeError, match="ended"):
            await db.journal.depth()
    with pytest.raises(RuntimeError, match="ended"):
        await db.journal.depth()


@pytest.mark.parametrize("fault", ["a taken address", "a broken check", "a missing clinic"])
async def test_no_error_shows_the_values_of_a_row(
    sql_storage: SqlStorage, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = build_user(
        email="marker@example.org", password_hash="marker-hash", first_name="marker-name"
    )
    await given(sql_storage, replace(secret, id=UserId(new_id())))
    unlawful = {
        "a taken address": secret,
        "a broken check": replace(secret, email="marker2@example.org", role=Role.STAFF),
        "a missing clinic": replace(
            secret, email="marker2@example.org", role=Role.STAFF, clinic_id=ClinicId(new_id())
        ),
    }[fault]
    with pytest.raises((Conflict, IntegrityError)) as caught:
        await given(sql_storage, unlawful)
    told: BaseException | None = caught.value
    while told is not None:  # as a traceback shows them, but without this file's lines
        assert "marker" not in str(told)
        told = told.__cause__
    assert "marker" not in caplog.text
