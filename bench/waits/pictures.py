"""Two pictures as SVG, for light and dark pages. Strings; no drawing library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan

import numpy as np

from bench.waits.observing import DAY
from bench.waits.scores import ORACLE, Score, Shown, Stat

STYLE = """<style>
text{font:12px system-ui,sans-serif;fill:#24292f}
.grid{stroke:#d0d7de;fill:none}.even{stroke:#8c959f;stroke-dasharray:4 4;fill:none}
.one{stroke:#0969da;stroke-opacity:.22;fill:none}.all{stroke:#0969da;stroke-width:2.5;fill:none}
.oracle{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:6 3;fill:none}
.dot{fill:#0969da}.range{fill:#0969da;fill-opacity:.28}.likely{stroke:#0969da;stroke-width:2}
.leave{stroke:#1a7f37;stroke-width:2}.held{fill:#24292f}.late{fill:#cf222e}.wait{stroke:#d0d7de}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid,.wait{stroke:#3d444d}
.even{stroke:#9198a1}.one,.all,.likely{stroke:#4493f8}.oracle{stroke:#f0883e}
.dot,.range{fill:#4493f8}.leave{stroke:#3fb950}.held{fill:#e6edf3}.late{fill:#f85149}}
</style>"""

NOMINAL = (0.1, 0.2, 0.5, 0.8)
STATS = (Stat.BEFORE_LEAVE_BY, Stat.BEFORE_LOW, Stat.BY_LIKELY, Stat.BY_HIGH)
SIDE = 360
LEFT, TOP = 60, 30

WIDTH = 760
ROW = 13
MOST_ROWS = 60


def calibration(scores: Mapping[str, Score]) -> str:
    """How often the call had come by what was called a percentile; on the diagonal it holds."""
    judged = next(iter(scores.values())).judged
    lines = [_line(_shares([one], judged or ORACLE), "one") for one in scores.values()]
    if judged is not None:
        lines.append(_line(_shares(scores.values(), ORACLE), "oracle"))
    held = _shares(scores.values(), judged or ORACLE)
    lines.append(_line(held, "all"))
    for nominal, share in zip(NOMINAL, held, strict=True):
        x, y = _spot(nominal, share)
        lines.append(f'<circle class="dot" cx="{x:.0f}" cy="{y:.1f}" r="4"/>')
        lines.append(f'<text x="{x + 8:.0f}" y="{y + 14:.1f}">{share:.0%}</text>')
    says = f"{judged or ORACLE}: over all scenarios (bold) and in each (thin)"
    if judged is not None:
        lines.append(_text(LEFT, TOP + SIDE + 74, "dashed: who knows the true parameters"))
    lines.append(_text(LEFT, 18, says))
    return _svg(SIDE + 2 * LEFT, SIDE + TOP + 86, [*_axes(), *lines], says)


def day(shown: Sequence[Shown], title: str) -> str:
    """Everybody of a day: the range they were told at joining, and when they were called."""
    people = [one for one in shown if not isnan(one.high)][:MOST_ROWS]
    if not people:
        return _svg(WIDTH, 40, [_text(10, 20, "Nothing was said on this day.")], title)
    first = min(one.joined for one in people)
    last = max(max(one.high, one.called) for one in people)
    scale = (WIDTH - LEFT - 30) / (last - first)

    def x(at: float) -> float:
        return LEFT + (at - first) * scale

    bottom = TOP + 24 + ROW * len(people)
    parts = [_text(10, 18, title)]
    for hour in range(int(first // 3600) + 1, int(last // 3600) + 1):
        at = x(hour * 3600.0)
        parts.append(f'<path class="grid" d="M{at:.0f} {TOP + 8}V{bottom}"/>')
        parts.append(_text(at - 16, bottom + 16, f"{hour % (int(DAY) // 3600):02d}:00"))
    for number, one in enumerate(people):
        parts.append(_person(one, TOP + 16 + ROW * number, x))
    parts.append(
        _text(10, bottom + 36, "line: waited · bar: low to high · blue: likely · green: leave by")
    )
    parts.append(_text(10, bottom + 52, "dot: the call, red where it was outside the range"))
    return _svg(WIDTH, bottom + 62, parts, title)


def _person(one: Shown, y: float, x: Callable[[float], float]) -> str:
    low, high, likely, leave = x(one.low), x(one.high), x(one.likely), x(one.leave_by)
    kind = "held" if one.low <= one.called <= one.high else "late"
    return (
        f'<path class="wait" d="M{x(one.joined):.0f} {y}H{x(one.called):.0f}"/>'
        f'<path class="range" d="M{low:.0f} {y - 4}H{max(high, low + 1):.0f}v8H{low:.0f}z"/>'
        f'<path class="likely" d="M{likely:.0f} {y - 4}v8"/>'
        f'<path class="leave" d="M{leave:.0f} {y - 4}v8"/>'
        f'<circle class="{kind}" cx="{x(one.called):.1f}" cy="{y}" r="3"/>'
    )


def _shares(scores: Iterable[Score], name: str) -> list[float]:
    sums = np.sum([one.sums(name) for one in scores], axis=0)
    return [float(sums[stat] / max(sums[Stat.RANGES], 1)) for stat in STATS]


def _spot(nominal: float, share: float) -> tuple[float, float]:
    return LEFT + SIDE * nominal, TOP + SIDE * (1 - share)


def _line(shares: Sequence[float], kind: str) -> str:
    spots = (_spot(nominal, share) for nominal, share in zip(NOMINAL, shares, strict=True))
    return f'<polyline class="{kind}" points="{" ".join(f"{x:.0f},{y:.1f}" for x, y in spots)}"/>'


def _axes() -> list[str]:
    parts = [
        f'<rect class="grid" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>',
        f'<path class="even" d="M{LEFT} {TOP + SIDE}L{LEFT + SIDE} {TOP}"/>',
    ]
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = _spot(share, share)
        parts.append(_text(x - 12, TOP + SIDE + 18, f"{share:.0%}"))
        parts.append(_text(LEFT - 40, y + 4, f"{share:.0%}"))
    names = "percentile as it is said: leaveBy 10, low 20, likely 50, high 80"
    parts.append(_text(LEFT, TOP + SIDE + 38, names))
    parts.append(_text(LEFT, TOP + SIDE + 56, "upwards: how often the call had come by then"))
    return parts


def _text(x: float, y: float, said: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}">{said}</text>'


def _svg(width: float, height: float, parts: Iterable[str], title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join([head, f"<title>{title}</title>", STYLE, *parts, "</svg>", ""])
