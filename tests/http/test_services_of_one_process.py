"""Services of one process share their routes, and nothing that passes through them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, Person, data_of, refused, running_service


@pytest.fixture
async def other(
    settings: Settings, migrated_database: Path, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[HttpService]:
    """A second service beside the first, with data of its own and the same keys."""
    data = tmp_path / "other"
    data.mkdir()
    shutil.copy(migrated_database, data / "qure.db")
    async with running_service(replace(settings, data_dir=data), clock) as service:
        yield service


async def test_the_routes_are_made_once(service: HttpService, other: HttpService) -> None:
    assert service.routes is other.routes


async def test_each_answers_from_its_own_data_also_at_the_same_moment(
    service: HttpService, other: HttpService
) -> None:
    clinics = {}
    for one, name in ((service, "Here"), (other, "There")):
        admin = await one.admin()
        await one.clinic(admin, name=name)
        clinics[name] = admin

    async def names(person: Person) -> list[str]:
        return [clinic["name"] for clinic in data_of(await person.get("/clinic"))["clinics"]]

    answers = await asyncio.gather(*(names(who) for who in list(clinics.values()) * 10))
    assert answers == [["Here"], ["There"]] * 10


async def test_a_login_of_one_is_nobody_to_the_other(
    service: HttpService, other: HttpService
) -> None:
    person = await service.patient()
    data_of(await person.get("/auth/me"))
    refused(await replace(person, http=other.http).get("/auth/me"), 401, "session_ended")


async def test_each_counts_what_it_has_answered_itself(
    service: HttpService, other: HttpService
) -> None:
    for _ in range(3):
        await service.register()
    counted = 'qure_http_requests_total{method="POST",route="/api/auth/register",status="201"}'
    assert f"{counted} 3.0" in (await service.http.get("/metrics")).text
    assert counted not in (await other.http.get("/metrics")).text


async def test_what_one_switches_off_the_other_still_has(
    settings: Settings, service: HttpService, clock: FixedClock
) -> None:
    bare = replace(settings, docs=False, metrics=False)
    async with running_service(bare, clock) as other:
        for path in ("/docs/openapi.json", "/metrics"):
            assert (await service.http.get(path)).status_code == 200
            refused(await other.http.get(path), 404, "not_found")
