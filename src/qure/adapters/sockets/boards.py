"""Who has which queue's board before them, and how long they may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from qure.adapters.sockets.board_room import BoardRoom
from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.messages import Message
from qure.application.access import works_at
from qure.application.announcing.live_boards import LiveBoards
from qure.application.queueing.board import BoardSnapshot
from qure.application.waiting.forecasts import Forecasts
from qure.domain.actor import Actor
from qure.domain.errors import Forbidden, Unavailable
from qure.domain.ids import ClinicId, QueueId
from qure.wire.body import encode
from qure.wire.socket_events import JOIN_DESK_ERROR

LOOK_SECONDS: Final = 0.25
"""So often it is looked whether changes are heard; with what goes unnoticed before, within 2 s."""

_NOT_HEARD = "The board cannot be kept up to date at the moment. Please join again."
_LOST = "You are not staff of this clinic any more."


class Boards:
    """The board rooms of this process.

    A board shows names: whoever may not see it any more is shown out, and so is everybody while
    it could not be heard that somebody may not.
    """

    def __init__(
        self, live: LiveBoards, forecasts: Forecasts, *, is_hearing: Callable[[], bool]
    ) -> None:
        self._live = live
        self._forecasts = forecasts
        self._is_hearing = is_hearing
        self._rooms: dict[QueueId, BoardRoom[Client]] = {}
        self._look: asyncio.TimerHandle | None = None

    @property
    def watched(self) -> list[QueueId]:
        """The queues whose board somebody has before them."""
        return list(self._rooms)

    async def join(
        self,
        client: Client,
        queue_id: QueueId,
        clinic_id: ClinicId,
        read: Callable[[], Awaitable[BoardSnapshot]],
    ) -> BoardSnapshot:
        """What ``read`` finds; every version after it is sent, in a later turn of the loop.

        Joining in vain ends it. Raises what ``read`` raises, ``Conflict`` (``too_many_queues``),
        ``Forbidden`` for who has lost the right to the clinic meanwhile, ``Unavailable``.
        """
        if queue_id not in client.boards:
            client.require_room_for_another()
        self._require_hearing()
        # Enter first, then see that every version passes by here, then read.
        room = self._rooms.get(queue_id)
        if room is None:
            room = self._rooms[queue_id] = BoardRoom(clinic_id, _send)
            self._live.watch(queue_id, room.changed)
            self._forecasts.watch(queue_id, clinic_id, room.forecast)
        client.boards[queue_id] = room
        room.let_wait(client)
        self._keep_looking()
        try:
            await self._live.of(queue_id)
            snapshot = await read()
        except BaseException:
            self.leave(client, queue_id)
            raise
        if not room.let_in(client, snapshot.queue.version):  # It was shown out meanwhile.
            self._require_hearing()
            raise Forbidden("forbidden", _LOST)
        return snapshot

    def leave(self, client: Client, queue_id: QueueId) -> None:
        """Send it no more of that board."""
        room = client.boards.pop(queue_id, None)
        if room is not None:
            room.let_out(client)
            if room.is_empty:
                self._live.unwatch(queue_id, room.changed)
                self._forecasts.unwatch(queue_id, room.clinic_id, room.forecast)
                room.stop()
                del self._rooms[queue_id]

    def recheck(self, client: Client, actor: Actor) -> None:
        """Show the client out of what its actor, as it is now, may not see."""
        for queue_id, room in list(client.boards.items()):
            if not works_at(actor, room.clinic_id):
                self._show_out(client, queue_id, _LOST)

    def show_out(self, client: Client) -> None:
        """Nobody knows what the client may see now."""
        for queue_id in list(client.boards):
            self._show_out(client, queue_id, _NOT_HEARD)

    def _require_hearing(self) -> None:
        if not self._is_hearing():
            raise Unavailable(_NOT_HEARD)

    def _show_out(self, client: Client, queue_id: QueueId, sentence: str) -> None:
        was_in = client.boards[queue_id].is_in(client)
        self.leave(client, queue_id)
        if was_in:  # Whoever is about to enter is refused.
            client.send(JOIN_DESK_ERROR, encode(sentence))

    def _keep_looking(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_around)

    def _look_around(self) -> None:
        self._look = None
        if not self._is_hearing():
            for room in list(self._rooms.values()):
                for client in room.everybody:
                    self.show_out(client)
        if self._rooms:
            self._keep_looking()


def _send(client: Client, message: Message) -> None:
    client.listener.send(message)
