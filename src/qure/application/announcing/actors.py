"""Who stands behind an access JWT right now: as stored, remembered briefly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cachetools import LRUCache

from qure.application.announcing.trust import Generation, TrustedCache
from qure.application.batching import Batches
from qure.application.ports.gateways import AccessClaims, Clock
from qure.application.ports.journal import JournalEntry
from qure.application.ports.storage import Storage
from qure.domain import events
from qure.domain.actor import Actor
from qure.domain.errors import Unauthenticated
from qure.domain.ids import SessionId

MAX_AGE = timedelta(seconds=60)
LIMIT = 50_000
"""So many logins are remembered, those of whoever was not seen for longest going first."""
MAX_SESSIONS = 100
"""So many of one person, of those the oldest going first."""
MAX_BATCH = 200


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    good_until: datetime


class Actors:
    """Looks up actors, and remembers them as long as every change is heard.

    Those who are looked up at one moment are read together.
    """

    def __init__(
        self, storage: Storage, clock: Clock, *, generation: Generation, limit: int = LIMIT
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._max_sessions = min(MAX_SESSIONS, limit)
        self._known: TrustedCache[UUID, dict[SessionId, _Known]] = TrustedCache(
            generation, LRUCache(limit, getsizeof=len)
        )
        self._loading: Batches[None, AccessClaims, Actor] = Batches(self._load, max_batch=MAX_BATCH)

    async def of(self, claims: AccessClaims) -> Actor:
        """Who that is. Raises ``Unauthenticated`` (``session_ended``, ``account_disabled``)."""
        return self.peek(claims) or await self._loading.ask(None, claims)

    def peek(self, claims: AccessClaims) -> Actor | None:
        """Who that is, if it is remembered."""
        known = (self._known.get(claims.actor_id) or {}).get(claims.session_id)
        if known is None or known.good_until <= self._clock.now():
            return None
        return known.actor

    def receive(self, entry: JournalEntry) -> None:
        """Whoever it is about is looked up again next time."""
        for event in entry.events:
            if isinstance(event, events.UserChanged | events.SessionRevoked):
                self._known.forget(event.user_id)

    async def _load(
        self, _: None, asked: Sequence[AccessClaims]
    ) -> Sequence[Actor | Unauthenticated]:
        stamp, now = self._known.stamp(), self._clock.now()
        async with self._storage.read() as uow:
            found = await uow.sessions.with_users({claims.session_id for claims in asked})
        answers: list[Actor | Unauthenticated] = []
        for claims in asked:
            session, user = found.get(claims.session_id, (None, None))
            if session is None or user is None or user.id != claims.actor_id:
                answers.append(_ended())
            elif not user.is_active:
                answers.append(Unauthenticated("account_disabled", "This account is disabled."))
            elif not session.is_live(now):
                answers.append(_ended())
            else:
                actor = user.acting(session.id)
                answers.append(actor)
                until = min(now + MAX_AGE, session.expires_at)
                self._remember(claims, _Known(actor, until), stamp)
        return answers

    def _remember(self, claims: AccessClaims, known: _Known, stamp: int | None) -> None:
        # A copy: how great a value is the cache asks only when it is put.
        sessions = dict(self._known.get(claims.actor_id) or {})
        sessions.pop(claims.session_id, None)
        sessions[claims.session_id] = known
        if len(sessions) > self._max_sessions:
            del sessions[next(iter(sessions))]
        self._known.put(claims.actor_id, sessions, stamp=stamp)


def _ended() -> Unauthenticated:
    return Unauthenticated("session_ended", "This login has ended. Please log in again.")
