"""What clients may ask over a socket, for Socket.IO and the plain WebSocket alike.

Every event is answered with an acknowledgement, ``{ok: true, data}`` or ``{ok: false, code,
message}``. A refusal is also told to its sender alone by the error event of what was asked.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from qure.application.access import require_desk, require_desk_of, require_sees
from qure.application.memory import Memory
from qure.application.ports.gateways import AccessClaims, AccessJwts, Clock
from qure.application.queueing.board import BoardSnapshot
from qure.application.use_cases import UseCases
from qure.domain.actor import Actor, ActorKind
from qure.domain.errors import DomainError, FieldError, Invalid, Unauthenticated
from qure.domain.ids import ClinicId, QueueId
from qure.domain.queue_status import QueueStatus
from qure.entrypoints.socket_moves import StaffMove, staff_moves
from qure.wire import socket_events
from qure.wire.body import Body, encode
from qure.wire.queues import BoardBody, StatusBody

logger = logging.getLogger(__name__)

MAX_JWT_LENGTH = 8 * 1024


class Connection(Protocol):
    """One client's end of a socket, whichever protocol it speaks."""

    @property
    def claims(self) -> AccessClaims:
        """Who it was when it connected."""

    def send(self, name: str, body: bytes | None = None) -> None:
        """An event for this client alone; ``body`` is its argument as JSON."""

    async def join(self, queue_id: QueueId) -> QueueStatus:
        """Let it watch the queue. Raises ``NotFound``, ``Conflict``, ``Unavailable``."""

    def leave(self, queue_id: QueueId) -> None:
        """Let it watch the queue no more."""

    async def join_board(
        self,
        queue_id: QueueId,
        clinic_id: ClinicId,
        read: Callable[[], Awaitable[BoardSnapshot]],
    ) -> BoardSnapshot:
        """What ``read`` finds; from then on the client gets every change of the board.

        Raises what ``read`` raises, ``Conflict``, ``Forbidden``, ``Unavailable``.
        """

    def leave_board(self, queue_id: QueueId) -> None:
        """Send it that board's changes no more."""

    def expel(self) -> None:
        """End it: the login behind it is over."""


Handler = Callable[[Connection, Sequence[object]], Awaitable[Any]]


class SocketDispatcher:
    """Turns events into use cases. Nothing a client sends makes it raise."""

    def __init__(
        self, *, use_cases: UseCases, memory: Memory, jwts: AccessJwts, clock: Clock
    ) -> None:
        self._boards = use_cases.boards
        self._statuses = memory.live_status
        self._actors = memory.actors
        self._jwts = jwts
        self._clock = clock
        self._handlers: dict[str, Handler] = {
            socket_events.JOIN_QUEUE: self._join,
            socket_events.LEAVE_QUEUE: self._leave,
            socket_events.JOIN_DESK: self._join_board,
            socket_events.LEAVE_DESK: self._leave_board,
            socket_events.PING: _answer,
        }
        for event, move in staff_moves(use_cases).items():
            self._handlers[event] = partial(self._move, move)

    def identify(self, jwt: object) -> AccessClaims:
        """Whose access JWT it is. Raises ``Unauthenticated`` (``unauthorized`` for none at all)."""
        if jwt is None or jwt == "":
            raise Unauthenticated("unauthorized", "An access token is needed.")
        if not isinstance(jwt, str) or len(jwt) > MAX_JWT_LENGTH:
            raise Unauthenticated("invalid_token", "This is not an access token.")
        return self._jwts.verify(jwt, at=self._clock.now())

    async def handle(self, client: Connection, event: str, arguments: Sequence[object]) -> bytes:
        """Do what the event asks for; the acknowledgement as JSON."""
        handler = self._handlers.get(event)
        if handler is None:
            return _refusal("unknown_event", "There is no such event.")
        try:
            return encode({"ok": True, "data": await handler(client, arguments)})
        except Unauthenticated as error:
            answer = self._refuse(client, event, error.code, error.message)
            client.expel()
            return answer
        except DomainError as error:
            return self._refuse(client, event, error.code, _sentence(error))
        except Exception:
            logger.exception("handling %s failed", event)
            return self._refuse(client, event, "internal_error", "Something went wrong here.")

    def turn_away(self, client: Connection, event: str) -> bytes:
        """Do nothing for a client that asks for too much; the acknowledgement as JSON."""
        name = socket_events.ERROR_EVENTS.get(event)
        if name is not None:
            client.send(name, _TOO_MANY_SENTENCE)
        return _TOO_MANY_REQUESTS

    async def _join(self, client: Connection, arguments: Sequence[object]) -> StatusBody:
        queue_id = QueueId(*_ids(arguments, "queueId"))
        actor = await self._actor(client)
        if actor.kind is ActorKind.DISPLAY:
            require_sees(actor, (await self._statuses.of(queue_id)).clinic_id)
        return StatusBody.of(await client.join(queue_id))

    async def _leave(self, client: Connection, arguments: Sequence[object]) -> None:
        (queue_id,) = _ids(arguments, "queueId")
        client.leave(QueueId(queue_id))
        client.send(socket_events.LEAVE_QUEUE)

    async def _join_board(self, client: Connection, arguments: Sequence[object]) -> BoardBody:
        queue_id = QueueId(*_ids(arguments, "queueId"))
        actor = await self._actor(client)
        require_desk(actor)
        # Nothing is set up for those who may not see it.
        clinic_id = (await self._statuses.of(queue_id)).clinic_id
        require_desk_of(actor, clinic_id)
        read = partial(self._boards.read, queue_id, actor=actor)
        return BoardBody.of(await client.join_board(queue_id, clinic_id, read))

    async def _leave_board(self, client: Connection, arguments: Sequence[object]) -> None:
        client.leave_board(QueueId(*_ids(arguments, "queueId")))

    async def _move(self, move: StaffMove, client: Connection, arguments: Sequence[object]) -> Body:
        ids = _ids(arguments, *move.ids)
        options, once = move.read(arguments[len(ids)] if len(arguments) > len(ids) else None)
        actor = await self._actor(client)
        require_desk(actor)  # What patients do they do over HTTP alone.
        return await move.make(ids, options, actor, once)

    async def _actor(self, client: Connection) -> Actor:
        # Asked anew for every event: a role may have changed since the client connected.
        return await self._actors.of(client.claims)

    def _refuse(self, client: Connection, event: str, code: str, message: str) -> bytes:
        name = socket_events.ERROR_EVENTS.get(event)
        if code == "queue_empty":
            name = socket_events.QUEUE_EMPTY
        if name is not None:
            client.send(name, encode(message))
        return _refusal(code, message)


async def _answer(_client: Connection, _arguments: Sequence[object]) -> None:
    """A page cannot see the protocol's own pings, and wants to know whether it is still heard."""


def _ids(arguments: Sequence[object], *names: str) -> list[UUID]:
    """The leading arguments as ids. Raises ``Invalid``, naming each one that is none."""
    found: list[UUID] = []
    wrong: list[FieldError] = []
    for position, name in enumerate(names):
        given = arguments[position] if position < len(arguments) else None
        try:
            if not isinstance(given, str) or len(given) > 64:
                raise ValueError("not a text of an id's length")
            found.append(UUID(given))
        except ValueError:
            wrong.append(FieldError(name, f"{name} must be a UUID."))
    if wrong:
        raise Invalid(wrong)
    return found


def _sentence(error: DomainError) -> str:
    if isinstance(error, Invalid) and error.errors:
        return " ".join(one.message for one in error.errors)
    return error.message


def _refusal(code: str, message: str) -> bytes:
    return encode({"ok": False, "code": code, "message": message})


_TOO_MANY = "This connection asks for too much at once. Please wait a moment."
_TOO_MANY_SENTENCE = encode(_TOO_MANY)
_TOO_MANY_REQUESTS = _refusal("too_many_requests", _TOO_MANY)
