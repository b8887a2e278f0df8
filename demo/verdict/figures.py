"""The day in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median

from rich.box import SIMPLE
from rich.table import Table

from demo.lines import Line
from demo.phones import CALLED
from demo.story import Clinic, Day

ENDS = ("COMPLETED", "SKIPPED", "CANCELLED")
ON_THE_WAY = {
    "walk-in": "walk-ins",
    "join": "guests from the door",
    "recall": "recalls",
    "rejoin": "rejoined",
    "hold": "held",
    "resume": "resumed",
    "postpone": "let others pass",
    "priority": "put before others",
    "call": "called out of order",
    "return": "returned",
    "transfer": "sent on",
    "undo": "undone",
}
"""What the summary says beside the table."""


def summary(day: Day) -> Table:
    """Queue by queue; the time from a call to the phone is the median."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("The day", no_wrap=True)
    for heading in ("Issued", "Served", "Skipped", "Cancelled", "Full", "Events", "Call to phone"):
        table.add_column(heading, justify="right", no_wrap=True)
    lines = [(clinic, line) for clinic in day.clinics for line in clinic.lines]
    for clinic, line in lines:
        name = clinic.name if len(clinic.lines) == 1 else line.name
        _add_row(table, day, name, [(clinic, line)])
    _add_row(table, day, "All", lines)
    return table


def on_the_way(day: Day) -> str:
    """What happened beside calling and seeing, as one line."""
    moves = Counter(answer.move for app in day.apps for answer in app.answers)
    return ", ".join(f"{moves[move]} {words}" for move, words in ON_THE_WAY.items() if moves[move])


def _add_row(table: Table, day: Day, name: str, lines: list[tuple[Clinic, Line]]) -> None:
    tokens = [token for _, line in lines for token in (line.final.tokens if line.final else ())]
    ended = Counter(token["status"] for token in tokens)
    full = sum(
        one.was_refused != ""
        for clinic, line in lines
        for one in clinic.patients
        if one.line is line
    )
    queues = {line.queue_id for _, line in lines}
    heard = sum(
        sum(one.token["queueId"] in queues for one in app.heard)
        + sum(len(app.statuses.get(queue, ())) for queue in queues)
        for app in day.apps
    )
    delays = list(_delays(day, queues))
    table.add_row(
        name,
        str(len(tokens)),
        *(str(ended[status]) for status in ENDS),
        str(full),
        str(heard),
        f"{median(delays) * 1000:.0f} ms" if delays else "-",
    )


def _delays(day: Day, queues: set[str]) -> Iterator[float]:
    """Seconds from a desk's call to the phone, for phones that were on."""
    asked = {
        (token["id"], token["version"]): answer.asked
        for app in day.apps
        for answer in app.answers
        if answer.move in ("call-next", "call", "recall")
        for token in answer.tokens
    }
    for patient in day.patients:
        for at, event, token in patient.app.heard:
            key = (token["id"], token["version"])
            was_on = event == CALLED and not (patient.app.was_off or patient.app.cuts)
            if was_on and token["queueId"] in queues and key in asked:
                yield at - asked[key]
