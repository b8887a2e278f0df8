"""A small day, told as a service that keeps its promises would have told it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx

from demo.boards import Board, rows_of
from demo.lines import Final, Line
from demo.phones import (
    CALLED,
    CHANGED,
    COMPLETED,
    SKIPPED,
    STARTED,
    App,
    Heard,
)
from demo.story import Clinic, Day, Desk
from demo.visits import Kind, Patient

Token = dict[str, Any]

_HEARD_OF = {
    "call-next": CALLED,
    "call": CALLED,
    "recall": CALLED,
    "start": STARTED,
    "skip": SKIPPED,
    "complete": COMPLETED,
}


class Told:
    """One queue, and everybody who is told of it."""

    def __init__(self, clinic: Clinic, line: Line) -> None:
        self.clinic = clinic
        self.line = line
        self.version = 1
        self.tokens: dict[str, Token] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.notice: dict[str, Any] | None = None
        self.is_closed = False
        for app in clinic.staff:
            app.boards[line.queue_id] = Board()
            app.boards[line.queue_id].begin(self.board())
        for app in self._watchers():
            app.statuses[line.queue_id] = [self.status()]

    def take(self, patient: Patient, *, by: App | None = None, **fields: Any) -> Token:
        """A number; somebody is told, unless it is a transfer's."""
        number = len(self.tokens) + 1
        token: Token = {
            "id": f"{self.line.name}-{number}",
            "queueId": self.line.queue_id,
            "serviceId": self.line.service_id,
            "patientId": patient.app.id,
            "tokenNumber": number,
            "label": f"{self.line.prefix}{number:03d}",
            "status": "WAITING",
            "priority": "NORMAL",
            "onHold": False,
            "recallCount": 0,
            "calledAt": None,
            "cancelReason": None,
            "transferredFrom": None,
            "transferredTo": None,
            "createdAt": f"{number}",
            "guest": patient.kind is not Kind.ACCOUNT,
            "version": 1,
            **fields,
        }
        self.histories[token["id"]] = [_entry("ISSUE", None, token, patient.app)]
        patient.tokens.append(token)
        if by is not None:
            by.note(0.0, "take", token)
        self._tell([token])
        return token

    def move(self, move: str, token: Token, *, by: App | None = None, **fields: Any) -> Token:
        """A move with a token, by whoever is told of it (nobody: what a call completed)."""
        now = {**self.tokens[token["id"]], **fields}
        now["version"] += 1
        if move == "call-next":
            now["calledAt"] = f"2026-01-01T12:{self.version:02d}:00Z"
        self.histories[token["id"]].append(_entry(move, token["status"], now, by))
        patient = self._patient(now)
        patient.tokens = [now if one["id"] == now["id"] else one for one in patient.tokens]
        if by is not None:
            by.note(0.0, move, now)
        if patient.has_phone:
            event = _HEARD_OF.get(move, CHANGED)
            patient.app.heard.append(Heard(0.25, event, now))
        self._tell([now])
        return now

    def change(self) -> None:
        """Something about the queue itself."""
        self._tell([])

    def finish(self) -> None:
        """Everything as it is read at the end."""
        tokens = sorted(self.tokens.values(), key=lambda one: int(one["tokenNumber"]))
        self.line.final = Final(
            status=self.status(),
            board=self.board(),
            tokens=tokens,
            histories=self.histories,
            places={one["id"]: {"ahead": self._ahead().get(one["id"])} for one in tokens},
        )

        for id, history in self.histories.items():
            known = {"id": None, "name": None}
            seen = [{**one, "by": one["by"] and {**one["by"], **known}} for one in history]
            self._patient(self.tokens[id]).histories[id] = seen

    def status(self) -> dict[str, Any]:
        waiting = [one for one in self.tokens.values() if one["status"] == "WAITING"]
        shown = [
            self.tokens[id]["label"] for id, ahead in self._ahead().items() if ahead is not None
        ]
        return {
            "queueId": self.line.queue_id,
            "version": self.version,
            "waitingCount": len(waiting),
            "onHoldCount": sum(one["onHold"] for one in waiting),
            "next": shown[:5],
            "calls": [],
            "notice": self.notice,
            "isClosed": self.is_closed,
            "openDesks": 0,
        }

    def board(self) -> dict[str, Any]:
        """A fresh one."""
        ahead = self._ahead()
        return {
            "queue": {"id": self.line.queue_id},
            "version": self.version,
            "tokens": [{**self.tokens[id], "ahead": ahead[id]} for id in ahead],
        }

    def _tell(self, changed: Iterable[Token]) -> None:
        before = self._ahead()
        self.version += 1
        for token in changed:
            self.tokens[token["id"]] = token
        ahead = self._ahead()
        for app in self.clinic.staff:
            app.boards[self.line.queue_id].update(
                {
                    "queueId": self.line.queue_id,
                    "version": self.version,
                    "changed": [{**one, "ahead": ahead.get(one["id"])} for one in changed],
                    "order": list(ahead),
                }
            )
        for app in self._watchers():
            app.statuses[self.line.queue_id].append(self.status())
        for id in {*before, *ahead}:
            patient = self._patient(self.tokens[id])
            if patient.has_phone and before.get(id) != ahead.get(id):
                place: dict[str, Any] = {"ahead": ahead.get(id), "wait": wait(ahead.get(id))}
                place |= {"tokenId": id, "queueId": self.line.queue_id, "version": self.version}
                patient.app.places.append(place)

    def _ahead(self) -> dict[str, int | None]:
        on_it = [
            one for one in self.tokens.values() if one["status"] not in ("COMPLETED", "CANCELLED")
        ]
        on_it.sort(key=lambda one: (one["status"] != "WAITING", one["priority"] != "URGENT"))
        rows = rows_of(self.tokens, [one["id"] for one in on_it])
        return {row.token["id"]: row.ahead for row in rows}

    def _watchers(self) -> list[App]:
        return [app for app in self.clinic.apps if app.id]

    def _patient(self, token: Token) -> Patient:
        return next(one for one in self.clinic.patients if one.app.id == token["patientId"])


def wait(ahead: int | None, *, basis: str = "default") -> dict[str, Any]:
    """With so many ahead, on a day on which each call comes two minutes after the one before."""
    if ahead is None:
        instants = dict.fromkeys(("leaveBy", "low", "likely", "high"))
        return {"state": "unknown", "reason": "not_waiting", "basis": basis, **instants}
    instants = {
        name: f"2026-01-01T12:{minute + 2 * ahead:02d}:00Z"
        for name, minute in (("leaveBy", 6), ("low", 8), ("likely", 10), ("high", 12))
    }
    return {"state": "estimated", "reason": None, "basis": basis, **instants}


def _entry(action: str, before: str | None, now: Token, by: App | None) -> dict[str, Any]:
    who = None if by is None else {"id": by.id, "name": by.name, "role": "STAFF"}
    return {"action": action, "from": before, "to": now["status"], "at": now["version"], "by": who}


class GoodDay:
    """Two services, one desk; what befalls each patient is named after them."""

    def __init__(self) -> None:
        http = httpx.AsyncClient()

        def app(name: str) -> App:
            made = App(http, "http://x", name)
            made.id = name
            made._socket = object()
            return made

        self.host, self.staff = app("Rosa Franklin"), app("Grace Hopper")
        general = Line("General", 6, prefix="G", service_id="general", queue_id="queue-g")
        blood = Line("Blood tests", 9, prefix="B", service_id="blood", queue_id="queue-b")
        names = ("Plain", "Late", "Leaver", "Mistaken", "Urgent", "Refused", "Sent on")
        self.patients = {name: Patient(app(name), Kind.ACCOUNT, general, 0.0) for name in names}
        clinic = Clinic(
            "Riverside Practice",
            "GENERAL_PRACTICE",
            [general, blood],
            host=self.host,
            desks=[Desk(self.staff, "Room 1", [general, blood], id="desk-1")],
            patients=list(self.patients.values()),
        )
        self.clinic = clinic
        self.day = Day([clinic])
        self.general, self.blood = Told(clinic, general), Told(clinic, blood)
        self._play()
        clinic.desks_in_the_end = [{"name": "Room 1", "state": "CLOSED", "staff": None}]
        for told in (self.general, self.blood):
            told.finish()
            told.line.status = told.status()
            told.line.known = dict(told.tokens)

    def served(self, told: Told, token: Token) -> Token:
        """Called, seen, done."""
        for move, status in (("call-next", "CALLED"), ("start", "IN_PROGRESS")):
            token = told.move(move, token, by=self.staff, status=status)
        return told.move("complete", token, by=self.staff, status="COMPLETED")

    def _play(self) -> None:
        told, staff = self.general, self.staff
        told.notice, told.line.delayed = {"kind": "DELAY"}, (2, 4)
        told.change()
        takes = {
            name: told.take(one, by=one.app)
            for name, one in self.patients.items()
            if name != "Refused"
        }
        told.line.delayed = (2, told.version + 1)
        told.notice = None
        told.change()
        self.patients["Refused"].was_refused = "told full"
        leaver = self.patients["Leaver"]
        told.move(
            "leave", takes["Leaver"], by=leaver.app, status="CANCELLED", cancelReason="PATIENT"
        )
        urgent = told.move("priority", takes["Urgent"], by=self.host, priority="URGENT")
        self.served(told, urgent)
        self.served(told, takes["Plain"])
        late = told.move("call-next", takes["Late"], by=staff, status="CALLED")
        late = told.move("recall", late, by=staff, recallCount=1)
        told.move("skip", late, by=staff, status="SKIPPED")
        mistaken = told.move("call-next", takes["Mistaken"], by=staff, status="CALLED")
        mistaken = told.move("undo", mistaken, by=staff, status="WAITING", calledAt=None)
        self.served(told, mistaken)
        late = told.move("rejoin", told.tokens[late["id"]], by=staff, status="WAITING")
        self.served(told, late)
        first = self.patients["Sent on"]
        new = self.blood.take(first, transferredFrom=takes["Sent on"]["id"])
        first.app.heard.append(Heard(0.25, CHANGED, new))
        to = {"status": "CANCELLED", "cancelReason": "TRANSFERRED", "transferredTo": new["id"]}
        told.move("transfer", takes["Sent on"], by=staff, **to)
        self.clinic.snapshots.append(self.blood.board())
        self.served(self.blood, new)
