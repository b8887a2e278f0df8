"""Refreshing on every storage: one lineage, however many ask at one moment."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from qure.adapters.memory.throttle import MemoryThrottle
from qure.application.accounts.logins import Grant, Logins
from qure.application.ports.storage import Storage
from qure.domain.errors import Unauthenticated
from qure.domain.session import REPEAT_WITHIN, Session
from tests.contracts.storage.given import given
from tests.support.builders import (
    NOW,
    FixedClock,
    SequentialIds,
    build_secret,
    build_session,
    build_user,
)
from tests.support.fakes import FakeDigests, FakeJwts, FakePasswords

SECRET = "5e" * 64


async def logged_in(storage: Storage) -> Session:
    """Somebody whose refresh secret is ``SECRET``."""
    user = build_user()
    session = build_session(user.id)
    secret = build_secret(session, digest=sha256(SECRET.encode()).hexdigest())
    await given(storage, user, (session, secret))
    return session


async def refresh(storage: Storage, secret: str, clock: FixedClock) -> Grant:
    logins = Logins(
        storage,
        clock,
        SequentialIds(),
        SequentialIds(),
        passwords=FakePasswords(),
        jwts=FakeJwts(),
        throttle=MemoryThrottle(),
        digests=FakeDigests(),
    )
    return await logins.refresh(secret)


async def is_revoked(storage: Storage, session: Session) -> bool:
    async with storage.read() as db:
        kept = await db.sessions.get(session.id)
    assert kept is not None
    return kept.revoked_at is not None


async def test_twenty_refreshes_at_once_get_one_successor(
    storage: Storage, clock: FixedClock
) -> None:
    session = await logged_in(storage)
    grants = await asyncio.gather(*(refresh(storage, SECRET, clock) for _ in range(20)))
    (successor,) = {grant.refresh_secret for grant in grants}
    assert not await is_revoked(storage, session)
    following = await asyncio.gather(*(refresh(storage, successor, clock) for _ in range(20)))
    assert len({grant.refresh_secret for grant in following}) == 1
    assert not await is_revoked(storage, session)


async def test_asking_again_while_the_successor_is_being_used_is_either_way_or_theft(
    storage: Storage, clock: FixedClock
) -> None:
    session = await logged_in(storage)
    successor = (await refresh(storage, SECRET, clock)).refresh_secret
    again, after = await asyncio.gather(
        refresh(storage, SECRET, clock), refresh(storage, successor, clock), return_exceptions=True
    )
    if isinstance(again, Grant):
        assert again.refresh_secret == successor
        assert isinstance(after, Grant)
        assert not await is_revoked(storage, session)
    else:
        assert isinstance(again, Unauthenticated)
        assert await is_revoked(storage, session)


async def test_twenty_thieves_at_once_end_the_session_and_get_nothing(
    storage: Storage, clock: FixedClock
) -> None:
    session = await logged_in(storage)
    await refresh(storage, SECRET, clock)
    clock.set(NOW + REPEAT_WITHIN)
    clock.advance(milliseconds=1)
    results = await asyncio.gather(
        *(refresh(storage, SECRET, clock) for _ in range(20)), return_exceptions=True
    )
    assert {type(result) for result in results} == {Unauthenticated}
    assert await is_revoked(storage, session)


async def test_an_answer_that_was_lost_comes_again_within_ten_seconds(
    storage: Storage, clock: FixedClock
) -> None:
    session = await logged_in(storage)
    lost = await refresh(storage, SECRET, clock)
    clock.set(NOW + REPEAT_WITHIN)
    again = await refresh(storage, SECRET, clock)
    assert again.refresh_secret == lost.refresh_secret
    await refresh(storage, again.refresh_secret, clock)
    with pytest.raises(Unauthenticated):
        await refresh(storage, SECRET, clock)
    assert await is_revoked(storage, session)
