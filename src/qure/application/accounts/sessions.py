"""Beginning a session on a device, what is kept of its secrets, and ending all of somebody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qure.application.ports.storage import UnitOfWork
from qure.application.secrets import secret_digest
from qure.domain.actor import Actor
from qure.domain.ids import SessionId, UserId
from qure.domain.session import REFRESH_LIFE, RefreshSecret, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a login is made from. ``token`` is what an earlier grant called ``device_token``."""

    user_agent: str | None
    ip_address: str | None
    token: str | None = None

    def session(self, id: SessionId, user_id: UserId, *, at: datetime, until: datetime) -> Session:
        """A session that begins on it."""
        return Session(
            id=id,
            user_id=user_id,
            user_agent=self.user_agent,
            ip_address=self.ip_address,
            created_at=at,
            expires_at=until,
        )


def kept_secret(secret: str, session: Session) -> RefreshSecret:
    """What is kept of a refresh secret that was made when the session was last carried on."""
    return RefreshSecret(
        digest=secret_digest(secret),
        session_id=session.id,
        created_at=session.expires_at - REFRESH_LIFE,
        expires_at=session.expires_at,
    )


async def end_sessions(
    uow: UnitOfWork, user_id: UserId, *, by: Actor, at: datetime, but: SessionId | None = None
) -> None:
    """Revoke every live session of the user, ``but`` this one."""
    for session in await uow.sessions.live_of(user_id, now=at):
        if session.id != but and session.revoke(by=by, at=at):
            await uow.sessions.save(session)
