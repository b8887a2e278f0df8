"""Who listens to what in this process, and what they have been told.

The hub knows no protocol: it hands messages to listeners, which never make it wait. The inbox
gives it every announced change once (``receive``); it reads what it holds anew when some may have
been missed (``reread``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from qure.adapters.sockets.boards import Boards
from qure.adapters.sockets.clients import Client, Closing, Listener
from qure.adapters.sockets.messages import Message
from qure.adapters.sockets.places import Places
from qure.adapters.sockets.statuses import Statuses
from qure.application.announcing.live_boards import LiveBoards
from qure.application.ports.gateways import AccessClaims
from qure.application.ports.journal import JournalEntry
from qure.application.waiting.forecasts import Forecasts
from qure.domain.actor import Actor
from qure.domain.errors import Conflict, DomainError, NotFound, Unauthenticated
from qure.domain.events import TokenChanged
from qure.domain.ids import QueueId, SessionId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token
from qure.wire.body import encode
from qure.wire.socket_events import (
    CheckUser,
    CloseSession,
    CloseUser,
    Delivery,
    ToPatient,
    ToRoom,
    deliveries,
)
from qure.wire.tokens import TokenBody

logger = logging.getLogger(__name__)

REREADS_AT_ONCE: Final = 16
RETRY_SECONDS: Final = 0.5

Key = TypeVar("Key", UUID, SessionId)


class Hub:
    """All clients of this process, by actor, by login and by the queues they watch.

    ``status_of`` raises ``NotFound``; ``actor_of`` raises ``Unauthenticated``; ``is_hearing`` says
    whether every change is heard.
    """

    def __init__(
        self,
        *,
        status_of: Callable[[QueueId], Awaitable[QueueStatus]],
        active_tokens_of: Callable[[UserId], Awaitable[list[Token]]],
        actor_of: Callable[[AccessClaims], Awaitable[Actor]],
        live_boards: LiveBoards,
        forecasts: Forecasts,
        is_hearing: Callable[[], bool],
        max_connections_per_user: int = 200,
        on_lag: Callable[[datetime], None] | None = None,
    ) -> None:
        self._active_tokens_of = active_tokens_of
        self._actor_of = actor_of
        self._live_boards = live_boards
        self._max_connections_per_user = max_connections_per_user
        self._on_lag = on_lag
        self.statuses = Statuses(status_of)
        self.boards = Boards(live_boards, forecasts, is_hearing=is_hearing)
        self._places = Places(live_boards, forecasts)
        self._by_actor: dict[UUID, dict[Client, None]] = {}
        self._by_session: dict[SessionId, dict[Client, None]] = {}
        self._checks: set[asyncio.Task[None]] = set()

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
                await self._catch_up(client, is_new=True)
            except Exception as error:
                # Coming back later is how it hears of its call after all.
                is_fault = not isinstance(error, DomainError)
                logger.warning("a connecting patient could not be caught up", exc_info=is_fault)
                self.close(client, Closing.GOING_AWAY)

    def disconnect(self, client: Client) -> None:
        """The connection is gone (or never was): forget it. Does no harm twice."""
        client.is_closed = True
        for queue_id in list(client.rooms):
            self.statuses.leave(client, queue_id)
        for queue_id in list(client.boards):
            self.boards.leave(client, queue_id)
        _take_out(self._by_session, client.claims.session_id, client)
        if _take_out(self._by_actor, client.claims.actor_id, client):
            self._places.leave(client.claims.actor_id)

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
        return len({*self.statuses.watched, *self.boards.watched, *self._places.watched})

    # What happens

    def receive(self, entry: JournalEntry) -> None:
        """An announced change."""
        for event in entry.events:
            if isinstance(event, TokenChanged):
                self._place(event)
            for delivery in deliveries(event):
                self._deliver(delivery)
        if self._on_lag is not None:
            self._on_lag(entry.created_at)

    def _deliver(self, delivery: Delivery) -> None:
        match delivery:
            case ToRoom(status):
                self.statuses.offer(status)
            case ToPatient(user_id, name, token):
                self._tell(self._by_actor.get(user_id, ()), name, token)
            case CloseSession(session_id):
                self._expel(self._by_session.get(session_id, ()))
            case CloseUser(user_id):
                self._expel(self._by_actor.get(user_id, ()))
            case CheckUser(user_id):
                self._check(self._by_actor.get(user_id, ()))

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

        with_boards = {client for client in self.clients() if client.boards}
        async with asyncio.TaskGroup() as group:
            for queue_id in self.statuses.watched:
                group.create_task(insist(partial(self.statuses.reread, queue_id)))
            for client in with_boards:
                group.create_task(insist(partial(self._recheck, client)))
        # Now nobody has a board any more who may not.
        async with asyncio.TaskGroup() as group:
            for queue_id in self._live_boards.watched:
                group.create_task(insist(partial(self._reread_board, queue_id)))
            for client in self.clients():
                if client not in with_boards:
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

    async def _reread_board(self, queue_id: QueueId) -> None:
        with contextlib.suppress(NotFound):
            await self._live_boards.reread(queue_id)

    async def _recheck(self, client: Client) -> None:
        await self._look_up(client)
        if client.hears and client.is_patient:
            await self._catch_up(client, is_new=False)

    async def _look_up(self, client: Client) -> None:
        try:
            actor = await self._actor_of(client.claims)
        except Unauthenticated:
            self.close(client, Closing.NOT_ALLOWED)
            return
        client.is_patient = actor.is_patient
        self.boards.recheck(client, actor)

    async def _catch_up(self, client: Client, *, is_new: bool) -> None:
        for token in await self._active_tokens_of(UserId(client.claims.actor_id)):
            if not client.hears:
                return
            for name, told in client.told.news_read(token):
                client.listener.send(_personal(name, told))
            if client.hears:  # Sending may have shown that it is gone.
                mine = self._by_actor[client.claims.actor_id]
                self._places.enter(token, mine, new=client if is_new else None)

    def _place(self, event: TokenChanged) -> None:
        mine = self._by_actor.get(event.token.patient_id)
        if mine is not None and event.token.is_active:
            self._places.enter(event.token, mine, since=event.queue.version)

    def _tell(self, clients: Iterable[Client], name: str, token: Token) -> None:
        messages: dict[tuple[str, int], Message] = {}
        for client in tuple(clients):
            if not client.hears:
                continue
            for named, told in client.told.news_of(name, token):
                key = named, told.version
                if key not in messages:
                    messages[key] = _personal(named, told)
                client.listener.send(messages[key])

    def _expel(self, clients: Iterable[Client]) -> None:
        for client in tuple(clients):
            self.close(client, Closing.NOT_ALLOWED)

    def _check(self, clients: Iterable[Client]) -> None:
        """Those who have boards before them may see them still, or are shown out."""

        async def check(client: Client) -> None:
            try:
                await self._look_up(client)
            except Exception as error:
                is_fault = not isinstance(error, DomainError)
                logger.warning("who has a board cannot be looked up", exc_info=is_fault)
                self.boards.show_out(client)

        for client in clients:
            if client.boards:
                task = asyncio.create_task(check(client), name="look at who has a board")
                self._checks.add(task)
                task.add_done_callback(self._checks.discard)


def _take_out(index: dict[Key, dict[Client, None]], key: Key, client: Client) -> bool:
    """Whether it was the last one of that key."""
    clients = index.get(key, {})
    if client not in clients:
        return False
    del clients[client]
    if not clients:
        del index[key]
    return not clients


def _personal(name: str, token: Token) -> Message:
    return Message(name, encode(TokenBody.of(token)))
