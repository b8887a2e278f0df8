"""What patients stand in line for, and the letter before its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from string import ascii_uppercase

import pytest

from qure.domain.events import ClinicChanged
from qure.domain.ids import ServiceId
from qure.domain.service import MAX_SERVICES, Service, free_prefix
from tests.support.builders import (
    NOW,
    build_actor,
    build_admin,
    build_clinic,
    build_service,
    new_id,
)

LATER = NOW + timedelta(hours=1)


def test_a_service_is_the_default_one_unless_said() -> None:
    clinic = build_clinic()
    service = Service(id=ServiceId(new_id()), clinic_id=clinic.id, created_at=NOW, updated_at=NOW)
    assert (service.name, service.prefix, service.is_default) == ("General", "", True)
    assert (service.expected_minutes, service.max_queue_size) == (10, 50)
    assert (service.auto_open_queue, service.is_active) == (False, True)


def test_a_clinic_has_fifty_services_at_most() -> None:
    assert MAX_SERVICES == 50


def test_a_change_is_stamped_and_told_as_one_of_its_clinic() -> None:
    service, admin = build_service(), build_actor(build_admin())
    service.changed(by=admin, at=LATER)
    assert service.updated_at == LATER
    assert service.events == [ClinicChanged(clinic_id=service.clinic_id, actor=admin, at=LATER)]


@pytest.mark.parametrize(
    ("next_opening", "is_due"),
    [(None, False), (NOW, True), (NOW - timedelta(hours=3), True), (LATER, False)],
)
def test_a_queue_is_due_from_the_instant_of_its_opening(next_opening: object, is_due: bool) -> None:
    assert build_service(next_opening_at=next_opening).is_due(NOW) is is_due


@pytest.mark.parametrize(
    ("name", "taken", "prefix"),
    [
        ("Blood tests", "", "B"),
        ("Blood tests", "B", "L"),
        ("blood tests", "B", "L"),
        ("Dr Okafor", "DRO", "K"),
        ("3D scans", "", "D"),
        ("Ohr", "OHR", "A"),
        ("眼科", "", "A"),
        ("眼科", "AB", "C"),
        ("Ärzte", "", "R"),
        ("", "", "A"),
    ],
)
def test_a_prefix_is_the_first_free_letter_of_the_name_else_of_the_alphabet(
    name: str, taken: str, prefix: str
) -> None:
    assert free_prefix(name, {"", *taken}) == prefix


def test_when_all_letters_are_taken_there_is_no_prefix() -> None:
    assert free_prefix("Blood tests", {*ascii_uppercase}) is None


def test_events_are_no_part_of_what_a_service_is() -> None:
    service = build_service()
    before = replace(service, events=[])
    service.changed(by=build_actor(), at=service.updated_at)
    assert service == before
