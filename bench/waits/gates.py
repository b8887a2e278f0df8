"""What is promised of the forecast, and whether the figures keep it (``docs/waiting.md``).

A gate is PASS or MISSED only for scenarios that were played; the others are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from bench.waits.comparing import mse_difference
from bench.waits.observing import MINUTE
from bench.waits.runs import QURE
from bench.waits.scenarios import LISTED
from bench.waits.scores import MOST_AHEAD, ORACLE, Score, Stat

Scores = Mapping[str, Score]
"""By the scenario's name."""

LISTED_NAMES = tuple(one.name for one in LISTED)
MIDDLE = tuple(f"S{number}" for number in range(3, 11))
UNFORESEEN = "S6 unannounced"
ENOUGH = 100
"""Waits of one place in line, below which their spread is not looked at."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A promise, the figure beside it, and whether it is kept."""

    name: str
    promised: str
    figure: str
    passed: bool

    @property
    def verdict(self) -> str:
        """As it is printed."""
        return "PASS" if self.passed else "MISSED"


def gates(scores: Scores) -> list[Gate]:
    """Every gate of which there is a figure; without Qure those on the simulation only."""
    told = relative_spread(scores)
    listed = {name: scores[name] for name in LISTED_NAMES if name in scores}
    judged = {name: one for name, one in listed.items() if one.judged == QURE}
    if judged:
        told += better_than_simple(judged)
        told += [better_than_b2(name, one) for name, one in _of(judged, MIDDLE)]
        told += near_oracle(judged)
        told += covered(judged) + left_in_time(judged) + unbiased(judged) + spoken(judged)
    return told


def relative_spread(scores: Scores) -> list[Gate]:
    """S1: the simulation itself. With n ahead the wait is n + 1 exponential services."""
    if "S1" not in scores:
        return []
    rows = spreads(scores["S1"])
    apart = [abs(row.measured / row.theory - 1) / row.tolerance for row in rows]
    worst = max(apart, default=1.0)
    return [
        Gate(
            "S1: relative SD of the wait with n ahead",
            "1/√(n+1), within 5 standard errors or 3 %",
            f"n = 0–{max((row.ahead for row in rows), default=0)}: at most {worst:.0%} of that off",
            bool(rows) and worst <= 1,
        )
    ]


@dataclass(frozen=True, slots=True)
class Spread:
    """The relative SD of the waits with so many ahead; ``tolerance`` is a share of ``theory``."""

    ahead: int
    waits: int
    measured: float
    theory: float
    tolerance: float


def spreads(score: Score) -> list[Spread]:
    """By the number ahead, where there are enough."""
    rows = []
    for ahead in range(MOST_AHEAD):
        count, total, squares = score.relative[ahead].tolist()
        if count < ENOUGH:
            continue
        mean = total / count
        measured = sqrt(max(squares / count - mean * mean, 0.0)) / mean
        # Of ln(SD / mean), if the waits were independent. Neighbours are not: they share services.
        error = sqrt((0.5 + 0.5 / (ahead + 1)) / count)
        rows.append(Spread(ahead, int(count), measured, 1 / sqrt(ahead + 1), max(0.03, 5 * error)))
    return rows


def better_than_simple(scores: Scores) -> list[Gate]:
    """All of S3 to S10 together, against the better of the two that people use."""
    chosen = [one for _, one in _of(scores, MIDDLE)]
    if not chosen:
        return []
    mse = {name: _mean(chosen, name, Stat.SQUARED) for name in (QURE, "B0", "B5")}
    best = min(("B0", "B5"), key=lambda name: mse[name])
    less = 1 - mse[QURE] / mse[best]
    return [
        Gate(
            "MSE of likely, S3–S10 together, under the best of B0 and B5",
            "≥ 30 %",
            f"{less:.0%} under {best}: {mse[QURE] / MINUTE**2:.0f}"
            f" against {mse[best] / MINUTE**2:.0f} min²",
            less >= 0.3,
        )
    ]


def better_than_b2(name: str, score: Score) -> Gate:
    """One scenario, with an interval that has no zero."""
    difference = mse_difference([score], QURE, "B2")
    return Gate(
        f"MSE of likely under B2, {name}",
        "interval below 0",
        f"{difference.value:.0f} ({difference.low:.0f} to {difference.high:.0f}) min²",
        difference.high < 0,
    )


def near_oracle(scores: Scores) -> list[Gate]:
    """The mean absolute error by that of who knows the true parameters."""
    told = []
    for group, most in (("S2", 1.15), *((f"S{number}", 1.3) for number in range(3, 10))):
        for name, one in _of(scores, (group,)):
            ratio = against_oracle(one, QURE)
            told.append(
                Gate(f"MAE by the Oracle's, {name}", f"≤ {most}", f"{ratio:.2f}", ratio <= most)
            )
    return told


def against_oracle(score: Score, name: str) -> float:
    """The MAE by the Oracle's, on the rows of which both speak."""
    own = score.sums(name)[Stat.ABSOLUTE_BESIDE]
    oracle = score.sums(ORACLE)[Stat.ABSOLUTE_BESIDE]
    return float(own / oracle) if oracle else float("inf")


def covered(scores: Scores) -> list[Gate]:
    """How often the call came by ``high``."""
    overall = _mean(scores.values(), QURE, Stat.BY_HIGH)
    told = [Gate("P(actual ≤ high)", "0.77–0.85", f"{overall:.3f}", 0.77 <= overall <= 0.85)]
    for name, one in scores.items():
        if name != UNFORESEEN:
            share = _mean([one], QURE, Stat.BY_HIGH)
            told.append(Gate(f"P(actual ≤ high), {name}", "≥ 0.72", f"{share:.3f}", share >= 0.72))
    return told


def left_in_time(scores: Scores) -> list[Gate]:
    """How often somebody was called before they would have come by ``leave_by``."""
    overall = _mean(scores.values(), QURE, Stat.BEFORE_LEAVE_BY)
    shares = {name: _mean([one], QURE, Stat.BEFORE_LEAVE_BY) for name, one in scores.items()}
    worst = max(shares, key=lambda name: shares[name])
    return [
        Gate("called before leaveBy", "≤ 12 %", f"{overall:.1%}", overall <= 0.12),
        Gate(
            "called before leaveBy, in the worst scenario",
            "≤ 12 %",
            f"{shares[worst]:.1%} ({worst})",
            shares[worst] <= 0.12,
        ),
    ]


def unbiased(scores: Scores) -> list[Gate]:
    """The mean error of ``likely``, over all and in each."""
    return [
        _bias("bias of likely", list(scores.values())),
        *(_bias(f"bias of likely, {name}", [one]) for name, one in scores.items()),
    ]


def spoken(scores: Scores) -> list[Gate]:
    """That nothing is won by saying nothing. Not in the list of promises: a guard on the others."""
    unknown = sum(one.unknown for one in scores.values())
    share = unknown / max(sum(one.asked for one in scores.values()), 1)
    return [
        Gate("said to be unknown (a guard of the judge's)", "≤ 2 %", f"{share:.1%}", share <= 0.02)
    ]


def _bias(name: str, scores: Sequence[Score]) -> Gate:
    bias, wait = _mean(scores, QURE, Stat.ERROR), _mean(scores, QURE, Stat.WAIT)
    # A median lies below the mean of a skewed wait: what the true one has is said beside it.
    oracle = _mean(scores, ORACLE, Stat.ERROR) / MINUTE
    return Gate(
        name,
        "≤ 1 min or 5 % of the wait",
        f"{bias / MINUTE:+.1f} min, {bias / max(wait, 1.0):+.1%} (the Oracle: {oracle:+.1f} min)",
        abs(bias) <= max(MINUTE, 0.05 * wait),
    )


def _mean(scores: Iterable[Score], name: str, stat: Stat) -> float:
    """A figure of all of them by the rows it is about."""
    sums = np.sum([one.sums(name) for one in scores], axis=0)
    rows = Stat.RANGES if Stat.BY_HIGH <= stat <= Stat.BEFORE_LEAVE_BY else Stat.ROWS
    return float(sums[stat] / max(sums[rows], 1.0))


def _of(scores: Scores, groups: Sequence[str]) -> list[tuple[str, Score]]:
    return [(name, one) for name, one in scores.items() if name.split()[0] in groups]
