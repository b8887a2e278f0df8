"""The script of the day: what admins, staff and patients do, and when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from PIL import Image

from demo.clients import ANSWER_SECONDS, CALLED, COMPLETED, SKIPPED, App, Refused
from demo.service import DemoError
from demo.story import Clinic, Day, Desk, Patient

HTTP_PATHS = {
    "queue:start_token": "start",
    "queue:skip_token": "skip",
    "queue:complete_token": "complete",
}
WALK, SERVICE, GRACE, BREATH, LOOK_AGAIN = 0.15, 0.45, 0.9, 0.08, 0.3
STANDSTILL = 20.0
"""Longer than any pause that the people of the day make."""
STANDSTILL_SECONDS = 60.0
"""Longer than any answer is waited for."""
PICTURES_WITHIN_SECONDS = 20.0


class Pace:
    """Turns seconds of the day into seconds of the clock."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def seconds(self, seconds: float) -> float:
        """So long on the clock."""
        return seconds / self._speed

    async def pause(self, seconds: float) -> None:
        """Wait that long of the day."""
        await asyncio.sleep(self.seconds(seconds))


async def open_doors(day: Day, admin: App) -> None:
    """Everybody gets an account, the clinics are made and staffed, the queues opened."""
    day.chapter = "Making accounts"
    apps = [one.app for clinic in day.clinics for one in clinic.people]
    await _few_at_once(app.register for app in apps)
    day.chapter = "Opening the clinics"
    for number, clinic in enumerate(day.clinics):
        await _make_clinic(day, admin, clinic, number)
    day.chapter = "Logging in"
    await _few_at_once(app.log_in for app in apps)
    for clinic in day.clinics:
        queue = await clinic.desks[0].app.ask("POST", f"/queues/init/{clinic.id}")
        clinic.queue_id = queue["id"]
        for desk in clinic.desks:
            desk.app.on_status = _watcher(clinic)
    day.chapter = "Connecting phones and desks"
    await _few_at_once(
        _connector(one.app, clinic, websocket_only=number % 2 == 1)
        for clinic in day.clinics
        for number, one in enumerate(clinic.people)
    )


async def play_out(day: Day, pace: Pace) -> None:
    """From the first patient to the last, and the doors closed behind them."""
    day.chapter = "The clinics are open"
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch_for_standstill(day, pace.seconds(STANDSTILL)))
        async with asyncio.TaskGroup() as people:
            for clinic in day.clinics:
                people.create_task(_come_and_close(day, clinic, pace))
                people.create_task(_watch_list(clinic))
                for desk in clinic.desks:
                    people.create_task(_work(day, clinic, desk, pace))
        watching.cancel()
    day.chapter = "The last patients go home"
    await _settle(day)


async def _make_clinic(day: Day, admin: App, clinic: Clinic, number: int) -> None:
    files = [("logo", ("logo.png", _picture(number), "image/png"))]
    files += [("images", (f"{room}.png", _picture(number + room), "image/png")) for room in (1, 2)]
    made = await admin.ask(
        "POST",
        "/clinic",
        data={
            "name": clinic.name,
            "type": clinic.kind,
            "latitude": str(40.7 + number / 100),
            "longitude": "-74.0",
            "maxQueueSize": str(clinic.max_queue_size),
            "timezone": _where_it_is_noon(datetime.now(UTC)),
        },
        files=files,
    )
    clinic.id = made["id"]
    day.pictures_given += len(files)
    for desk in clinic.desks:
        await admin.ask("POST", f"/clinic/{clinic.id}/staff", json={"email": desk.app.email})


async def _come_and_close(day: Day, clinic: Clinic, pace: Pace) -> None:
    async with asyncio.TaskGroup() as group:
        coming = [
            group.create_task(_take_token(day, clinic, patient, pace))
            for patient in clinic.patients
        ]
        for patient in clinic.patients:
            group.create_task(_live_through(day, clinic, patient, pace))
        await asyncio.wait(coming)
        clinic.everybody_came = True
        clinic.has_changed.set()
        await clinic.desks[0].app.ask(
            "PATCH", f"/queues/{clinic.queue_id}/status", json={"isActive": False}
        )


async def _watch_for_standstill(day: Day, pause: float) -> None:
    """Raise ``DemoError`` when nobody has heard of anything for that long and an answer's time."""
    seen, since = day.progress, time.monotonic()
    while (still := time.monotonic() - since) < pause + STANDSTILL_SECONDS:
        await asyncio.sleep(0.5)
        if day.progress != seen:
            seen, since = day.progress, time.monotonic()
    raise DemoError(f"nothing has happened for {still:.0f} s: {'; '.join(day.waiting())}.")


async def _take_token(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    patient.app.on_personal = _listener(day, patient)
    await pace.pause(patient.comes_after)
    try:
        patient.token = await patient.app.ask("POST", "/tokens", json={"queueId": clinic.queue_id})
    except Refused as refusal:
        if refusal.code == "active_token_exists":  # The answer to an earlier try was lost.
            patient.token = refusal.meta["token"]
        elif refusal.code == "queue_full":
            patient.outcome = "told full"
            day.say(patient, "sorry, the queue is full for today")
        else:
            raise DemoError(f"{patient.app.name} was refused a token: {refusal}") from refusal
    if patient.token and patient.is_offline_when_called and not patient.was_called.is_set():
        await patient.app.disconnect()
    patient.has_asked.set()


async def _live_through(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    await patient.has_asked.wait()
    if patient.token is None:
        return
    if patient.leaves_after is not None:
        await pace.pause(patient.leaves_after)
        try:
            await patient.app.ask("DELETE", f"/tokens/{patient.token['id']}")
        except Refused:
            day.say(patient, "called just now, so no leaving any more")
        else:
            patient.outcome = "cancelled"
            day.say(patient, "you have left the queue")
            return
    if not patient.app.is_connected:
        patient.waits_for = "waits, with the phone off, for a desk to call"
        await patient.is_wanted.wait()
        await pace.pause(WALK)
        await patient.app.connect(clinic.queue_id)
    patient.waits_for = "waits for the phone to say whose turn it is"
    await patient.was_called.wait()
    if patient.shows_up:
        await pace.pause(WALK)
        patient.is_at_desk.set()
    patient.waits_for = "waits for the phone to say that it is over"
    await patient.is_finished.wait()
    patient.waits_for = ""


async def _work(day: Day, clinic: Clinic, desk: Desk, pace: Pace) -> None:
    """Call, see, and call again, until everybody has come and nobody waits."""
    in_hand: dict[str, Any] | None = None
    turn = 0
    while True:
        clinic.has_changed.clear()
        # As it is now: whoever comes during the question is not in its answer.
        everybody_came = clinic.everybody_came
        asked = time.perf_counter()
        try:
            token = await _call_next(clinic, desk)
        except Refused as refusal:
            if refusal.code != "queue_empty":
                raise DemoError(f"{desk.app.name} could not call: {refusal}") from refusal
            if in_hand is not None:
                await _act(clinic, desk, "queue:complete_token", in_hand)
                in_hand = None
            desk.doing = "nobody waits"
            if everybody_came:
                desk.doing, desk.has_gone_home = "has gone home", True
                return
            await _change_or(clinic, pace.seconds(LOOK_AGAIN))
            continue
        turn += 1
        day.note_call(token, asked)
        in_hand = await _see(day, clinic, desk, token, pace)
        if in_hand is not None and turn % 2:
            await _act(clinic, desk, "queue:complete_token", in_hand)
            in_hand = None  # Every other patient is completed by the next call instead.
        await pace.pause(BREATH)


async def _see(
    day: Day, clinic: Clinic, desk: Desk, token: dict[str, Any], pace: Pace
) -> dict[str, Any] | None:
    """See the called patient, or skip them; the token if it is still in hand."""
    number = token["tokenNumber"]
    desk.doing = f"waits for {number}"
    patient = day.patient(token["patientId"])
    # A phone that was away comes back only after the call, and may take as long as an answer.
    grace = pace.seconds(GRACE) + (1.5 * ANSWER_SECONDS if patient.shows_up else 0.0)
    try:
        await asyncio.wait_for(patient.is_at_desk.wait(), grace)
    except TimeoutError:
        await _act(clinic, desk, "queue:skip_token", token)
        patient.outcome = "skipped"
        desk.doing = f"skipped {number}"
        return None
    await _act(clinic, desk, "queue:start_token", token)
    patient.outcome = "served"
    desk.doing = f"sees {number}"
    await pace.pause(SERVICE)
    return token


async def _call_next(clinic: Clinic, desk: Desk) -> dict[str, Any]:
    token: dict[str, Any]
    if desk.uses_http:
        token = await desk.app.ask("POST", f"/queues/{clinic.queue_id}/call-next")
    else:
        token = await desk.app.command("queue:call_next", clinic.queue_id)
    return token


async def _act(clinic: Clinic, desk: Desk, event: str, token: dict[str, Any]) -> None:
    try:
        if desk.uses_http:
            await desk.app.ask("POST", f"/tokens/{token['id']}/{HTTP_PATHS[event]}")
        else:
            await desk.app.command(event, clinic.queue_id, token["id"])
    except Refused as refusal:
        raise DemoError(f"{desk.app.name}'s {event} was refused: {refusal}") from refusal


async def _watch_list(clinic: Clinic) -> None:
    """What lies on the desk's screen beside the status: the list, read again now and then."""
    desk = clinic.desks[0].app
    while not all(one.has_gone_home for one in clinic.desks):
        clinic.tokens = await desk.ask("GET", f"/tokens/queue/{clinic.queue_id}")
        await asyncio.sleep(0.4)


async def _settle(day: Day) -> None:
    """Read how everything stands, once the last announcement can have been heard."""
    for clinic in day.clinics:
        desk = clinic.desks[0].app
        clinic.tokens = await desk.ask("GET", f"/tokens/queue/{clinic.queue_id}")
        clinic.status = await desk.ask("GET", f"/queues/{clinic.queue_id}/status")
    deadline = time.monotonic() + PICTURES_WITHIN_SECONDS
    while True:
        found = [
            await clinic.desks[0].app.ask("GET", f"/clinic/{clinic.id}") for clinic in day.clinics
        ]
        day.pictures_shown = sum(len(one["images"]) + (one["logo"] is not None) for one in found)
        late = [
            app
            for clinic in day.clinics
            for app in _connected(clinic)
            if app.statuses[-1]["version"] < clinic.status["version"]
        ]
        if (not late and day.pictures_shown == day.pictures_given) or time.monotonic() > deadline:
            return
        await asyncio.sleep(0.1)


def _connected(clinic: Clinic) -> list[App]:
    return [one.app for one in clinic.people if one.app.is_connected]


def _watcher(clinic: Clinic) -> Callable[[dict[str, Any]], None]:
    def see(status: dict[str, Any]) -> None:
        if status["version"] >= clinic.status.get("version", 0):
            clinic.status = status
        clinic.has_changed.set()

    return see


def _listener(day: Day, patient: Patient) -> Callable[[str, dict[str, Any]], None]:
    def hear(name: str, _token: dict[str, Any]) -> None:
        day.say(patient, name)
        if name == CALLED:
            patient.was_called.set()
        elif name in (COMPLETED, SKIPPED):
            patient.is_finished.set()

    return hear


def _connector(app: App, clinic: Clinic, *, websocket_only: bool) -> Callable[[], Awaitable[None]]:
    return lambda: app.connect(clinic.queue_id, websocket_only=websocket_only)


async def _change_or(clinic: Clinic, seconds: float) -> None:
    try:
        await asyncio.wait_for(clinic.has_changed.wait(), seconds)
    except TimeoutError:
        return


async def _few_at_once(actions: Iterable[Callable[[], Awaitable[None]]], limit: int = 8) -> None:
    room = asyncio.Semaphore(limit)

    async def act(action: Callable[[], Awaitable[None]]) -> None:
        async with room:
            await action()

    async with asyncio.TaskGroup() as group:
        for action in actions:
            group.create_task(act(action))


def _where_it_is_noon(now: datetime) -> str:
    """A time zone whose day does not end while the demo runs."""
    west = now.hour - 12  # In these names, + is west of Greenwich.
    return f"Etc/GMT{west:+d}" if west else "Etc/GMT"


def _picture(number: int) -> bytes:
    drawn = BytesIO()
    shade = Image.linear_gradient("L").resize((640, 480))
    colour = (40 * number % 256, 90, 160)
    Image.composite(Image.new("RGB", shade.size, colour), Image.new("RGB", shade.size), shade).save(
        drawn, "PNG"
    )
    return drawn.getvalue()
