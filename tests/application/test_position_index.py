"""The index finds what a look at every clinic finds, in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import dist
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qure.application.changes import Changes
from qure.application.clinics.geography import point_at
from qure.application.clinics.position_index import MAX_CANDIDATES, MAX_ROWS, Nearest, PlaceIndex
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.clinic import Clinic, ClinicType
from tests.support.builders import build_clinic
from tests.support.memory.clinics import MemoryClinics
from tests.support.memory.state import State

KINDS = (ClinicType.DENTIST, ClinicType.ENT)
NAMES = ("100% Straße", "A_B", "ΟΔΟΣ", "Ὀδυσσεύς", "İstanbul", "clinic", "Clinic A\\B")
QUERIES = (*NAMES, "%", "_", "STRASSE", "οδος", "i", "CLINIC", "", "\\", "nothing")

# Coarse, so that positions coincide and distances are equal; with the edges of the map.
LATITUDES = st.sampled_from([-90.0, -89.9, -0.02, 0.0, 0.02, 40.0, 40.02, 40.1, 89.9, 90.0])
LONGITUDES = st.sampled_from([-180.0, -179.98, -74.0, -0.02, 0.0, 0.02, 74.0, 179.98, 180.0])
RADII = st.sampled_from([0.001, 2.3, 5.0, 12.0, 500.0, 10_007.6, 20_015.2, 1_000_000.0])

clinics = st.builds(
    lambda name, kind, latitude, longitude, is_active: build_clinic(
        name=name, type=kind, latitude=latitude, longitude=longitude, is_active=is_active
    ),
    st.sampled_from(NAMES),
    st.sampled_from(KINDS),
    LATITUDES | st.floats(-90, 90),
    LONGITUDES | st.floats(-180, 180),
    st.sampled_from([True, True, True, False]),
)
questions = st.builds(
    lambda latitude, longitude, radius, query, kind, page, size: (
        ClinicFilter(query=query, type=kind, nearby=Nearby(latitude, longitude, radius)),
        Page(page, size),
    ),
    LATITUDES | st.floats(-90, 90),
    LONGITUDES | st.floats(-180, 180),
    RADII | st.floats(1e-9, 1_000_000),
    st.none() | st.sampled_from(QUERIES),
    st.none() | st.sampled_from(KINDS),
    st.integers(1, 4),
    st.integers(1, 5),
)


def body(clinic: Clinic) -> bytes:
    return f"{clinic.id} {clinic.name} at {clinic.latitude} {clinic.longitude}".encode()


def index_of(clinics: Sequence[Clinic]) -> PlaceIndex:
    index = PlaceIndex()
    for clinic in clinics:
        if clinic.is_active:
            index.put(clinic, body(clinic))
    return index


def ask(index: PlaceIndex, wanted: ClinicFilter, page: Page) -> Nearest | None:
    assert wanted.nearby is not None
    return index.search(wanted, wanted.nearby, page=page)


def looked_at_one_by_one(clinics: Sequence[Clinic], wanted: ClinicFilter, page: Page) -> Nearest:
    state = State()
    for clinic in clinics:
        state.clinics[clinic.id] = clinic
    found, total = asyncio.run(MemoryClinics(state, Changes()).search(wanted, page=page))
    return Nearest([(body(one.clinic), one.distance_km or 0.0) for one in found], total)


HERE = (ClinicFilter(nearby=Nearby(40.0, -74.0, 5)), Page(2, 2))


@settings(max_examples=300, deadline=None)
@given(st.lists(clinics, max_size=30), questions)
@example([build_clinic(latitude=40.0, longitude=-74.0) for _ in range(5)][::-1], HERE)
def test_any_search_finds_what_looking_at_each_clinic_finds(
    clinics: list[Clinic], question: tuple[ClinicFilter, Page]
) -> None:
    found = ask(index_of(clinics), *question)
    assert found == looked_at_one_by_one(clinics, *question)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), clinics), max_size=40), questions)
def test_it_stays_exact_when_clinics_move_retire_and_come_back(
    changes: list[tuple[int, Clinic]], question: tuple[ClinicFilter, Page]
) -> None:
    ids = [build_clinic().id for _ in range(6)]
    index, truth = PlaceIndex(), dict[Any, Clinic]()
    for which, clinic in changes:
        clinic.id = ids[which]
        truth[clinic.id] = clinic
        if clinic.is_active:
            index.put(clinic, body(clinic))
        else:
            index.remove(clinic.id)
    assert ask(index, *question) == looked_at_one_by_one([*truth.values()], *question)
    for id in ids:
        index.remove(id)
    assert (len(index), index.size, index._rows) == (0, 0, {})


def test_what_lies_on_the_edge_is_told_by_the_formula_and_not_by_the_chord() -> None:
    here = Nearby(40.0, -74.0, 1)
    clinic = build_clinic(latitude=40.05, longitude=-74.03)
    ((distance),) = [km for _, km in _shown(clinic, Nearby(40.0, -74.0, 100))]
    below = distance * (1 - 1e-15)
    assert below < distance
    assert len(_shown(clinic, Nearby(here.latitude, here.longitude, distance))) == 1
    assert len(_shown(clinic, Nearby(here.latitude, here.longitude, below))) == 0


def test_what_is_equally_far_comes_by_id_though_its_chords_are_rounded_differently() -> None:
    near = Nearby(40.0, -74.0, 500)
    rounded_differently = 0
    for step in range(1, 100):
        east, west = (
            build_clinic(latitude=40.0, longitude=-74.0 + sign * step / 64) for sign in (1, -1)
        )
        here = point_at(40.0, -74.0)
        to_east, to_west = (dist(here, point_at(40.0, one.longitude)) for one in (east, west))
        rounded_differently += to_west < to_east
        found = ask(index_of([east, west]), ClinicFilter(nearby=near), Page(1, 1))
        assert found is not None
        assert [name for name, _ in found.shown] == [body(east)]
    assert rounded_differently > 0


def _shown(clinic: Clinic, near: Nearby) -> list[tuple[bytes, float]]:
    found = index_of([clinic]).search(ClinicFilter(nearby=near), near, page=Page())
    assert found is not None
    return found.shown


@pytest.mark.parametrize("radius", [10.0, 20_015.0])
def test_a_circle_that_holds_too_much_to_look_at_in_one_go_is_left_to_others(
    radius: float,
) -> None:
    crowd = [build_clinic(latitude=40.0, longitude=-74.0) for _ in range(MAX_CANDIDATES)]
    index = index_of(crowd)
    near = Nearby(40.0, -74.0, radius)
    wanted = ClinicFilter(nearby=near)
    found = ask(index, wanted, Page())
    assert found is not None
    assert found.total == MAX_CANDIDATES
    one_more = build_clinic(latitude=40.0, longitude=-74.0)
    index.put(one_more, body(one_more))
    assert ask(index, wanted, Page()) is None
    elsewhere = ClinicFilter(nearby=Nearby(10.0, 10.0, 10.0))
    assert ask(index, elsewhere, Page()) == Nearest([], 0)


def test_a_circle_over_too_many_rows_is_left_to_others_whatever_is_in_it() -> None:
    index = index_of(
        [
            build_clinic(latitude=(number + 0.5) * 0.02 - 80.0, longitude=100.0)
            for number in range(MAX_ROWS + 1)
        ]
    )
    assert ask(index, ClinicFilter(nearby=Nearby(0.0, 0.0, 9_000.0)), Page()) is None
    assert ask(index, ClinicFilter(nearby=Nearby(0.0, 0.0, 900.0)), Page()) == Nearest([], 0)


def test_its_size_counts_bodies_and_what_goes_with_each() -> None:
    index = PlaceIndex()
    clinic = build_clinic()
    index.put(clinic, b"x" * 1000)
    one = index.size
    assert one > 1000
    index.put(clinic, b"x" * 1100)
    assert (index.size, len(index)) == (one + 100, 1)
