"""What clinics offer is kept in order, each with a name and a prefix of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage
from qure.domain.actor import SYSTEM
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, ServiceId
from qure.domain.service import Service
from tests.contracts.storage.conftest import Announced
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_clinic, build_service, new_id


async def save(storage: Storage, service: Service) -> None:
    async with storage.write() as db:
        await db.services.save(service)
        await db.commit()


async def test_a_service_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    clinic = build_clinic()
    service = build_service(
        clinic.id,
        name="Vacunación Ñ",
        prefix="V2",
        expected_minutes=15,
        max_queue_size=7,
        auto_open_queue=True,
        next_opening_at=NOW + timedelta(hours=9),
        is_active=False,
        position=-3,
        updated_at=NOW + timedelta(milliseconds=1),
    )
    await given(storage, clinic, service)
    async with storage.read() as db:
        found = await db.services.get(service.id)
        assert found == service
        assert found.events == []
        assert await db.services.get(clinic.service.id) == clinic.service
        assert await db.services.get(ServiceId(new_id())) is None


async def test_the_services_of_a_clinic_come_by_position_the_retired_ones_too(
    storage: Storage,
) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    second = build_service(clinic.id, position=1)
    third = build_service(clinic.id, position=1, is_active=False)
    last = build_service(clinic.id, position=2)
    first = build_service(clinic.id, position=-1)
    await given(storage, clinic, elsewhere, last, third, second, first)
    async with storage.read() as db:
        services = await db.services.of_clinic(clinic.id)
        assert services == [first, clinic.service, second, third, last]
        assert await db.services.of_clinic(elsewhere.id) == [elsewhere.service]
        assert await db.services.of_clinic(ClinicId(new_id())) == []


async def test_saving_a_service_changes_it_and_no_other_and_is_told(
    storage: Storage, announced: Announced
) -> None:
    clinic = build_clinic()
    service, other = build_service(clinic.id), build_service(clinic.id)
    await given(storage, clinic, service, other)
    service.name, service.prefix, service.expected_minutes = "Renamed", "R", 5
    service.max_queue_size, service.position, service.is_active = 9, 8, False
    service.auto_open_queue, service.next_opening_at = True, NOW
    service.changed(by=SYSTEM, at=NOW + timedelta(seconds=1))
    told = list(service.events)
    await save(storage, service)
    assert [entry.events for entry in announced.entries] == [tuple(told)]
    async with storage.read() as db:
        assert await db.services.get(service.id) == service
        assert await db.services.get(other.id) == other


async def test_the_default_service_is_the_same_one_through_its_clinic(storage: Storage) -> None:
    clinic = build_clinic()
    await given(storage, clinic)
    clinic.service.name = "Renamed"
    await save(storage, clinic.service)
    async with storage.write() as db:
        found = await db.clinics.get(clinic.id, lock=True)
        assert found is not None
        assert found.service.name == "Renamed"
        found.service.prefix = "R"
        await db.clinics.save(found)
        await db.commit()
    async with storage.read() as db:
        assert await db.services.get(clinic.service.id) == found.service


@pytest.mark.parametrize("how", ["added", "saved"])
@pytest.mark.parametrize(
    ("same", "code"),
    [
        ({"name": "X-Ray"}, "service_exists"),
        ({"name": "x-rAY"}, "service_exists"),
        ({"prefix": "X"}, "prefix_taken"),
        ({"prefix": ""}, "prefix_taken"),
    ],
)
async def test_no_two_services_of_a_clinic_share_a_name_or_a_prefix(
    storage: Storage, how: str, same: dict[str, str], code: str
) -> None:
    clinic = build_clinic()
    standing = build_service(clinic.id, name="X-Ray", prefix="X")
    second = build_service(clinic.id)
    await given(storage, clinic, standing, second)
    async with storage.write() as db:
        with pytest.raises(Conflict) as refusal:
            if how == "added":
                await db.services.add(build_service(clinic.id, **same))
            else:
                for name, value in same.items():
                    setattr(second, name, value)
                await db.services.save(second)
    assert refusal.value.code == code
    async with storage.read() as db:
        assert len(await db.services.of_clinic(clinic.id)) == 3


async def test_another_clinic_and_a_retired_service_leave_name_and_prefix_to_others(
    storage: Storage,
) -> None:
    clinic, elsewhere = build_clinic(), build_clinic()
    same = {"name": "X-Ray", "prefix": "X"}
    retired = [build_service(clinic.id, **same, is_active=False) for _ in range(2)]
    offered = build_service(clinic.id, **same)
    await given(storage, clinic, elsewhere, *retired, offered, build_service(elsewhere.id, **same))
    async with storage.write() as db:
        retired[0].is_active = True
        with pytest.raises(Conflict):
            await db.services.save(retired[0])
    offered.is_active = False
    await save(storage, offered)
    await save(storage, retired[0])
    async with storage.read() as db:
        assert await db.services.get(retired[0].id) == retired[0]


async def test_services_are_due_when_their_opening_has_come_earliest_first(
    storage: Storage,
) -> None:
    planned = {"auto_open_queue": True}
    overdue = build_clinic(**planned, next_opening_at=NOW - timedelta(hours=1))
    tomorrow = build_clinic(**planned, next_opening_at=NOW + timedelta(milliseconds=1))
    now_due = build_service(tomorrow.id, **planned, next_opening_at=NOW)
    await given(storage, tomorrow, overdue, now_due, build_clinic())
    async with storage.read() as db:
        due = [(overdue.id, overdue.service.id), (tomorrow.id, now_due.id)]
        assert await db.services.due_for_opening(NOW, limit=10) == due
        assert await db.services.due_for_opening(NOW, limit=1) == due[:1]
        assert await db.services.due_for_opening(NOW - timedelta(days=1), limit=10) == []
