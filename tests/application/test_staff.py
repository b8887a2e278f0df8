"""Who works at a clinic: added and removed by admins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.domain import events
from qure.domain.actor import Actor, Role
from qure.domain.errors import Conflict, Forbidden, NotFound
from qure.domain.ids import ClinicId, UserId
from qure.domain.user import User
from tests.application.world import World, outcomes
from tests.support.builders import NOW, new_id


async def hire(
    world: World,
    clinic_id: ClinicId,
    *,
    user_id: UserId | None = None,
    email: str | None = None,
    actor: Actor | None = None,
) -> User:
    return await world.use.staff.add(
        clinic_id,
        user_id=user_id,
        email=email,
        actor=actor or await world.admin(),
    )


async def dismiss(
    world: World, clinic_id: ClinicId, user_id: UserId, actor: Actor | None = None
) -> User:
    return await world.use.staff.remove(
        clinic_id,
        user_id,
        actor=actor or await world.admin(),
    )


async def test_a_patient_becomes_staff_by_id_or_by_address(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    one = await world.patient()
    other = await world.patient(email="grace@example.org")
    hired = await hire(world, clinic.id, user_id=one.user_id, actor=admin)
    assert (hired.role, hired.clinic_id) == (Role.STAFF, clinic.id)
    assert await world.user_of(one.user_id) == hired
    assert world.events == [
        events.UserChanged(
            user_id=one.user_id,
            is_active=True,
            clinic_ids=(clinic.id,),
            actor=admin,
            at=NOW,
        )
    ]
    assert (await hire(world, clinic.id, email=" Grace@example.org")).id == other.user_id


async def test_staff_leave_and_everyone_who_lists_them_is_told(world: World) -> None:
    clinic = await world.clinic()
    staff = await world.staff_of(clinic.id)
    left = await dismiss(world, clinic.id, staff.user_id)
    assert (left.role, left.clinic_id) == (Role.PATIENT, None)
    assert await world.user_of(staff.user_id) == left
    (told,) = world.events
    assert isinstance(told, events.UserChanged)
    assert told.clinic_ids == (clinic.id,)


async def test_admins_and_those_who_are_staff_somewhere_are_not_hired(world: World) -> None:
    here, there = await world.clinic(), await world.clinic()
    admin, staff = await world.admin(), await world.staff_of(there.id)
    for user, code in ((admin, "user_is_admin"), (staff, "already_staff")):
        with pytest.raises(Conflict) as refused:
            await hire(world, here.id, user_id=user.user_id)
        assert refused.value.code == code
    assert world.told == []


async def test_of_two_clinics_that_hire_one_patient_at_once_one_does(world: World) -> None:
    here, there, admin = await world.clinic(), await world.clinic(), await world.admin()
    patient = await world.patient()
    (hired,), (refused,) = await outcomes(
        hire(world, clinic.id, user_id=patient.user_id, actor=admin) for clinic in (here, there)
    )
    assert refused.code == "already_staff"
    assert (await world.user_of(patient.user_id)).clinic_id == hired.clinic_id


async def test_only_an_admin_hires_and_dismisses(world: World) -> None:
    clinic, patient = await world.clinic(), await world.patient()
    for actor in await world.not_admins(clinic.id):
        with pytest.raises(Forbidden):
            await hire(world, clinic.id, user_id=patient.user_id, actor=actor)
        with pytest.raises(Forbidden):
            await dismiss(world, clinic.id, actor.user_id, actor)


async def test_who_or_what_does_not_exist_is_not_found(world: World) -> None:
    clinic, nowhere, patient = await world.clinic(), ClinicId(new_id()), await world.patient()
    elsewhere = await world.staff_of((await world.clinic()).id)
    cases = [
        (hire(world, nowhere, user_id=patient.user_id), "clinic_not_found"),
        (hire(world, clinic.id, user_id=UserId(new_id())), "user_not_found"),
        (hire(world, clinic.id, email="nobody@example.org"), "user_not_found"),
        (hire(world, clinic.id), "user_not_found"),
        (dismiss(world, nowhere, patient.user_id), "clinic_not_found"),
        (dismiss(world, clinic.id, UserId(new_id())), "user_not_found"),
        (dismiss(world, clinic.id, patient.user_id), "staff_not_found"),
        (dismiss(world, clinic.id, elsewhere.user_id), "staff_not_found"),
        (world.use.staff.list_all(nowhere), "clinic_not_found"),
    ]
    for attempt, code in cases:
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.code == code


async def test_the_staff_of_a_clinic_are_listed_for_admins_and_themselves(world: World) -> None:
    clinic, elsewhere = await world.clinic(), await world.clinic()
    staff = [
        await world.staff_of(clinic.id, created_at=NOW + timedelta(minutes=minutes))
        for minutes in (2, 1)
    ]
    stranger = await world.staff_of(elsewhere.id)
    seen = await world.use.staff.list_all(clinic.id)
    assert [user.id for user in seen] == [staff[1].user_id, staff[0].user_id]
    for actor in (await world.admin(), staff[0]):
        world.use.staff.require_may_list(clinic.id, actor=actor)
    for actor in (await world.patient(), stranger):
        with pytest.raises(Forbidden):
            world.use.staff.require_may_list(clinic.id, actor=actor)
