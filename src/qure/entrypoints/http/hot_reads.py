"""The reads that phones repeat all day, answered from this process's memory.

Only what is at hand is answered here: somebody known, asking for what is remembered. All the
rest, every refusal, and displays, which see one clinic alone, are left to the plain route behind,
which gives the same answer (a test holds the two together). What it saves is the framework's
routing and dependency injection, which cost several times what looking up the bytes does.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from cachetools import LRUCache
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from qure.application.announcing.cached_reads import profile_group
from qure.container import Container
from qure.domain.actor import Actor, ActorKind
from qure.domain.errors import DomainError, Invalid
from qure.domain.ids import QueueId
from qure.domain.queue_status import QueueStatus
from qure.entrypoints.http import accounts, clinics, queues
from qure.entrypoints.http.answers import JsonAnswer
from qure.entrypoints.http.bodies import read_query
from qure.entrypoints.http.operation import OPERATION
from qure.wire import envelope, requests, responses
from qure.wire.queues import StatusBody

PROFILE_PATH = "/api/auth/me"
STATUS_PREFIX = "/api/queues/"
STATUS_SUFFIX = "/status"
SEARCH_PATH = "/api/clinic"
STATUS_PATH_LENGTH = len(STATUS_PREFIX) + 36 + len(STATUS_SUFFIX)

_PROFILE_MESSAGE: str = accounts.read_profile.opt[OPERATION].message
_STATUS_MESSAGE: str = queues.read_queue_status.opt[OPERATION].message
_SEARCH_MESSAGE: str = clinics.list_clinics.opt[OPERATION].message
_ENCODED_LIMIT = 10_000


class HotReads:
    """``GET /api/auth/me``, ``GET /api/queues/{queueId}/status``, and ``GET /api/clinic`` around a
    place, if they are remembered."""

    def __init__(self, app: ASGIApp, *, container: Container) -> None:
        self._app = app
        self._jwts = container.jwts
        self._clock = container.clock
        self._actors = container.memory.actors
        self._reads = container.memory.reads
        self._live_status = container.memory.live_status
        self._nearby = container.memory.nearby
        self._encoded: LRUCache[QueueId, tuple[QueueStatus, bytes]] = LRUCache(_ENCODED_LIMIT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = self._remembered(scope) if scope.get("method") == "GET" else None
        if body is None:
            await self._app(scope, receive, send)
        else:
            await JsonAnswer(body, 200)(scope, receive, send)

    def _remembered(self, scope: Any) -> bytes | None:
        path: str = scope["path"]
        if path == PROFILE_PATH:
            who = self._who(scope)
            if who is None or who.kind is not ActorKind.USER:
                return None
            found = self._reads.peek(profile_group(who.user_id), "")
            if found is None:
                return None
            scope["path_template"] = PROFILE_PATH
            return envelope.success(found, _PROFILE_MESSAGE)
        if path == SEARCH_PATH:
            return self._search(scope) if self._who(scope) is not None else None
        if (
            len(path) == STATUS_PATH_LENGTH
            and path.startswith(STATUS_PREFIX)
            and path.endswith(STATUS_SUFFIX)
            and self._who(scope) is not None
        ):
            return self._status(scope, path[len(STATUS_PREFIX) : -len(STATUS_SUFFIX)])
        return None

    def _search(self, scope: HTTPScope) -> bytes | None:
        if b"latitude" not in scope["query_string"]:
            return None
        try:
            given = read_query(scope, requests.ListClinics)
        except Invalid:
            return None  # The plain route lists every bad field.
        page = given.wanted_page()
        found = self._nearby.search(given.wanted(), page=page)
        if found is None:
            return None
        scope["path_template"] = SEARCH_PATH
        return envelope.success(responses.nearest_clinics(found, page), _SEARCH_MESSAGE)

    def _status(self, scope: HTTPScope, id: str) -> bytes | None:
        try:
            queue_id = QueueId(UUID(id))
        except ValueError:
            return None
        status = self._live_status.get(queue_id)
        if status is None:
            return None
        scope["path_template"] = STATUS_PREFIX + "{queueId}" + STATUS_SUFFIX
        held = self._encoded.get(queue_id)
        if held is None or held[0] is not status:
            held = status, envelope.success(StatusBody.of(status), _STATUS_MESSAGE)
            self._encoded[queue_id] = held
        return held[1]

    def _who(self, scope: Any) -> Actor | None:
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[:7] != b"Bearer ":
                    return None
                try:
                    claims = self._jwts.verify(value[7:].decode("latin-1"), at=self._clock.now())
                except DomainError:
                    return None  # The plain route says why.
                who = self._actors.peek(claims)
                return None if who is None or who.kind is ActorKind.DISPLAY else who
        return None
