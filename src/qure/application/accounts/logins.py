"""Logging in, staying logged in, and ending sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qure.application.access import require_account
from qure.application.accounts.attempts import login_limits, take_an_attempt
from qure.application.accounts.devices import issue_device_token, known_device
from qure.application.accounts.sessions import Device, kept_secret
from qure.application.lookup import get_user
from qure.application.ports.gateways import (
    AccessJwts,
    Clock,
    Ids,
    KeyedDigests,
    PasswordHasher,
    Secrets,
    Throttle,
)
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.secrets import secret_digest
from qure.application.transact import transact
from qure.domain.actor import SYSTEM, Actor
from qure.domain.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from qure.domain.ids import SessionId
from qure.domain.session import REFRESH_LIFE, Session
from qure.domain.user import User, normalise_email


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a client holds after logging in or refreshing. The device token gives no rights."""

    user: User
    access_jwt: str
    refresh_secret: str
    device_token: str


class Logins:
    """Starts, continues and ends logins."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        secrets: Secrets,
        *,
        passwords: PasswordHasher,
        jwts: AccessJwts,
        throttle: Throttle,
        digests: KeyedDigests,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._passwords = passwords
        self._jwts = jwts
        self._throttle = throttle
        self._digests = digests

    async def log_in(self, *, email: str, password: str, device: Device) -> Grant:
        """Start a session.

        Raises ``Unauthenticated`` (``invalid_credentials``; the same answer after the same time
        for an unknown address and for a wrong password), ``Forbidden`` (``account_disabled``) and
        ``TooManyTries`` (see ``attempts``). Only wrong passwords count in the end.
        """
        email = normalise_email(email)
        known = known_device(device.token, email, digests=self._digests, at=self._clock.now())
        seen = await self._with_password(email, password, device, known)
        now = self._clock.now()
        session = device.session(
            SessionId(self._ids.new_id()), seen.id, at=now, until=now + REFRESH_LIFE
        )
        secret = self._secrets.new_secret()

        async def start(uow: UnitOfWork) -> User:
            user = await uow.users.get(seen.id, lock=True)
            # The password may have been changed while bcrypt was at work.
            if user is None or user.password_hash != seen.password_hash:
                raise _invalid_credentials()
            if not user.is_active:
                raise _disabled()
            await uow.sessions.add(session, kept_secret(secret, session))
            await uow.commit()
            return user

        user = await transact(self._storage, start)
        return self._grant(user, session.id, secret, known, at=now)

    async def refresh(self, secret: str | None, *, device_token: str | None = None) -> Grant:
        """Spend a refresh secret for the next pair; the session goes on for another 7 days.

        Asked again within ``REPEAT_WITHIN``, before the next secret has been used, the same one
        is given once more. Any other use of a spent secret is taken for theft, and the whole
        session is revoked (RFC 9700 §4.14.2). Raises ``Unauthenticated``
        (``invalid_refresh_token``, for None too), ``Forbidden`` (``account_disabled``).
        """
        if secret is None:
            raise _invalid_refresh()
        now = self._clock.now()
        # Nobody can work it out from the old one without our key, and we can without keeping it.
        successor = self._digests.of(secret, purpose="next refresh secret")

        async def spend(uow: UnitOfWork) -> tuple[User, SessionId]:
            kept = await uow.sessions.secret(secret_digest(secret))
            session = await uow.sessions.get(kept.session_id, lock=True) if kept else None
            if kept is None or session is None or not session.is_live(now):
                raise _invalid_refresh()
            if kept.expires_at <= now:
                raise _invalid_refresh()
            is_first = await uow.sessions.spend_secret(kept.digest, at=now)
            if not is_first and not await _was_just_spent(uow, kept.digest, successor, at=now):
                session.revoke(by=SYSTEM, at=now)
                await uow.sessions.save(session)
                await uow.commit()
                raise _invalid_refresh()
            user = await get_user(uow, session.user_id)
            if not user.is_active:
                raise _disabled()
            if is_first:
                session.expires_at = now + REFRESH_LIFE
                await uow.sessions.save(session)
                await uow.sessions.add_secret(kept_secret(successor, session))
                await uow.commit()
            return user, session.id

        user, session_id = await transact(self._storage, spend)
        known = known_device(device_token, _account(user), digests=self._digests, at=now)
        return self._grant(user, session_id, successor, known, at=now)

    async def log_out(self, secret: str) -> None:
        """Revoke the session of that refresh secret; an unknown one changes nothing."""

        async def end(uow: UnitOfWork) -> None:
            kept = await uow.sessions.secret(secret_digest(secret))
            session = await uow.sessions.get(kept.session_id, lock=True) if kept else None
            owner = None if session is None else await uow.users.get(session.user_id)
            if session is not None and owner is not None:
                actor = owner.acting(session.id)
                await self._revoke(uow, session, by=actor)

        await transact(self._storage, end)

    async def leave(self, *, actor: Actor) -> None:
        """Revoke the session that the actor acts through."""

        async def end(uow: UnitOfWork) -> None:
            id = actor.session_id
            session = None if id is None else await uow.sessions.get(id, lock=True)
            if session is not None:
                await self._revoke(uow, session, by=actor)

        await transact(self._storage, end)

    async def list_all(self, *, actor: Actor) -> list[Session]:
        """The actor's live sessions, newest first. Raises ``Forbidden`` for guests and displays."""
        require_account(actor)
        async with self._storage.read() as uow:
            return await uow.sessions.live_of(actor.user_id, now=self._clock.now())

    async def revoke(self, session_id: SessionId, *, actor: Actor) -> None:
        """End one of the actor's own sessions. Raises ``NotFound``, ``Forbidden``."""
        require_account(actor)

        async def end(uow: UnitOfWork) -> None:
            session = await uow.sessions.get(session_id, lock=True)
            if session is None:
                raise NotFound("session_not_found", "There is no such session.")
            if session.user_id != actor.user_id:
                raise Forbidden("forbidden", "This session belongs to someone else.")
            await self._revoke(uow, session, by=actor)

        await transact(self._storage, end)

    async def _with_password(
        self, email: str, password: str, device: Device, known: UUID | None
    ) -> User:
        limits = login_limits(email, address=device.ip_address, device=known)
        await take_an_attempt(
            self._throttle, limits, refusal="Too many failed tries. Please wait a moment."
        )
        try:
            async with self._storage.read() as uow:
                seen = await uow.users.by_email(email)
            is_right = await self._passwords.verify(password, seen.password_hash if seen else None)
        except Unavailable:
            await self._throttle.give_back(limits)
            raise
        if not is_right or seen is None:
            raise _invalid_credentials()
        await self._throttle.give_back(limits)
        return seen

    async def _revoke(self, uow: UnitOfWork, session: Session, *, by: Actor) -> None:
        if session.revoke(by=by, at=self._clock.now()):
            await uow.sessions.save(session)
            await uow.commit()

    def _grant(
        self, user: User, session_id: SessionId, secret: str, known: UUID | None, *, at: datetime
    ) -> Grant:
        device = known or self._ids.new_id()
        return Grant(
            user=user,
            access_jwt=self._jwts.issue(user, session_id, at=at),
            refresh_secret=secret,
            device_token=issue_device_token(device, _account(user), digests=self._digests, at=at),
        )


async def _was_just_spent(uow: UnitOfWork, digest: str, successor: str, *, at: datetime) -> bool:
    # Read only now that the session is locked: a moment ago it may not have been spent yet.
    spent = await uow.sessions.secret(digest)
    return spent is not None and spent.may_be_asked_again(
        await uow.sessions.secret(secret_digest(successor)), at=at
    )


def _account(user: User) -> str:
    """What a device is known by to its account: displays have no address."""
    return user.email or str(user.id)


def _invalid_credentials() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "The e-mail address or password is wrong.")


def _invalid_refresh() -> Unauthenticated:
    return Unauthenticated(
        "invalid_refresh_token", "This refresh token is not valid. Please log in again."
    )


def _disabled() -> Forbidden:
    return Forbidden("account_disabled", "This account is disabled.")
