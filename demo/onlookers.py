"""Whoever looks on in a browser while the day goes on: where, and until they have seen enough."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console

from demo.clients import PASSWORD
from demo.story import Clinic, Day

SCREEN = "A screen in a browser"
SHORT = 88
"""Of an address and its note together: then they stand on one line."""


class Page(NamedTuple):
    """A page of the day, and what is to be known of it."""

    what: str
    url: str
    note: str = ""


async def pages_of(day: Day, url: str) -> list[Page]:
    """A display, the console and two phones, of each clinic that somebody may look on in.

    The display has been let in: whoever opens it first is it, for as long as its code lives.
    """
    return [page for clinic in day.clinics for page in await _pages_in(clinic, url)]


async def _pages_in(clinic: Clinic, url: str) -> list[Page]:
    visitor = clinic.visitor
    if visitor is None:
        return []
    shown = await visitor.ask("POST", "/displays")
    visitor.secrets.append(shown["deviceCode"])
    wish = {"userCode": shown["userCode"], "name": SCREEN}
    await visitor.ask("POST", f"/clinic/{clinic.id}/displays", json=wish)
    login = f'log in as {visitor.email}, "{PASSWORD}", and choose "Without a desk"'
    return [
        Page("display", f"{url}/display#device={shown['deviceCode']}"),
        Page("console", f"{url}/desk", login),
        *(
            Page("phone", one.link, f"{one.token['label']}, who {one.twist}")
            for one in clinic.followed
        ),
    ]


def tell_of(pages: list[Page], console: Console, *, hint: bool) -> int:
    """Print where they are; on how many lines of the terminal. ``hint``: at the day's shortness."""
    lines = ["", *_lines(pages, hint=hint), ""]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return sum(1 + max(0, len(line) - 1) // console.width for line in lines)


def _lines(pages: list[Page], *, hint: bool) -> Iterator[str]:
    yield "Look on in a browser while the day goes on:"
    for what, url, note in pages:
        is_short = len(url) + len(note) < SHORT
        yield f"  {what:<7}  {url}  {note if is_short else ''}".rstrip()
        if not is_short:
            yield f"  {'':<7}  {note}"
    if hint:
        yield "It goes by quickly: --watch waits for you (make demo DEMO=--watch)."


def can_wait() -> bool:
    """Whether somebody is there who could press a key."""
    return sys.stdin.isatty() and sys.stdout.isatty()


async def enter(console: Console, what: str) -> None:
    """Say what Enter will do, and wait for it."""
    console.print(what, style="bold")
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, pressed.set)  # No thread: one that reads could not be ended.
    try:
        await pressed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    sys.stdin.readline()
