"""Who waits for which seats, in which order: lines that the same seats serve are one lane.

Nothing is decided here that ``calling_order`` decides: lines come in the order of calls, and of
several lines a seat takes the one whose first has the best class, then has waited longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from qure.domain.ids import QueueId, TokenId
from qure.domain.token import Priority
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.scene import Line, Scene, Waiting

_RANK: Final = {Priority.URGENT: 0.0, Priority.PRIORITY: 1e12, Priority.NORMAL: 2e12}
LATER: Final = 1e13
"""Behind every class: a line that may not be called yet."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who waits in which line of the scene; ``is_asking``: somebody who only might join."""

    waiting: Waiting
    line: int
    is_asking: bool = False


@dataclass(slots=True)
class Lane:
    """Lines that the same seats serve on the same terms: one order for all of them."""

    seats: list[int]
    visitors: list[Visitor]
    not_before: float
    overtaking: float


def lanes_of(scene: Scene, asking: dict[QueueId, UUID], pace: Pace) -> list[Lane]:
    """The scene's open lines with those who wait, and behind them whoever ``asking`` names."""
    found: dict[tuple[tuple[int, ...], float], list[int]] = {}
    for index, line in enumerate(scene.lines):
        seats = tuple(
            column for column, seat in enumerate(scene.seats) if line.service_id in seat.service_ids
        )
        if seats and not line.is_closed and not line.is_paused:
            found.setdefault((seats, first_call(scene, line)), []).append(index)
    lanes = []
    for (seats, not_before), indices in found.items():
        visitors = _merged([_visitors(scene, index, asking) for index in indices])
        rate = sum(_overtaking(scene, scene.lines[index], pace) for index in indices)
        lanes.append(Lane(list(seats), visitors, not_before, rate))
    return lanes


def first_call(scene: Scene, line: Line) -> float:
    """Before this instant nobody of the line is called: by a notice, or because only others have
    begun. ``scene.now`` when nothing is in the way."""
    not_before = max(scene.now, line.not_before or 0.0)
    if not line.has_begun and any(other.has_begun for other in scene.lines):
        not_before = max(not_before, line.opens_at)
    return not_before


def _overtaking(scene: Scene, line: Line, pace: Pace) -> float:
    return pace.overtaking(line.service_id, max(0.0, scene.now - line.opens_at) / 3600)


def _visitors(scene: Scene, index: int, asking: dict[QueueId, UUID]) -> list[Visitor]:
    line = scene.lines[index]
    visitors = [Visitor(one, index) for one in line.waiting]
    if line.queue_id in asking:
        newcomer = Waiting(TokenId(asking[line.queue_id]), scene.now)
        visitors.append(Visitor(newcomer, index, is_asking=True))
    return visitors


def _merged(lines: Sequence[list[Visitor]]) -> list[Visitor]:
    """Each line's own order kept; of the first of each, the best class, then who waits longest."""
    if len(lines) == 1:
        return lines[0]
    left = [line[::-1] for line in lines if line]
    merged = []
    while left:
        best = min(left, key=lambda line: key_of(line[-1].waiting))
        merged.append(best.pop())
        left = [line for line in left if line]
    return merged


def key_of(one: Waiting) -> float:
    """Smaller for who goes first, of those who are first in their lines."""
    return _RANK[one.priority] + one.since


def groups_of(lanes: list[Lane]) -> list[list[Lane]]:
    """Lanes that share seats, together."""
    groups: list[tuple[set[int], list[Lane]]] = []
    for lane in lanes:
        seats, joined = set(lane.seats), [lane]
        rest = []
        for known, its in groups:
            if known & seats:
                seats |= known
                joined = its + joined
            else:
                rest.append((known, its))
        groups = [*rest, (seats, joined)]
    return [group for _, group in groups]
