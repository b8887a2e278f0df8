"""Desks are kept with who sits there, and nobody sits at two."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage, TransactionConflict
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic
from qure.domain.desk import Desk
from qure.domain.events import DeskState
from qure.domain.ids import ClinicId, DeskId, ServiceId, UserId
from qure.domain.user import User
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import given
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_clinic,
    build_desk,
    build_secret,
    build_session,
    build_staff,
    build_user,
    new_id,
)

DAY = timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)


async def given_staff(storage: Storage, **fields: object) -> tuple[Clinic, User]:
    """A clinic, and somebody who works there and is logged in."""
    clinic = build_clinic()
    staff = build_staff(clinic.id, **fields)
    session = build_session(staff.id)
    await given(storage, clinic, staff, (session, build_secret(session)))
    return clinic, staff


async def test_a_desk_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    clinic, staff = await given_staff(storage)
    desk = build_desk(
        clinic.id,
        staff,
        name="Schalter Ä",
        state=DeskState.PAUSED,
        staff_name="Zoë",
        service_ids=(ServiceId(new_id()), ServiceId(new_id())),
        since=NOW + A_MOMENT,
        paused_until=NOW + timedelta(minutes=10),
        updated_at=NOW + A_MOMENT,
    )
    empty = build_desk(clinic.id, is_active=False)
    await given(storage, desk, empty)
    async with storage.write() as db:
        for kept in (desk, empty):
            for lock in (False, True):
                found = await db.desks.get(kept.id, lock=lock)
                assert found == kept
                assert found.events == []
        for lock in (False, True):
            assert await db.desks.of_staff(staff.id, lock=lock) == desk
            assert await db.desks.of_staff(UserId(new_id()), lock=lock) is None
            assert await db.desks.get(DeskId(new_id()), lock=lock) is None


async def test_the_desks_of_a_clinic_come_by_name_those_out_of_use_too(storage: Storage) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    names = ["Desk 1", "Room 2", "desk 3", "Änderung"]
    desks = [build_desk(clinic.id, name=name, is_active=name != "Room 2") for name in names]
    again = build_desk(clinic.id, name="Desk 1")
    other = build_desk(elsewhere.id)
    await given(storage, clinic, elsewhere, again, *reversed(desks), other)
    async with storage.read() as db:
        assert await db.desks.of_clinic(clinic.id) == [desks[0], again, *desks[1:]]
        assert await db.desks.of_clinic(elsewhere.id) == [other]
        assert await db.desks.of_clinic(ClinicId(new_id())) == []


async def test_sitting_down_and_getting_up_are_kept_and_told(
    storage: Storage, announced: Announced
) -> None:
    clinic, staff = await given_staff(storage)
    desk, other = build_desk(clinic.id), build_desk(clinic.id)
    await given(storage, desk, other)
    desk.open(
        staff_name=staff.first_name,
        service_ids=(clinic.service.id,),
        closes_at=NOW + DAY,
        by=build_actor(staff),
        at=NOW,
    )
    for seated in (desk, None):
        if seated is None:
            desk.close(by=SYSTEM, at=NOW + A_MOMENT)
        async with storage.write() as db:
            await db.desks.save(desk)
            await db.commit()
        async with storage.read() as db:
            assert await db.desks.get(desk.id) == desk
            assert await db.desks.of_staff(staff.id) == seated
            assert await db.desks.get(other.id) == other
    told = [type(event).__name__ for entry in announced.entries for event in entry.events]
    assert told == ["DeskOpened", "DeskClosed"]


async def test_nobody_sits_at_two_desks(storage: Storage) -> None:
    clinic, staff = await given_staff(storage)
    first, second = build_desk(clinic.id, staff), build_desk(clinic.id)
    await given(storage, first, second)
    second.open(
        staff_name="Ada", service_ids=(), closes_at=NOW + DAY, by=build_actor(staff), at=NOW
    )
    async with storage.write() as db:
        with pytest.raises(TransactionConflict):
            await db.desks.save(second)
    async with storage.write() as db:
        with pytest.raises(TransactionConflict):
            await db.desks.add(build_desk(clinic.id, staff))
    first.close(by=SYSTEM, at=NOW)
    async with storage.write() as db:
        await db.desks.save(first)
        await db.desks.save(second)
        await db.commit()
    async with storage.read() as db:
        assert await db.desks.of_staff(staff.id) == second


# --- deserted -------------------------------------------------------------------------------


async def deserted(storage: Storage, *, limit: int = 10) -> list[DeskId]:
    async with storage.read() as db:
        return await db.desks.deserted(now=NOW, limit=limit)


async def test_a_desk_at_which_somebody_sits_is_not_deserted(storage: Storage) -> None:
    clinic, staff = await given_staff(storage)
    admin = build_admin()
    ended = build_session(staff.id, revoked_at=NOW)
    session = build_session(admin.id, expires_at=NOW + A_MOMENT)
    paused = build_desk(clinic.id, admin, state=DeskState.PAUSED)
    await given(
        storage,
        admin,
        (ended, build_secret(ended)),
        (session, build_secret(session)),
        build_desk(clinic.id, staff, closes_at=NOW + A_MOMENT),
        paused,
        build_desk(clinic.id),
    )
    assert await deserted(storage) == []


@pytest.mark.parametrize("why", ["late", "disabled", "elsewhere", "patient", "left", "expired"])
async def test_a_desk_is_deserted_when_whoever_sits_there_cannot_work_there(
    storage: Storage, why: str
) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    staff = build_staff(elsewhere.id if why == "elsewhere" else clinic.id)
    if why == "patient":
        staff = build_user()
    staff.is_active = why != "disabled"
    session = build_session(
        staff.id,
        revoked_at=NOW if why == "left" else None,
        expires_at=NOW if why == "expired" else NOW + DAY,
    )
    desk = build_desk(clinic.id, staff, closes_at=NOW if why == "late" else NOW + DAY)
    # Somebody else is logged in.
    other = build_staff(clinic.id)
    live = build_session(other.id)
    await given(
        storage,
        clinic,
        elsewhere,
        staff,
        other,
        (session, build_secret(session)),
        (live, build_secret(live)),
        desk,
        build_desk(clinic.id, other),
    )
    assert await deserted(storage) == [desk.id]


async def test_deserted_desks_are_found_in_pieces(storage: Storage) -> None:
    desks: list[Desk] = []
    for _ in range(5):
        clinic, staff = await given_staff(storage)
        desks.append(build_desk(clinic.id, staff, closes_at=NOW - DAY))
    await given(storage, *desks)
    assert sorted(await deserted(storage)) == sorted(desk.id for desk in desks)
    assert len(await deserted(storage, limit=2)) == 2
