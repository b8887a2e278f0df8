"""``python -m bench [--quick] [name ...]``: run the benchmarks, print the table, keep the JSON."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import (
    busy,
    desk,
    footprint,
    forecasting,
    issuing,
    logins,
    moves,
    pages,
    places,
    reads,
    search,
    sockets,
)
from bench.report import Figure, show, write

BENCHMARKS = {
    "reads": reads.run,
    "issuing": issuing.run,
    "desk": desk.run,
    "moves": moves.run,
    "sockets": sockets.run,
    "places": places.run,
    "forecasting": forecasting.run,
    "waits": busy.run,
    "logins": logins.run,
    "search": search.run,
    "footprint": footprint.run,
    "pages": pages.run,
}


def main() -> None:
    """Run what was asked for, or all of it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark called {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    for name in given.names or BENCHMARKS:
        print(f"{name} ...", flush=True)
        figures += BENCHMARKS[name](quick=given.quick)
    show(figures)
    print(f"Kept in {write(figures, Path(__file__).parent / 'results')}")


if __name__ == "__main__":
    main()
