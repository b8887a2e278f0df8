"""The server under Socket.IO: Engine.IO 4 over HTTP and WebSocket, as an ASGI application.

Its refusals are those of the protocol's own server: a status, and JSON with a number and words.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from qure.adapters.sockets.answers import (
    COMING_BACK,
    HANGING_UP,
    Refusal,
    answer,
    refuse,
    reject,
)
from qure.adapters.sockets.connection import WebSocketConnection
from qure.adapters.sockets.engine_packets import OPEN, BadPacketError, join
from qure.adapters.sockets.engine_socket import EngineSocket, Heartbeat, Session
from qure.adapters.sockets.messages import Encoded
from qure.adapters.sockets.origins import Origins
from qure.adapters.sockets.pace import Paces
from qure.wire.asgi import MAX_FRAME_BYTES, Receive, Scope, Send
from qure.wire.headers import PREFLIGHT, Headers

PING_INTERVAL: Final = 25.0
PING_TIMEOUT: Final = 20.0
BODY_SECONDS: Final = 20.0
"""A POST that has not come by then is given up."""
NAMED: Final = 6
"""So many characters of a session id, after the process's mark, are enough to tell it in logs."""

_PREFLIGHT: Final[Headers] = (
    (b"access-control-allow-methods", b"GET, POST"),
    *PREFLIGHT,
)


class EngineServer:
    """All Engine.IO sessions of this process.

    ``instance_id`` begins every session id, so that a load balancer can send polling requests
    back to this process.
    """

    def __init__(
        self,
        make_session: Callable[[EngineSocket], Session],
        *,
        origins: Origins,
        paces: Paces,
        instance_id: str = "",
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
    ) -> None:
        self.sockets: dict[str, EngineSocket] = {}
        self._make_session = make_session
        self._origins = origins
        self._paces = paces
        self._process_mark = instance_id
        self._heartbeat = Heartbeat(ping_interval, ping_timeout)
        self._is_draining = False

    def end_all(self) -> None:
        """Let clients come back to another process; take no new ones."""
        self._is_draining = True
        for socket in list(self.sockets.values()):
            socket.end("server disconnect")

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request or WebSocket of Engine.IO."""
        if scope["type"] == "websocket" and (await receive())["type"] != "websocket.connect":
            return  # The client hung up before it was heard.
        cors: Headers = ()
        try:
            cors = self._cors(scope)
            query = _query(scope)
            if scope["type"] == "websocket":
                socket = self._for_websocket(query)
            elif _is_preflight(scope):
                await answer(send, 204, headers=[*cors, *_PREFLIGHT])
                return
            else:
                body = await self._exchange(scope["method"], query, receive)
                await answer(send, 200, body, headers=cors)
                return
        except Refusal as refusal:
            if scope["type"] == "websocket":
                await reject(send)
            else:
                await refuse(send, refusal, headers=cors)
            return
        connection = WebSocketConnection(scope, receive, send)
        await socket.speak_over(connection, is_upgrade="sid" in query)

    # What is asked for

    def _cors(self, scope: Scope) -> Headers:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            return ()
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._origins.allow(origin.decode("latin-1"), host=host):
            raise Refusal(403, "Forbidden: pages of this origin may not connect", code=4)
        # No credentials: logins travel in packets that pages must make themselves.
        return ((b"access-control-allow-origin", origin),)

    def _for_websocket(self, query: dict[str, str]) -> EngineSocket:
        if query["transport"] != "websocket":
            raise _bad_request()
        if "sid" not in query:
            return self._open("websocket")
        socket = self._find(query["sid"])
        if not socket.may_upgrade:
            raise _bad_request()
        return socket

    async def _exchange(self, method: str, query: dict[str, str], receive: Receive) -> bytes:
        if query["transport"] != "polling":
            raise _bad_request()
        if "sid" not in query:
            if method != "GET":
                raise Refusal(400, "Bad handshake method", code=2)
            return join(await self._open("polling").poll())
        socket = self._find(query["sid"])
        if socket.upgraded:
            raise _bad_request()
        if method == "GET":
            return await self._poll(socket, receive)
        if method == "POST":
            return await self._post(socket, receive)
        raise _bad_request()

    def _find(self, sid: str) -> EngineSocket:
        socket = self.sockets.get(sid)
        if socket is None:
            raise self._unknown()
        return socket

    def _unknown(self) -> Refusal:
        if self._is_draining:
            return _draining()
        return Refusal(400, "Session ID unknown", code=1)

    def _forget(self, sid: str) -> None:
        self.sockets.pop(sid, None)

    # What is done

    def _open(self, transport: str) -> EngineSocket:
        if self._is_draining:
            raise _draining()
        chance = secrets.token_urlsafe(15)
        sid = f"{self._process_mark}{chance}"
        socket = EngineSocket(
            sid,
            name=f"{self._process_mark}{chance[:NAMED]}",
            heartbeat=self._heartbeat,
            pace=self._paces.of_connection(),
            make_session=self._make_session,
            forget=partial(self._forget, sid),
        )
        self.sockets[sid] = socket
        handshake = {
            "sid": sid,
            "upgrades": ["websocket"] if transport == "polling" else [],
            "pingInterval": int(self._heartbeat.interval * 1000),
            "pingTimeout": int(self._heartbeat.timeout * 1000),
            "maxPayload": MAX_FRAME_BYTES,
        }
        socket.outgoing.put(Encoded(f"{OPEN}{json.dumps(handshake, separators=(',', ':'))}"))
        return socket

    async def _poll(self, socket: EngineSocket, receive: Receive) -> bytes:
        watching = asyncio.create_task(_end_on_hang_up(socket, receive))
        try:
            batch = await socket.poll()
        except BadPacketError as error:
            socket.report(error)
            raise _bad_request() from error
        finally:
            watching.cancel()
        if not batch:
            # The transport is lost: this is what makes every client library come back.
            raise self._unknown()
        return join(batch)

    async def _post(self, socket: EngineSocket, receive: Receive) -> bytes:
        try:
            with socket.posting():
                async with asyncio.timeout(BODY_SECONDS):
                    payload = await _body(receive)
                if socket.is_closed:
                    raise BadPacketError("the session has ended")
                await socket.receive_payload(payload)
        except TimeoutError as error:
            socket.fail("half a post")
            raise Refusal(408, "Request timeout", code=3, headers=HANGING_UP) from error
        except _TooLongError as error:
            socket.fail("too long a post")
            raise Refusal(413, "Payload too large", code=3, headers=HANGING_UP) from error
        except _HungUpError as error:
            socket.end("transport error")
            raise _bad_request() from error
        except BadPacketError as error:
            socket.report(error)
            raise _bad_request() from error
        return b"ok"


class _HungUpError(Exception):
    """The client is gone before its body was all there."""


class _TooLongError(Exception):
    """The body is larger than the handshake said it may be."""


def _bad_request() -> Refusal:
    return Refusal(400, "Bad request", code=3)


def _draining() -> Refusal:
    return Refusal(503, "This server is shutting down", code=3, headers=COMING_BACK)


def _query(scope: Scope) -> dict[str, str]:
    """The parameters, the first of each name. Raises ``Refusal``."""
    try:
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    except ValueError:
        raise _bad_request() from None
    query = {name: values[0] for name, values in given.items()}
    if query.get("transport") not in ("polling", "websocket"):
        raise Refusal(400, "Transport unknown", code=0)
    if "sid" not in query and query.get("EIO") != "4":
        raise Refusal(400, "Unsupported protocol version", code=5)
    if "j" in query:
        raise _bad_request()  # JSONP: pages of any origin could read it, and no client needs it.
    return query


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


async def _body(receive: Receive) -> bytes:
    """All of it, whatever its headers say. Raises ``_TooLongError``, ``_HungUpError``."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise _HungUpError
        body += event.get("body", b"")
        if len(body) > MAX_FRAME_BYTES:
            raise _TooLongError
        if not event.get("more_body", False):
            return bytes(body)


async def _end_on_hang_up(socket: EngineSocket, receive: Receive) -> None:
    """What is put into the answer of a request that nobody waits for would be lost."""
    while (await receive())["type"] != "http.disconnect":
        continue
    socket.end("transport error")
