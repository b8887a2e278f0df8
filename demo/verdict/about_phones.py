"""Whether everybody heard what was theirs, nothing else, and in the end how everything stands."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from demo.lines import Line
from demo.phones import CALLED, CHANGED, COMPLETED, SKIPPED, STARTED, App, last_places
from demo.story import Clinic
from demo.verdict.evidence import FOR_STAFF, Evidence, Token
from demo.visits import Patient

EVENTS = {
    ("WAITING", "CALLED"): CALLED,
    ("CALLED", "CALLED"): CALLED,
    ("CALLED", "IN_PROGRESS"): STARTED,
    ("CALLED", "COMPLETED"): COMPLETED,
    ("IN_PROGRESS", "COMPLETED"): COMPLETED,
    ("WAITING", "SKIPPED"): SKIPPED,
    ("CALLED", "SKIPPED"): SKIPPED,
}
"""What a patient hears of a move; of every other one, and of a transfer, that it has changed."""


def about_phones(clinic: Clinic, evidence: Evidence) -> Iterator[str]:
    """Every broken promise about what was heard in that clinic."""
    for app in clinic.apps:
        for line in clinic.lines:
            yield from _about_statuses(app, line)
    patients = {patient.app for patient in clinic.patients}
    for app in clinic.apps:
        if app not in patients and (app.heard or app.places):
            yield f"{app.name} was told what was meant for a patient."
    for patient in clinic.patients:
        if patient.has_phone:
            yield from _about_events(patient, evidence)
            yield from _about_places(clinic, patient)
            yield from _about_histories(clinic, patient)


def _about_statuses(app: App, line: Line) -> Iterator[str]:
    statuses = app.statuses.get(line.queue_id, [])
    versions = [status["version"] for status in statuses]
    if versions != sorted(versions):
        yield f"{app.name} heard an older status of {line.name} after a newer one."
    if statuses and app.is_connected and line.final and statuses[-1] != line.final.status:
        yield f"{app.name} does not know how {line.name} stands."
    begin, end = line.delayed or (0, 0)
    for status in statuses:
        is_late = begin <= status["version"] < end
        if is_late != (status["notice"] is not None and status["notice"]["kind"] == "DELAY"):
            yield f"{app.name} was told wrongly at version {status['version']} of a delay."


def _about_events(patient: Patient, evidence: Evidence) -> Iterator[str]:
    app = patient.app
    if any(heard.token["patientId"] != app.id for heard in app.heard):
        yield f"{app.name} was told what was meant for someone else."
    if any(FOR_STAFF & heard.token.keys() for heard in app.heard):
        yield f"{app.name} was told what is for staff."
    heard: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    for _, event, token in app.heard:
        heard[token["id"]][token["version"], event] += 1
    versions = [(one.token["id"], one.token["version"]) for one in app.heard]
    if any(one[0] == other[0] and one[1] > other[1] for one, other in pairwise(versions)):
        yield f"{app.name} heard something old of their number."
    for known in patient.tokens:
        events = heard[known["id"]]
        owed = {
            (after["version"], _event_of(before, after))
            for before, after in evidence.steps(known["id"])
        }
        if known["transferredFrom"] is not None:
            owed.add((1, CHANGED))
        if app.was_off:  # What went before was not heard; what was told again may be double.
            first = min((version for version, _ in events), default=0)
            owed = {one for one in owed if one[0] >= first}
        if app.cuts:
            owed &= set(events)
        may_be_double = app.was_off or app.cuts
        is_double = not may_be_double and any(times > 1 for times in events.values())
        if is_double or owed != set(events):
            yield f"{app.name} ({known['label']}) was owed {sorted(owed)} and heard {dict(events)}."


def _about_histories(clinic: Clinic, patient: Patient) -> Iterator[str]:
    """Patients see what staff see of their numbers, but not who did it."""
    finals = [line.final for line in clinic.lines if line.final is not None]
    true = {id: history for final in finals for id, history in final.histories.items()}
    for id, seen in patient.histories.items():
        if any(entry["by"] and (entry["by"]["id"] or entry["by"]["name"]) for entry in seen):
            yield f"{patient.app.name} was told who worked there."
        if [(one["action"], one["at"]) for one in seen] != [
            (one["action"], one["at"]) for one in true.get(id, ())
        ]:
            yield f"{patient.app.name} saw another history than the staff."


def _is_a_wait(wait: dict[str, Any] | None) -> bool:
    """Whether it can be: whether it comes true is another matter, and shown beside what came."""
    if wait is None:
        return True
    instants = [wait[name] for name in ("leaveBy", "low", "likely", "high")]
    if wait["state"] == "unknown":
        return wait["reason"] is not None and not any(instants)
    return wait["reason"] is None and all(instants) and instants == sorted(instants)


def _event_of(before: Token, after: Token) -> str:
    if after["transferredTo"] is not None:
        return CHANGED
    return EVENTS.get((before["status"], after["status"]), CHANGED)


def _about_places(clinic: Clinic, patient: Patient) -> Iterator[str]:
    app, finals = patient.app, [line.final for line in clinic.lines if line.final is not None]
    true = {id: place["ahead"] for final in finals for id, place in final.places.items()}
    versions: dict[str, list[int]] = defaultdict(list)
    for place in app.places:
        versions[place["tokenId"]].append(place["version"])
    if any(told != sorted(told) for told in versions.values()):
        yield f"{app.name} was told of an older place after a newer one."
    if any(not _is_a_wait(place["wait"]) for place in app.places):
        yield f"{app.name} was told of a wait that cannot be."
    if not set(versions) <= {token["id"] for token in patient.tokens}:
        yield f"{app.name} was told of someone else's place."
    for id, place in last_places(app).items():
        if app.is_connected and place["ahead"] != true.get(id):
            yield f"{app.name} was last told {place['ahead']} ahead, and {true.get(id)} are."
    if not patient.comes_after and patient.tokens and not app.was_off and not app.places:
        yield f"{app.name} was never told how many are ahead."
