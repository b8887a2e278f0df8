"""What the day looks like: a moving picture for a terminal, plain lines for anything else."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from demo.lines import Line
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
HELD = ("◌", "yellow")


@asynccontextmanager
async def showing(
    day: Day, console: Console, *, live: bool, below: int = 0, stays: bool = True
) -> AsyncIterator[None]:
    """Show the day for as long as the block runs.

    A moving picture leaves so many lines ``below`` which it is on the screen, and ``stays`` there.
    """
    if live:
        with Live(
            console=console,
            get_renderable=lambda: _Cropped(picture_of(day), below),
            refresh_per_second=FRAMES_A_SECOND,
            vertical_overflow="crop",
            transient=not stays,
        ):
            yield
        return
    printing = asyncio.create_task(_print_lines(day, console))
    try:
        yield
    finally:
        printing.cancel()
        await asyncio.gather(printing, return_exceptions=True)


@dataclass(frozen=True)
class _Cropped:
    """What fits on the screen beside so many other lines."""

    picture: RenderableType
    others: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.picture, options, pad=False)
        for line in lines[: max(1, console.height - self.others - 1)]:
            yield from line
            yield Segment.line()


async def _print_lines(day: Day, console: Console) -> None:
    said: tuple[str, ...] = ()
    due = 0.0
    while True:
        now = time.perf_counter()
        lines = tuple(
            _sentence(clinic, line) for clinic in day.clinics for line in clinic.lines if line.known
        )
        if said[:1] != (day.chapter,) or (now >= due and said[1:] != lines):
            if said[:1] != (day.chapter,):
                console.print(f"{now - day.began:5.1f} s  {day.chapter}")
            for sentence in lines:
                console.print(f"         {sentence}", highlight=False, soft_wrap=True)
            said, due = (day.chapter, *lines), now + LINE_EVERY_SECONDS
        while day.calls:
            console.print(f"         {day.calls.popleft()}", highlight=False, soft_wrap=True)
        await asyncio.sleep(0.1)


def _sentence(clinic: Clinic, line: Line) -> str:
    counts = Counter(token["status"] for token in line.known.values())
    told = ", ".join(f"{counts[name]} {name.lower()}" for name in SIGNS if counts[name])
    name = clinic.name if len(clinic.lines) == 1 else line.name
    return f"{name}: {_now(line)}; {told}"


def picture_of(day: Day) -> RenderableType:
    """The day at this moment."""
    clinics = Table.grid(expand=True, padding=(0, 1))
    for clinic in day.clinics:
        clinics.add_column(ratio=1 + len(clinic.lines))
    clinics.add_row(*(_clinic(clinic) for clinic in day.clinics))
    legend = Text("  ").join(
        Text.assemble((sign, style), f" {name.lower().replace('_', ' ')}")
        for name, (sign, style) in {**SIGNS, "stepped out": HELD}.items()
    )
    feed = Text("\n".join(list(day.feed)[-FEED_SHOWN:]) + "\n" * max(0, FEED_SHOWN - len(day.feed)))
    return Group(
        Text(f"{time.perf_counter() - day.began:5.1f} s   {day.chapter}", style="bold"),
        clinics,
        legend,
        Panel(feed, title="What the phones say", title_align="left"),
    )


def _clinic(clinic: Clinic) -> Panel:
    return Panel(
        Group(*(_line(line) for line in clinic.lines), _desks(clinic)),
        title=clinic.name,
    )


def _line(line: Line) -> Group:
    """A service: whom it calls, who is next, and a sign for each number."""
    status = line.status
    notice = status.get("notice")
    doors = "closed" if status.get("isClosed") else f"{status.get('waitingCount', 0)} waiting"
    if status.get("onHoldCount"):
        doors += f", {status['onHoldCount']} stepped out"
    tokens = Text()
    numbers = sorted(line.known.values(), key=lambda token: int(token["tokenNumber"]))
    for token in numbers[-MOST_TOKENS_SHOWN:]:
        tokens.append(*HELD if token["onHold"] else SIGNS[token["status"]])
    return Group(
        Text.assemble(
            (f"{line.name}  ", "bold"),
            (_now(line), "bold cyan"),
            f"  {doors}",
            (f"  {notice['text'] or notice['kind'].lower()}" if notice else "", "red"),
        ),
        Text(f"  next {' '.join(status.get('next', ())) or '-'}", style="yellow"),
        tokens,
    )


def _desks(clinic: Clinic) -> Text:
    return Text(
        "\n".join(
            " ".join(filter(None, (desk.name and f"{desk.name}:", desk.app.name, desk.doing)))
            for desk in clinic.desks
        )
    )


def _now(line: Line) -> str:
    calls = line.status.get("calls")
    if not calls:
        return "nobody called yet"
    desk = f" at {calls[0]['desk']['name']}" if calls[0]["desk"] else ""
    return f"now {calls[0]['label']}{desk}"
