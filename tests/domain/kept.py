"""A queue and all of its tokens, as a storage keeps them, for tests of the rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qure.domain.actor import Actor
from qure.domain.calling_order import HEADS, Line
from qure.domain.ids import TokenId, UserId
from qure.domain.issuing import Holder, issue
from qure.domain.places import end_of_line, place_behind
from qure.domain.queue import Queue
from qure.domain.token import ASSIGNED, PLACE_STEP, Priority, Token, TokenStatus
from tests.support.builders import NOW, build_actor, new_id


def in_line(token: Token) -> tuple[int, int]:
    """What orders those of one class."""
    return token.place, token.number


def line_of(tokens: Iterable[Token], caller: Actor | None = None) -> Line:
    """The front of the line, as ``Line`` says that it comes: never more than ``HEADS`` a class."""
    known = sorted(tokens, key=in_line)
    heads = [
        token
        for priority in Priority
        for token in [one for one in known if one.waits and one.priority is priority][:HEADS]
    ]
    assigned = [
        token
        for token in known
        if caller is not None and token.status in ASSIGNED and token.assigned_to == caller.id
    ]
    return Line(heads, sorted(assigned, key=lambda token: token.number))


class KeptQueue:
    """One queue, with the newest state of each of its tokens by id, in the order of numbers."""

    def __init__(self, queue: Queue, tokens: Iterable[Token] = ()) -> None:
        self.queue = queue
        self.tokens = {token.id: token for token in tokens}

    def keep(self, *tokens: Token) -> None:
        """They stand so now."""
        self.tokens |= {token.id: token for token in tokens}

    def line(self, caller: Actor | None = None) -> Line:
        """The front of it, for whoever calls."""
        return line_of(self.tokens.values(), caller)

    def standing(self, *statuses: TokenStatus) -> list[Token]:
        """Its tokens of these statuses, by number."""
        return [token for token in self.tokens.values() if token.status in statuses]

    def taken_by(self, patient_id: UserId) -> list[Token]:
        """Every token that the patient ever had here."""
        return [token for token in self.tokens.values() if token.patient_id == patient_id]

    def take(self, priority: Priority = Priority.NORMAL) -> Token:
        """The next number, for somebody new."""
        patient_id = UserId(new_id())
        token = issue(
            self.queue,
            id=TokenId(new_id()),
            holder=Holder(patient_id=patient_id),
            by=build_actor(patient_id),
            taken=(),
            max_active=1,
            at=NOW,
            line=self.line(),
            priority=priority,
        )
        self.keep(token)
        return token

    def places(self, priority: Priority, *, behind: Token | None = None) -> list[int]:
        """Those of all of that class who wait, in order; of those behind that token, if given."""
        waiting = [one for one in self.tokens.values() if one.waits and one.priority is priority]
        if behind is not None:
            waiting = [one for one in waiting if in_line(one) > in_line(behind)]
        return [one.place for one in sorted(waiting, key=in_line)]

    def place_after(self, token: Token, how_many: int) -> int:
        """A place behind so many who wait in the token's class, or at the end of the line."""
        place = place_behind(self.places(token.priority), how_many)
        return end_of_line(self.queue) if place is None else place

    def space_out(self, priority: Priority) -> None:
        """Number the places of that class anew, in the same order: the last one stays."""
        tokens = [token for token in self.tokens.values() if token.priority is priority]
        tokens.sort(key=in_line, reverse=True)
        for behind, token in enumerate(tokens):
            self.keep(replace(token, place=tokens[0].place - behind * PLACE_STEP))
