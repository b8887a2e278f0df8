"""A session: one login on one device, kept alive by single-use refresh secrets.

The session is the *family* of RFC 9700 §4.14.2: every refresh spends one secret and makes the
next one, and a spent secret that comes back means that somebody copied it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qure.domain.ids import SessionId, UserId

REFRESH_LIFE = timedelta(days=7)


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

    def is_live(self, at: datetime) -> bool:
        """Whether the login stands at that instant."""
        return self.revoked_at is None and at < self.expires_at

    def revoke(self, *, at: datetime) -> bool:
        """End it. False if it had been ended before."""
        if self.revoked_at is not None:
            return False
        self.revoked_at = at
        return True


@dataclass(slots=True, kw_only=True)
class RefreshSecret:
    """What is kept of a refresh secret: the SHA-256 of it (lower-case hex), never itself."""

    digest: str
    session_id: SessionId
    created_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None
