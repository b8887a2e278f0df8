"""Guests: patients without a login, who hold the link to their token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qure.domain.ids import SessionId, UserId

LINK_OUTLIVES_DAY = timedelta(hours=1)
"""So long after the end of the local day a link still lets its guest in."""

MAX_NAME_CHARACTERS = 60


@dataclass(slots=True, kw_only=True)
class GuestLink:
    """The one living link of a guest. ``digest`` is the SHA-256 (lower-case hex) of its secret.

    ``generation`` counts the links of this guest from 1: a new one ends the one before.
    ``session_id`` is the login that the secret has opened, None before its first use.
    """

    user_id: UserId
    digest: str
    generation: int = 1
    session_id: SessionId | None = None
    created_at: datetime
    expires_at: datetime

    def is_live(self, at: datetime) -> bool:
        """Whether its secret lets the guest in."""
        return at < self.expires_at
