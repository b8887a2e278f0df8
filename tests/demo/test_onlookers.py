"""Whoever looks on in a browser finds the pages, disturbs nobody, and is waited for."""

from __future__ import annotations

import random
from io import StringIO
from typing import Any

import httpx
import pytest
from rich.console import Console

from demo import day as script
from demo.cast import FEWEST, cast_roles
from demo.clients import Refused
from demo.desks import Worker
from demo.onlookers import Page, pages_of, tell_of
from demo.pace import Pace
from demo.picture import showing
from demo.story import FOLLOWED
from demo.visits import Kind, Twist
from tests.demo.good_day import GoodDay

PAGES = [
    Page("display", "http://127.0.0.1:3000/display#device=a-code"),
    Page("console", "http://127.0.0.1:3000/desk", "log in as " + "x" * 70),
    Page("phone", "http://127.0.0.1:3000/t#secret", "G001"),
]


@pytest.mark.parametrize("patients", [FEWEST, 72, 500])
def test_on_every_day_two_guests_can_be_followed_who_stand_before_the_door(patients: int) -> None:
    day = cast_roles(httpx.AsyncClient(), "http://x", patients=patients, chance=random.Random(1))
    large, small = day.clinics
    assert [one.twist for one in large.followed] == list(FOLLOWED)
    assert all(one.kind is not Kind.ACCOUNT and one.has_phone for one in large.followed)
    assert not any(one.comes_after for one in large.followed)
    assert small.visitor is None


async def test_the_pages_are_a_display_that_is_let_in_a_console_and_the_phones_links() -> None:
    good = GoodDay()
    visitor, guest = good.staff, good.patients["Plain"]
    good.clinic.visitor, good.clinic.id = visitor, "clinic-1"
    guest.twist, guest.kind, guest.link = Twist.STEPS_OUT, Kind.GUEST, "http://x/t#a-secret"
    visitor.email = "visitor@demo.example"
    let_in: list[Any] = []

    async def ask(method: str, path: str, **asked: Any) -> Any:
        if path == "/displays":
            return {"deviceCode": "device-1", "userCode": "ABCDEFGH"}
        let_in.append((method, path, asked["json"]["userCode"]))
        return {}

    visitor.ask = ask  # type: ignore[method-assign]
    display, console, phone = await pages_of(good.day, "http://x")
    assert let_in == [("POST", "/clinic/clinic-1/displays", "ABCDEFGH")]
    assert display.url == "http://x/display#device=device-1"
    assert "device-1" in visitor.secrets, "no log may hold it"
    assert (console.url, phone.url) == ("http://x/desk", "http://x/t#a-secret")
    assert "visitor@demo.example" in console.note
    assert guest.token["label"] in phone.note


@pytest.mark.parametrize("width", [60, 200])
def test_it_is_said_where_they_are_on_so_many_lines(width: int) -> None:
    console = Console(width=width, file=StringIO(), record=True)
    lines = tell_of(PAGES, console, hint=True)
    text = console.export_text()
    for page in PAGES:
        assert page.url in text
        assert page.note in text
    assert "--watch" in text
    assert lines == sum(1 + max(0, len(line) - 1) // width for line in text.splitlines())
    tell_of(PAGES, console, hint=False)
    assert "--watch" not in console.export_text()


async def test_a_moving_picture_leaves_them_on_the_screen() -> None:
    out = StringIO()
    console = Console(width=100, height=20, file=out, force_terminal=True)
    async with showing(GoodDay().day, console, live=True, below=8):
        pass
    assert "Riverside Practice" in out.getvalue()
    assert out.getvalue().rstrip().count("\n") < 20 - 8


async def test_whoever_looks_on_leaves_a_desk_that_somebody_comes_to_work_at() -> None:
    good = GoodDay()
    (desk,) = good.clinic.desks
    visitor = good.clinic.visitor = good.host
    done: list[str] = []

    async def open_or_not(method: str, path: str, **_: Any) -> Any:
        done.append(f"staff {path}")
        if done.count("staff /desks/desk-1/open") == 1:
            raise Refused({"code": "desk_taken", "message": "Somebody sits there."})

    async def close(method: str, path: str, **_: Any) -> Any:
        done.append(f"visitor {path}")

    desk.app.ask = open_or_not  # type: ignore[method-assign]
    visitor.ask = close  # type: ignore[method-assign]
    worker = Worker(good.day, good.clinic, desk, Pace(20))
    await worker._sit_down()
    assert done == [
        "staff /desks/desk-1/open",
        "visitor /desks/desk-1/close",
        "staff /desks/desk-1/open",
    ]
    done.clear()
    good.clinic.visitor = None
    with pytest.raises(Refused):
        await worker._sit_down()


async def test_whoever_looks_on_leaves_their_own_desk_when_the_day_is_over() -> None:
    good = GoodDay()
    visitor = good.clinic.visitor = good.staff
    closed: list[str] = []
    desks = [
        {"id": "desk-1", "staff": None},
        {"id": "desk-2", "staff": {"id": "somebody"}},
        {"id": "desk-3", "staff": {"id": visitor.id}},
    ]

    async def ask(method: str, path: str, **_: Any) -> Any:
        if method == "GET":
            return desks
        closed.append(path)

    visitor.ask = ask  # type: ignore[method-assign]
    await script._see_the_visitor_off(good.clinic)
    assert closed == ["/desks/desk-3/close"]
