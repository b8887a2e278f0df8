"""``python -m bench.waits``: simulate clinic days, and hold Qure's forecasts against what came."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import monotonic

from bench.waits.gates import gates
from bench.waits.pictures import calibration, day
from bench.waits.report import costs_table, errors_drawing, everything, summary
from bench.waits.runs import FULL, QUICK, Task, run_all
from bench.waits.scenarios import Scenario, chosen
from bench.waits.scores import Score, merged

BEGIN, END = "<!-- waits:begin -->", "<!-- waits:end -->"
"""Between these the page holds what was measured."""

PICTURED = "S8"
"""The scenario of which a day is shown, when it was played."""


def main() -> None:
    """Play what was asked for, print the figures, say which gates were missed (exit status 1)."""
    given = _arguments()
    try:
        scenarios = chosen(given.scenario)
    except ValueError as error:
        sys.exit(str(error))
    begun = monotonic()
    scores = _play(scenarios, given)
    verdicts = gates(scores)
    print(everything(scores, verdicts))
    print(f"\n### Cost, ms a day\n\n{costs_table(scores)}")
    if given.draw:
        print(f"\n### Errors: said less came\n\n{errors_drawing(scores)}")
    if given.write is not None:
        _write(given.write, scores, summary(scores, verdicts))
    missed = [one for one in verdicts if not one.passed]
    print(f"\n{monotonic() - begun:.0f} s. {len(verdicts)} gates, {len(missed)} missed.")
    for one in missed:
        print(f"MISSED  {one.name}: {one.figure}, promised {one.promised}")
    sys.exit(1 if missed else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.waits", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few days and seeds")
    parser.add_argument("--scenario", type=_names, default=[], help="only these: S3,S9")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--seeds", type=int, help="so many, from 0 on")
    parser.add_argument("--days", type=int, help="scored days a seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--without-qure", action="store_true", help="the baselines and the Oracle")
    parser.add_argument("--draw", choices=["errors"], help="histograms of the errors")
    parser.add_argument("--write", type=Path, metavar="docs", help="keep table and pictures there")
    return parser.parse_args()


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",")]


def _play(scenarios: list[Scenario], given: argparse.Namespace) -> dict[str, Score]:
    size = QUICK if given.quick else FULL
    if given.days is not None:
        size = size.lasting(given.days)
    seeds = range(given.seeds or size.seeds) if given.seed is None else [given.seed]
    tasks = [
        Task(scenario=one, seed=seed, size=size, with_qure=not given.without_qure)
        for one in scenarios
        for seed in seeds
    ]
    told: dict[str, dict[int, Score]] = {one.name: {} for one in scenarios}
    for number, (task, score) in enumerate(run_all(tasks, given.processes), 1):
        told[task.scenario.name][task.seed] = score
        if number % max(len(tasks) // 20, 1) == 0:
            print(f"{number} of {len(tasks)} done", file=sys.stderr, flush=True)
    # In the order of the seeds, whichever was done first: the same figures every time.
    return {name: merged([of[seed] for seed in seeds]) for name, of in told.items()}


def _write(folder: Path, scores: dict[str, Score], tables: str) -> None:
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / "waits-calibration.svg").write_text(calibration(scores))
    name = PICTURED if PICTURED in scores else next(iter(scores))
    title = f"A day of {name}: the ranges told at joining, and what came"
    (pictures / "waits-day.svg").write_text(day(scores[name].shown, title))
    page = folder / "waiting.md"
    text = page.read_text() if page.exists() else f"# Honest waiting\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    if END not in rest:
        sys.exit(f"{page} has no {BEGIN} and {END}, between which the figures belong.")
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
