"""What a benchmark says: a measured thing, what it is compared with, and its target."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. ``value`` is held against ``target`` as the sign says."""

    path: str
    value: float
    target: float
    at_least: bool
    measured: str
    compared_with: str

    @property
    def is_met(self) -> bool:
        """Whether the target was reached."""
        return self.value >= self.target if self.at_least else self.value <= self.target


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title="Qure's benchmarks", show_lines=False)
    for heading in ("path", "figure", "target", "", "measured", "compared with"):
        table.add_column(heading)
    for one in figures:
        sign = "≥" if one.at_least else "≤"
        table.add_row(
            one.path,
            f"{one.value:.2f}",
            f"{sign} {one.target:g}",
            "met" if one.is_met else "MISSED",
            one.measured,
            one.compared_with,
        )
    Console(width=170).print(table)


def write(figures: Sequence[Figure], folder: Path) -> Path:
    """Keep them as JSON; where."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    file = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    told = {
        "at": now.isoformat(),
        "python": platform.python_version(),
        "versions": {
            name: version(name) for name in ("litestar", "uvicorn", "sqlalchemy", "asyncpg")
        },
        "figures": [{**asdict(one), "is_met": one.is_met} for one in figures],
    }
    file.write_text(json.dumps(told, indent=2) + "\n")
    return file
