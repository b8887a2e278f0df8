"""A session: one login on one device, kept alive by single-use refresh secrets.

The session is the *family* of RFC 9700 §4.14.2: every refresh spends one secret and makes the
next one, and a spent secret that comes back means that somebody copied it. Except at once: then
an answer was lost, or one device asked twice at one moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qure.domain.actor import Actor
from qure.domain.events import Event, SessionRevoked
from qure.domain.ids import SessionId, UserId

REFRESH_LIFE = timedelta(days=7)
REPEAT_WITHIN = timedelta(seconds=10)


@dataclass(slots=True, kw_only=True)
class Session:
    """One login. ``expires_at`` moves on with every refresh; ``revoked_at`` ends it at once."""

    id: SessionId
    user_id: UserId
    user_agent: str | None
    ip_address: str | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    events: list[Event] = field(default_factory=list, compare=False, repr=False)

    def is_live(self, at: datetime) -> bool:
        """Whether the login stands at that instant."""
        return self.revoked_at is None and at < self.expires_at

    def revoke(self, *, by: Actor, at: datetime) -> bool:
        """End it. False if it had been ended before."""
        if self.revoked_at is not None:
            return False
        self.revoked_at = at
        self.events.append(
            SessionRevoked(session_id=self.id, user_id=self.user_id, actor=by, at=at)
        )
        return True


@dataclass(slots=True, kw_only=True)
class RefreshSecret:
    """What is kept of a refresh secret: the SHA-256 of it (lower-case hex), never itself."""

    digest: str
    session_id: SessionId
    created_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None

    def may_be_asked_again(self, successor: RefreshSecret | None, *, at: datetime) -> bool:
        """Whether this spent secret may have its successor once more.

        For ``REPEAT_WITHIN`` after it was spent, as long as nobody has used the successor.
        """
        return (
            self.spent_at is not None
            and at - self.spent_at <= REPEAT_WITHIN
            and successor is not None
            and successor.spent_at is None
        )
