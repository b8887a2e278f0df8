"""The end of the day: what was promised, held against what people were answered and heard.

The service itself is asked only how everything stands when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator

from demo.story import Clinic, Day
from demo.verdict.about_boards import about_boards
from demo.verdict.about_numbers import about_numbers
from demo.verdict.about_phones import about_phones
from demo.verdict.evidence import gather

ENDS = {"served", "skipped", "left", "cancelled", "sent home", "told full"}


def complaints(day: Day) -> Iterator[str]:
    """Every promise that was broken, as a sentence. None is a good day."""
    yield from day.surprises
    evidence = gather(day)
    yield from evidence.contradictions
    for clinic in day.clinics:
        for line in clinic.lines:
            yield from about_numbers(clinic, line, evidence)
            yield from about_boards(clinic, line, evidence)
        yield from about_phones(clinic, evidence)
        for patient in clinic.patients:
            if patient.outcome not in ENDS:
                yield f"{patient.app.name} was lost: nothing became of the visit."
        yield from _about_desks(clinic)
    yield from _about_secrets(day)
    if day.pictures_shown != day.pictures_given:
        yield f"{day.pictures_given} pictures were given, {day.pictures_shown} are shown."


def _about_desks(clinic: Clinic) -> Iterator[str]:
    for desk in clinic.desks_in_the_end:
        if desk["state"] != "CLOSED" or desk["staff"] is not None:
            yield f"{desk['name']} did not close."
    for line in clinic.lines:
        if line.final is not None and line.final.status["openDesks"]:
            yield f"{line.name} counts desks that are closed."


def _about_secrets(day: Day) -> Iterator[str]:
    for app in day.apps:
        if any(secret in day.log for secret in app.secrets):
            yield f"A secret of {app.name} stands in the service's log."
