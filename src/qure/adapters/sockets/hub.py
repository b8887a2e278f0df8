"""Who listens to what in this process, and what they have been told.

The hub knows no protocol: it hands messages to listeners, which never make it wait. The inbox
gives it every announced change once (``receive``); it reads what it holds anew when some may have
been missed (``reread``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from qure.adapters.sockets.clients import Client, Closing, Listener
from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.rooms import Room
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.journal import JournalEntry
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, DomainError, NotFound, Unauthenticated
from qure.domain.ids import QueueId, SessionId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus
from qure.wire import socket_events
from qure.wire.responses import TokenBody, encode
from qure.wire.socket_events import CloseSession, CloseUser, ToPatient, ToRoom, deliveries

logger = logging.getLogger(__name__)

MAX_ROOMS_PER_CLIENT: Final = 100
REREADS_AT_ONCE: Final = 16
RETRY_SECONDS: Final = 0.5

Key = TypeVar("Key", UUID, SessionId)


class Hub:
    """All clients of this process, by actor, by login and by the queues they watch.

    ``status_of`` raises ``NotFound``; ``actor_of`` raises ``Unauthenticated``.
    """

    def __init__(
        self,
        *,
        status_of: Callable[[QueueId], Awaitable[QueueStatus]],
        assigned_tokens_of: Callable[[UserId], Awaitable[list[Token]]],
        actor_of: Callable[[AccessClaims], Awaitable[Actor]],
        max_connections_per_user: int = 200,
        on_lag: Callable[[datetime], None] | None = None,
    ) -> None:
        self._status_of = status_of
        self._assigned_tokens_of = assigned_tokens_of
        self._actor_of = actor_of
        self._max_connections_per_user = max_connections_per_user
        self._on_lag = on_lag
        self._rooms: dict[QueueId, Room[Client]] = {}
        self._by_actor: dict[UUID, dict[Client, None]] = {}
        self._by_session: dict[SessionId, dict[Client, None]] = {}

    # Coming and going

    async def connect(self, listener: Listener, claims: AccessClaims) -> Client:
        """A new client, counted among the listeners before its right is checked.

        In the other order, a revocation between the check and the entry would be missed. It
        hears nothing before ``welcome``. Raises ``Unauthenticated``, ``Conflict``
        (``too_many_connections``), ``Unavailable``.
        """
        mine = self._by_actor.get(claims.actor_id, {})
        if len(mine) >= self._max_connections_per_user:
            raise Conflict("too_many_connections", "This user has too many open connections.")
        client = Client(self, listener, claims)
        self._by_actor.setdefault(claims.actor_id, {})[client] = None
        self._by_session.setdefault(claims.session_id, {})[client] = None
        try:
            actor = await self._actor_of(claims)
        except BaseException:
            self.disconnect(client)
            raise
        if client.is_closed:
            raise Unauthenticated("session_ended", "This login has ended. Please log in again.")
        client.is_patient = actor.is_patient
        return client

    async def welcome(self, client: Client) -> None:
        """The client knows that it is connected: tell a patient what they may have missed."""
        client.is_ready = True
        if client.is_patient:
            try:
                await self._catch_up(client)
            except Exception as error:
                # Coming back later is how it hears of its call after all.
                is_fault = not isinstance(error, DomainError)
                logger.warning("a connecting patient could not be caught up", exc_info=is_fault)
                self.close(client, Closing.GOING_AWAY)

    def disconnect(self, client: Client) -> None:
        """The connection is gone (or never was): forget it. Does no harm twice."""
        client.is_closed = True
        for queue_id in list(client.rooms):
            self.leave(client, queue_id)
        _take_out(self._by_actor, client.claims.actor_id, client)
        _take_out(self._by_session, client.claims.session_id, client)

    def close(self, client: Client, why: Closing) -> None:
        """End the connection; it hears nothing more from here on."""
        if not client.is_closed:
            self.disconnect(client)
            client.listener.close(why)

    def close_all(self) -> None:
        """This process goes away: everybody is to come back elsewhere."""
        for client in self.clients():
            self.close(client, Closing.GOING_AWAY)

    def clients(self) -> list[Client]:
        """Everyone connected."""
        return [client for clients in self._by_actor.values() for client in clients]

    def watched_queues(self) -> int:
        """How many queues somebody here listens to."""
        return len(self._rooms)

    # Rooms

    async def join(self, client: Client, queue_id: QueueId) -> QueueStatus:
        """Let it watch the queue: sends ``join-queue``, then the status, then every newer one.

        Raises ``NotFound``, ``Conflict`` (``too_many_queues``), ``Unavailable``.
        """
        if len(client.rooms) >= MAX_ROOMS_PER_CLIENT and queue_id not in client.rooms:
            raise Conflict("too_many_queues", "This connection watches too many queues.")
        # Enter first, then read: what changes in between is heard here, and the newer one wins.
        room = self._rooms.get(queue_id)
        if room is None:
            room = self._rooms[queue_id] = Room(_send_status)
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
            self._drop_if_empty(queue_id, room)

    def _drop_if_empty(self, queue_id: QueueId, room: Room[Client]) -> None:
        if room.is_empty and self._rooms.get(queue_id) is room:
            room.stop()
            del self._rooms[queue_id]

    # What happens

    def receive(self, entry: JournalEntry) -> None:
        """An announced change."""
        for event in entry.events:
            for delivery in deliveries(event):
                match delivery:
                    case ToRoom(status):
                        room = self._rooms.get(status.queue_id)
                        if room is not None:
                            room.offer(status)
                    case ToPatient(user_id, _, token):
                        self._tell(self._by_actor.get(user_id, ()), token)
                    case CloseSession(session_id):
                        self._expel(self._by_session.get(session_id, ()))
                    case CloseUser(user_id):
                        self._expel(self._by_actor.get(user_id, ()))
        if self._on_lag is not None:
            self._on_lag(entry.created_at)

    async def reread(self) -> None:
        """Announcements may have been missed: bring every client to the true state.

        Tries until it has succeeded with each of them.
        """
        at_once = asyncio.Semaphore(REREADS_AT_ONCE)

        async def insist(attempt: Callable[[], Awaitable[None]]) -> None:
            while True:
                try:
                    async with at_once:
                        await attempt()
                except Exception:
                    logger.warning("reading anew is tried again", exc_info=True)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    return

        async with asyncio.TaskGroup() as group:
            for queue_id, room in list(self._rooms.items()):
                group.create_task(insist(partial(self._reread_room, queue_id, room)))
            for client in self.clients():
                group.create_task(insist(partial(self._recheck, client)))

    async def recheck(self) -> None:
        """Show out those whose login has run out: nobody announces that. Best effort."""
        for client in self.clients():
            try:
                await self._actor_of(client.claims)
            except Unauthenticated:
                self.close(client, Closing.NOT_ALLOWED)
            except DomainError as error:
                logger.warning("logins cannot be checked now: %s", error.message)
                return

    async def _reread_room(self, queue_id: QueueId, room: Room[Client]) -> None:
        try:
            room.offer(await self._status_of(queue_id))
        except NotFound:
            return  # Somebody is just being told that there is no such queue.

    async def _recheck(self, client: Client) -> None:
        try:
            actor = await self._actor_of(client.claims)
        except Unauthenticated:
            self.close(client, Closing.NOT_ALLOWED)
            return
        client.is_patient = actor.is_patient
        if client.is_ready and client.is_patient:
            await self._catch_up(client)

    async def _catch_up(self, client: Client) -> None:
        for token in await self._assigned_tokens_of(UserId(client.claims.actor_id)):
            if client.is_ready and not client.is_closed and client.is_news(token):
                client.listener.send(_personal(token))

    def _tell(self, clients: Iterable[Client], token: Token) -> None:
        messages: dict[TokenStatus, Message] = {}
        for client in tuple(clients):
            if not client.is_ready or client.is_closed:
                continue
            for stage in client.news_of(token):
                if stage.status not in messages:
                    messages[stage.status] = _personal(stage)
                client.listener.send(messages[stage.status])

    def _expel(self, clients: Iterable[Client]) -> None:
        for client in tuple(clients):
            self.close(client, Closing.NOT_ALLOWED)


def _take_out(index: dict[Key, dict[Client, None]], key: Key, client: Client) -> None:
    clients = index.get(key, {})
    clients.pop(client, None)
    if not clients:
        index.pop(key, None)


def _personal(token: Token) -> Message:
    return Message(socket_events.PERSONAL_EVENTS[token.status], encode(TokenBody.of(token)))


def _send_status(client: Client, queue_id: QueueId, message: Message) -> None:
    client.listener.send_status(queue_id, message)
