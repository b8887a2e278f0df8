"""What phones were told of their calls is held against what came."""

from __future__ import annotations

from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from demo.phones import CALLED, Heard
from demo.ranges import call_and_range, held_against, in_words, ranges_told
from demo.visits import Patient
from tests.demo.good_day import GoodDay, wait

ROOM = ZoneInfo("Etc/GMT-1")


def called(patient: Patient, at: str, *, recalls: int = 0) -> None:
    """The phone says that the number was called at that minute of the hour."""
    token = {**patient.token, "calledAt": f"2026-01-01T12:{at}Z", "recallCount": recalls}
    patient.app.heard.append(Heard(0.5, CALLED, token))


def told(patient: Patient, *waits: Any) -> None:
    """All that the phone was told, and nothing of a call yet."""
    patient.tokens[:] = [{**patient.token, "id": patient.app.name}]
    patient.app.heard.clear()
    patient.app.places[:] = [{"tokenId": patient.app.name, "wait": one} for one in waits]


def rows(patients: list[Patient]) -> dict[str, list[int]]:
    """The table: the figures of each row."""
    console = Console(width=120, record=True, file=StringIO())
    console.print(held_against(patients))
    lines = [line.split("  ") for line in console.export_text().splitlines()[3:]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {row[0]: [int(one) for one in row[1:]] for row in cells if row}


@pytest.mark.parametrize(
    ("at", "by_high", "within", "before_low", "before_leave_by"),
    [
        ("05:59", 1, 0, 1, 1),
        ("06:00", 1, 0, 1, 0),
        ("07:59", 1, 0, 1, 0),
        ("08:00", 1, 1, 0, 0),
        ("12:00", 1, 1, 0, 0),
        ("12:01", 0, 0, 0, 0),
    ],
)
def test_a_call_is_held_against_the_range(
    at: str, by_high: int, within: int, before_low: int, before_leave_by: int
) -> None:
    patient = GoodDay().patients["Plain"]
    told(patient, wait(0))
    called(patient, at)
    assert rows([patient])["at first"] == [1, 1, by_high, within, before_low, before_leave_by]


def test_what_was_told_first_counts_and_what_was_told_last_stands_below() -> None:
    good = GoodDay()
    early, late, gone = (good.patients[name] for name in ("Plain", "Late", "Leaver"))
    told(early, None, wait(None), wait(2), wait(0, basis="live"))
    told(late, wait(1, basis="live"), wait(0, basis="live"), wait(None))
    told(gone, wait(3))
    called(early, "09:00")
    called(late, "13:00")
    assert rows([early, late, gone]) == {
        "at first, from what is configured": [2, 1, 1, 0, 1, 1],
        "at first, from today's pace": [1, 1, 1, 1, 0, 0],
        "at first": [3, 2, 2, 1, 1, 1],
        "before the call": [3, 2, 1, 1, 0, 0],
    }
    assert in_words([early, late, gone]).startswith(
        "3 phones were told a range, and 2 of them called: 2 by the end of it, 1 within it, 1 "
        "before they had to be there; of the 1 who were told one from today's pace 1, 1 and 0."
    )


def test_whoever_was_told_that_they_are_next_was_told_no_range() -> None:
    patient = GoodDay().patients["Plain"]
    told(patient, {**wait(0), "state": "next"})
    called(patient, "09:00")
    assert ranges_told(patient.app, "Plain") == []
    assert call_and_range(patient.app, "Plain", ROOM) == "at 13:09:00; never told a range"
    assert in_words([patient]).startswith("0 phones were told a range")


def test_a_recall_is_no_other_call_and_a_later_call_does_not_count() -> None:
    patient = GoodDay().patients["Plain"]
    told(patient, wait(0))
    called(patient, "09:00")
    called(patient, "09:00", recalls=1)
    called(patient, "20:00")
    assert rows([patient])["at first"] == [1, 1, 1, 1, 0, 0]
    assert call_and_range(patient.app, "Plain", ROOM) == (
        "at 13:20:00; at first told 13:08 to 13:12, from what is configured"
    )


def test_a_call_is_told_with_the_range_and_a_recall_alone() -> None:
    good = GoodDay()
    patient = good.patients["Plain"]
    told(patient, wait(0))
    called(patient, "09:00")
    good.day.say(patient, CALLED)
    patient.tokens[-1]["recallCount"] = 1
    good.day.say(patient, CALLED)
    with_range = (
        "Plain (G001): it is your turn at 12:09:00; at first told 12:08 to 12:12, from what is "
        "configured"
    )
    assert list(good.day.feed) == [with_range, "Plain (G001): it is your turn"]
    assert list(good.day.calls) == [with_range]
