"""What patients of one service stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Line:
    """What patients of one service stand in: its queue of today.

    ``known`` is every number of it as staff last heard of it; ``delayed`` are the versions of the
    queue from which and until which a notice said that it is late. ``final`` is how it all stood
    when everything was over.
    """

    name: str
    max_size: int
    prefix: str = ""
    service_id: str = ""
    queue_id: str = ""
    status: dict[str, Any] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    delayed: tuple[int, int] | None = None
    final: Final | None = None


@dataclass(slots=True, eq=False)
class Final:
    """How a queue stood when everything was over, as staff read it."""

    status: dict[str, Any]
    board: dict[str, Any]
    tokens: list[dict[str, Any]]
    histories: dict[str, list[dict[str, Any]]]
    places: dict[str, dict[str, Any]]
