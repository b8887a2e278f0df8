"""Waits, as phones on several processes are told them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.e2e.phones import Phone
from tests.e2e.practice import practice
from tests.e2e.topology import production
from tests.support.http_service import Person, data_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(300)

WITHIN_SECONDS = 1.0
"""A notice moves every phone's range within so long of having been given."""

ROUNDED = timedelta(minutes=5)
"""What is told of a far call is rounded outwards by up to so much."""


def told(phone: Phone) -> dict[str, Any] | None:
    """The newest place that the phone was told of."""
    places: list[dict[str, Any]] = [
        body for name, body in phone.client.heard if name == "queue:your_place"
    ]
    return places[-1] if places else None


def wait_of(phone: Phone) -> dict[str, Any]:
    place = told(phone)
    assert place is not None
    wait: dict[str, Any] = place["wait"]
    return wait


def says(wait: dict[str, Any]) -> dict[str, Any]:
    """What a person sees of it."""
    return {name: value for name, value in wait.items() if name not in ("asOf", "version")}


async def at_door(url: str, person: Person, path: str) -> Any:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        there = Person(http, person.email, person.id, person.access_token, person.refresh_token)
        return data_of(await there.get(path))


async def both_doors_say_the_same(doors: Sequence[str], person: Person, token: Any) -> None:
    """Of one instant and version: when each makes its next forecast is its own affair."""
    path = f"/tokens/{token['id']}/place"
    async with asyncio.timeout(20):
        while True:
            one, other = [(await at_door(url, person, path))["wait"] for url in doors]
            if (one["asOf"], one["version"]) == (other["asOf"], other["version"]):
                break
    assert one == other


async def test_phones_on_two_processes_are_told_the_same_and_both_follow_a_delay_at_once() -> None:
    with production() as topology:
        here, there = topology.doors
        async with practice(topology, patients=5) as clinic:
            caller, patients = clinic.staff[0], clinic.patients
            tokens = [await clinic.take_number(patient) for patient in patients]
            data_of(await caller.post(f"/queues/{clinic.queue_id}/call-next"))
            last = patients[-1]
            phones = [
                Phone(here, last.access_token, "websocket"),
                Phone(there, last.access_token, "plain"),
            ]
            try:
                await asyncio.gather(*(phone.open() for phone in phones))

                def agree(ahead: int) -> bool:
                    """Both say the same of a token with so many before it."""
                    places = [told(phone) for phone in phones]
                    return all(
                        place is not None
                        and place["ahead"] == ahead
                        and place["wait"] is not None
                        and place["wait"]["state"] == "estimated"
                        for place in places
                    ) and says(wait_of(phones[0])) == says(wait_of(phones[1]))

                await eventually(lambda: agree(len(tokens) - 2), within=20)
                for _ in range(2):
                    data_of(await caller.post(f"/queues/{clinic.queue_id}/call-next"))
                await eventually(lambda: agree(len(tokens) - 4), within=20)
                await both_doors_say_the_same(topology.doors, last, tokens[-1])

                notice = {"kind": "DELAY", "minutes": 90}
                began, given = datetime.now(UTC), monotonic()
                data_of(await caller.put(f"/queues/{clinic.queue_id}/notice", notice))
                ends = (began + timedelta(minutes=90) - ROUNDED).isoformat()
                await eventually(
                    lambda: all(wait_of(phone)["low"] >= ends[:16] for phone in phones), within=20
                )
                assert monotonic() - given < WITHIN_SECONDS
                await eventually(lambda: agree(len(tokens) - 4), within=20)
                assert all("doctor_late" in wait_of(phone)["reasons"] for phone in phones)
            finally:
                await asyncio.gather(*(phone.close() for phone in phones))
