"""What patients do: come, take a number, wait, and be seen, each with a twist of their own."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable
from functools import partial
from typing import Any

from demo.clients import ANSWER_SECONDS, Refused
from demo.pace import Pace
from demo.service import DemoError
from demo.story import Clinic, Day
from demo.visits import Kind, Patient, Twist

WALK, SIT = 0.3, 0.5
BY_PHONE: dict[Twist, tuple[str, dict[str, Any]]] = {
    Twist.LEAVES: ("leave", {}),
    Twist.STEPS_OUT: ("hold", {}),
    Twist.FETCHED: ("hold", {}),
    Twist.NEVER_BACK: ("hold", {}),
    Twist.LETS_PASS: ("postpone", {"pass": 2}),
}
BY_STAFF: dict[Twist, tuple[str, dict[str, Any]]] = {
    Twist.RINGS_UP: ("cancel", {"reason": "Rang up."}),
    Twist.URGENT: ("priority", {"priority": "URGENT"}),
    Twist.PRIORITY: ("priority", {"priority": "PRIORITY"}),
}
TOLD_AT_ONCE = {*BY_PHONE, *BY_STAFF, Twist.WRONG_LINE, Twist.LOST_LINK, Twist.PHONE_OFF}
WRONG_TIME = frozenset({"illegal_transition", "nobody_behind"})
"""What is answered to whoever was called just before they could do what they meant to."""


async def come(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    """Take a number, and have the phone listen."""
    await pace.pause(patient.comes_after)
    patient.app.on_personal = _listener(day, patient)
    patient.app.on_return = partial(ask_what_was_missed, patient)
    try:
        if patient.kind is Kind.ACCOUNT:
            token = await _take_number(patient)
        elif patient.kind is Kind.GUEST:
            token = await _come_through_the_door(day, clinic, patient)
        else:
            token = await _ask_at_the_desk(clinic, patient)
    except Refused as refusal:
        if refusal.code != "queue_full":
            raise DemoError(f"{patient.app.name} was refused a number: {refusal}") from refusal
        patient.was_refused = "told full"
        day.say(patient, "sorry, the queue is full for today")
        return
    patient.follow(token)
    if not patient.has_phone:  # Whoever comes in just as they are called looks up at the screen.
        patient.follow(patient.line.known.get(token["id"], token))


async def settle_in(day: Day, clinic: Clinic, patient: Patient) -> None:
    """Do what they came to do beside waiting, unless they were called before they could."""
    if not patient.tokens:
        return
    token, twist = patient.token, patient.twist
    if twist in BY_PHONE:
        move, options = BY_PHONE[twist]
        await _unless_called(patient, patient.app.move(move, token, **options))
        patient.is_settled = twist is Twist.NEVER_BACK
    elif twist in BY_STAFF and token["priority"] == "NORMAL":
        move, options = BY_STAFF[twist]
        await _unless_called(patient, clinic.host.move(move, token, **options))
    elif twist is Twist.WRONG_LINE:
        right = clinic.lines[1].service_id
        await _unless_called(
            patient, clinic.host.move("transfer", token, serviceId=right, to="FIRST")
        )
    elif twist is Twist.LOST_LINK:
        await _get_another_link(day, clinic, patient)
    elif twist is Twist.PHONE_OFF and token["status"] == "WAITING":
        await patient.app.disconnect()
    if token["status"] == "WAITING" and twist in TOLD_AT_ONCE:
        day.say(patient, str(twist))


async def live_through(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    """Wait for the turn, come to it, and go when it is over."""
    if patient.tokens:
        if patient.twist is Twist.STEPS_OUT and patient.token["onHold"]:
            await pace.pause(patient.away_for)
            await _unless_called(patient, patient.app.move("resume", patient.token))
        elif patient.twist is Twist.PHONE_OFF and not patient.app.is_connected:
            patient.waits_for = "waits, with the phone off, for a desk to call"
            await patient.is_wanted.wait()
            await pace.pause(WALK)
            await patient.app.connect([patient.line.queue_id])
        await _wait_and_come(day, clinic, patient, pace)
    patient.waits_for = ""
    patient.is_settled = True
    clinic.bell.ring()


async def _wait_and_come(day: Day, clinic: Clinic, patient: Patient, pace: Pace) -> None:
    while True:
        token, call = patient.token, patient.call
        if token["transferredTo"]:
            await _learn_where_to(patient)
        elif token["queueId"] != patient.line.queue_id:
            await _go_on(clinic, patient)
        elif token["status"] == "SKIPPED" and patient.twist is Twist.LATE and not patient.had_twist:
            await pace.pause(SIT)
            patient.had_twist = True
            by = patient.app if patient.has_phone else clinic.host
            patient.follow(await by.move("rejoin", token))
            day.say(patient, "here I am")
        elif patient.outcome:
            return
        elif call is not None and call not in patient.came_for and patient.comes_to(call):
            await pace.pause(WALK)
            patient.came_for.add(call)
            patient.bell.ring()
        else:
            patient.waits_for = f"waits with {token['label']}, {token['status'].lower()}"
            await patient.hear_more(token, call)


async def _take_number(patient: Patient) -> dict[str, Any]:
    app, queue_id = patient.app, patient.line.queue_id
    if patient.twist is not Twist.IMPATIENT:
        return await app.take_number(queue_id)
    key = str(uuid.uuid4())
    first, second = await asyncio.gather(*(app.take_number(queue_id, key=key) for _ in range(2)))
    if first != second:
        raise DemoError(f"{app.name} asked twice with one key, and got {first} and {second}.")
    return first


async def _come_through_the_door(day: Day, clinic: Clinic, patient: Patient) -> dict[str, Any]:
    app = patient.app
    door = await app.ask("GET", f"/join/{clinic.join_code}")
    (service,) = (one for one in door["services"] if one["name"] == patient.line.name)
    wish = {"serviceId": service["id"], "name": app.name}
    asked = time.perf_counter()
    joined = await app.ask("POST", f"/join/{clinic.join_code}", json=wish)
    token = app.note(asked, "join", joined["token"])
    _be_known(clinic, patient, token)
    await _open_link(patient, joined["guest"])
    if patient.twist is Twist.IMPATIENT:
        try:
            await app.ask("POST", f"/join/{clinic.join_code}", json=wish)
        except Refused as refusal:
            if refusal.code != "active_token_exists":
                raise
        else:
            day.surprises.append(f"{app.name} joined twice.")
    return token


async def _ask_at_the_desk(clinic: Clinic, patient: Patient) -> dict[str, Any]:
    wish = {"name": patient.app.name, "note": str(patient.twist)}
    if patient.twist is Twist.PRIORITY:
        wish["priority"] = "PRIORITY"
    asked = time.perf_counter()
    path = f"/queues/{patient.line.queue_id}/walk-ins"
    admitted = await clinic.host.ask("POST", path, json=wish)
    token = clinic.host.note(asked, "walk-in", admitted["token"])
    _be_known(clinic, patient, token)
    if patient.has_phone:
        await _open_link(patient, admitted["guest"])
    return token


def _be_known(clinic: Clinic, patient: Patient, token: dict[str, Any]) -> None:
    """A desk may have called them already, and asks whose number it is."""
    patient.app.id = token["patientId"]
    clinic.bell.ring()


async def _open_link(patient: Patient, guest: dict[str, Any]) -> None:
    """Scan the code: whatever happened before the phone listens, it is told as it stands then."""
    patient.app.was_off = True
    patient.link = guest["url"]
    await patient.app.open_link(guest["secret"])
    await patient.app.connect([patient.line.queue_id])


async def _get_another_link(day: Day, clinic: Clinic, patient: Patient) -> None:
    """The old link, and what it had opened, end."""
    app, old = patient.app, patient.app.secrets[0]
    renewed = await clinic.host.ask("POST", f"/tokens/{patient.token['id']}/guest-link")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await app.was_cut_off.wait()
    except TimeoutError:
        day.surprises.append(f"{app.name}'s lost link still listens.")
    await app.disconnect()
    try:
        await app.open_link(old)
    except Refused:
        pass
    else:
        day.surprises.append(f"{app.name}'s lost link still opens.")
    await _open_link(patient, renewed["guest"])


async def _learn_where_to(patient: Patient) -> None:
    """Find out the number that the old one has led to."""
    old = patient.token
    if patient.has_phone:
        patient.follow(await patient.app.ask("GET", f"/tokens/{patient.app.id}"))
    else:
        await patient.bell.until(lambda: patient.token["id"] != old["id"])


async def _go_on(clinic: Clinic, patient: Patient) -> None:
    """Stand in the line of the new number."""
    patient.line = next(one for one in clinic.lines if one.queue_id == patient.token["queueId"])
    if patient.has_phone:
        await patient.app.watch(patient.line.queue_id)


async def ask_what_was_missed(patient: Patient) -> None:
    """The connection was lost: what has ended meanwhile, nobody says again."""
    if not patient.tokens:
        return
    active = await patient.app.ask("GET", f"/tokens/{patient.app.id}")
    if active is not None:
        patient.follow(active)
        return
    history = await patient.app.ask("GET", f"/tokens/{patient.token['id']}/history")
    last = history[-1]
    why = last["reason"] if last["reason"] in ("PATIENT", "DAY_ENDED", "TRANSFERRED") else "STAFF"
    ended = {"status": last["to"], "cancelReason": why if last["to"] == "CANCELLED" else None}
    patient.follow({**patient.token, **ended, "version": len(history)})


async def _unless_called(patient: Patient, move: Awaitable[dict[str, Any]]) -> None:
    try:
        patient.follow(await move)
    except Refused as refusal:
        if refusal.code not in WRONG_TIME:
            raise


def _listener(day: Day, patient: Patient) -> Any:
    def hear(name: str, token: dict[str, Any]) -> None:
        patient.follow(token)
        day.say(patient, name)

    return hear
