"""A clinic's join code: made when strangers may come, printed again, renewed, never stored."""

from __future__ import annotations

import re

import pytest

from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.storage import TransactionConflict
from qure.application.secrets import secret_digest
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.errors import DomainError, Forbidden, NotFound
from qure.domain.ids import ClinicId
from tests.application.world import World, outcomes
from tests.support.builders import NOW, new_id


async def create(world: World, *, guest_join: bool) -> Clinic:
    return await world.use.clinics.create(
        fields=ClinicFields(
            name="Harbour Clinic", latitude=40.7, longitude=-74.0, guest_join=guest_join
        ),
        reader=world.images,
        actor=await world.admin(),
    )


async def set_join(world: World, clinic: Clinic, guest_join: bool) -> Clinic:
    return await world.use.clinics.update(
        clinic.id,
        fields=ClinicFields(guest_join=guest_join),
        reader=world.images,
        actor=await world.admin(),
    )


def code_of(world: World, clinic: Clinic) -> str:
    code = world.use.clinics.join_code_of(clinic)
    assert code is not None
    return code


async def test_a_clinic_that_lets_no_strangers_in_has_no_code(world: World) -> None:
    clinic = await create(world, guest_join=False)
    assert world.use.clinics.join_code_of(clinic) is None
    assert (clinic.join_digest, clinic.join_generation) == (None, 0)


async def test_the_code_comes_with_the_wish_and_is_128_bits_in_22_characters(
    world: World,
) -> None:
    made_with_it = await create(world, guest_join=True)
    made_later = await set_join(world, await world.clinic(), guest_join=True)
    codes = {code_of(world, clinic) for clinic in (made_with_it, made_later)}
    assert len(codes) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", code) for code in codes)


async def test_the_same_code_is_printed_again_and_survives_being_switched_off(
    world: World,
) -> None:
    clinic = await create(world, guest_join=True)
    code = code_of(world, clinic)
    assert code_of(world, await world.use.clinics.read(clinic.id)) == code
    await set_join(world, clinic, guest_join=False)
    assert code_of(world, await set_join(world, clinic, guest_join=True)) == code


async def test_only_its_digest_is_kept_and_told_to_nobody(world: World) -> None:
    clinic = await create(world, guest_join=True)
    code = code_of(world, clinic)
    stored = await world.clinic_of(clinic.id)
    assert stored.join_digest == secret_digest(code)
    assert code not in repr((stored, world.told))


async def test_an_admin_renews_it_and_everyone_who_watches_the_clinic_is_told(
    world: World,
) -> None:
    clinic, admin = await create(world, guest_join=True), await world.admin()
    codes = [code_of(world, clinic)]
    for _ in range(3):
        world.forget_events()
        renewed = await world.use.clinics.renew_join_code(clinic.id, actor=admin)
        assert await world.clinic_of(clinic.id) == renewed
        codes.append(code_of(world, renewed))
        assert world.events == [events.ClinicChanged(clinic_id=clinic.id, actor=admin, at=NOW)]
    assert len(set(codes)) == 4


async def test_a_code_may_be_made_before_strangers_are_let_in(world: World) -> None:
    clinic = await world.clinic()
    renewed = await world.use.clinics.renew_join_code(clinic.id, actor=await world.admin())
    assert not renewed.guest_join
    code = code_of(world, renewed)
    assert code_of(world, await set_join(world, clinic, guest_join=True)) == code


async def test_many_who_renew_at_once_leave_one_code(world: World) -> None:
    clinic, admin = await create(world, guest_join=True), await world.admin()
    renewed, refused = await outcomes(
        world.use.clinics.renew_join_code(clinic.id, actor=admin) for _ in range(4)
    )
    assert (len({code_of(world, one) for one in renewed}), refused) == (4, [])
    stored = await world.clinic_of(clinic.id)
    assert stored.join_generation == 5
    assert code_of(world, stored) in {code_of(world, one) for one in renewed}


async def test_without_the_services_key_nobody_works_a_code_out(world: World) -> None:
    clinic = await create(world, guest_join=True)
    world.digests.key = "another key"
    assert world.use.clinics.join_code_of(clinic) is None
    renewed = await world.use.clinics.renew_join_code(clinic.id, actor=await world.admin())
    assert world.use.clinics.join_code_of(renewed) is not None


async def refusal_to_print(world: World, clinic_id: ClinicId, actor: Actor) -> str:
    with pytest.raises(DomainError) as refused:
        await world.use.clinics.printable_join_code(clinic_id, actor=actor)
    return refused.value.code


async def test_what_staff_print_is_the_code_that_lets_people_in(world: World) -> None:
    clinic = await create(world, guest_join=True)
    admin, staff = await world.admin(), await world.staff_of(clinic.id)
    for actor in (admin, staff):
        printed = await world.use.clinics.printable_join_code(clinic.id, actor=actor)
        assert printed == code_of(world, clinic)
    renewed = await world.use.clinics.renew_join_code(clinic.id, actor=admin)
    printed = await world.use.clinics.printable_join_code(clinic.id, actor=staff)
    assert printed == code_of(world, renewed)


async def test_only_the_clinics_staff_and_admins_print_it(world: World) -> None:
    clinic = await create(world, guest_join=True)
    elsewhere = await world.clinic()
    for actor in (await world.patient(), await world.staff_of(elsewhere.id)):
        assert await refusal_to_print(world, clinic.id, actor) == "forbidden"


async def test_a_code_that_lets_nobody_in_is_not_printed(world: World) -> None:
    admin, clinic = await world.admin(), await create(world, guest_join=False)
    assert await refusal_to_print(world, clinic.id, admin) == "guest_join_off"
    await world.use.clinics.renew_join_code(clinic.id, actor=admin)
    assert await refusal_to_print(world, clinic.id, admin) == "guest_join_off"
    await set_join(world, clinic, guest_join=True)
    await world.use.clinics.update(
        clinic.id, fields=ClinicFields(is_active=False), reader=world.images, actor=admin
    )
    assert await refusal_to_print(world, clinic.id, admin) == "clinic_retired"
    assert await refusal_to_print(world, ClinicId(new_id()), admin) == "clinic_not_found"


async def test_a_code_of_another_key_is_not_printed_until_it_is_renewed(world: World) -> None:
    admin, clinic = await world.admin(), await create(world, guest_join=True)
    world.digests.key = "another key"
    assert await refusal_to_print(world, clinic.id, admin) == "join_code_not_found"
    renewed = await world.use.clinics.renew_join_code(clinic.id, actor=admin)
    printed = await world.use.clinics.printable_join_code(clinic.id, actor=admin)
    assert printed == code_of(world, renewed)


async def test_only_an_admin_renews_it(world: World) -> None:
    clinic = await create(world, guest_join=True)
    for actor in await world.not_admins(clinic.id):
        with pytest.raises(Forbidden):
            await world.use.clinics.renew_join_code(clinic.id, actor=actor)
    assert await world.clinic_of(clinic.id) == clinic
    with pytest.raises(NotFound) as refused:
        await world.use.clinics.renew_join_code(ClinicId(new_id()), actor=await world.admin())
    assert refused.value.code == "clinic_not_found"


async def test_a_renewal_that_lost_a_race_renews_once(world: World) -> None:
    clinic, admin = await create(world, guest_join=True), await world.admin()
    world.storage.commit_errors.append(TransactionConflict())
    renewed = await world.use.clinics.renew_join_code(clinic.id, actor=admin)
    assert renewed.join_generation == 2
