"""The range on a connected phone follows what happens, and the time, on every protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from qure.application import memory
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.making import Rhythm
from qure.domain.actor import Role
from qure.domain.queue import Queue
from tests.sockets.board_client import BoardClient
from tests.sockets.clients import Clients
from tests.support.builders import NOW
from tests.support.http_service import comes_true
from tests.support.socket_service import Login, SocketService, running_service
from tests.support.waiting import eventually

Body = dict[str, Any]


class RunningClock:
    """Begins at ten in the morning and goes on, or ahead when it is told to."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return NOW + self._ahead + timedelta(seconds=monotonic() - self._began)

    def advance(self, *, minutes: float) -> None:
        """So much later all at once."""
        self._ahead += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
async def service(tmp_path: Path, clock: RunningClock) -> AsyncIterator[SocketService]:
    """The real application at ten in the morning."""
    async with running_service(tmp_path, clock=clock) as running:
        yield running


@pytest.fixture
def quick_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """As time goes by, forecasts are made anew every second."""
    monkeypatch.setattr(memory, "Forecasts", partial(Forecasts, rhythm=Rhythm(grid=1)))


async def third_in_line(service: SocketService, clients: Clients) -> tuple[Queue, Login, Any, Body]:
    """A queue with a doctor who has called nobody yet, the phone of the third who waits, and the
    range that it was told."""
    clinic, queue = await service.clinic()
    doctor = await service.person(Role.STAFF, clinic)
    await service.desk(clinic, doctor)
    patients = [await service.person() for _ in range(3)]
    for patient in patients:
        await service.take_number(queue, patient)
    await forecast_of(service, queue)
    phone = await clients(patients[-1])
    place = await phone.next("queue:your_place")
    assert (place["ahead"], place["wait"]["state"]) == (2, "estimated")
    return queue, doctor, phone, place["wait"]


async def forecast_of(service: SocketService, queue: Queue) -> int:
    """It has been made of the queue as it stands; the version."""
    status = await service.container.memory.live_status.of(queue.id)

    async def is_made() -> bool:
        waits = await service.container.memory.forecasts.of(queue.id)
        return waits is not None and waits.version == status.version

    await comes_true(is_made)
    return status.version


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_range_follows_a_delay_within_a_second_and_comes_back_when_it_is_taken_away(
    service: SocketService, clients: Clients
) -> None:
    queue, doctor, phone, before = await third_in_line(service, clients)
    path = f"/queues/{queue.id}/notice"
    status = await service.call("PUT", path, doctor, kind="DELAY", minutes=40)
    given = instant_of(status["notice"]["at"])
    ends = given + timedelta(minutes=40)

    def is_later(place: Body) -> bool:
        return instant_of(place["wait"]["low"]) >= ends

    assert not is_later({"wait": before})
    delayed = (await phone.next("queue:your_place", is_later, seconds=1))["wait"]
    assert delayed["reasons"] == ["doctor_late"]
    assert instant_of(delayed["asOf"]) - given < timedelta(seconds=1)
    assert instant_of(delayed["likely"]) - ends >= timedelta(minutes=10)
    assert instant_of(delayed["leaveBy"]) >= ends - timedelta(minutes=5)

    taken_away = service.container.clock.now()
    await service.call("DELETE", path, doctor)
    again = (await phone.next("queue:your_place", lambda place: not is_later(place), seconds=1))[
        "wait"
    ]
    assert again["reasons"] == []
    assert abs(instant_of(again["likely"]) - instant_of(before["likely"])) <= timedelta(minutes=5)
    assert instant_of(again["asOf"]) >= taken_away
    places = [body["ahead"] for name, body in phone.heard if name == "queue:your_place"]
    assert set(places) == {2}, "nobody has moved"


async def test_the_board_of_staff_follows_a_delay_within_a_second_too(
    service: SocketService, clients: Clients
) -> None:
    queue, doctor, _, _ = await third_in_line(service, clients)
    desk = await clients(doctor)
    screen = BoardClient(desk, queue)
    answer = await screen.join()
    assert [token["wait"]["state"] for token in answer["data"]["tokens"]] == [
        "next",
        "estimated",
        "estimated",
    ]
    path = f"/queues/{queue.id}/notice"
    status = await service.call("PUT", path, doctor, kind="DELAY", minutes=40)
    ends = instant_of(status["notice"]["at"]) + timedelta(minutes=40)

    def is_later() -> bool:
        # The first one may be called at that very instant; it is said to five minutes.
        lows = [instant_of(token["wait"]["low"]) for token in screen.tokens]
        return all(low >= ends - timedelta(minutes=5) for low in lows)

    await eventually(is_later, within=1)
    assert [token["wait"]["reasons"] for token in screen.tokens] == [["doctor_late"]] * 3


async def test_a_break_without_an_end_is_said_and_so_is_that_it_is_over(
    service: SocketService, clients: Clients
) -> None:
    queue, doctor, phone, _ = await third_in_line(service, clients)
    path = f"/queues/{queue.id}/notice"
    await service.call("PUT", path, doctor, kind="PAUSE")
    await phone.next(
        "queue:your_place", lambda place: place["wait"]["reason"] == "paused", seconds=1
    )
    await service.call("DELETE", path, doctor)
    await phone.next(
        "queue:your_place", lambda place: place["wait"]["state"] == "estimated", seconds=1
    )


@pytest.mark.usefixtures("quick_grid")
async def test_time_alone_moves_a_range_when_nobody_is_called(
    service: SocketService, clients: Clients, clock: RunningClock
) -> None:
    _, _, phone, before = await third_in_line(service, clients)
    version = before["version"]
    clock.advance(minutes=12)

    def is_later(place: Body) -> bool:
        return instant_of(place["wait"]["asOf"]) >= NOW + timedelta(minutes=12)

    later = await phone.next("queue:your_place", is_later, seconds=3)
    assert (later["ahead"], later["version"]) == (2, version)
    assert later["wait"]["version"] == version
    for name in ("low", "likely", "high"):
        assert instant_of(later["wait"][name]) > instant_of(before[name]), name


async def test_two_phones_and_a_reading_say_the_same_of_one_moment(
    service: SocketService, clients: Clients
) -> None:
    queue, _, _, _ = await third_in_line(service, clients)
    patient = await service.person()
    token = await service.take_number(queue, patient)
    version = await forecast_of(service, queue)
    phone, tablet = await clients(patient), await clients(patient, "plain")
    said = [await device.next("queue:your_place") for device in (phone, tablet)]
    read = await service.call("GET", f"/tokens/{token.id}/place", patient)
    assert said == [read, read]
    assert (read["ahead"], read["wait"]["version"], read["version"]) == (3, version, version)
