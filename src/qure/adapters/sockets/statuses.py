"""Who watches which queue's status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.rooms import Room
from qure.domain.errors import NotFound
from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus
from qure.wire import socket_events


class Statuses:
    """The rooms of this process. ``status_of`` raises ``NotFound``."""

    def __init__(self, status_of: Callable[[QueueId], Awaitable[QueueStatus]]) -> None:
        self._status_of = status_of
        self._rooms: dict[QueueId, Room[Client]] = {}

    @property
    def watched(self) -> list[QueueId]:
        """The queues that somebody watches."""
        return list(self._rooms)

    async def join(self, client: Client, queue_id: QueueId) -> QueueStatus:
        """Let it watch the queue: sends ``join-queue``, then the status, then every newer one.

        Raises ``NotFound``, ``Conflict`` (``too_many_queues``), ``Unavailable``.
        """
        if queue_id not in client.rooms:
            client.require_room_for_another()
        # Enter first, then read: what changes in between is heard here, and the newer one wins.
        room = self._rooms.get(queue_id)
        if room is None:
            room = self._rooms[queue_id] = Room(_send)
        was_in = queue_id in client.rooms
        client.rooms[queue_id] = room
        room.let_wait(client)
        try:
            room.offer(await self._status_of(queue_id))
        except BaseException:
            if was_in and not client.is_closed:
                room.let_in(client)
            else:
                self.leave(client, queue_id)
            raise
        client.send(socket_events.JOIN_QUEUE)
        if not client.is_closed:
            room.let_in(client)
        assert room.newest is not None  # It has just been offered one.
        return room.newest

    def leave(self, client: Client, queue_id: QueueId) -> None:
        """Let it hear no more of the queue."""
        room = client.rooms.pop(queue_id, None)
        if room is not None:
            room.let_out(client)
            if room.is_empty and self._rooms.get(queue_id) is room:
                room.stop()
                del self._rooms[queue_id]

    def offer(self, status: QueueStatus) -> None:
        """A queue stands so: for those who watch it, if it is news to them."""
        room = self._rooms.get(status.queue_id)
        if room is not None:
            room.offer(status)

    async def reread(self, queue_id: QueueId) -> None:
        """Changes may have been missed. Raises ``Unavailable``."""
        try:
            self.offer(await self._status_of(queue_id))
        except NotFound:
            return  # Somebody is just being told that there is no such queue.


def _send(client: Client, queue_id: QueueId, message: Message) -> None:
    client.listener.send_newest(queue_id, message)
