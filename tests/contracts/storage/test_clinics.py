"""Clinics are kept whole, each at its place."""

from __future__ import annotations

from datetime import time, timedelta
from uuid import UUID

import pytest

from qure.application.ports.storage import ClinicFilter, Page, Storage
from qure.domain.clinic import ClinicImage, ClinicType, Language, OpeningHours
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, ImageId
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_clinic, new_id


async def test_a_clinic_comes_back_as_kept_with_every_field(storage: Storage) -> None:
    clinic = build_clinic(
        name="Clínica Ñandú",
        latitude=-33.4489123456789,
        longitude=-70.6692987654321,
        address="Alameda 1",
        phone="5551234567",
        email="hola@example.cl",
        website="https://example.cl",
        description="Two lines\nof text 🏥",
        logo="https://example.cl/logo.jpg",
        pending_logo=ImageId(new_id()),
        images=(
            ClinicImage(id=ImageId(new_id()), position=0, url="https://example.cl/0.jpg"),
            ClinicImage(id=ImageId(new_id()), position=1, url="https://example.cl/1.jpg"),
        ),
        images_batch=new_id(),
        is_active=False,
        type=ClinicType.DENTIST,
        opening_hours=OpeningHours(time(7, 30), time(19, 45)),
        timezone="America/Santiago",
        languages=(Language.SPANISH, Language.ARABIC, Language.ENGLISH),
        max_queue_size=7,
        auto_open_queue=True,
        next_opening_at=NOW + timedelta(hours=9),
        no_show_minutes=60,
        rejoin_minutes=0,
        max_rejoins=10,
        rejoin_after=20,
        refuse_below=0.15,
        guest_join=True,
        join_generation=4,
        join_digest="d" * 64,
        updated_at=NOW + timedelta(milliseconds=1),
    )
    await given(storage, clinic)
    async with storage.write() as db:
        assert await db.clinics.get(clinic.id) == clinic
        assert await db.clinics.get(clinic.id, lock=True) == clinic


async def test_an_unknown_clinic_is_none(storage: Storage) -> None:
    async with storage.write() as db:
        assert await db.clinics.get(ClinicId(new_id())) is None
        assert await db.clinics.get(ClinicId(new_id()), lock=True) is None


async def test_saving_a_clinic_changes_its_fields_and_images(storage: Storage) -> None:
    clinic = build_clinic(
        images=(ClinicImage(id=ImageId(new_id()), position=0, url="https://example.org/old.jpg"),)
    )
    other = build_clinic()
    await given(storage, clinic, other)
    clinic.name, clinic.latitude, clinic.is_active = "Renamed", 0.0, False
    clinic.images = (
        ClinicImage(id=ImageId(new_id()), position=0, url="https://example.org/new.jpg"),
    )
    async with storage.write() as db:
        await db.clinics.save(clinic)
        await db.commit()
    async with storage.read() as db:
        assert await db.clinics.get(clinic.id) == clinic
        assert await db.clinics.get(other.id) == other


@pytest.mark.parametrize("name", ["Sant Pau", "SANT PAU", "sant pau"])
async def test_two_clinics_of_one_name_cannot_be_at_one_place(storage: Storage, name: str) -> None:
    await given(storage, build_clinic(name="Sant Pau", latitude=41.4, longitude=2.17))
    async with storage.write() as db:
        with pytest.raises(Conflict) as refusal:
            await db.clinics.add(build_clinic(name=name, latitude=41.4, longitude=2.17))
    assert refusal.value.code == "clinic_exists"


async def test_the_same_name_elsewhere_or_another_name_here_is_another_clinic(
    storage: Storage,
) -> None:
    await given(
        storage,
        build_clinic(name="Sant Pau", latitude=41.4, longitude=2.17),
        build_clinic(name="Sant Pau", latitude=41.5, longitude=2.17),
        build_clinic(name="Sant Joan", latitude=41.4, longitude=2.17),
    )
    async with storage.read() as db:
        assert (await db.clinics.search(ClinicFilter(), page=Page()))[1] == 3


async def test_a_clinic_cannot_be_renamed_to_one_that_is_there(storage: Storage) -> None:
    clinic = build_clinic(name="Sant Pau")
    await given(storage, clinic, build_clinic(name="Sant Joan"))
    clinic.name = "sant joan"
    async with storage.write() as db:
        with pytest.raises(Conflict) as refusal:
            await db.clinics.save(clinic)
    assert refusal.value.code == "clinic_exists"
    async with storage.read() as db:
        kept = await db.clinics.get(clinic.id)
    assert kept is not None
    assert kept.name == "Sant Pau"


async def test_a_clinic_that_moved_away_leaves_its_place_to_another(storage: Storage) -> None:
    clinic = build_clinic(name="Sant Pau")
    await given(storage, clinic)
    clinic.latitude = 0.0
    async with storage.write() as db:
        await db.clinics.save(clinic)
        await db.clinics.add(build_clinic(name="Sant Pau"))
        await db.commit()
    async with storage.read() as db:
        assert (await db.clinics.search(ClinicFilter(), page=Page()))[1] == 2


async def test_a_clinic_is_found_by_the_digest_of_its_join_code(storage: Storage) -> None:
    clinic, other = build_clinic(join_digest="a" * 64), build_clinic(join_digest="b" * 64)
    await given(storage, clinic, other, build_clinic(), build_clinic())
    async with storage.read() as db:
        assert await db.clinics.by_join_digest("a" * 64) == clinic
        assert await db.clinics.by_join_digest("c" * 64) is None
    clinic.join_digest, clinic.join_generation = "c" * 64, 2
    async with storage.write() as db:
        await db.clinics.save(clinic)
        await db.commit()
    async with storage.read() as db:
        assert await db.clinics.by_join_digest("a" * 64) is None
        assert await db.clinics.by_join_digest("c" * 64) == clinic


async def test_all_clinics_can_be_read_in_pieces_by_id_retired_ones_too(storage: Storage) -> None:
    clinics = [build_clinic(is_active=number % 3 > 0) for number in range(7)]
    await given(storage, *reversed(clinics))
    last, seen = ClinicId(UUID(int=0)), []
    async with storage.read() as db:
        while piece := await db.clinics.after(last, limit=3):
            assert len(piece) <= 3
            seen += piece
            last = piece[-1].id
    assert seen == clinics
