"""Those yet to come who go before others."""

from __future__ import annotations

import numpy as np

from qure.domain.ids import QueueId
from qure.domain.waiting.draws import LEVELS, Flags, Floats, Order, order_of

OVERTAKES = 1_000
"""What chance decides of them: ever more orders from here on."""


class Overtakers:
    """Those yet to come who go before a lane: a Poisson stream on each path, until it closes."""

    def __init__(
        self,
        queue_id: QueueId,
        rate: float,
        means: Floats,
        shape: Floats,
        *,
        now: float,
        until: float,
    ) -> None:
        self._id = queue_id
        self._rate = rate
        self._means = means
        self._shape = shape
        self._until = until
        self._drawn = OVERTAKES
        self._next = now + self._gap()

    def due(self, at: Floats, only: Flags | None = None) -> Flags:
        """On which paths the next one has come by then: that one is taken in."""
        due: Flags = self._next <= np.minimum(at, self._until)
        if only is not None:
            due &= only
        if due.any():
            self._next = np.where(due, self._next + self._gap(), self._next)
        return due

    def lengths(self, seat: Order) -> Floats:
        """How long that seat is taken by the next one."""
        lengths: Floats = self._means[seat] * self._shape[self._order()]
        return lengths

    def _gap(self) -> Floats:
        gaps: Floats = -np.log(LEVELS[self._order()]) / self._rate
        return gaps

    def _order(self) -> Order:
        self._drawn += 1
        return order_of(self._id, self._drawn)
