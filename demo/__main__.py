"""``python -m demo``: a compressed clinic day, played on the real service."""

from __future__ import annotations

import asyncio
import sys

import click

from demo.cast import FEWEST
from demo.play import play
from demo.service import DemoError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 20),
    default=1.0,
    show_default=True,
    help="Faster above 1.",
)
@click.option(
    "--patients",
    type=click.IntRange(FEWEST, 500),
    default=72,
    show_default=True,
    help="How many come to the clinics.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Chooses the day's chances.")
@click.option("--live/--no-live", default=None, help="A moving picture, or plain lines.")
@click.option("--watch", is_flag=True, help="Wait for Enter before the first call and at the end.")
def demo(speed: float, patients: int, seed: int, live: bool | None, watch: bool) -> None:
    """Play a compressed clinic day on throw-away data.

    Starts the real service on a free port, and staff, patients, guests and a screen on the wall who
    use it over HTTP and Socket.IO: three services, four desks, and whatever happens on a day. Ends
    with a summary, and fails if anybody was lost, called twice, or told what was not true or not
    for them. Meanwhile it can be looked on in a browser, at the addresses that it prints.

    \b
    Example:
      python -m demo --speed 2 --patients 40 --no-live
    """
    is_live = sys.stdout.isatty() if live is None else live
    try:
        went_well = asyncio.run(
            play(speed=speed, patients=patients, seed=seed, live=is_live, watch=watch)
        )
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    if not went_well:
        raise click.ClickException("the day did not go as it must (see above).")


if __name__ == "__main__":
    demo(prog_name="python -m demo")
