"""The demo plays a day on the real service."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from demo import day as script
from demo.cast import FEWEST, MOST_GUESTS, MUST_BE_SEEN, cast_roles
from demo.clients import Refused
from demo.desks import Worker
from demo.opening import let_staff_see
from demo.pace import Pace
from demo.patients import ask_what_was_missed
from demo.phones import CALLED
from demo.picture import picture_of
from demo.service import DemoError, make_admin
from demo.verdict.figures import ON_THE_WAY
from demo.visits import Kind, Twist
from tests.demo.good_day import GoodDay, Told

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
        *("--patients", "30", "--speed", "5", "--no-live"),
        folder=tmp_path,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Nobody was lost, nobody was called twice" in ended.stdout
    assert "Traceback" not in ended.stderr
    told = " ".join(ended.stdout.split())
    assert "6 pictures are shown" in told
    assert re.search(r"it is your turn at 1\d:\d\d:\d\d; at first told 1\d:\d\d to", told)
    assert re.search(r"\d+ phones were told a range, and \d+ of them called: \d+ by", told)
    for played in ON_THE_WAY.values():
        assert f" {played}" in told, played
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
    def cast(seed: int) -> list[tuple[str, float, Twist]]:
        http = httpx.AsyncClient()
        day = cast_roles(http, "http://x", patients=40, chance=random.Random(seed))
        return [(one.app.name, one.comes_after, one.twist) for one in day.patients]

    assert cast(1) == cast(1) != cast(2)


@pytest.mark.parametrize("patients", [FEWEST, 72, 500])
def test_everything_befalls_somebody_on_every_day(patients: int) -> None:
    day = cast_roles(httpx.AsyncClient(), "http://x", patients=patients, chance=random.Random(1))
    assert len(day.patients) == patients
    early = {(one.twist, one.kind, one.has_phone) for one in day.patients if not one.comes_after}
    assert early >= {(twist, kind, phone) for twist, kind, _, phone in MUST_BE_SEEN}
    assert {one.twist for one in day.patients} == set(Twist)


def test_so_many_guests_come_as_one_address_may_bring_within_a_minute() -> None:
    day = cast_roles(httpx.AsyncClient(), "http://x", patients=500, chance=random.Random(1))
    guests = sum(one.kind is Kind.GUEST for one in day.patients)
    assert guests == MOST_GUESTS
    looking_joining_and_asking_once_more = 2 * guests + 1
    assert looking_joining_and_asking_once_more < 30


def test_whoever_has_no_phone_does_nothing_that_needs_one() -> None:
    for seed in range(100):
        day = cast_roles(httpx.AsyncClient(), "http://x", patients=60, chance=random.Random(seed))
        without = {one.twist for one in day.patients if not one.has_phone}
        assert not without & {Twist.LEAVES, Twist.STEPS_OUT, Twist.LETS_PASS, Twist.PHONE_OFF}


async def test_a_desk_does_not_go_home_upon_an_answer_that_is_older_than_the_last_patient() -> None:
    good = GoodDay()
    (desk,) = good.clinic.desks
    desk.uses_http = True
    late = good.patients["Late"]
    for one in good.clinic.patients:
        one.is_settled = True
    late.is_settled, late.twist = False, Twist.NO_SHOW
    token = {**late.token, "calledAt": "2", "recallCount": 0}
    done: list[str] = []
    answers = iter([token, None])

    async def ask(method: str, path: str, **_: Any) -> Any:
        done.append(path.rpartition("/")[2])
        if done[-1] != "call-next":
            return {**token, "recallCount": 1}
        if not late.is_settled:
            late.is_settled = True  # The last one comes while nobody is said to wait.
        elif called := next(answers):
            return called
        raise Refused({"code": "queue_empty", "message": "Nobody waits."})

    desk.app.ask = ask  # type: ignore[method-assign]
    await Worker(good.day, good.clinic, desk, Pace(20)).work()
    assert done == ["open", "call-next", "call-next", "recall", "skip", "call-next", "close"]
    assert desk.has_gone_home


async def test_somebody_who_was_called_before_their_answer_came_knows_it() -> None:
    good = GoodDay()
    patient = good.patients["Plain"]
    called = {**patient.token, "status": "CALLED", "calledAt": "1", "version": 2}
    patient.tokens.clear()
    patient.follow(called)
    patient.follow({**called, "status": "WAITING", "calledAt": None, "version": 1})
    assert patient.token == called
    assert patient.call is not None


@pytest.mark.parametrize(
    ("reason", "to", "outcome"),
    [
        (None, "COMPLETED", "served"),
        ("NO_SHOW", "SKIPPED", "skipped"),
        ("PATIENT", "CANCELLED", "left"),
        ("DAY_ENDED", "CANCELLED", "sent home"),
        ("Rang up.", "CANCELLED", "cancelled"),
    ],
)
async def test_a_phone_that_comes_back_asks_what_has_ended_meanwhile(
    reason: str | None, to: str, outcome: str
) -> None:
    patient = GoodDay().patients["Plain"]
    patient.tokens[:] = [{**patient.token, "status": "WAITING", "version": 1}]
    history = [{"to": "WAITING", "reason": None}, {"to": to, "reason": reason}]
    answers = {"/tokens/Plain": None, "/tokens/General-1/history": history}

    async def ask(method: str, path: str, **_: Any) -> Any:
        return answers[path]

    patient.app.ask = ask  # type: ignore[method-assign]
    await ask_what_was_missed(patient)
    assert patient.outcome == outcome


async def test_a_phone_that_comes_back_is_told_of_a_number_that_still_counts() -> None:
    patient = GoodDay().patients["Plain"]
    called = {**patient.token, "status": "CALLED", "calledAt": "1", "version": 9}

    async def ask(method: str, path: str, **_: Any) -> Any:
        return called

    patient.app.ask = ask  # type: ignore[method-assign]
    await ask_what_was_missed(patient)
    assert patient.call is not None


async def test_whoever_has_no_phone_learns_all_the_same_what_the_staff_missed() -> None:
    good = GoodDay()
    good.patients["Plain"].has_phone = False
    good.clinic.host = good.host
    let_staff_see(good.clinic)
    ended = {**good.patients["Plain"].token, "status": "SKIPPED", "version": 9}

    async def ask(method: str, path: str, **_: Any) -> Any:
        return [ended] if path.endswith("queue-g") else []

    good.host.ask = ask  # type: ignore[method-assign]
    assert good.host.on_return is not None
    await good.host.on_return()
    assert good.patients["Plain"].outcome == "skipped"


async def test_a_phone_hears_nothing_after_it_was_switched_off() -> None:
    app = GoodDay().patients["Plain"].app
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
    good = GoodDay()
    good.clinic.desks[0].doing = "waits for G003"
    good.patients["Late"].waits_for = "waits with G002, waiting"
    with pytest.raises(
        DemoError,
        match=r"nothing has happened for \d+ s: Late waits with G002, waiting; "
        r"Grace Hopper waits for G003\.",
    ):
        await script.watch_for_standstill(good.day, pause=0.3)


async def test_a_day_on_which_something_happens_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "STANDSTILL_SECONDS", 1.0)
    good = GoodDay()
    watching = asyncio.create_task(script.watch_for_standstill(good.day, pause=1.0))
    for _ in range(6):
        await asyncio.wait({watching}, timeout=0.5)
        good.general.change()
    assert not watching.done()
    watching.cancel()


def test_the_picture_shows_every_service_desk_and_what_phones_say() -> None:
    good = GoodDay()
    day = good.day
    day.chapter = "The clinics are open"
    good.clinic.desks[0].doing = "sees B001"
    day.say(good.patients["Plain"], CALLED)
    told: Told = good.blood
    told.line.status = {
        **told.status(),
        "next": ["B002", "B003"],
        "calls": [{"label": "B001", "desk": {"name": "Room 1"}}],
        "notice": {"kind": "DELAY", "text": "The doctor is late."},
    }
    console = Console(width=120, height=40, record=True, file=StringIO())
    console.print(picture_of(day))
    text = console.export_text()
    for shown in (
        *("The clinics are open", "Riverside Practice", "General", "Blood tests", "✓✓–✓✓–"),
        *("now B001 at Room 1", "next B002 B003", "The doctor is late."),
        *("Room 1: Grace Hopper sees B001", "Plain (G001): it is your turn"),
    ):
        assert shown in text, shown
