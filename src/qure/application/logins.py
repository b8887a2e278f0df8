"""Logging in, staying logged in, and ending sessions."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from qure.application.access import Principal
from qure.application.lookup import find_user
from qure.application.ports.gateways import (
    AccessJwts,
    Clock,
    PasswordHasher,
    Randomness,
    Throttle,
)
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.retrying import retried
from qure.domain.errors import Forbidden, NotFound, TooManyTries, Unauthenticated
from qure.domain.events import SessionRevoked
from qure.domain.ids import SessionId, UserId
from qure.domain.session import REFRESH_LIFE, RefreshSecret, Session
from qure.domain.user import User, normalise_email

TRIES_PER_ACCOUNT = 20
TRIES_PER_ADDRESS = 200
TRIES_WINDOW_SECONDS = 15 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a login was made from."""

    user_agent: str | None
    ip_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a client holds after logging in or refreshing."""

    user: User
    access_jwt: str
    refresh_secret: str


async def log_in(
    *,
    email: str,
    password: str,
    device: Device,
    storage: Storage,
    passwords: PasswordHasher,
    jwts: AccessJwts,
    throttle: Throttle,
    clock: Clock,
    randomness: Randomness,
) -> Grant:
    """Start a session.

    Raises ``Unauthenticated`` (``invalid_credentials``; the same answer after the same time for
    an unknown address and for a wrong password), ``Forbidden`` (``account_disabled``) and
    ``TooManyTries``. Only failures count towards the limits, successes never do.
    """
    email = normalise_email(email)
    limits = _limits(email, device)
    await refuse_if_throttled(throttle, limits)
    async with storage.read() as uow:
        seen = await uow.users.by_email(email)
    if not await passwords.verify(password, seen.password_hash if seen else None) or seen is None:
        for key in limits:
            await throttle.fail(key, window_seconds=TRIES_WINDOW_SECONDS)
        raise _invalid_credentials()
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
    return Grant(user=user, access_jwt=jwts.issue(user, session.id, at=now), refresh_secret=secret)


@retried
async def refresh_session(
    secret: str,
    *,
    storage: Storage,
    jwts: AccessJwts,
    clock: Clock,
    randomness: Randomness,
) -> Grant:
    """Spend a refresh secret for the next pair; the session goes on for another 7 days.

    A secret that was spent before is taken for stolen, and the whole session is revoked
    (RFC 9700 §4.14.2). Raises ``Unauthenticated`` (``invalid_refresh_token``), ``Forbidden``
    (``account_disabled``).
    """
    now = clock.now()
    async with storage.write() as uow:
        kept = await uow.sessions.secret(_digest(secret))
        session = await uow.sessions.get(kept.session_id, lock=True) if kept else None
        if kept is None or session is None or not session.is_live(now) or kept.expires_at <= now:
            raise _invalid_refresh()
        if not await uow.sessions.spend_secret(kept.digest, at=now):
            await revoke(uow, session, actor_id=None, clock=clock)
            await uow.commit()
            raise _invalid_refresh()
        user = await find_user(uow, session.user_id)
        if not user.is_active:
            raise _disabled()
        successor = randomness.new_secret()
        session.expires_at = now + REFRESH_LIFE
        await uow.sessions.save(session)
        await uow.sessions.add_secret(_kept(successor, session))
        await uow.commit()
    return Grant(
        user=user, access_jwt=jwts.issue(user, session.id, at=now), refresh_secret=successor
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


async def refuse_if_throttled(throttle: Throttle, limits: dict[str, int]) -> None:
    """Raises ``TooManyTries`` when any of the keys has reached its limit of failures."""
    for key, limit in limits.items():
        seconds = await throttle.retry_after(key, limit=limit)
        if seconds is not None:
            raise TooManyTries("Too many failed tries. Please wait a while.", retry_after=seconds)


def _limits(email: str, device: Device) -> dict[str, int]:
    limits = {f"login:account:{_digest(email)}": TRIES_PER_ACCOUNT}
    if device.ip_address is not None:
        limits[f"login:address:{device.ip_address}"] = TRIES_PER_ADDRESS
    return limits


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
