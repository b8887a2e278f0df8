"""Logins and the digests of their refresh secrets in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update

from qure.adapters.sql.mapping import (
    secret_values,
    session_values,
    to_secret,
    to_session,
    to_user,
)
from qure.adapters.sql.rows.accounts import REFRESH_SECRETS, SESSIONS, USERS
from qure.adapters.sql.rows.row import padded
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.domain.ids import SessionId, UserId
from qure.domain.session import RefreshSecret, Session
from qure.domain.user import User

_ADD = insert(SESSIONS)
_ADD_SECRET = insert(REFRESH_SECRETS)
_GET = select(SESSIONS).where(SESSIONS.c.id == bindparam("id"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of new secrets.
_LOCK = _GET.with_for_update(key_share=True)
_SEVERAL = select(SESSIONS).where(SESSIONS.c.id.in_(bindparam("ids", expanding=True)))
_THEIR_USERS = select(USERS).where(USERS.c.id.in_(bindparam("ids", expanding=True)))
_SAVE = update(SESSIONS).where(SESSIONS.c.id == bindparam("of"))
_LIVE = (
    select(SESSIONS)
    .where(
        SESSIONS.c.user_id == bindparam("user"),
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > bindparam("now"),
    )
    .order_by(SESSIONS.c.created_at.desc(), SESSIONS.c.id.desc())
)
_SECRET = select(REFRESH_SECRETS).where(REFRESH_SECRETS.c.digest == bindparam("digest"))
# The condition is looked at again under the row's lock, so that one of two gets it.
_SPEND = (
    update(REFRESH_SECRETS)
    .where(REFRESH_SECRETS.c.digest == bindparam("of"), REFRESH_SECRETS.c.spent_at.is_(None))
    .values(spent_at=bindparam("at"))
)
_DELETE_SECRETS = delete(REFRESH_SECRETS).where(REFRESH_SECRETS.c.expires_at < bindparam("before"))
_DELETE_SESSIONS = delete(SESSIONS).where(SESSIONS.c.expires_at < bindparam("before"))


class SqlSessions:
    """See ``ports.storage.Sessions``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes

    async def add(self, session: Session, secret: RefreshSecret | None) -> None:
        self._changes.note(session)
        await self._transaction.change(_ADD, session_values(session))
        if secret is not None:
            await self.add_secret(secret)

    async def get(self, id: SessionId, *, lock: bool = False) -> Session | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_session(row)

    async def with_users(
        self, ids: Collection[SessionId]
    ) -> Mapping[SessionId, tuple[Session, User]]:
        if not ids:
            return {}
        rows = await self._transaction.all(_SEVERAL, {"ids": padded(ids)})
        sessions = [to_session(row) for row in rows]
        if not sessions:
            return {}
        user_ids = {session.user_id for session in sessions}
        rows = await self._transaction.all(_THEIR_USERS, {"ids": padded(user_ids)})
        users = {user.id: user for user in map(to_user, rows)}
        return {session.id: (session, users[session.user_id]) for session in sessions}

    async def save(self, session: Session) -> None:
        self._changes.note(session)
        values = session_values(session)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def live_of(self, user_id: UserId, *, now: datetime) -> list[Session]:
        rows = await self._transaction.all(_LIVE, {"user": user_id, "now": now})
        return [to_session(row) for row in rows]

    async def secret(self, digest: str) -> RefreshSecret | None:
        row = await self._transaction.first(_SECRET, {"digest": digest})
        return None if row is None else to_secret(row)

    async def add_secret(self, secret: RefreshSecret) -> None:
        await self._transaction.change(_ADD_SECRET, secret_values(secret))

    async def spend_secret(self, digest: str, *, at: datetime) -> bool:
        return await self._transaction.change(_SPEND, {"of": digest, "at": at}) == 1

    async def delete_expired(self, *, before: datetime) -> int:
        await self._transaction.change(_DELETE_SECRETS, {"before": before})
        return await self._transaction.change(_DELETE_SESSIONS, {"before": before})
