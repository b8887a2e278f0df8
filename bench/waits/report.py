"""The figures as Markdown tables, which read well on a terminal too. Minutes, unless it says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bench.waits.comparing import mse_difference
from bench.waits.gates import Gate, against_oracle, spreads
from bench.waits.observing import MINUTE, Moment
from bench.waits.runs import QURE
from bench.waits.scenarios import ALL
from bench.waits.scores import BUCKETS, EDGES, ORACLE, Array, Score, Stat

SAYS = {one.name: one.says for one in ALL}
MOMENTS = {
    Moment.JOINING: "at joining",
    Moment.FIVE_AHEAD: "5 ahead",
    Moment.TWO_AHEAD: "2 ahead",
}


def everything(scores: Mapping[str, Score], gates: Sequence[Gate]) -> str:
    """All tables, each under its heading."""
    moments = {"By moment": moments_table(scores)}
    return f"{summary(scores, gates)}\n\n{_under_headings(moments)}"


def summary(scores: Mapping[str, Score], gates: Sequence[Gate]) -> str:
    """What the page shows: all but the long table by moment."""
    parts = {
        "Gates": gates_table(gates),
        "Mean squared error of `likely`, min²": squared_table(scores),
        "Ranges": ranges_table(scores),
        "Differences in mean squared error, min² (95 % by days)": differences_table(scores),
        "By place in line, all scenarios": places_table(scores),
    }
    if "S1" in scores:
        parts["The simulation itself: S1 against theory"] = spread_table(scores["S1"])
    return _under_headings(parts)


def gates_table(gates: Sequence[Gate]) -> str:
    """Each promise beside its figure."""
    rows = [(one.name, one.promised, one.figure, one.verdict) for one in gates]
    return markdown(("gate", "promised", "figure", ""), rows)


def squared_table(scores: Mapping[str, Score]) -> str:
    """Everybody's, a scenario a line. The Oracle's is of its share of the rows."""
    names = next(iter(scores.values())).names
    rows = []
    for name, one in scores.items():
        told = [
            f"{one.sums(who)[Stat.SQUARED] / max(one.sums(who)[Stat.ROWS], 1) / MINUTE**2:.0f}"
            for who in names
        ]
        sums = one.sums("B0")
        wait = sums[Stat.WAIT] / max(sums[Stat.ROWS], 1) / MINUTE
        rows.append((name, SAYS.get(name, ""), f"{sums[Stat.ROWS]:.0f}", f"{wait:.0f}", *told))
    return markdown(("scenario", "", "scored", "mean wait", *names), rows)


def ranges_table(scores: Mapping[str, Score]) -> str:
    """How the ranges held, of Qure and of the Oracle."""
    rows = []
    for name, one in scores.items():
        for who in _with_ranges(one):
            sums = one.sums(who)
            ratio = f"{against_oracle(one, who):.2f}" if ORACLE in one.names else ""
            unknown = f"{one.unknown / max(one.asked, 1):.1%}" if who == one.judged else ""
            rows.append((name, who, *_figures(sums), ratio, unknown))
    return markdown(("scenario", "who", *FIGURES, "MAE by Oracle's", "unknown"), rows)


def differences_table(scores: Mapping[str, Score]) -> str:
    """Qure's less the baselines', below 0 where it errs less."""
    rows = []
    for name, one in scores.items():
        if one.judged != QURE:
            continue
        told = []
        for other in ("B0", "B2", "B5", "B6"):
            value, low, high = mse_difference([one], QURE, other)
            told.append(f"{value:.0f} ({low:.0f} to {high:.0f})")
        rows.append((name, *told))
    return markdown(("scenario", "less B0's", "less B2's", "less B5's", "less B6's"), rows)


def moments_table(scores: Mapping[str, Score]) -> str:
    """Each scenario at each of the three moments."""
    rows = []
    for name, one in scores.items():
        who = one.judged or ORACLE
        for moment, said in MOMENTS.items():
            rows.append((name, said, *_figures(one.sums(who, moment))))
    return markdown(("scenario", "moment", *FIGURES), rows)


def places_table(scores: Mapping[str, Score]) -> str:
    """By the number ahead, over everything that was played."""
    rows = []
    for moment, said in MOMENTS.items():
        for bucket in range(len(BUCKETS)):
            sums = np.sum(
                [one.sums(one.judged or ORACLE, moment, bucket) for one in scores.values()], axis=0
            )
            if sums[Stat.ROWS]:
                rows.append((said, bucket_name(bucket), *_figures(sums)))
    return markdown(("moment", "ahead", *FIGURES), rows)


def spread_table(score: Score) -> str:
    """The relative SD of the wait with n ahead."""
    rows = [
        (f"{one.ahead}", f"{one.waits}", f"{one.measured:.3f}", f"{one.theory:.3f}")
        for one in spreads(score)
    ]
    return markdown(("ahead", "waits", "relative SD", "1/√(n+1)"), rows)


def costs_table(scores: Mapping[str, Score]) -> str:
    """Milliseconds a played day, of answering and of everything."""
    rows = []
    for name, one in scores.items():
        day = 1000 / max(one.played, 1)
        rules = sum(spent for who, spent in one.spent.items() if who not in (QURE, ORACLE))
        answers = (one.spent.get(QURE, 0.0), one.spent.get(ORACLE, 0.0), rules)
        world = one.seconds - sum(answers)
        rows.append((name, *(f"{day * each:.1f}" for each in (*answers, world, one.seconds))))
    return markdown(("scenario", QURE, ORACLE, "baselines", "world and scoring", "in all"), rows)


def errors_drawing(scores: Mapping[str, Score]) -> str:
    """By scenario and place in line how far off: what was said less what came."""
    parts = []
    for name, one in scores.items():
        for bucket, counts in enumerate(one.errors):
            if counts.sum():
                parts.append(f"{name}, {bucket_name(bucket)} ahead, {counts.sum()} said")
                parts += _bars(counts / counts.sum())
    return "\n".join(parts)


def bucket_name(bucket: int) -> str:
    """As it is printed: ``3–5``, ``11+``."""
    first, last = BUCKETS[bucket]
    return f"{first}+" if bucket == len(BUCKETS) - 1 else f"{first}–{last}"


FIGURES = ("scored", "MAE", "bias", "≤ high", "≤ likely", "< low", "< leaveBy")


def _figures(sums: Array) -> tuple[str, ...]:
    rows, ranges = max(sums[Stat.ROWS], 1), max(sums[Stat.RANGES], 1)
    shares = (Stat.BY_HIGH, Stat.BY_LIKELY, Stat.BEFORE_LOW, Stat.BEFORE_LEAVE_BY)
    return (
        f"{sums[Stat.ROWS]:.0f}",
        f"{sums[Stat.ABSOLUTE] / rows / MINUTE:.1f}",
        f"{sums[Stat.ERROR] / rows / MINUTE:+.1f}",
        *(f"{sums[stat] / ranges:.3f}" for stat in shares),
    )


def _under_headings(parts: Mapping[str, str]) -> str:
    return "\n\n".join(f"### {name}\n\n{table}" for name, table in parts.items() if table)


def _with_ranges(score: Score) -> list[str]:
    return [name for name in (score.judged, ORACLE) if name is not None and name in score.names]


def _bars(shares: Array) -> Iterable[str]:
    for low, high, share in zip(EDGES, EDGES[1:], shares.tolist(), strict=False):
        label = f"{low:+.0f} to {high:+.0f} min"
        yield f"  {label:>18} {share:6.1%} {'█' * round(100 * share)}"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An aligned table; nothing where there are no rows."""
    if not rows:
        return ""
    lines = [tuple(headings), *map(tuple, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    told = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    told.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(told)
