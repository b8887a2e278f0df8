"""Socket.IO 4 over Engine.IO: admission, events and acknowledgements in the main namespace.

python-socketio's server is not used: it starts a task for each event and each receiver, leaves a
client hanging when a handler fails, and knows rooms of its own.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Hashable

from qure.adapters.sockets import socketio_packets as packet
from qure.adapters.sockets.clients import Client, Closing
from qure.adapters.sockets.dispatcher import Dispatcher
from qure.adapters.sockets.engine_packets import MESSAGE, BadPacketError
from qure.adapters.sockets.engine_socket import EngineSocket
from qure.adapters.sockets.hub import Hub
from qure.adapters.sockets.messages import Encoded, Message
from qure.adapters.sockets.pace import Paces
from qure.adapters.sockets.socketio_packets import Packet
from qure.domain.errors import Conflict, Unauthenticated, Unavailable

logger = logging.getLogger(__name__)

_EVENT = re.compile(r'2([0-9]{0,16})\["([^"\\]{1,64})"')
"""How an event of the main namespace begins: its id and its name."""
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class SocketIoSession:
    """What is spoken with one client. Its events are handled one after the other."""

    __slots__ = (
        "_client",
        "_dispatcher",
        "_hub",
        "_incomplete",
        "_is_connecting",
        "_paces",
        "_socket",
    )

    def __init__(
        self, socket: EngineSocket, *, hub: Hub, dispatcher: Dispatcher, paces: Paces
    ) -> None:
        self._socket = socket
        self._hub = hub
        self._dispatcher = dispatcher
        self._paces = paces
        self._client: Client | None = None
        self._is_connecting = False
        self._incomplete: Packet | None = None

    @property
    def is_admitted(self) -> bool:
        """Whether the client has said who it is."""
        return self._client is not None

    # As a session of Engine.IO

    async def receive(self, data: str | bytes) -> None:
        """A packet, or a binary part of one. Raises ``BadPacketError``."""
        try:
            received = self._decode(data)
        except _UNREADABLE as error:
            raise BadPacketError("not Socket.IO") from error
        if received is None:
            return
        kind, namespace = received.kind, received.namespace
        if kind == packet.CONNECT:
            await self._connect(namespace, received.data)
        elif kind == packet.DISCONNECT:
            if namespace == "/":
                self._forget_client()
                self._socket.await_admission()
        elif kind in (packet.EVENT, packet.BINARY_EVENT):
            await self._handle(namespace, received)
        elif kind not in (packet.ACK, packet.BINARY_ACK) or not isinstance(received.data, list):
            # Nothing that we send asks for an acknowledgement: its form is all that matters.
            raise BadPacketError("not a client's packet")

    def turn_away(self, data: str | bytes) -> None:
        """An event that came too soon. Raises ``BadPacketError`` for anything else."""
        event = _EVENT.match(data) if isinstance(data, str) else None
        if event is None or self._client is None or self._incomplete is not None:
            raise BadPacketError("too many packets")
        acknowledgement = self._dispatcher.turn_away(self._client, event[2])
        if event[1]:
            self._acknowledge(event[1], acknowledgement)

    def send_away(self) -> None:
        """Too many of them came. Like whoever is not allowed it does not come back by itself."""
        self._put(packet.DISCONNECT)

    def closed(self) -> None:
        """The socket is gone."""
        self._forget_client()

    # As a listener of the hub

    @property
    def protocol(self) -> str:
        return "socket.io-websocket" if self._socket.upgraded else "socket.io-polling"

    def send(self, message: Message) -> None:
        self._socket.outgoing.put(message.socketio)

    def send_newest(self, of: Hashable, message: Message) -> None:
        self._socket.outgoing.put_newest(of, message.socketio)

    def close(self, why: Closing) -> None:
        if why is Closing.NOT_ALLOWED:
            # The client library takes this as final, the mere loss of the transport not.
            self._put(packet.DISCONNECT)
        self._socket.end(why.value, has_last_words=why is Closing.NOT_ALLOWED)

    # Inside

    def _decode(self, data: str | bytes) -> Packet | None:
        received = self._incomplete
        if received is not None:
            if not isinstance(data, bytes):
                raise ValueError("a binary part is missing")
            received.add(data)
        elif isinstance(data, str):
            received = packet.decode(data)
        else:
            raise ValueError("a binary part of nothing")
        self._incomplete = received if received.parts_to_come else None
        return None if received.parts_to_come else received

    async def _connect(self, namespace: str, auth: object) -> None:
        if namespace != "/":
            self._refuse("Invalid namespace", namespace)
            return
        if self._client is not None or self._is_connecting:
            raise BadPacketError("connected already")
        self._is_connecting = True
        try:
            claims = self._dispatcher.identify(
                auth.get("token") if isinstance(auth, dict) else None
            )
            client = await self._hub.connect(self, claims)
        except Unauthenticated as error:
            self._refuse("UNAUTHORIZED" if error.code == "unauthorized" else "INVALID_TOKEN")
            return
        except Conflict as error:
            self._refuse(error.code.upper())
            return
        except Unavailable as error:
            # A refusal would be final for the client library; losing the transport is not.
            logger.warning("a client cannot be admitted now: %s", error.message)
            self._socket.end(Closing.GOING_AWAY.value)
            return
        except Exception:
            logger.exception("admitting a client failed")
            self._socket.end(Closing.GOING_AWAY.value)
            return
        finally:
            self._is_connecting = False
        if self._socket.is_closed:
            self._hub.disconnect(client)
            return
        self._client = client
        self._socket.pace.user = self._paces.of_user(claims.actor_id)
        # Not Engine.IO's id, with which others could poll what is meant for this client.
        self._put(packet.CONNECT, {"sid": secrets.token_urlsafe(15)})
        await self._hub.welcome(client)

    async def _handle(self, namespace: str, received: Packet) -> None:
        data = received.data
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise BadPacketError("an event without a name")
        if self._client is None or namespace != "/":
            raise BadPacketError("an event without a connection")
        acknowledgement = await self._dispatcher.handle(self._client, data[0], data[1:])
        if received.id is not None:
            self._acknowledge(received.id, acknowledgement)

    def _acknowledge(self, id: int | str, acknowledgement: bytes) -> None:
        text = f"{MESSAGE}{packet.ACK}{id}[{acknowledgement.decode()}]"
        self._socket.outgoing.put(Encoded(text))

    def _refuse(self, why: str, namespace: str = "/") -> None:
        self._put(packet.CONNECT_ERROR, {"message": why}, namespace)

    def _put(self, kind: int, data: object = None, namespace: str = "/") -> None:
        place = "" if namespace == "/" else f"{namespace},"
        body = "" if data is None else json.dumps(data, separators=(",", ":"))
        self._socket.outgoing.put(Encoded(f"{MESSAGE}{kind}{place}{body}"))

    def _forget_client(self) -> None:
        if self._client is not None:
            self._hub.disconnect(self._client)
            self._client = None
