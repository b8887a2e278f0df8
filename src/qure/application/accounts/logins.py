"""Logging in, staying logged in, and ending sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from qure.application.access import Principal
from qure.application.accounts.devices import issue_device_token, known_device
from qure.application.lookup import find_user
from qure.application.ports.gateways import (
    AccessJwts,
    Clock,
    KeyedDigests,
    PasswordHasher,
    Randomness,
    Throttle,
)
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import retried
from qure.application.accounts.attempts import login_limits, take_a_try
from qure.domain.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from qure.domain.events import SessionRevoked
from qure.domain.ids import SessionId, UserId
from qure.domain.session import REFRESH_LIFE, RefreshSecret, Session
from qure.domain.user import User, normalise_email


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a login is made from. ``token`` is what an earlier grant called ``device_token``."""

    user_agent: str | None
    ip_address: str | None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a client holds after logging in or refreshing. The device token gives no rights."""

    user: User
    access_jwt: str
    refresh_secret: str
    device_token: str


async def log_in(
    *,
    email: str,
    password: str,
    device: Device,
    storage: Storage,
    passwords: PasswordHasher,
    jwts: AccessJwts,
    throttle: Throttle,
    digests: KeyedDigests,
    clock: Clock,
    randomness: Randomness,
) -> Grant:
    """Start a session.

    Raises ``Unauthenticated`` (``invalid_credentials``; the same answer after the same time for
    an unknown address and for a wrong password), ``Forbidden`` (``account_disabled``) and
    ``TooManyTries`` (see ``tries``). Only wrong passwords count in the end.
    """
    email = normalise_email(email)
    known = known_device(device.token, email, digests=digests, at=clock.now())
    limits = login_limits(email, address=device.ip_address, device=known)
    await take_a_try(throttle, limits, refusal="Too many failed tries. Please wait a moment.")
    try:
        async with storage.read() as uow:
            seen = await uow.users.by_email(email)
        is_right = await passwords.verify(password, seen.password_hash if seen else None)
    except Unavailable:
        await throttle.give_back(limits)
        raise
    if not is_right or seen is None:
        raise _invalid_credentials()
    await throttle.give_back(limits)
    now = clock.now()
    session = Session(
        id=SessionId(randomness.new_id()),
        user_id=seen.id,
        user_agent=device.user_agent,
        ip_address=device.ip_address,
        created_at=now,
        expires_at=now + REFRESH_LIFE,
    )
    secret = randomness.new_secret()
    async with storage.write() as uow:
        user = await uow.users.get(seen.id, lock=True)
        # The password may have been changed while bcrypt was at work.
        if user is None or user.password_hash != seen.password_hash:
            raise _invalid_credentials()
        if not user.is_active:
            raise _disabled()
        await uow.sessions.add(session, _kept(secret, session))
        await uow.commit()
    return Grant(
        user=user,
        access_jwt=jwts.issue(user, session.id, at=now),
        refresh_secret=secret,
        device_token=issue_device_token(
            known or randomness.new_id(), email, digests=digests, at=now
        ),
    )


@retried
async def refresh_session(
    secret: str,
    *,
    device_token: str | None = None,
    storage: Storage,
    jwts: AccessJwts,
    digests: KeyedDigests,
    clock: Clock,
    randomness: Randomness,
) -> Grant:
    """Spend a refresh secret for the next pair; the session goes on for another 7 days.

    Asked again within ``REPEAT_WITHIN``, before the next secret has been used, the same one is
    given once more. Any other use of a spent secret is taken for theft, and the whole session is
    revoked (RFC 9700 §4.14.2). Raises ``Unauthenticated`` (``invalid_refresh_token``),
    ``Forbidden`` (``account_disabled``).
    """
    now = clock.now()
    # Nobody can work it out from the old one without our key, and we can without keeping it.
    successor = digests.of(secret, purpose="next refresh secret")
    async with storage.write() as uow:
        kept = await uow.sessions.secret(_digest(secret))
        session = await uow.sessions.get(kept.session_id, lock=True) if kept else None
        if kept is None or session is None or not session.is_live(now) or kept.expires_at <= now:
            raise _invalid_refresh()
        is_first = await uow.sessions.spend_secret(kept.digest, at=now)
        if not is_first and not await _was_just_spent(uow, kept.digest, successor, at=now):
            await revoke(uow, session, actor_id=None, clock=clock)
            await uow.commit()
            raise _invalid_refresh()
        user = await find_user(uow, session.user_id)
        if not user.is_active:
            raise _disabled()
        if is_first:
            session.expires_at = now + REFRESH_LIFE
            await uow.sessions.save(session)
            await uow.sessions.add_secret(_kept(successor, session))
            await uow.commit()
    device = known_device(device_token, user.email, digests=digests, at=now) or randomness.new_id()
    return Grant(
        user=user,
        access_jwt=jwts.issue(user, session.id, at=now),
        refresh_secret=successor,
        device_token=issue_device_token(device, user.email, digests=digests, at=now),
    )


@retried
async def log_out(secret: str, *, storage: Storage, clock: Clock) -> None:
    """Revoke the session of that refresh secret; an unknown one is nobody's business."""
    async with storage.write() as uow:
        kept = await uow.sessions.secret(_digest(secret))
        session = await uow.sessions.get(kept.session_id, lock=True) if kept else None
        if session is not None and await revoke(
            uow, session, actor_id=session.user_id, clock=clock
        ):
            await uow.commit()


async def list_sessions(*, actor: Principal, storage: Storage, clock: Clock) -> list[Session]:
    """The actor's live sessions, newest first."""
    async with storage.read() as uow:
        return await uow.sessions.live_of(actor.user_id, now=clock.now())


@retried
async def revoke_session(
    session_id: SessionId, *, actor: Principal, storage: Storage, clock: Clock
) -> None:
    """End one of the actor's own sessions. Raises ``NotFound``, ``Forbidden``."""
    async with storage.write() as uow:
        session = await uow.sessions.get(session_id, lock=True)
        if session is None:
            raise NotFound("session_not_found", "There is no such session.")
        if session.user_id != actor.user_id:
            raise Forbidden("forbidden", "This session belongs to someone else.")
        if await revoke(uow, session, actor_id=actor.user_id, clock=clock):
            await uow.commit()


async def revoke(
    uow: UnitOfWork, session: Session, *, actor_id: UserId | None, clock: Clock
) -> bool:
    """End the session within a running transaction. False if it had ended before."""
    now = clock.now()
    if not session.revoke(at=now):
        return False
    await uow.sessions.save(session)
    uow.record(
        SessionRevoked(session_id=session.id, user_id=session.user_id, actor_id=actor_id, at=now)
    )
    return True


async def _was_just_spent(uow: UnitOfWork, digest: str, successor: str, *, at: datetime) -> bool:
    # Read only now that the session is locked: a moment ago it may not have been spent yet.
    spent = await uow.sessions.secret(digest)
    return spent is not None and spent.may_be_asked_again(
        await uow.sessions.secret(_digest(successor)), at=at
    )


def _kept(secret: str, session: Session) -> RefreshSecret:
    return RefreshSecret(
        digest=_digest(secret),
        session_id=session.id,
        created_at=session.expires_at - REFRESH_LIFE,
        expires_at=session.expires_at,
    )


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _invalid_credentials() -> Unauthenticated:
    return Unauthenticated("invalid_credentials", "The e-mail address or password is wrong.")


def _invalid_refresh() -> Unauthenticated:
    return Unauthenticated(
        "invalid_refresh_token", "This refresh token is not valid. Please log in again."
    )


def _disabled() -> Forbidden:
    return Forbidden("account_disabled", "This account is disabled.")
