"""What the day looks like: a moving picture for a terminal, plain lines for anything else."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.story import Clinic, Day

FRAMES_A_SECOND = 8
LINE_EVERY_SECONDS = 2.0
MOST_TOKENS_SHOWN = 120
FEED_SHOWN = 9
SIGNS = {
    "WAITING": ("○", "yellow"),
    "CALLED": ("◉", "bold magenta"),
    "IN_PROGRESS": ("●", "bold cyan"),
    "COMPLETED": ("✓", "green"),
    "SKIPPED": ("✗", "red"),
    "CANCELLED": ("–", "bright_black"),
}


@asynccontextmanager
async def showing(day: Day, console: Console, *, live: bool) -> AsyncIterator[None]:
    """Show the day for as long as the block runs."""
    if live:
        with Live(
            console=console,
            get_renderable=lambda: picture_of(day),
            refresh_per_second=FRAMES_A_SECOND,
            vertical_overflow="crop",
        ):
            yield
        return
    printing = asyncio.create_task(_print_lines(day, console))
    try:
        yield
    finally:
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)


async def _print_lines(day: Day, console: Console) -> None:
    said: tuple[str, ...] = ()
    due = 0.0
    while True:
        now = time.perf_counter()
        lines = tuple(_line(clinic) for clinic in day.clinics if clinic.tokens)
        if said[:1] != (day.chapter,) or (now >= due and said[1:] != lines):
            if said[:1] != (day.chapter,):
                console.print(f"{now - day.began:5.1f} s  {day.chapter}")
            for line in lines:
                console.print(f"         {line}", highlight=False)
            said, due = (day.chapter, *lines), now + LINE_EVERY_SECONDS
        await asyncio.sleep(0.1)


def _line(clinic: Clinic) -> str:
    counts = Counter(token["status"] for token in clinic.tokens)
    told = ", ".join(f"{counts[name]} {name.lower()}" for name in SIGNS if counts[name])
    return f"{clinic.name}: now {clinic.status.get('currentTokenNo', 0)}; {told}"


def picture_of(day: Day) -> RenderableType:
    """The day at this moment."""
    clinics = Table.grid(expand=True, padding=(0, 1))
    for _ in day.clinics:
        clinics.add_column(ratio=1)
    clinics.add_row(*(_clinic(clinic) for clinic in day.clinics))
    legend = Text("  ").join(
        Text.assemble((sign, style), f" {name.lower().replace('_', ' ')}")
        for name, (sign, style) in SIGNS.items()
    )
    feed = Text("\n".join(list(day.feed)[-FEED_SHOWN:]) + "\n" * max(0, FEED_SHOWN - len(day.feed)))
    return Group(
        Text(f"{time.perf_counter() - day.began:5.1f} s   {day.chapter}", style="bold"),
        clinics,
        legend,
        Panel(feed, title="What the phones say", title_align="left"),
    )


def _clinic(clinic: Clinic) -> Panel:
    status = clinic.status
    doors = "open" if status.get("isActive") else "closed to new patients"
    tokens = Text()
    for token in clinic.tokens[-MOST_TOKENS_SHOWN:]:
        tokens.append(*SIGNS[token["status"]])
    desks = Text("\n".join(f"{desk.app.name} {desk.doing}" for desk in clinic.desks))
    return Panel(
        Group(
            Text.assemble("Now serving ", (f"{status.get('currentTokenNo', 0)}", "bold cyan")),
            Text(f"{status.get('waitingCount', 0)} waiting, {doors}"),
            tokens,
            desks,
        ),
        title=clinic.name,
    )
