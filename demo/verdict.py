"""The end of the day: what was promised, held against what staff read and phones heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

from rich.box import SIMPLE
from rich.table import Table

from demo.clients import CALLED, COMPLETED, SKIPPED, STARTED
from demo.story import Clinic, Day, Patient

MUST_HEAR = {
    "served": (CALLED, STARTED, COMPLETED),
    "skipped": (CALLED, SKIPPED),
    "cancelled": (),
    "told full": (),
}
STATUS_AFTER = {"served": "COMPLETED", "skipped": "SKIPPED", "cancelled": "CANCELLED"}


def complaints(day: Day) -> Iterator[str]:
    """Every promise that was broken, as a sentence. None is a good day."""
    for token_id in day.called_twice:
        yield f"Token {token_id} was called twice."
    for clinic in day.clinics:
        yield from _about_numbers(clinic)
        yield from _about_statuses(clinic)
        for patient in clinic.patients:
            yield from _about_patient(clinic, patient)
    if day.pictures_shown != day.pictures_given:
        yield f"{day.pictures_given} pictures were given, {day.pictures_shown} are shown."


def summary(day: Day) -> Table:
    """The day in figures, clinic by clinic; the time from a call to the phone is the median."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("The day", no_wrap=True)
    for heading in ("Issued", "Served", "Skipped", "Cancelled", "Full", "Events", "Call to phone"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, clinics in [*((one.name, [one]) for one in day.clinics), ("All", day.clinics)]:
        patients = [patient for clinic in clinics for patient in clinic.patients]
        outcomes = Counter(patient.outcome for patient in patients)
        apps = [one.app for clinic in clinics for one in clinic.people]
        delays = list(_delays(day, patients))
        table.add_row(
            name,
            str(sum(patient.token is not None for patient in patients)),
            *(str(outcomes[one]) for one in ("served", "skipped", "cancelled", "told full")),
            str(sum(len(app.heard) + len(app.statuses) for app in apps)),
            f"{median(delays) * 1000:.0f} ms" if delays else "-",
        )
    return table


def _about_numbers(clinic: Clinic) -> Iterator[str]:
    numbers = [token["tokenNumber"] for token in clinic.tokens]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{clinic.name} issued the numbers {numbers}."
    given = Counter(patient.token["id"] for patient in clinic.patients if patient.token)
    kept = Counter(token["id"] for token in clinic.tokens)
    if given != kept:
        yield f"{clinic.name} gave out other tokens than it keeps."
    refused = sum(patient.outcome == "told full" for patient in clinic.patients)
    if len(numbers) > clinic.max_queue_size:
        yield f"{clinic.name} issued {len(numbers)} tokens for {clinic.max_queue_size} places."
    if refused and len(numbers) < clinic.max_queue_size:
        yield f"{clinic.name} told {refused} patients it was full when it was not."


def _about_statuses(clinic: Clinic) -> Iterator[str]:
    for one in clinic.people:
        versions = [status["version"] for status in one.app.statuses]
        if versions != sorted(versions):
            yield f"{one.app.name} heard an older status after a newer one."
        if one.app.is_connected and one.app.statuses[-1] != clinic.status:
            yield f"{one.app.name} does not know how the queue stands."


def _about_patient(clinic: Clinic, patient: Patient) -> Iterator[str]:
    name = patient.app.name
    if patient.outcome not in MUST_HEAR:
        yield f"{name} was lost: nothing became of the visit."
        return
    heard = Counter(event for _, event, _ in patient.app.heard)
    must = Counter(MUST_HEAR[patient.outcome])
    if heard != must:
        yield f"{name} was {patient.outcome} and heard {dict(heard)}."
    if any(token["patientId"] != patient.app.id for _, _, token in patient.app.heard):
        yield f"{name} was told what was meant for someone else."
    status = STATUS_AFTER.get(patient.outcome)
    mine = [token["status"] for token in clinic.tokens if token["patientId"] == patient.app.id]
    if mine != ([status] if status else []):
        yield f"{name} was {patient.outcome}, but the clinic's list says {mine}."


def _delays(day: Day, patients: list[Patient]) -> Iterator[float]:
    """Seconds from a desk's call to the phone, for phones that were on."""
    for patient in patients:
        if patient.token is None or patient.is_offline_when_called:
            continue
        for at, event, token in patient.app.heard:
            if event == CALLED and token["id"] in day.calls:
                yield at - day.calls[token["id"]]
