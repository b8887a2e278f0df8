"""What phones were told of when they would be called, held against when they were.

The service's days are hours long and this one is not: what it is told to expect of a visit is at
least a minute, and the visits here take seconds. A range from today's pace is of this day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.table import Table

from demo.phones import CALLED, App
from demo.visits import Patient

BASES = {
    "default": "what is configured",
    "history": "earlier days",
    "live": "today's pace",
}
"""What a range was reckoned from, in the order in which more is known."""


@dataclass(frozen=True, slots=True)
class Told:
    """A range: the call comes after ``low`` and before ``high``, they say; who is there by
    ``leave_by`` does not miss it."""

    leave_by: datetime
    low: datetime
    high: datetime
    basis: str

    def words(self, zone: ZoneInfo) -> str:
        """As the clinic's clock on the wall has it."""
        low, high = (one.astimezone(zone) for one in (self.low, self.high))
        return f"{low:%H:%M} to {high:%H:%M}, from {BASES[self.basis]}"


def ranges_told(app: App, token_id: str) -> list[Told]:
    """All that the phone was told of that number, oldest first. "You are next" is no range."""
    waits = [one["wait"] for one in app.places if one["tokenId"] == token_id]
    return [
        Told(
            datetime.fromisoformat(wait["leaveBy"]),
            datetime.fromisoformat(wait["low"]),
            datetime.fromisoformat(wait["high"]),
            wait["basis"],
        )
        for wait in waits
        if wait is not None and wait["state"] == "estimated"
    ]


def calls_heard(app: App, token_id: str) -> list[datetime]:
    """When the number was called, as the phone has heard it; a recall is the same call."""
    calls = (
        heard.token["calledAt"]
        for heard in app.heard
        if heard.event == CALLED and heard.token["id"] == token_id
    )
    return [datetime.fromisoformat(one) for one in dict.fromkeys(calls)]


def call_and_range(app: App, token_id: str, zone: ZoneInfo) -> str:
    """When it was called last, and what the phone had said at first, as a phrase."""
    call, told = calls_heard(app, token_id)[-1], ranges_told(app, token_id)
    beside = f"at first told {told[0].words(zone)}" if told else "never told a range"
    return f"at {call.astimezone(zone):%H:%M:%S}; {beside}"


def held_against(patients: Iterable[Patient]) -> Table:
    """How many calls came as their phones had said at first; and, below, as they said last."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("What phones said of the call", no_wrap=True)
    for heading in ("Told", "Called", "By high", "Within", "Before low", "Before leaveBy"):
        table.add_column(heading, justify="right", no_wrap=True)
    numbers = list(_numbers(patients))
    for basis, words in BASES.items():
        firsts = [(told[0], call) for told, call in numbers if told[0].basis == basis]
        if firsts:
            table.add_row(f"at first, from {words}", *_counts(firsts))
    table.add_row("at first", *_counts([(told[0], call) for told, call in numbers]))
    table.add_row("before the call", *_counts([(told[-1], call) for told, call in numbers]))
    return table


def in_words(patients: Iterable[Patient]) -> str:
    """The same of what was told at first, as one sentence."""
    numbers = list(_numbers(patients))
    count = _count([(told[0], call) for told, call in numbers])
    live = _count([(told[0], call) for told, call in numbers if told[0].basis == "live"])
    return (
        f"{count['told']} phones were told a range, and {count['called']} of them called: "
        f"{count['by high']} by the end of it, {count['within']} within it, "
        f"{count['before leave by']} before they had to be there; of the {live['called']} who were "
        f"told one from today's pace {live['by high']}, {live['within']} and "
        f"{live['before leave by']}. A visit here takes seconds, and is configured as a minute"
    )


def _numbers(patients: Iterable[Patient]) -> Iterator[tuple[list[Told], datetime | None]]:
    """All that was told of each number of which anything was, and when it was first called."""
    for patient in patients:
        for token in patient.tokens:
            told = ranges_told(patient.app, token["id"])
            if told:
                yield told, next(iter(calls_heard(patient.app, token["id"])), None)


def _count(pairs: list[tuple[Told, datetime | None]]) -> Counter[str]:
    calls = [(told, call) for told, call in pairs if call is not None]
    return Counter(
        {
            "told": len(pairs),
            "called": len(calls),
            "by high": sum(call <= told.high for told, call in calls),
            "within": sum(told.low <= call <= told.high for told, call in calls),
            "before low": sum(call < told.low for told, call in calls),
            "before leave by": sum(call < told.leave_by for told, call in calls),
        }
    )


def _counts(pairs: list[tuple[Told, datetime | None]]) -> list[str]:
    return [str(one) for one in _count(pairs).values()]
