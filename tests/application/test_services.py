"""What patients stand in line for: made, changed and retired by admins, seen by everybody."""

from __future__ import annotations

from string import ascii_uppercase

import pytest

from qure.application.clinics.services import ServiceFields
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.errors import Conflict, Forbidden, Invalid, NotFound
from qure.domain.ids import ClinicId, ServiceId
from qure.domain.service import MAX_SERVICES, Service
from tests.application.world import World, acting, outcomes
from tests.support.builders import (
    NOW,
    build_clinic,
    build_display,
    build_display_user,
    build_guest,
    new_id,
)


async def create(
    world: World, clinic: Clinic, actor: Actor | None = None, /, **fields: object
) -> Service:
    return await world.use.services.create(
        clinic.id,
        fields=ServiceFields(**fields),  # type: ignore[typeddict-item]
        actor=actor or await world.admin(),
    )


async def update(
    world: World, service: Service, actor: Actor | None = None, /, **fields: object
) -> Service:
    return await world.use.services.update(
        service.id,
        fields=ServiceFields(**fields),  # type: ignore[typeddict-item]
        actor=actor or await world.admin(),
    )


async def names_seen_by(world: World, clinic: Clinic, actor: Actor) -> list[str]:
    return [one.name for one in await world.use.services.list_all(clinic.id, actor=actor)]


async def test_a_clinic_is_born_with_a_default_service_without_a_prefix(world: World) -> None:
    clinic = await world.clinic()
    (general,) = await world.use.services.list_all(clinic.id, actor=await world.patient())
    assert general == clinic.service
    assert (general.name, general.prefix, general.is_default) == ("General", "", True)


async def test_a_new_service_needs_only_a_name_and_comes_last(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    blood = await create(world, clinic, admin, name="Blood tests")
    assert blood == Service(
        id=blood.id,
        clinic_id=clinic.id,
        name="Blood tests",
        prefix="B",
        expected_minutes=10,
        max_queue_size=50,
        auto_open_queue=False,
        is_default=False,
        is_active=True,
        position=1,
        created_at=NOW,
        updated_at=NOW,
    )
    assert await world.service_of(blood.id) == blood
    assert world.events == [events.ClinicChanged(clinic_id=clinic.id, actor=admin, at=NOW)]
    assert (await create(world, clinic, name="X-rays")).position == 2


async def test_whatever_is_given_is_kept(world: World) -> None:
    clinic = await world.clinic()
    fields: dict[str, object] = {
        "name": "Dr Okafor",
        "prefix": "OK1",
        "expected_minutes": 25,
        "max_queue_size": 7,
        "auto_open_queue": True,
        "position": -3,
    }
    made = await create(world, clinic, **fields)
    stored = await world.service_of(made.id)
    assert {name: getattr(stored, name) for name in fields} == fields
    assert stored.next_opening_at == clinic.day_bounds(clinic.local_date(NOW))[1]


async def test_without_a_prefix_it_gets_the_first_free_letter_of_its_name_else_of_the_alphabet(
    world: World,
) -> None:
    clinic = await world.clinic()
    prefixes = [
        (await create(world, clinic, name=name)).prefix
        for name in ("Blood tests", "bones", "Bob", "Ärztin", "42")
    ]
    assert prefixes == ["B", "O", "A", "R", "C"]


async def test_when_all_letters_are_taken_a_prefix_has_to_be_given(world: World) -> None:
    clinic = await world.clinic()
    for letter in ascii_uppercase:
        await world.service(clinic, prefix=letter)
    with pytest.raises(Invalid) as refused:
        await create(world, clinic, name="One more")
    assert [error.path for error in refused.value.errors] == ["prefix"]
    assert (await create(world, clinic, name="One more", prefix="AA")).prefix == "AA"


async def test_names_and_prefixes_the_empty_one_too_are_unique_among_the_active_ones(
    world: World,
) -> None:
    clinic = await world.clinic()
    blood = await create(world, clinic, name="Blood tests", prefix="B")
    for fields, code in (
        ({"name": "BLOOD TESTS", "prefix": "X"}, "service_exists"),
        ({"name": "general", "prefix": "X"}, "service_exists"),
        ({"name": "Bones", "prefix": "B"}, "prefix_taken"),
        ({"name": "Bones", "prefix": ""}, "prefix_taken"),
    ):
        with pytest.raises(Conflict) as refused:
            await create(world, clinic, **fields)
        assert refused.value.code == code
    bones = await create(world, clinic, name="Bones", prefix="X")
    for fields, code in (
        ({"name": "blood tests"}, "service_exists"),
        ({"prefix": "B"}, "prefix_taken"),
    ):
        with pytest.raises(Conflict) as refused:
            await update(world, bones, **fields)
        assert refused.value.code == code
    assert await world.service_of(bones.id) == bones
    await update(world, blood, is_active=False)
    changed = await update(world, bones, name="Blood tests", prefix="B")
    assert (changed.name, changed.prefix) == ("Blood tests", "B")
    with pytest.raises(Conflict) as refused:
        await update(world, blood, is_active=True)
    assert refused.value.code == "service_exists"


async def test_another_clinic_has_names_and_prefixes_of_its_own(world: World) -> None:
    for clinic in (await world.clinic(), await world.clinic()):
        assert (await create(world, clinic, name="Blood tests")).prefix == "B"


async def test_of_many_that_are_made_at_once_those_of_one_name_are_one(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    made, refused = await outcomes(
        create(world, clinic, admin, name=name) for name in ("Blood", "blood", "BLOOD", "Lungs")
    )
    assert [(one.name, one.prefix) for one in made] == [("Blood", "B"), ("Lungs", "L")]
    assert [error.code for error in refused] == ["service_exists"] * 2


async def test_a_clinic_offers_so_many_services_at_once_the_retired_ones_not_counted(
    world: World,
) -> None:
    clinic = await world.clinic()
    for number in range(MAX_SERVICES - 1):
        await world.service(clinic, prefix=f"{number:02}")
    retired = await world.service(clinic, prefix="R", is_active=False)
    with pytest.raises(Conflict) as refused:
        await create(world, clinic, name="One more", prefix="X")
    assert refused.value.code == "too_many_services"
    with pytest.raises(Conflict) as refused:
        await update(world, retired, is_active=True)
    assert refused.value.code == "too_many_services"
    assert (await update(world, retired, name="Still retired")).name == "Still retired"
    (some, *_) = await world.use.services.list_all(clinic.id, actor=await world.admin())
    await update(world, some, position=7)


async def test_a_change_touches_what_it_names_and_is_told(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    blood = await create(world, clinic, name="Blood tests")
    world.forget_events()
    at = world.clock.advance(minutes=1)
    changed = await update(world, blood, admin, expected_minutes=5)
    blood.expected_minutes, blood.updated_at = 5, at
    assert changed == await world.service_of(blood.id) == blood
    assert world.events == [events.ClinicChanged(clinic_id=clinic.id, actor=admin, at=at)]


async def test_the_default_service_may_be_changed_in_everything_but_cannot_be_retired(
    world: World,
) -> None:
    clinic = await world.clinic()
    changed = await update(
        world, clinic.service, name="Surgery", prefix="S", max_queue_size=9, is_active=True
    )
    assert (await world.clinic_of(clinic.id)).service == changed
    with pytest.raises(Conflict) as refused:
        await update(world, clinic.service, is_active=False)
    assert refused.value.code == "default_service"


async def test_a_new_name_shows_in_todays_queue_at_once_a_new_prefix_in_the_next_one(
    world: World,
) -> None:
    clinic = await world.clinic()
    blood = await create(world, clinic, name="Blood tests", prefix="B")
    queue = await world.queue(clinic, service=blood)
    (token,) = await world.waiting_in(queue, 1)
    await update(world, blood, name="Laboratory", prefix="L")
    stored = await world.queue_of(queue.id)
    assert (stored.service_name, stored.prefix) == ("Laboratory", "B")
    assert stored.version == queue.version + 2
    assert [type(event) for event in world.events] == [
        events.QueueDesksChanged,
        events.ClinicChanged,
    ]
    assert await world.token_of(token.id) == token
    (second,) = await world.waiting_in(queue, 1)
    assert second.label == "B002"
    world.clock.advance(days=1)
    tomorrow = await world.use.queues.open(
        clinic.id, service_id=blood.id, actor=await world.admin()
    )
    assert (tomorrow.service_name, tomorrow.prefix) == ("Laboratory", "L")
    assert (await world.queue_of(queue.id)).version == stored.version + 1, "yesterday's is left"


async def test_a_change_that_is_not_of_the_name_leaves_the_queue_alone(world: World) -> None:
    clinic = await world.clinic()
    queue = await world.queue(clinic)
    await update(world, clinic.service, max_queue_size=99)
    assert await world.queue_of(queue.id) == queue


async def test_everybody_sees_the_active_ones_by_position_admins_the_retired_ones_too(
    world: World,
) -> None:
    clinic = await world.clinic()
    await world.service(clinic, name="Last", position=9)
    await world.service(clinic, name="First", position=-1)
    await world.service(clinic, name="Retired", position=5, is_active=False)
    for actor in (
        await world.patient(),
        await world.actor(build_guest()),
        await world.staff_of(clinic.id),
        acting(build_display_user(build_display(clinic.id))),
    ):
        assert await names_seen_by(world, clinic, actor) == ["First", "General", "Last"]
    assert await names_seen_by(world, clinic, await world.admin()) == [
        "First",
        "General",
        "Retired",
        "Last",
    ]


async def test_a_display_sees_the_services_of_its_own_clinic_only(world: World) -> None:
    clinic = await world.clinic()
    stranger = acting(build_display_user(build_display()))
    with pytest.raises(Forbidden):
        await names_seen_by(world, clinic, stranger)


async def test_only_an_admin_makes_and_changes_services(world: World) -> None:
    clinic = await world.clinic()
    for actor in [*await world.not_admins(clinic.id), await world.actor(build_guest())]:
        with pytest.raises(Forbidden):
            await create(world, clinic, actor, name="Mine")
        with pytest.raises(Forbidden):
            await update(world, clinic.service, actor, name="Mine")
    assert (await world.clinic_of(clinic.id)).service == clinic.service


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    nowhere = build_clinic()
    with pytest.raises(NotFound) as refused:
        await create(world, nowhere, name="Blood tests")
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound) as refused:
        await world.use.services.list_all(ClinicId(new_id()), actor=await world.patient())
    assert refused.value.code == "clinic_not_found"
    with pytest.raises(NotFound) as refused:
        await world.use.services.update(
            ServiceId(new_id()), fields=ServiceFields(), actor=await world.admin()
        )
    assert refused.value.code == "service_not_found"


async def test_a_change_that_lost_a_race_is_made_again_as_one(world: World) -> None:
    clinic, admin = await world.clinic(), await world.admin()
    world.storage.commit_errors.append(TransactionConflict())
    blood = await create(world, clinic, admin, name="Blood tests")
    world.storage.commit_errors.append(TransactionConflict())
    await update(world, blood, admin, name="Laboratory")
    assert [type(event) for event in world.events] == [events.ClinicChanged] * 2
    assert (await world.service_of(blood.id)).name == "Laboratory"
