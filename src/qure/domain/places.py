"""Places: the order in line within a class, and how somebody is put between two others."""

from __future__ import annotations

from collections.abc import Sequence

from qure.domain.calling_order import Line
from qure.domain.queue import Queue
from qure.domain.token import PLACE_STEP, Priority

BETWEEN = 618
"""Thousandths of the way to the next one. In the middle a held one may stand, who was between the
two; and of those who come in one before the other, more find room so."""


def end_of_line(queue: Queue) -> int:
    """A place behind everybody of every class, which nobody else gets."""
    queue.last_place += PLACE_STEP
    return queue.last_place


def front_of_line(queue: Queue, line: Line, priority: Priority) -> int:
    """A place before all that wait in that class."""
    places = [one.place for one in line.heads.values() if one.priority is priority]
    return min(places) - PLACE_STEP // 2 if places else end_of_line(queue)


def place_behind(places: Sequence[int], how_many: int) -> int | None:
    """A place behind so many of those who wait at these ``places`` (in order), and no more.

    None when not so many more wait: then it is the end of the line. Raises ``NoRoom``.
    """
    if len(places) <= how_many:
        return None
    if how_many == 0:
        return places[0] - PLACE_STEP // 2
    ahead, behind = places[how_many - 1], places[how_many]
    place = ahead + (behind - ahead) * BETWEEN // 1000
    if not ahead < place < behind:
        raise NoRoom
    return place


class NoRoom(Exception):
    """Between two neighbours there is no number left: the places must be spaced out anew."""
