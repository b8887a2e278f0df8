"""Users and their logins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from qure.application.changes import Changes
from qure.application.ports.storage import Page
from qure.domain.actor import ActorKind, Role
from qure.domain.errors import Conflict
from qure.domain.ids import ClinicId, SessionId, UserId
from qure.domain.session import RefreshSecret, Session
from qure.domain.user import User
from tests.support.memory.state import State

Account = TypeVar("Account", User, Session)


def _kept(account: Account) -> Account:
    """A copy, without what has happened to it."""
    return replace(account, events=[])


class MemoryUsers:
    """See ``Users``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, user: User) -> None:
        """Raises ``Conflict`` (``email_taken``)."""
        self._claim_email(user)
        self._changes.note(user)
        self._state.users[user.id] = _kept(user)

    async def get(self, id: UserId, *, lock: bool = False) -> User | None:
        user = self._state.users.get(id)
        return None if user is None else _kept(user)

    async def by_email(self, email: str, *, lock: bool = False) -> User | None:
        """By the normalised address."""
        id = self._state.users_by_email.get(email)
        return None if id is None else await self.get(id, lock=lock)

    async def lock(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        """There is one lock for all, and a writer has it."""
        return await self.names_of(ids)

    async def names_of(self, ids: Collection[UserId]) -> Mapping[UserId, str]:
        users = (self._state.users.get(id) for id in ids)
        return {user.id: user.full_name for user in users if user is not None}

    async def has_admin(self, *, lock: bool = False) -> bool:
        """There is one lock for all, and a writer has it."""
        return any(user.role is Role.ADMIN for user in self._state.users.values())

    async def save(self, user: User) -> None:
        """Raises ``Conflict`` (``email_taken``) when it got somebody else's address."""
        before = self._state.users[user.id]
        if user.email != before.email:
            self._claim_email(user)
            if before.email is not None:
                self._state.users_by_email.discard(before.email)
        self._changes.note(user)
        self._state.users[user.id] = _kept(user)

    async def staff_of(self, clinic_id: ClinicId) -> list[User]:
        """Oldest staff first."""
        staff = [
            user
            for user in self._state.users.values()
            if user.role is Role.STAFF and user.clinic_id == clinic_id
        ]
        staff.sort(key=lambda user: (user.created_at, user.id))
        return [_kept(user) for user in staff]

    async def search(
        self, *, query: str | None, role: Role | None, page: Page
    ) -> tuple[list[User], int]:
        """Newest first, and how many there are in all."""
        found = [
            user
            for user in self._state.users.values()
            if user.kind is ActorKind.USER
            and (role is None or user.role is role)
            and (query is None or _mentions(user, query))
        ]
        found.sort(key=lambda user: (user.created_at, user.id), reverse=True)
        shown = found[page.offset : page.offset + page.size]
        return [_kept(user) for user in shown], len(found)

    def _claim_email(self, user: User) -> None:
        if user.email is None:
            return
        if user.email in self._state.users_by_email:
            raise Conflict("email_taken", "This e-mail address is already registered.")
        self._state.users_by_email[user.email] = user.id


def _mentions(user: User, query: str) -> bool:
    wanted = query.casefold()
    name = f"{user.first_name} {user.last_name}"
    return query.lower() in (user.email or "") or wanted in name.casefold()


class MemorySessions:
    """See ``Sessions``."""

    def __init__(self, state: State, changes: Changes) -> None:
        self._state = state
        self._changes = changes

    async def add(self, session: Session, secret: RefreshSecret | None) -> None:
        self._changes.note(session)
        self._state.sessions[session.id] = _kept(session)
        if secret is not None:
            await self.add_secret(secret)

    async def get(self, id: SessionId, *, lock: bool = False) -> Session | None:
        session = self._state.sessions.get(id)
        return None if session is None else _kept(session)

    async def with_users(
        self, ids: Collection[SessionId]
    ) -> Mapping[SessionId, tuple[Session, User]]:
        """Those of the sessions that exist, each with its user."""
        found: dict[SessionId, tuple[Session, User]] = {}
        for id in ids:
            session = self._state.sessions.get(id)
            user = None if session is None else self._state.users.get(session.user_id)
            if session is not None and user is not None:
                found[id] = (_kept(session), _kept(user))
        return found

    async def save(self, session: Session) -> None:
        if session.id in self._state.sessions:
            self._changes.note(session)
            self._state.sessions[session.id] = _kept(session)

    async def live_of(self, user_id: UserId, *, now: datetime) -> list[Session]:
        """Newest first."""
        live = [
            session
            for session in self._state.sessions.values()
            if session.user_id == user_id and session.is_live(now)
        ]
        live.sort(key=lambda session: (session.created_at, session.id), reverse=True)
        return [_kept(session) for session in live]

    async def secret(self, digest: str) -> RefreshSecret | None:
        secret = self._state.secrets.get(digest)
        return None if secret is None else replace(secret)

    async def add_secret(self, secret: RefreshSecret) -> None:
        self._state.secrets[secret.digest] = replace(secret)

    async def spend_secret(self, digest: str, *, at: datetime) -> bool:
        """False if it had been spent before, or is not known."""
        secret = self._state.secrets.get(digest)
        if secret is None or secret.spent_at is not None:
            return False
        self._state.secrets[digest] = replace(secret, spent_at=at)
        return True

    async def delete_expired(self, *, before: datetime) -> int:
        """Secrets go with their session, or before it."""
        sessions = [s.id for s in self._state.sessions.values() if s.expires_at < before]
        for id in sessions:
            self._state.sessions.discard(id)
        gone = set(sessions)
        stale = [
            secret.digest
            for secret in self._state.secrets.values()
            if secret.expires_at < before or secret.session_id in gone
        ]
        for digest in stale:
            self._state.secrets.discard(digest)
        return len(sessions)
