"""The verdict has nothing against a good day, and notices each broken promise."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from demo.phones import CALLED
from demo.verdict import complaints
from demo.verdict.figures import on_the_way, summary
from tests.demo.good_day import GoodDay, wait


def test_a_good_day_has_no_complaint_and_its_figures_add_up() -> None:
    good = GoodDay()
    assert list(complaints(good.day)) == []
    console = Console(width=120, record=True, file=StringIO())
    console.print(summary(good.day))
    (row,) = [
        line.split()
        for line in console.export_text().splitlines()
        if line.strip().startswith("All")
    ]
    assert row[1:6] == ["7", "5", "0", "2", "1"]
    assert row[-2:] == ["250", "ms"]
    assert on_the_way(good.day) == (
        "1 recalls, 1 rejoined, 1 put before others, 1 sent on, 1 undone"
    )


def final(good: GoodDay, number: int) -> dict[str, Any]:
    """What was read of that number of the general queue at the end."""
    assert good.general.line.final is not None
    return good.general.line.final.tokens[number - 1]


def last_status(good: GoodDay) -> dict[str, Any]:
    """What was read of the general queue itself."""
    assert good.general.line.final is not None
    return good.general.line.final.status


def told_wrongly(good: GoodDay, **fields: Any) -> None:
    """The last status that the staff heard says something else."""
    statuses = good.staff.statuses["queue-g"]
    statuses[-2] = {**statuses[-2], **fields}


def all_told_wrongly(good: GoodDay, **fields: Any) -> None:
    """Everybody who listens heard the same wrong thing."""
    for app in good.day.apps:
        if app.statuses:
            app.statuses["queue-g"][-2] = {**app.statuses["queue-g"][-2], **fields}


def heard(good: GoodDay, name: str, whose: str) -> None:
    """That patient's phone says once more the last event of that one's."""
    good.patients[name].app.heard.append(good.patients[whose].app.heard[-1])


def place(good: GoodDay, name: str, position: int, **fields: Any) -> None:
    """One of the places that were told to that patient was another."""
    places = good.patients[name].app.places
    places[position] = {**places[position], **fields}


def calls_again(good: GoodDay) -> None:
    token = good.general.tokens["General-1"]
    good.staff.note(0.0, "call-next", {**token, "version": token["version"] + 1})


def moved(good: GoodDay, number: int, version: int, **fields: Any) -> None:
    """Everybody was told that at that version the number stood otherwise."""
    for app in good.day.apps:
        for answer in app.answers:
            for token in answer.tokens:
                _alter(token, f"General-{number}", version, fields)
        for one in app.heard:
            _alter(one.token, f"General-{number}", version, fields)
        for board in app.boards.values():
            for told in board._told:
                for token in told.get("changed", ()):
                    _alter(token, f"General-{number}", version, fields)
    for token in good.general.line.final.tokens if good.general.line.final else ():
        _alter(token, f"General-{number}", version, fields)


def _alter(token: dict[str, Any], id: str, version: int, fields: dict[str, Any]) -> None:
    if token["id"] == id and token["version"] == version:
        token.update(fields)


def calls_the_wrong_one(good: GoodDay) -> None:
    """The last one in the line is called before all others."""
    last = good.general.take(good.patients["Plain"], by=good.patients["Plain"].app)
    other = good.general.take(good.patients["Late"], by=good.patients["Late"].app)
    good.general.move("call-next", other, by=good.staff, status="CALLED")
    good.general.move("skip", last, by=good.staff, status="SKIPPED")


def lets_somebody_urgent_wait(good: GoodDay) -> None:
    """The board itself has the wrong order."""
    plain = good.general.take(good.patients["Plain"], by=good.patients["Plain"].app)
    late = good.general.take(good.patients["Late"], by=good.patients["Late"].app, priority="URGENT")
    good.host.boards["queue-g"]._told[-1]["order"] = [plain["id"], late["id"]]
    good.general.move("call-next", plain, by=good.staff, status="CALLED")


def lets_three_of_a_class_pass(good: GoodDay) -> None:
    good.general.take(good.patients["Plain"], by=good.patients["Plain"].app)
    for name in ("Late", "Leaver", "Mistaken"):
        patient = good.patients[name]
        token = good.general.take(patient, by=patient.app, priority="PRIORITY")
        good.host.boards["queue-g"]._told[-1]["order"] = [token["id"], "General-7"]
        good.general.move("call-next", token, by=good.staff, status="CALLED")
        good.host.boards["queue-g"]._told[-1]["order"] = [token["id"], "General-7"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (calls_again, "was called twice"),
        (lambda good: good.patients["Plain"].tokens.clear(), "Plain was lost"),
        (lambda good: final(good, 2).update(tokenNumber=3), "issued the numbers [1, 3, 3, 4"),
        (lambda good: moved(good, 2, 1, label="G2"), "did not stay the number that it was"),
        (lambda good: setattr(good.general.line, "prefix", "X"), "is called G001, not X001"),
        (
            lambda good: good.patients["Plain"].app.answers.clear(),
            "gave out other numbers than it keeps",
        ),
        (lambda good: setattr(good.general.line, "max_size", 5), "6 numbers for 5 places"),
        (
            lambda good: setattr(good.general.line, "max_size", 7),
            "told 1 patients it was full when it was not",
        ),
        (lambda good: setattr(good.general.line, "final", None), "Nobody has read how General"),
        (lambda good: final(good, 1).update(status="CALLED"), "stands CALLED after the end"),
        (lambda good: moved(good, 1, 2, status="SKIPPED"), "went from SKIPPED to IN_PROGRESS"),
        (lambda good: final(good, 1).update(version=2), "told of as it never came to be"),
        (lambda good: moved(good, 4, 3, priority="URGENT"), "did not give G004 back what it was"),
        (
            lambda good: good.general.histories["General-1"].pop(),
            "G001's history is not its life",
        ),
        (
            lambda good: moved(good, 6, 2, transferredTo="General-1"),
            "G006 has led to no other number",
        ),
        (
            lambda good: heard(good, "Plain", "Late"),
            "Plain was told what was meant for someone else",
        ),
        (
            lambda good: good.staff.heard.append(good.patients["Late"].app.heard[0]),
            "Grace Hopper was told what was meant for a patient",
        ),
        (lambda good: heard(good, "Plain", "Plain"), "Plain (G001) was owed"),
        (lambda good: good.patients["Plain"].app.heard.pop(), "Plain (G001) was owed"),
        (lambda good: good.patients["Plain"].app.heard.reverse(), "heard something old"),
        (
            lambda good: good.staff.statuses["queue-g"].append(good.staff.statuses["queue-g"][0]),
            "heard an older status of General after a newer one",
        ),
        (
            lambda good: good.staff.statuses["queue-g"].pop(),
            "Grace Hopper does not know how General stands",
        ),
        (lambda good: told_wrongly(good, notice={"kind": "DELAY"}), "told wrongly at version"),
        (lambda good: told_wrongly(good, waitingCount=9), "the status was told in two ways"),
        (lambda good: all_told_wrongly(good, waitingCount=9), "does not agree with the board"),
        (
            lambda good: all_told_wrongly(good, calls=[{"desk": {"name": "Sent on"}}]),
            "tells whose number it is",
        ),
        (
            lambda good: good.patients["Late"].app.heard[0].token.update(note="Private."),
            "Late was told what is for staff",
        ),
        (lambda good: place(good, "Late", 0, ahead=9), "Late was told 9 ahead"),
        (
            lambda good: place(good, "Late", -1, ahead=1),
            "Late was last told 1 ahead, and None are",
        ),
        (lambda good: place(good, "Late", 0, version=99), "an older place after a newer one"),
        (lambda good: place(good, "Late", 0, tokenId="General-1"), "someone else's place"),
        (
            lambda good: place(good, "Late", 0, wait={**wait(1), "low": wait(0)["leaveBy"]}),
            "Late was told of a wait that cannot be",
        ),
        (
            lambda good: place(good, "Late", 0, wait={**wait(None), "high": wait(0)["high"]}),
            "Late was told of a wait that cannot be",
        ),
        (lambda good: good.patients["Late"].app.places.clear(), "never told how many are ahead"),
        (
            lambda good: good.staff.boards["queue-g"].order.reverse() or good.general.change(),
            "Grace Hopper's board of General is not as it stands",
        ),
        (
            lambda good: setattr(good.staff.boards["queue-g"], "went_back", 1),
            "Grace Hopper's board of General was told something old",
        ),
        (
            lambda good: good.clinic.snapshots[0]["tokens"].clear(),
            "a fresh board differs from one that was carried on",
        ),
        (calls_the_wrong_one, "G008 was called, and was not next"),
        (lets_somebody_urgent_wait, "G007 was called while somebody urgent waited"),
        (lets_three_of_a_class_pass, "was called before others once too often"),
        (lambda good: moved_for_one(good), "was told in two ways at version 2: ['status']"),
        (lambda good: setattr(good.day, "log", "a secret"), "A secret of Rosa Franklin stands in"),
        (lambda good: good.clinic.desks_in_the_end[0].update(state="OPEN"), "Room 1 did not close"),
        (lambda good: last_status(good).update(openDesks=1), "General counts desks"),
        (
            lambda good: good.patients["Late"].histories.update(good.general.histories),
            "Late was told who worked there",
        ),
        (
            lambda good: good.patients["Late"].histories["General-2"].pop(),
            "Late saw another history than the staff",
        ),
        (lambda good: setattr(good.day, "pictures_given", 2), "2 pictures were given"),
        (lambda good: good.day.surprises.append("Oh."), "Oh."),
    ],
)
def test_each_broken_promise_is_noticed(
    change: Callable[[GoodDay], object], complaint: str
) -> None:
    good = GoodDay()
    good.host.secrets.append("secret")
    change(good)
    assert complaint in " ".join(complaints(good.day))


def moved_for_one(good: GoodDay) -> None:
    """A phone was told otherwise than the others."""
    heard = good.patients["Late"].app.heard
    heard[0] = heard[0]._replace(token={**heard[0].token, "status": "SKIPPED"})


def test_a_phone_that_lost_the_connection_is_owed_less_but_told_nothing_wrong() -> None:
    good = GoodDay()
    app = good.patients["Late"].app
    app.cuts = 1
    del app.heard[1:3]
    assert list(complaints(good.day)) == []
    app.heard.append(app.heard[-1]._replace(event=CALLED))
    assert "Late (G002) was owed" in " ".join(complaints(good.day))


def test_a_phone_that_was_off_is_owed_what_came_after() -> None:
    good = GoodDay()
    app = good.patients["Late"].app
    app.was_off = True
    del app.heard[:2]
    app.heard.insert(0, app.heard[0])  # Told again on coming back.
    assert list(complaints(good.day)) == []
    del app.heard[3]
    assert "Late (G002) was owed" in " ".join(complaints(good.day))
