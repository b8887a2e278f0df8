"""What staff see of a queue: its tokens, in the order in which they would be called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from qure.domain.calling_order import call_order
from qure.domain.events import QueueChanged, TokenChanged
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import ASSIGNED, Token, TokenStatus


def is_on_board(token: Token) -> bool:
    """Active tokens, and skipped ones, which may come back."""
    return token.is_active or token.status is TokenStatus.SKIPPED


class Board:
    """A queue's tokens at one version. Changes carry it on from version to version.

    Positions are worked out once a version, when they are first asked for.
    """

    __slots__ = ("_ahead", "_order", "priority_run", "queue_id", "tokens", "version")

    def __init__(
        self, queue_id: QueueId, tokens: Iterable[Token], *, version: int, priority_run: int
    ) -> None:
        self.queue_id = queue_id
        self.version = version
        self.priority_run = priority_run
        self.tokens = {token.id: token for token in tokens if is_on_board(token)}
        self._order: list[Token] | None = None
        self._ahead: dict[TokenId, int] | None = None

    @classmethod
    def of(cls, queue: Queue, tokens: Iterable[Token]) -> Board:
        """The queue's board, as both were read at one moment."""
        return cls(queue.id, tokens, version=queue.version, priority_run=queue.priority_run)

    def apply(self, changes: Sequence[QueueChanged]) -> list[Token]:
        """All the changes that made the next version; the tokens that they changed."""
        changed = [one.token for one in changes if isinstance(one, TokenChanged)]
        for token in changed:
            if is_on_board(token):
                self.tokens[token.id] = token
            else:
                self.tokens.pop(token.id, None)
        status = changes[-1].queue
        if changed or status.priority_run != self.priority_run:
            self._order = self._ahead = None
        self.version, self.priority_run = status.version, status.priority_run
        return changed

    @property
    def order(self) -> Sequence[Token]:
        """Those in hand by when they were called, those who wait in the order of calls, the held
        ones by place, the skipped ones by number."""
        if self._order is None:
            self._work_out()
        assert self._order is not None
        return self._order

    @property
    def ahead(self) -> Mapping[TokenId, int]:
        """How many are called before each of those who wait, as things stand."""
        if self._ahead is None:
            self._work_out()
        assert self._ahead is not None
        return self._ahead

    def _work_out(self) -> None:
        assigned, waiting, held, skipped = [], [], [], []
        for token in self.tokens.values():
            if token.waits:
                waiting.append(token)
            elif token.on_hold:
                held.append(token)
            elif token.status in ASSIGNED:
                assigned.append(token)
            else:
                skipped.append(token)
        waiting = call_order(waiting, priority_run=self.priority_run)
        self._ahead = {token.id: position for position, token in enumerate(waiting)}
        assigned.sort(key=lambda token: (token.last_called_at or token.created_at, token.number))
        held.sort(key=lambda token: (token.place, token.number))
        skipped.sort(key=lambda token: token.number)
        self._order = [*assigned, *waiting, *held, *skipped]
