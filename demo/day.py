"""The course of the day: from the first patient to the last, and the doors closed behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from demo.desks import Worker
from demo.lines import Final, Line
from demo.pace import Pace
from demo.patients import come, live_through, settle_in
from demo.phones import App, last_places
from demo.service import DemoError
from demo.story import Clinic, Day
from demo.visits import Patient, Twist

STANDSTILL = 20.0
"""Longer than any pause that the people of the day make."""
STANDSTILL_SECONDS = 60.0
"""Longer than any answer is waited for."""
LOOK_IN = 1.5
SETTLED_WITHIN_SECONDS = 20.0


async def come_early(day: Day, pace: Pace) -> None:
    """Who stands before the doors has a number when it returns, and nobody has been called."""
    day.chapter = "People stand before the doors"
    await _in_every_clinic(day, pace, _stand_before_the_door)


async def play_out(day: Day, pace: Pace) -> None:
    """The day of every clinic, at once."""
    day.chapter = "The clinics are open"
    await _in_every_clinic(day, pace, _live_through)
    day.chapter = "The last patients go home"
    await settle(day)


async def _in_every_clinic(
    day: Day, pace: Pace, live: Callable[[Day, Clinic, Pace], Coroutine[Any, Any, None]]
) -> None:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_for_standstill(day, pace.seconds(STANDSTILL)))
        await _all(live(day, clinic, pace) for clinic in day.clinics)
        watching.cancel()


async def watch_for_standstill(day: Day, pause: float) -> None:
    """Raise ``DemoError`` when nobody has heard of anything for that long and an answer's time."""
    seen, since = day.progress, time.monotonic()
    while (still := time.monotonic() - since) < pause + STANDSTILL_SECONDS:
        await asyncio.sleep(0.5)
        if day.progress != seen:
            seen, since = day.progress, time.monotonic()
    raise DemoError(f"nothing has happened for {still:.0f} s: {'; '.join(day.waiting())}.")


async def _stand_before_the_door(day: Day, clinic: Clinic, pace: Pace) -> None:
    first = [one for one in clinic.early if one.twist is Twist.LETS_PASS]  # Some must be behind.
    last = clinic.followed  # They wait longer.
    others = [one for one in clinic.early if one not in (*first, *last)]
    for group in (first, others, last):
        await _all(come(day, clinic, patient, pace) for patient in group)
    await _all(settle_in(day, clinic, patient) for patient in clinic.early)


async def _live_through(day: Day, clinic: Clinic, pace: Pace) -> None:
    async with asyncio.TaskGroup() as group:
        for one in clinic.patients:
            live = _visit if one.comes_after else live_through
            group.create_task(live(day, clinic, one, pace))
        looking_in = group.create_task(_look_in(clinic, pace))
        desks = [group.create_task(Worker(day, clinic, desk, pace).work()) for desk in clinic.desks]
        await asyncio.wait(desks)
        looking_in.cancel()
        for line in clinic.lines:  # Whoever still waits is sent home.
            await clinic.host.ask("POST", f"/queues/{line.queue_id}/close")


async def _all(actions: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for action in actions:
            group.create_task(action)


async def _visit(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    await come(day, clinic, patient, pace)
    await settle_in(day, clinic, patient)
    await live_through(day, clinic, patient, pace)


async def _look_in(clinic: Clinic, pace: Pace) -> None:
    """Now and then somebody opens the board anew, as after a reload."""
    while True:
        await pace.pause(LOOK_IN)
        for line in clinic.lines:
            path = f"/queues/{line.queue_id}/board"
            clinic.snapshots.append(await clinic.host.ask("GET", path))


async def settle(day: Day) -> None:
    """Read how everything stands, once the last announcement can have been heard."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    for clinic in day.clinics:
        await _see_the_visitor_off(clinic)
        await _wait_for_desks_to_close(clinic, deadline)
        for line in clinic.lines:
            line.final = await _read(clinic.host, line)
        for patient in clinic.patients:
            if patient.has_phone:
                for token in patient.tokens:
                    path = f"/tokens/{token['id']}/history"
                    patient.histories[token["id"]] = await patient.app.ask("GET", path)
    while True:
        found = [await clinic.host.ask("GET", f"/clinic/{clinic.id}") for clinic in day.clinics]
        day.pictures_shown = sum(len(one["images"]) + (one["logo"] is not None) for one in found)
        has_pictures = day.pictures_shown == day.pictures_given
        if (has_pictures and not any(map(_is_behind, day.clinics))) or time.monotonic() > deadline:
            return
        await asyncio.sleep(0.1)


async def _see_the_visitor_off(clinic: Clinic) -> None:
    """Whoever looks on may have sat down at a desk."""
    visitor = clinic.visitor
    if visitor is not None:
        for desk in await visitor.ask("GET", f"/clinic/{clinic.id}/desks"):
            if desk["staff"] is not None and desk["staff"]["id"] == visitor.id:
                await visitor.ask("POST", f"/desks/{desk['id']}/close")


async def _wait_for_desks_to_close(clinic: Clinic, deadline: float) -> None:
    """Whoever has logged out without closing the desk has left it all the same."""
    while True:
        clinic.desks_in_the_end = await clinic.host.ask("GET", f"/clinic/{clinic.id}/desks")
        are_closed = all(desk["state"] == "CLOSED" for desk in clinic.desks_in_the_end)
        if are_closed or time.monotonic() > deadline:
            return
        await asyncio.sleep(0.2)


def _is_behind(clinic: Clinic) -> bool:
    """Whether something has not been told yet to somebody who listens."""
    return any(
        app.statuses[line.queue_id][-1]["version"] < line.final.status["version"]
        for line in clinic.lines
        if line.final is not None
        for app in clinic.apps
        if app.is_connected and app.statuses.get(line.queue_id)
    ) or any(
        place["ahead"] is not None
        for app in clinic.apps
        if app.is_connected
        for place in last_places(app).values()
    )


async def _read(host: App, line: Line) -> Final:
    queue = f"/queues/{line.queue_id}"
    tokens = await host.ask("GET", f"/tokens/queue/{line.queue_id}")
    ids = [token["id"] for token in tokens]
    return Final(
        status=await host.ask("GET", f"{queue}/status"),
        board=await host.ask("GET", f"{queue}/board"),
        tokens=tokens,
        histories={id: await host.ask("GET", f"/tokens/{id}/history") for id in ids},
        places={id: await host.ask("GET", f"/tokens/{id}/place") for id in ids},
    )
