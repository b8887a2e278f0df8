"""The demo plays a day on the real service, and its verdict notices whatever goes wrong."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from demo import day as script
from demo.clients import CALLED, COMPLETED, SKIPPED, STARTED, Refused
from demo.picture import picture_of
from demo.play import cast_roles
from demo.service import DemoError, make_admin
from demo.story import Clinic, Day, Patient
from demo.verdict import complaints, summary

ROOT = Path(__file__).parents[2]


def run(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    search_path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search_path, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.timeout(240)
def test_a_short_day_goes_as_it_must_on_the_real_service(tmp_path: Path) -> None:
    # The operator's own settings are nothing to the demo.
    ended = run(
        *("--patients", "10", "--speed", "3", "--no-live"),
        folder=tmp_path,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Nobody was lost, nobody was served twice" in ended.stdout
    assert "9 pictures are shown" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_call_is_a_sentence(tmp_path: Path) -> None:
    ended = run("--patients", "1", folder=tmp_path)
    assert ended.returncode == 2
    assert "Usage: python -m demo" in ended.stderr
    assert "Invalid value for '--patients'" in ended.stderr


def test_its_help_has_an_example(tmp_path: Path) -> None:
    ended = run("--help", folder=tmp_path)
    assert ended.returncode == 0
    assert "python -m demo --speed 2" in ended.stdout.partition("Example:\n")[2]


async def test_an_admin_who_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no admin could be made: qure: .*email"):
        await make_admin(tmp_path, "nobody", "a password")


def test_the_same_seed_casts_the_same_day() -> None:
    def cast(seed: int) -> list[tuple[str, float, bool]]:
        http = httpx.AsyncClient()
        day = cast_roles(http, "http://x", patients=30, chance=random.Random(seed))
        return [(one.app.name, one.comes_after, one.shows_up) for one in day.patients]

    assert cast(1) == cast(1) != cast(2)


def test_a_phone_is_off_only_of_somebody_who_comes() -> None:
    for seed in range(100):
        day = cast_roles(httpx.AsyncClient(), "http://x", patients=10, chance=random.Random(seed))
        assert any(one.is_offline_when_called for one in day.patients)
        assert any(not one.shows_up for one in day.patients)
        assert all(one.shows_up for one in day.patients if one.is_offline_when_called)


async def test_a_desk_does_not_go_home_upon_an_answer_that_is_older_than_the_last_patient() -> None:
    day = good_day()
    (clinic,) = day.clinics
    desk = clinic.desks[1]
    answers: list[Any] = [clinic.tokens[2], None]

    async def ask(method: str, path: str) -> Any:
        if not path.endswith("/call-next"):
            return None
        if not clinic.everybody_came:
            clinic.everybody_came = True  # The last one comes while nobody is said to wait.
            clinic.has_changed.set()
        elif token := answers.pop(0):
            return token
        raise Refused({"code": "queue_empty", "message": "Nobody waits."})

    desk.app.ask = ask  # type: ignore[method-assign, assignment]
    clinic.patients[2].outcome, clinic.patients[2].shows_up = "", False
    await script._work(day, clinic, desk, script.Pace(20))
    assert clinic.patients[2].outcome == "skipped"
    assert desk.has_gone_home


# --- The verdict ---


def status(version: int) -> dict[str, Any]:
    return {"version": version, "currentTokenNo": 2, "waitingCount": 0, "isActive": False}


def good_day() -> Day:
    """Two were served, one skipped, one cancelled, one told full; two desks' phones heard all."""
    day = cast_roles(httpx.AsyncClient(), "http://x", patients=10, chance=random.Random(1))
    day.clinics = day.clinics[:1]
    clinic = day.clinics[0]
    clinic.patients = clinic.patients[:5]
    clinic.max_queue_size = 4
    clinic.status = status(9)
    fates = ("served", "served", "skipped", "cancelled", "told full")
    heard = {
        "served": (CALLED, STARTED, COMPLETED),
        "skipped": (CALLED, SKIPPED),
    }
    kept = {"served": "COMPLETED", "skipped": "SKIPPED", "cancelled": "CANCELLED"}
    for number, (patient, fate) in enumerate(zip(clinic.patients, fates, strict=True), 1):
        patient.app.id = f"patient-{number}"
        patient.outcome = fate
        patient.is_offline_when_called = False
        if fate != "told full":
            patient.token = {
                "id": f"token-{number}",
                "patientId": patient.app.id,
                "tokenNumber": number,
                "status": kept[fate],
            }
            clinic.tokens.append(patient.token)
            day.note_call(patient.token, 1.0)
            for event in heard.get(fate, ()):
                patient.app.heard.append((1.25, event, patient.token))
    for one in clinic.people:
        one.app.statuses = [status(version) for version in (1, 4, 9)]
    return day


def hears_no_end(day: Day, clinic: Clinic, patients: list[Patient]) -> None:
    patients[2].app._socket = object()
    patients[2].app.statuses.pop()


def broken(change: Callable[[Day, Clinic, list[Patient]], object]) -> str:
    """What the verdict says of a good day after that change."""
    day = good_day()
    change(day, day.clinics[0], day.clinics[0].patients)
    return " ".join(complaints(day))


def test_a_good_day_has_no_complaint_and_its_figures_add_up() -> None:
    day = good_day()
    assert list(complaints(day)) == []
    console = Console(width=120, record=True, file=StringIO())
    console.print(summary(day))
    (row,) = [
        line.split()
        for line in console.export_text().splitlines()
        if line.strip().startswith("All")
    ]
    assert row[1:6] == ["4", "2", "1", "1", "1"]
    assert row[-2:] == ["250", "ms"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda day, clinic, patients: day.note_call(clinic.tokens[0], 2.0), "was called twice"),
        (lambda day, clinic, patients: setattr(patients[0], "outcome", ""), "was lost"),
        (lambda day, clinic, patients: patients[1].app.heard.pop(), "was served and heard"),
        (
            lambda day, clinic, patients: patients[3].app.heard.append(
                (1.0, CALLED, clinic.tokens[0])
            ),
            "was told what was meant for someone else",
        ),
        (
            lambda day, clinic, patients: patients[0].app.heard.append(patients[0].app.heard[0]),
            "was served and heard",
        ),
        (
            lambda day, clinic, patients: clinic.tokens[1].update(tokenNumber=3),
            "issued the numbers [1, 3, 3, 4]",
        ),
        (lambda day, clinic, patients: clinic.tokens.pop(), "gave out other tokens than it keeps"),
        (
            lambda day, clinic, patients: clinic.tokens[0].update(status="WAITING"),
            "but the clinic's list says ['WAITING']",
        ),
        (lambda day, clinic, patients: setattr(clinic, "max_queue_size", 3), "4 tokens for 3"),
        (
            lambda day, clinic, patients: setattr(clinic, "max_queue_size", 5),
            "told 1 patients it was full when it was not",
        ),
        (
            lambda day, clinic, patients: patients[0].app.statuses.append(status(3)),
            "heard an older status after a newer one",
        ),
        (hears_no_end, "does not know how the queue stands"),
        (lambda day, clinic, patients: setattr(day, "pictures_given", 2), "2 pictures were given"),
    ],
)
def test_each_broken_promise_is_noticed(
    change: Callable[[Day, Clinic, list[Patient]], object], complaint: str
) -> None:
    assert complaint in broken(change)


async def test_a_phone_that_is_off_knows_of_a_call_that_came_before_its_own_ticket() -> None:
    day = good_day()
    (patient, *_) = day.patients
    assert patient.token is not None
    token, patient.token = patient.token, None  # the desk was answered first
    patient.is_wanted.clear()
    day.note_call(token, 1.0)
    assert patient.is_wanted.is_set()


async def test_a_phone_hears_nothing_after_it_was_switched_off() -> None:
    app = good_day().patients[0].app
    before = len(app.heard)
    phone, other = object(), object()
    app._socket = phone
    app._while_on(phone, app._hearer(CALLED))({})
    app._while_on(other, app._hearer(CALLED))({})
    assert len(app.heard) == before + 1


async def test_a_day_on_which_nothing_happens_any_more_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script, "STANDSTILL_SECONDS", 0.2)
    day = good_day()
    clinic = day.clinics[0]
    for one in clinic.desks[1:]:
        one.has_gone_home = True
    clinic.desks[0].doing = "waits for 3"
    clinic.patients[2].waits_for = "waits for the phone to say whose turn it is"
    waiting = f"{clinic.patients[2].app.name} {clinic.patients[2].waits_for}"
    with pytest.raises(
        DemoError, match=rf"nothing has happened for \d+ s: {waiting}; Grace Hopper waits for 3\."
    ):
        await script._watch_for_standstill(day, pause=0.3)


async def test_a_day_on_which_something_happens_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "STANDSTILL_SECONDS", 1.0)
    day = good_day()
    watching = asyncio.create_task(script._watch_for_standstill(day, pause=1.0))
    for version in range(10, 16):
        await asyncio.wait({watching}, timeout=0.5)
        day.clinics[0].desks[0].app.statuses.append(status(version))
    assert not watching.done()
    watching.cancel()


def test_the_picture_shows_every_clinic_its_queue_and_what_phones_say() -> None:
    day = good_day()
    day.chapter = "The clinics are open"
    day.say(day.clinics[0].patients[0], CALLED)
    console = Console(width=100, height=40, record=True, file=StringIO())
    console.print(picture_of(day))
    text = console.export_text()
    for shown in ("The clinics are open", "Riverside Practice", "✓✓✗–", "it is your turn"):
        assert shown in text
