"""The board for staff, and a patient's place in the line."""

from __future__ import annotations

from dataclasses import dataclass

from qure.application.access import (
    require_desk,
    require_desk_of,
    require_holder_or_desk,
    require_person,
)
from qure.application.announcing.live_boards import LiveBoards
from qure.application.lookup import get_queue, get_token
from qure.application.ports.storage import Storage
from qure.application.waiting.forecasts import Forecasts
from qure.application.waiting.told import QueueWaits
from qure.domain.actor import Actor
from qure.domain.board import Board
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.waiting.wait import Wait


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    """A queue and its board, read at one moment; ``waits`` are the newest there are."""

    queue: Queue
    board: Board
    waits: QueueWaits | None


@dataclass(frozen=True, slots=True)
class Place:
    """How many are called before a token as things stand; None unless it waits.

    ``wait`` is the newest that was forecast of it, if anything was; ``version`` is the queue's.
    """

    token_id: TokenId
    queue_id: QueueId
    ahead: int | None
    wait: Wait | None
    version: int


class Boards:
    """Looking at the line."""

    def __init__(self, storage: Storage, live: LiveBoards, forecasts: Forecasts) -> None:
        self._storage = storage
        self._live = live
        self._forecasts = forecasts

    async def read(self, queue_id: QueueId, *, actor: Actor) -> BoardSnapshot:
        """For staff of the clinic and admins. Raises ``NotFound``, ``Forbidden``."""
        require_desk(actor)
        async with self._storage.read() as uow:
            queue = await get_queue(uow, queue_id)
            require_desk_of(actor, queue.clinic_id)
            tokens = await uow.tokens.on_board(queue_id)
        waits = await self._forecasts.of(queue_id)
        return BoardSnapshot(queue, Board.of(queue, tokens), waits)

    async def place_of(self, token_id: TokenId, *, actor: Actor) -> Place:
        """For the token's patient, staff of the clinic and admins.

        Raises ``NotFound``, ``Forbidden``.
        """
        require_person(actor)
        async with self._storage.read() as uow:
            token = await get_token(uow, token_id)
            queue = await get_queue(uow, token.queue_id)
        require_holder_or_desk(actor, token.patient_id, queue.clinic_id)
        waits = await self._forecasts.of(queue.id)
        board = await self._live.of(queue.id)
        now = board.tokens.get(token.id)
        wait = None if waits is None else waits.of(now)
        return Place(token.id, queue.id, board.ahead.get(token.id), wait, board.version)
