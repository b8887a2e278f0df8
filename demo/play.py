"""Plays the day: the service, the people, the picture, the verdict."""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from pathlib import Path

import httpx
from rich.console import Console

from demo.cast import cast_roles
from demo.clients import PASSWORD
from demo.day import come_early, play_out
from demo.onlookers import can_wait, enter, pages_of, tell_of
from demo.opening import open_doors
from demo.pace import Pace
from demo.phones import App
from demo.picture import showing
from demo.ranges import held_against, in_words
from demo.service import DemoError, end_of, make_admin, throw_away_service
from demo.story import Day
from demo.verdict import complaints
from demo.verdict.figures import on_the_way, summary

ADMIN = "admin@demo.example"
LONGEST_DAY_SECONDS = 600.0
"""At the pace of the clock or faster."""
WIDTH = 120
"""Of plain lines: a file or a pipe has none of its own."""


async def play(*, speed: float, patients: int, seed: int, live: bool, watch: bool) -> bool:
    """Play a day and print its summary; whether it went as it must. Raises ``DemoError``.

    To ``watch`` is to wait for whoever looks on, where somebody can press a key.
    """
    watch = watch and can_wait()
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    for library in ("", "engineio.client", "socketio.client"):  # The summary says what matters.
        logging.getLogger(library).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="qure-demo-") as name:
        folder = Path(name)
        console.print("Starting the service on throw-away data ...")
        async with (
            throw_away_service(folder) as url,
            httpx.AsyncClient(
                base_url=url, timeout=30.0, limits=httpx.Limits(max_connections=32)
            ) as http,
        ):
            day = cast_roles(http, url, patients=patients, chance=random.Random(seed))
            pace, longest = Pace(speed), LONGEST_DAY_SECONDS / min(1.0, speed)
            try:
                async with asyncio.timeout(longest), showing(day, console, live=live, stays=False):
                    await _open(day, http, url, folder, pace)
                lines = tell_of(await pages_of(day, url), console, hint=not watch)
                if watch:
                    await enter(console, "Press Enter, and the first patients are called.")
                async with asyncio.timeout(longest), showing(day, console, live=live, below=lines):
                    await play_out(day, pace)
                # While the phones are still on: what is off owes nothing any more.
                day.log = (folder / "log").read_text(errors="replace")
                went_well = _judge(day, console)
                if watch:
                    await enter(console, "The pages stay as they are until you press Enter.")
                return went_well
            except TimeoutError:
                raise DemoError(
                    f"the day did not come to its end within {longest:.0f} s, in the chapter "
                    f'"{day.chapter}": {"; ".join(day.waiting())}.'
                ) from None
            except ExceptionGroup as errors:
                first = _first(errors)
                if not isinstance(first, DemoError):
                    raise
                console.print(end_of(folder / "log"), style="dim", markup=False)
                raise first from None
            finally:
                await asyncio.gather(*(app.disconnect() for app in day.apps))


async def _open(day: Day, http: httpx.AsyncClient, url: str, folder: Path, pace: Pace) -> None:
    day.chapter = "Making an admin"
    await make_admin(folder, ADMIN, PASSWORD)
    admin = App(http, url, "Demo Admin", ADMIN)
    await admin.log_in()
    await open_doors(day, admin)
    await come_early(day, pace)


def _judge(day: Day, console: Console) -> bool:
    console.print(summary(day))
    console.print(f"{on_the_way(day)}.", highlight=False)
    console.print(held_against(day.patients))
    console.print(f"{in_words(day.patients)}.\n", highlight=False)
    found = list(complaints(day))
    for complaint in found:
        console.print(f"  {complaint}", style="red", markup=False, soft_wrap=True)
    if found:
        return False
    console.print(
        f"Nobody was lost, nobody was called twice, nobody heard what was not for them, and every "
        f"board, place and status was true; {day.pictures_shown} pictures are shown.",
        style="green",
        highlight=False,
        soft_wrap=True,
    )
    return True


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
