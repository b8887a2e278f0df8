"""Clinics are found by name, type and place, anywhere on the globe."""

from __future__ import annotations

import random
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt

import pytest

from qure.application.clinics.position_index import PlaceIndex
from qure.application.ports.storage import ClinicFilter, Nearby, Page, Storage
from qure.domain.clinic import Clinic, ClinicType
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_clinic

RADIUS = 6371.0088
HALF_THE_GLOBE_KM = 20015.2


def distance_km(place: Nearby, clinic: Clinic) -> float:
    """By vectors in space, another way than the adapters'."""

    def point(latitude: float, longitude: float) -> tuple[float, float, float]:
        phi, theta = radians(latitude), radians(longitude)
        return cos(phi) * cos(theta), cos(phi) * sin(theta), sin(phi)

    here, there = point(place.latitude, place.longitude), point(clinic.latitude, clinic.longitude)
    chord = sqrt(sum((a - b) ** 2 for a, b in zip(here, there, strict=True)))
    return 2 * RADIUS * asin(min(1.0, chord / 2))


async def names(storage: Storage, wanted: ClinicFilter, page: Page | None = None) -> list[str]:
    async with storage.read() as db:
        found, _ = await db.clinics.search(wanted, page=page or Page(1, 100))
    return [each.clinic.name for each in found]


async def test_without_a_place_the_newest_come_first_and_no_distance_is_told(
    storage: Storage,
) -> None:
    clinics = [build_clinic(created_at=NOW + timedelta(seconds=age)) for age in range(3)]
    await given(storage, *clinics)
    async with storage.read() as db:
        found, total = await db.clinics.search(ClinicFilter(), page=Page())
    assert [each.clinic for each in found] == clinics[::-1]
    assert [each.distance_km for each in found] == [None, None, None]
    assert total == 3


async def test_retired_clinics_are_not_listed(storage: Storage) -> None:
    await given(storage, build_clinic(is_active=False))
    place = Nearby(40.7128, -74.006, 10)
    async with storage.read() as db:
        assert await db.clinics.search(ClinicFilter(), page=Page()) == ([], 0)
        assert await db.clinics.search(ClinicFilter(nearby=place), page=Page()) == ([], 0)


@pytest.mark.parametrize("nearby", [None, Nearby(40.7128, -74.006, 10)])
async def test_every_page_knows_how_many_there_are_even_one_past_the_end(
    storage: Storage, nearby: Nearby | None
) -> None:
    await given(storage, *(build_clinic() for _ in range(5)))
    wanted = ClinicFilter(nearby=nearby)
    async with storage.read() as db:
        pages = [await db.clinics.search(wanted, page=Page(number, 2)) for number in (1, 2, 3, 4)]
    assert [len(found) for found, _ in pages] == [2, 2, 1, 0]
    assert {total for _, total in pages} == {5}
    assert len({each.clinic.id for found, _ in pages for each in found}) == 5


@pytest.mark.parametrize("query", ["pau", "SANT", "t P", "Sant Pau"])
async def test_a_name_is_found_by_any_part_in_any_case(storage: Storage, query: str) -> None:
    await given(storage, build_clinic(name="Sant Pau"), build_clinic(name="Clinic"))
    assert await names(storage, ClinicFilter(query=query)) == ["Sant Pau"]


@pytest.mark.parametrize(
    ("name", "query"), [("CLÍNICA", "clínica"), ("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος")]
)
async def test_case_means_nothing_in_any_script(storage: Storage, name: str, query: str) -> None:
    await given(storage, build_clinic(name=name))
    assert await names(storage, ClinicFilter(query=query)) == [name]


@pytest.mark.parametrize("sign", ["%", "_", "\\", "/", "'", '"', "*"])
async def test_signs_that_mean_something_to_a_database_are_plain_characters(
    storage: Storage, sign: str
) -> None:
    await given(storage, build_clinic(name=f"a{sign}b"), build_clinic(name="axb"))
    assert await names(storage, ClinicFilter(query=f"a{sign}b")) == [f"a{sign}b"]


async def test_name_type_and_place_narrow_together(storage: Storage) -> None:
    dentist = build_clinic(name="Smile", type=ClinicType.DENTIST)
    await given(
        storage,
        dentist,
        build_clinic(name="Smile too"),
        build_clinic(name="Teeth", type=ClinicType.DENTIST),
        build_clinic(name="Smile far", type=ClinicType.DENTIST, latitude=-40.0),
    )
    wanted = ClinicFilter(
        query="smile", type=ClinicType.DENTIST, nearby=Nearby(40.7128, -74.006, 5)
    )
    async with storage.read() as db:
        found, total = await db.clinics.search(wanted, page=Page())
    assert ([each.clinic for each in found], total) == ([dentist], 1)


async def test_the_nearest_come_first_with_their_distance(storage: Storage) -> None:
    # One degree of latitude is 111.195 km on a sphere of 6371.0088 km.
    clinics = [
        build_clinic(name="two degrees", latitude=2.0, longitude=0.0),
        build_clinic(name="here", latitude=0.0, longitude=0.0),
        build_clinic(name="one degree", latitude=-1.0, longitude=0.0),
        build_clinic(name="three degrees", latitude=0.0, longitude=3.0),
    ]
    await given(storage, *clinics)
    async with storage.read() as db:
        found, total = await db.clinics.search(ClinicFilter(nearby=Nearby(0, 0, 223)), page=Page())
    assert [each.clinic.name for each in found] == ["here", "one degree", "two degrees"]
    assert [each.distance_km for each in found] == pytest.approx([0, 111.1951, 222.3902], abs=1e-3)
    assert total == 3


async def test_equally_near_clinics_keep_their_order_from_page_to_page(storage: Storage) -> None:
    clinics = [build_clinic() for _ in range(6)]
    await given(storage, *reversed(clinics))
    wanted = ClinicFilter(nearby=Nearby(40.7128, -74.006, 1))
    paged = [name for number in (1, 2, 3) for name in await names(storage, wanted, Page(number, 2))]
    assert paged == [clinic.name for clinic in clinics]


@pytest.mark.parametrize("longitude", [179.95, -179.95, 180.0, -180.0])
async def test_a_circle_across_the_antimeridian_has_both_sides(
    storage: Storage, longitude: float
) -> None:
    await given(
        storage,
        build_clinic(name="east", latitude=-17.0, longitude=179.99),
        build_clinic(name="west", latitude=-17.0, longitude=-179.99),
        build_clinic(name="line", latitude=-17.0, longitude=180.0),
        build_clinic(name="the same line", latitude=-17.0, longitude=-180.0),
        build_clinic(name="elsewhere", latitude=-17.0, longitude=0.0),
        build_clinic(name="too far", latitude=-17.0, longitude=178.0),
    )
    found = await names(storage, ClinicFilter(nearby=Nearby(-17.0, longitude, 20)))
    assert set(found) == {"east", "west", "line", "the same line"}


@pytest.mark.parametrize("pole", [90.0, -90.0])
async def test_a_circle_near_a_pole_reaches_over_it(storage: Storage, pole: float) -> None:
    def near(degrees: float) -> float:
        return pole - degrees if pole > 0 else pole + degrees

    await given(
        storage,
        build_clinic(name="the pole", latitude=pole, longitude=77.0),
        build_clinic(name="beyond", latitude=near(0.2), longitude=170.0),
        build_clinic(name="beside", latitude=near(0.5), longitude=-80.0),
        build_clinic(name="too far", latitude=near(2), longitude=170.0),
    )
    found = await names(storage, ClinicFilter(nearby=Nearby(near(0.2), -10.0, 70)))
    assert found == ["the pole", "beyond", "beside"]
    at_the_pole = await names(storage, ClinicFilter(nearby=Nearby(pole, 0.0, 70)))
    assert at_the_pole == ["the pole", "beyond", "beside"]


async def test_half_the_globe_holds_everything_antipodes_too(storage: Storage) -> None:
    await given(
        storage,
        build_clinic(name="antipode", latitude=-40.7128, longitude=105.994),
        build_clinic(name="pole", latitude=90.0, longitude=0.0),
        build_clinic(name="here", latitude=40.7128, longitude=-74.006),
    )
    place = Nearby(40.7128, -74.006, HALF_THE_GLOBE_KM)
    async with storage.read() as db:
        found, total = await db.clinics.search(ClinicFilter(nearby=place), page=Page())
    assert [each.clinic.name for each in found] == ["here", "pole", "antipode"]
    assert found[-1].distance_km == pytest.approx(20015.115, abs=0.01)
    assert total == 3


async def test_any_circle_on_the_globe_holds_exactly_what_geometry_says(storage: Storage) -> None:
    chance = random.Random(20251230)
    clinics = [
        build_clinic(
            latitude=round(90 - abs(chance.gauss(0, 40)), 4) * chance.choice((1, -1)),
            longitude=round(chance.choice((chance.uniform(-180, 180), 180.0, -179.999)), 4),
        )
        for _ in range(300)
    ]
    clinics = [clinic for clinic in clinics if -90 <= clinic.latitude <= 90]
    await given(storage, *clinics)
    places = [
        Nearby(
            chance.choice((chance.uniform(-90, 90), 90.0, -89.99)),
            chance.choice((chance.uniform(-180, 180), 180.0, -180.0, 179.99)),
            chance.choice((50, 500, 2500, 9000, 15000)),
        )
        for _ in range(60)
    ]
    async with storage.read() as db:
        for place in places:
            found, total = await db.clinics.search(ClinicFilter(nearby=place), page=Page(1, 1000))
            truth = {
                clinic.id: distance
                for clinic in clinics
                if (distance := distance_km(place, clinic)) <= place.radius_km
            }
            assert {each.clinic.id for each in found} == set(truth), place
            assert total == len(truth)
            told = [each.distance_km or 0.0 for each in found]
            assert told == sorted(told)
            assert told == pytest.approx([truth[each.clinic.id] for each in found], abs=1e-3)


async def test_what_is_held_in_memory_finds_what_the_database_finds_in_the_same_order(
    storage: Storage,
) -> None:
    chance = random.Random(20251231)
    edges = (-90.0, -89.99, -0.02, 0.0, 0.02, 40.0, 40.02, 89.99, 90.0)
    lines = (-180.0, -179.98, -74.0, -0.02, 0.0, 0.02, 74.0, 179.98, 180.0)
    words = ("Straße", "STRASSE", "ΟΔΟΣ", "100%", "a_b", "İstanbul", "Clinic", "b\\c/d")
    kinds = (ClinicType.DENTIST, ClinicType.ENT)
    clinics = [
        build_clinic(
            name=f"{chance.choice(words)} {number}",
            type=chance.choice(kinds),
            latitude=chance.choice((*edges, chance.uniform(-90, 90))),
            longitude=chance.choice((*lines, chance.uniform(-180, 180))),
            is_active=chance.random() < 0.9,
        )
        for number in range(400)
    ]
    await given(storage, *clinics)
    index = PlaceIndex()
    for clinic in clinics:
        if clinic.is_active:
            index.put(clinic, clinic.name.encode())
    async with storage.read() as db:
        for _ in range(150):
            near = Nearby(
                chance.choice((*edges, chance.uniform(-90, 90))),
                chance.choice((*lines, chance.uniform(-180, 180))),
                chance.choice((0.01, 2.3, 300, 3_000, 10_007.6, 20_015.2, 1_000_000)),
            )
            wanted = ClinicFilter(
                query=chance.choice((None, None, "%", "_", "strasse", "οδος", "i", "\\", "/", "7")),
                type=chance.choice((None, *kinds)),
                nearby=near,
            )
            page = Page(chance.randint(1, 3), chance.choice((1, 7, 100)))
            found, total = await db.clinics.search(wanted, page=page)
            held = index.search(wanted, near, page=page)
            assert held is not None
            assert held.total == total, wanted
            names = [each.clinic.name.encode() for each in found]
            assert [name for name, _ in held.shown] == names, wanted
            told = [each.distance_km for each in found]
            assert [distance for _, distance in held.shown] == pytest.approx(told, abs=1e-6)
