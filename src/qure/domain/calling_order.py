"""Who is next. Nothing else in the program decides it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qure.domain.ids import TokenId
from qure.domain.token import Priority, Token

MAX_PRIORITY_RUN = 2
"""So many PRIORITY tokens are called in a row while a NORMAL one waits."""

HEADS = 6
"""So many of each class a transaction looks at: enough to know the next five after its move."""

_RANK = {Priority.URGENT: 0, Priority.PRIORITY: 1, Priority.NORMAL: 2}


def next_of(heads: Iterable[Token], *, priority_run: int) -> tuple[Token, int] | None:
    """Which token is called now, and the ``priority_run`` after it; None when nobody waits.

    Of ``heads``, which wait, only the first by place of each class matter. URGENT goes before all,
    and leaves the run as it is. A PRIORITY token goes before NORMAL ones, but after
    ``MAX_PRIORITY_RUN`` of them in a row a NORMAL one that waits is called: so a NORMAL token with
    ``m`` NORMAL ones before it is reached after at most ``3 * (m + 1)`` calls that are not URGENT.
    ``priority_run`` (0..2) counts the PRIORITY calls since the last NORMAL one that were made while
    a NORMAL one waited.
    """
    first: dict[Priority, Token] = {}
    for head in heads:
        known = first.get(head.priority)
        if known is None or _place(head) < _place(known):
            first[head.priority] = head
    chosen = _class_of_next(frozenset(first), priority_run)
    if chosen is None:
        return None
    return first[chosen], run_after(chosen, Priority.NORMAL in first, priority_run)


def run_after(called: Priority, normal_waits: bool, priority_run: int) -> int:
    """The ``priority_run`` after a call of that class, made while a NORMAL one waited or not."""
    if called is Priority.URGENT:
        return priority_run
    if called is Priority.PRIORITY and normal_waits:
        return min(priority_run + 1, MAX_PRIORITY_RUN)
    return 0


def call_order(
    waiting: Iterable[Token], *, priority_run: int, most: int | None = None
) -> list[Token]:
    """The tokens in the order in which they would be called as things stand, ``most`` of them."""
    lines: dict[Priority, list[Token]] = {}
    for token in waiting:
        lines.setdefault(token.priority, []).append(token)
    for line in lines.values():
        line.sort(key=_place, reverse=True)  # The first one last, where it is taken from.
    order: list[Token] = []
    total = sum(map(len, lines.values()))
    while len(order) < (total if most is None else min(most, total)):
        there = frozenset(lines)
        if len(there) == 1:
            (rest,) = lines.values()
            order += rest[::-1]
            break
        chosen = _class_of_next(there, priority_run)
        assert chosen is not None  # Somebody is left.
        order.append(lines[chosen].pop())
        priority_run = run_after(chosen, Priority.NORMAL in there, priority_run)
        if not lines[chosen]:
            del lines[chosen]
    return order if most is None else order[:most]


def first_across(heads: Sequence[Token]) -> Token:
    """Of what each queue of a desk calls next: the best class, then who has waited longest."""
    return min(heads, key=lambda token: (_RANK[token.priority], token.created_at, token.id))


def _class_of_next(there: frozenset[Priority], priority_run: int) -> Priority | None:
    if Priority.URGENT in there:
        return Priority.URGENT
    if Priority.PRIORITY in there and (
        Priority.NORMAL not in there or priority_run < MAX_PRIORITY_RUN
    ):
        return Priority.PRIORITY
    return Priority.NORMAL if Priority.NORMAL in there else None


def _place(token: Token) -> tuple[int, int]:
    return token.place, token.number


class Line:
    """The front of a queue's line, as one transaction knows it, however long the line is.

    ``heads`` are the tokens that wait, the first by place of each class, ``HEADS`` of each or all
    there are; ``assigned`` is what the caller still has CALLED or IN_PROGRESS there, by number.
    What moves is taken out and put in: after any one move the next five are known.
    """

    __slots__ = ("_horizon", "assigned", "heads")

    def __init__(self, heads: Iterable[Token], assigned: Iterable[Token] = ()) -> None:
        self.heads: dict[TokenId, Token] = {head.id: head for head in heads}
        self.assigned = tuple(assigned)
        # Beyond the last one that is known of a class there may be others.
        self._horizon: dict[Priority, tuple[int, int]] = {}
        for priority in Priority:
            places = [_place(one) for one in self.heads.values() if one.priority is priority]
            if len(places) >= HEADS:
                self._horizon[priority] = max(places)

    def next(self, *, priority_run: int) -> tuple[Token, int] | None:
        """See ``next_of``."""
        return next_of(self.heads.values(), priority_run=priority_run)

    def normal_waits(self) -> bool:
        """Whether a NORMAL token waits."""
        return any(one.priority is Priority.NORMAL for one in self.heads.values())

    def changed(self, token: Token) -> None:
        """How a token of this queue stands now."""
        self.heads.pop(token.id, None)
        horizon = self._horizon.get(token.priority)
        if token.waits and (horizon is None or _place(token) < horizon):
            self.heads[token.id] = token

    def upcoming(self, most: int, *, priority_run: int) -> list[Token]:
        """The next ``most`` that are called as things stand."""
        return call_order(self.heads.values(), priority_run=priority_run, most=most)
