"""Plays the day: the service, the people, the picture, the verdict."""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from pathlib import Path

import httpx
from rich.console import Console

from demo.clients import PASSWORD, App
from demo.day import Pace, open_doors, play_out
from demo.picture import showing
from demo.service import DemoError, end_of, make_admin, throw_away_service
from demo.story import Clinic, Day, Desk, Patient
from demo.verdict import complaints, summary

ADMIN = "admin@demo.example"
LONGEST_DAY_SECONDS = 600.0
"""At the pace of the clock or faster."""
WIDTH = 100
"""Of plain lines: a file or a pipe has none of its own."""
COMING_SECONDS = 0.12
"""Of the day, for each patient: the day grows with their number."""

CLINICS = (
    ("Riverside Practice", "GENERAL_PRACTICE", ("Grace Hopper", "Alan Turing")),
    ("Little Steps", "PEDIATRICS", ("Mary Seacole",)),
    ("Harbour Dental", "DENTIST", ("Pierre Fauchard",)),
)
FIRST_NAMES = ("Ada", "Ben", "Chen", "Dara", "Emil", "Fay", "Gus", "Hana", "Ines", "Juan", "Kofi")
LAST_NAMES = ("Adams", "Brook", "Costa", "Diaz", "Evans", "Fujita", "Gupta", "Haddad", "Ivanov")


async def play(*, speed: float, patients: int, seed: int, live: bool) -> bool:
    """Play a day and print its summary; whether it went as it must. Raises ``DemoError``."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    logging.basicConfig(level=logging.CRITICAL)  # The summary says what matters.
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
            longest = LONGEST_DAY_SECONDS / min(1.0, speed)
            try:
                async with asyncio.timeout(longest):
                    async with showing(day, console, live=live):
                        await _live(day, http, url, folder, Pace(speed))
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
                await asyncio.gather(
                    *(one.app.disconnect() for clinic in day.clinics for one in clinic.people)
                )
    return _judge(day, console)


def cast_roles(http: httpx.AsyncClient, url: str, *, patients: int, chance: random.Random) -> Day:
    """Who comes where, and how they behave: decided by ``chance`` beforehand."""
    coming = [_patient(http, url, number, patients, chance) for number in range(patients)]
    # Behaviours that must be seen on every day, however few come.
    # One who is off and does not come would be skipped before the phone could say anything.
    coming[0].is_offline_when_called, coming[0].shows_up = True, True
    coming[1].is_offline_when_called, coming[1].shows_up = False, False
    shares = (coming[0::2], coming[1::4], coming[3::4])
    clinics = []
    for number, ((name, kind, staff), share) in enumerate(zip(CLINICS, shares, strict=True)):
        desks = [
            Desk(App(http, url, who, f"desk{number}{index}@demo.example"), uses_http=index == 1)
            for index, who in enumerate(staff)
        ]
        places = max(1, len(share) - len(share) // 8 - 1) if number == 0 else len(share)
        clinics.append(Clinic(name, kind, places, desks, share))
    return Day(clinics)


def _patient(
    http: httpx.AsyncClient, url: str, number: int, patients: int, chance: random.Random
) -> Patient:
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    # Half of them stand before the door when it opens, as they do.
    rush = chance.random() < 0.5
    behaviour = chance.random()
    return Patient(
        App(http, url, name, f"patient{number}@demo.example"),
        comes_after=0.0 if rush else chance.uniform(0.0, COMING_SECONDS * patients),
        leaves_after=chance.uniform(0.2, 2.0) if behaviour < 0.1 else None,
        shows_up=not 0.1 <= behaviour < 0.2,
        is_offline_when_called=0.2 <= behaviour < 0.28,
    )


async def _live(day: Day, http: httpx.AsyncClient, url: str, folder: Path, pace: Pace) -> None:
    day.chapter = "Making an admin"
    await make_admin(folder, ADMIN, PASSWORD)
    admin = App(http, url, "Demo Admin", ADMIN)
    await admin.log_in()
    await open_doors(day, admin)
    await play_out(day, pace)


def _judge(day: Day, console: Console) -> bool:
    console.print(summary(day))
    found = list(complaints(day))
    for complaint in found:
        console.print(f"  {complaint}", style="red", markup=False, soft_wrap=True)
    if found:
        return False
    console.print(
        f"Nobody was lost, nobody was served twice, nobody heard what was not for them; "
        f"{day.pictures_shown} pictures are shown.",
        style="green",
        soft_wrap=True,
    )
    return True


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
