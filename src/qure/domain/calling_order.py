"""Who is next. Nothing else in the program decides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qure.domain.token import Priority, Token

MAX_PRIORITY_RUN = 2
"""So many PRIORITY tokens are called in a row while a NORMAL one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a call has to know of a queue, however long it is.

    ``heads`` are the WAITING tokens that come first by place in their class, at most one of each;
    ``assigned`` is what the caller still has CALLED or IN_PROGRESS there, by number.
    """

    heads: tuple[Token, ...]
    assigned: tuple[Token, ...] = ()


def next_of(heads: Iterable[Token], *, priority_run: int) -> tuple[Token, int] | None:
    """Which of the heads is called now, and the ``priority_run`` after it; None without heads.

    URGENT goes before all, and leaves the run as it is. A PRIORITY token goes before NORMAL ones,
    but after ``MAX_PRIORITY_RUN`` of them in a row a NORMAL one that waits is called: so a NORMAL
    token with ``m`` NORMAL ones before it is reached after at most ``3 * (m + 1)`` calls that are
    not URGENT. ``priority_run`` (0..2) counts the PRIORITY calls since the last NORMAL one that
    were made while a NORMAL one waited.
    """
    by_class = {head.priority: head for head in heads}
    urgent, priority, normal = (
        by_class.get(one) for one in (Priority.URGENT, Priority.PRIORITY, Priority.NORMAL)
    )
    if urgent is not None:
        return urgent, priority_run
    if priority is not None and (normal is None or priority_run < MAX_PRIORITY_RUN):
        return priority, 0 if normal is None else priority_run + 1
    return None if normal is None else (normal, 0)
