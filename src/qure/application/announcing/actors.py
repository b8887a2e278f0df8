"""Who stands behind an access JWT right now: the stored user and session, remembered briefly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qure.application.access import Principal
from qure.application.batching import Batches
from qure.application.ports.gateways import AccessClaims, Clock
from qure.application.ports.storage import Storage
from qure.domain.errors import Unauthenticated
from qure.domain.ids import SessionId, UserId

MAX_AGE = timedelta(seconds=60)
LIMIT = 50_000
MAX_BATCH = 200


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    good_until: datetime
    hearing: int


class Principals:
    """Looks up principals, and remembers them as long as every change is heard.

    ``hearing`` tells whether announcements reach this process: None while they may be late by
    more than 1.5 s, else a number that changes whenever some may have been missed. What was
    remembered under another number is not believed, and nothing is remembered under None; so
    a revocation takes effect here within 2 s whatever happens to the bus. Those who are looked
    up at one moment are read together.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        hearing: Callable[[], int | None],
        limit: int = LIMIT,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._hearing = hearing
        self._limit = limit
        self._known: OrderedDict[SessionId, _Known] = OrderedDict()
        self._sessions_of: dict[UserId, set[SessionId]] = {}
        self._forgotten = 0
        self._loading: Batches[None, AccessClaims, Principal] = Batches(
            self._load, max_batch=MAX_BATCH
        )

    async def of(self, claims: AccessClaims) -> Principal:
        """Who that is. Raises ``Unauthenticated`` (``session_ended``, ``account_disabled``)."""
        return self.peek(claims) or await self._loading.ask(None, claims)

    def peek(self, claims: AccessClaims) -> Principal | None:
        """Who that is, if it is remembered."""
        known = self._known.get(claims.session_id)
        if (
            known is None
            or known.hearing != self._hearing()
            or known.good_until <= self._clock.now()
            or known.principal.user_id != claims.user_id
        ):
            return None
        return known.principal

    def forget_user(self, user_id: UserId) -> None:
        """The user changed: look again next time."""
        self._forgotten += 1
        for session_id in self._sessions_of.pop(user_id, ()):
            self._known.pop(session_id, None)

    def forget_session(self, session_id: SessionId) -> None:
        """The session changed: look again next time."""
        self._forgotten += 1
        known = self._known.get(session_id)
        if known is not None:
            self._drop(session_id, known)

    async def _load(
        self, _: None, asked: Sequence[AccessClaims]
    ) -> Sequence[Principal | Unauthenticated]:
        hearing, forgotten, now = self._hearing(), self._forgotten, self._clock.now()
        async with self._storage.read() as uow:
            found = await uow.sessions.with_users({claims.session_id for claims in asked})
        # A change heard while the rows were on their way may be newer than they are.
        is_newest = forgotten == self._forgotten
        answers: list[Principal | Unauthenticated] = []
        for claims in asked:
            session, user = found.get(claims.session_id, (None, None))
            if session is None or user is None or user.id != claims.user_id:
                answers.append(_ended())
            elif not user.is_active:
                answers.append(Unauthenticated("account_disabled", "This account is disabled."))
            elif not session.is_live(now):
                answers.append(_ended())
            else:
                principal = Principal(
                    user_id=user.id, session_id=session.id, role=user.role, clinic_id=user.clinic_id
                )
                answers.append(principal)
                if is_newest and hearing is not None:
                    until = min(now + MAX_AGE, session.expires_at)
                    self._keep(_Known(principal, until, hearing))
        return answers

    def _keep(self, known: _Known) -> None:
        principal = known.principal
        self._known[principal.session_id] = known
        self._known.move_to_end(principal.session_id)
        self._sessions_of.setdefault(principal.user_id, set()).add(principal.session_id)
        if len(self._known) > self._limit:
            oldest = next(iter(self._known))
            self._drop(oldest, self._known[oldest])

    def _drop(self, session_id: SessionId, known: _Known) -> None:
        del self._known[session_id]
        siblings = self._sessions_of[known.principal.user_id]
        siblings.discard(session_id)
        if not siblings:
            del self._sessions_of[known.principal.user_id]


def _ended() -> Unauthenticated:
    return Unauthenticated("session_ended", "This login has ended. Please log in again.")
