"""What people were answered during a day: beside what they heard, all that the oracle is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Who(NamedTuple):
    """Somebody who acts: as a token's history names them."""

    id: str
    name: str
    role: str
    guest: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Act:
    """Something that was done: somebody asked for it, and was answered that it is so.

    ``action`` is what a token's history calls it. ``token_id`` and ``queue_id`` are what was asked
    about; ``desk`` is where whoever asked sat, ``service_ids`` what a desk that called serves.
    ``answer`` is the data of the answer.
    """

    action: str
    by: Who
    answer: Any
    token_id: str | None = None
    queue_id: str | None = None
    desk: Mapping[str, str] | None = None
    service_ids: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    asked_at: datetime
    answered_at: datetime


class Refusal(NamedTuple):
    """Something that was not done: the code says why."""

    action: str
    by: Who | None
    code: str


@dataclass(slots=True)
class Testimony:
    """All answers of a day, in the order in which they came."""

    acts: list[Act] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def count(self, action: str) -> int:
        """How often that was done."""
        return sum(act.action == action for act in self.acts)


def now() -> datetime:
    """By the clock on the wall, which service and people share here."""
    return datetime.now(UTC)
