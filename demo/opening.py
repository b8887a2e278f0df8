"""Before the first patient: accounts, clinics, services, desks, queues, and what hangs there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from demo.lines import Line
from demo.pace import few_at_once
from demo.phones import App
from demo.story import Clinic, Day
from demo.visits import Call, Kind, Patient

DELAY_MINUTES = 15
EXPECTED_MINUTES = 1
"""Of a visit: far longer than it takes here, but the least that can be said."""


async def open_doors(day: Day, admin: App) -> None:
    """Everybody gets an account, the clinics are made and staffed, the queues opened."""
    day.chapter = "Making accounts"
    with_accounts = [
        *(app for clinic in day.clinics for app in clinic.staff),
        *(one.app for one in day.patients if one.kind is Kind.ACCOUNT),
    ]
    await few_at_once(app.register for app in with_accounts)
    day.chapter = "Opening the clinics"
    day.zone = _where_it_is_noon(datetime.now(UTC))
    for number, clinic in enumerate(day.clinics):
        await _make_clinic(day, admin, clinic, number)
    day.chapter = "Logging in"
    await few_at_once(app.log_in for app in with_accounts)
    for clinic in day.clinics:
        await _open_queues(clinic)
        if clinic.wall is not None:
            await _hang_up(clinic, clinic.wall)
    day.chapter = "Connecting phones and desks"
    for clinic in day.clinics:
        await few_at_once(_connections(clinic))
        let_staff_see(clinic)


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
            "maxQueueSize": str(clinic.lines[0].max_size),
            "timezone": day.zone.key,
        },
        files=files,
    )
    clinic.id = made["id"]
    day.pictures_given += len(files)
    for app in clinic.staff:
        await admin.ask("POST", f"/clinic/{clinic.id}/staff", json={"email": app.email})
    await _offer_services(admin, clinic)
    for desk in clinic.desks:
        if desk.name:
            put = await admin.ask("POST", f"/clinic/{clinic.id}/desks", json={"name": desk.name})
            desk.id = put["id"]
    if any(one.kind is Kind.GUEST for one in clinic.patients):
        shown = await admin.ask("PUT", f"/clinic/{clinic.id}", json={"guestJoin": True})
        clinic.join_code = shown["joinCode"]
        clinic.host.secrets.append(clinic.join_code)


async def _offer_services(admin: App, clinic: Clinic) -> None:
    """A clinic is born with one; the name that it is to have may be another one."""
    (born,) = await admin.ask("GET", f"/clinic/{clinic.id}/services")
    first, *others = clinic.lines
    known: dict[str, Any] = {"expectedMinutes": EXPECTED_MINUTES}
    if others:
        known |= {"name": first.name, "prefix": first.name[0]}
    offered = [await admin.ask("PUT", f"/services/{born['id']}", json=known)]
    for line in others:
        wish = {
            "name": line.name,
            "maxQueueSize": line.max_size,
            "expectedMinutes": EXPECTED_MINUTES,
        }
        offered.append(await admin.ask("POST", f"/clinic/{clinic.id}/services", json=wish))
    for line, service in zip(clinic.lines, offered, strict=True):
        line.service_id, line.prefix = service["id"], service["prefix"]


async def _open_queues(clinic: Clinic) -> None:
    for line in clinic.lines:
        wish = {"serviceId": line.service_id} if len(clinic.lines) > 1 else {}
        queue = await clinic.host.ask("POST", f"/queues/init/{clinic.id}", json=wish)
        line.queue_id = queue["id"]
    for desk in clinic.desks:
        if desk.comes_after:
            late = desk.lines[0]
            told = await clinic.host.ask(
                "PUT",
                f"/queues/{late.queue_id}/notice",
                json={"kind": "DELAY", "minutes": DELAY_MINUTES, "text": "The doctor is late."},
            )
            late.delayed = told["version"], 0


async def _hang_up(clinic: Clinic, wall: App) -> None:
    """A screen shows a code; whoever works there lets it in."""
    shown = await wall.ask("POST", "/displays")
    await clinic.host.ask(
        "POST",
        f"/clinic/{clinic.id}/displays",
        json={"userCode": shown["userCode"], "name": wall.name},
    )
    await wall.be_paired(shown["deviceCode"])


def _connections(clinic: Clinic) -> Iterable[Callable[[], Awaitable[None]]]:
    every = [line.queue_id for line in clinic.lines]

    def connector(
        app: App, queues: list[str], boards: Iterable[str] = (), *, websocket_only: bool = False
    ) -> Callable[[], Awaitable[None]]:
        return lambda: app.connect(queues, boards=boards, websocket_only=websocket_only)

    yield connector(clinic.host, every, every)
    for desk in clinic.desks:
        if desk.app is not clinic.host:
            served = [line.queue_id for line in desk.lines]
            yield connector(desk.app, served, served, websocket_only=desk.uses_http)
    if clinic.wall is not None:
        yield connector(clinic.wall, every, websocket_only=True)
    for number, one in enumerate(clinic.patients):
        if one.kind is Kind.ACCOUNT:
            yield connector(one.app, [one.line.queue_id], websocket_only=number % 2 == 1)


def let_staff_see(clinic: Clinic) -> None:
    """What the host hears is what the picture shows; the wall tells who has no phone."""
    lines = {line.queue_id: line for line in clinic.lines}

    def see_status(status: dict[str, Any]) -> None:
        line = lines[status["queueId"]]
        if status["version"] >= line.status.get("version", 0):
            line.status = status
        clinic.bell.ring()

    clinic.host.on_status = see_status
    clinic.host.on_return = partial(_read_again, clinic)
    for line in clinic.lines:
        clinic.host.boards[line.queue_id].on_change = _watcher(clinic, line)
        line.status = clinic.host.statuses[line.queue_id][-1]
    if clinic.wall is not None:
        clinic.wall.on_status = lambda status: _look_up(clinic, status["calls"])


def _watcher(clinic: Clinic, line: Line) -> Callable[[Iterable[dict[str, Any]]], None]:
    def see(tokens: Iterable[dict[str, Any]]) -> None:
        for token in tokens:
            line.known[token["id"]] = token
            for patient in _without_phones(clinic):
                # Their calls they see on the wall, the rest they are told by the people there.
                if patient.app.id == token["patientId"] and token["status"] != "CALLED":
                    patient.follow(token)

    return see


async def _read_again(clinic: Clinic) -> None:
    """The connection was lost: what has left the board meanwhile, no board says again."""
    for line in clinic.lines:
        tokens = await clinic.host.ask("GET", f"/tokens/queue/{line.queue_id}")
        clinic.host.boards[line.queue_id].on_change(tokens)


def _look_up(clinic: Clinic, calls: list[dict[str, Any]]) -> None:
    shown = {one["label"]: one for one in calls}
    for patient in _without_phones(clinic):
        if patient.tokens and patient.token["label"] in shown:
            one = shown[patient.token["label"]]
            patient.see(Call(one["label"], one["calledAt"], one["recallCount"]))


def _without_phones(clinic: Clinic) -> list[Patient]:
    return [patient for patient in clinic.patients if not patient.has_phone]


def _where_it_is_noon(now: datetime) -> ZoneInfo:
    """A time zone whose day does not end while the demo runs."""
    west = now.hour - 12  # In these names, + is west of Greenwich.
    return ZoneInfo(f"Etc/GMT{west:+d}" if west else "Etc/GMT")


def _picture(number: int) -> bytes:
    drawn = BytesIO()
    shade = Image.linear_gradient("L").resize((640, 480))
    colour = (40 * number % 256, 90, 160)
    Image.composite(Image.new("RGB", shade.size, colour), Image.new("RGB", shade.size), shade).save(
        drawn, "PNG"
    )
    return drawn.getvalue()
