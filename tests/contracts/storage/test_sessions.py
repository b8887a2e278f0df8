"""Logins are kept with the digests of their refresh secrets, each of which is spent once."""

from __future__ import annotations

from datetime import timedelta

from qure.application.ports.storage import Storage
from qure.domain.actor import SYSTEM
from qure.domain.ids import SessionId, UserId
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_secret, build_session, build_user, new_id

A_MOMENT = timedelta(milliseconds=1)


async def test_a_session_and_its_secret_come_back_as_kept(storage: Storage) -> None:
    user = build_user()
    session = build_session(user.id, user_agent="Ünïcode/1.0", revoked_at=NOW)
    secret = build_secret(session, spent_at=NOW + timedelta(milliseconds=3))
    await given(storage, user, (session, secret))
    async with storage.write() as db:
        assert await db.sessions.get(session.id) == session
        assert await db.sessions.get(session.id, lock=True) == session
        assert await db.sessions.secret(secret.digest) == secret


async def test_a_session_may_have_no_secret(storage: Storage) -> None:
    user = build_user()
    session = build_session(user.id)
    await given(storage, user, (session, None))
    async with storage.read() as db:
        assert await db.sessions.get(session.id) == session
        assert await db.sessions.live_of(user.id, now=NOW) == [session]
    async with storage.write() as db:
        assert await db.sessions.delete_expired(before=session.expires_at) == 0
        assert await db.sessions.delete_expired(before=session.expires_at + A_MOMENT) == 1
        assert await db.sessions.get(session.id) is None


async def test_an_unknown_session_or_secret_is_none(storage: Storage) -> None:
    async with storage.write() as db:
        assert await db.sessions.get(SessionId(new_id())) is None
        assert await db.sessions.get(SessionId(new_id()), lock=True) is None
        assert await db.sessions.secret("0" * 64) is None


async def test_saving_a_session_changes_every_field_and_no_other_session(
    storage: Storage,
) -> None:
    user = build_user()
    session, other = build_session(user.id), build_session(user.id)
    await given(storage, user, (session, build_secret(session)), (other, build_secret(other)))
    session.user_agent, session.ip_address = None, "2001:db8::1"
    session.expires_at += timedelta(days=1)
    session.revoke(by=SYSTEM, at=NOW)
    async with storage.write() as db:
        await db.sessions.save(session)
        await db.commit()
    async with storage.read() as db:
        assert await db.sessions.get(session.id) == session
        assert await db.sessions.get(other.id) == other


async def test_live_sessions_are_neither_revoked_nor_expired_and_newest_first(
    storage: Storage,
) -> None:
    user, stranger = build_user(), build_user()
    older = build_session(user.id)
    newer = build_session(user.id, created_at=NOW + timedelta(seconds=1))
    revoked = build_session(user.id, revoked_at=NOW)
    expired = build_session(user.id, expires_at=NOW)
    foreign = build_session(stranger.id)
    sessions = [older, newer, revoked, expired, foreign]
    await given(
        storage, user, stranger, *((session, build_secret(session)) for session in sessions)
    )
    async with storage.read() as db:
        assert await db.sessions.live_of(user.id, now=NOW) == [newer, older]
        assert await db.sessions.live_of(UserId(new_id()), now=NOW) == []


async def test_a_session_gets_further_secrets_of_which_each_is_spent_once(
    storage: Storage,
) -> None:
    user = build_user()
    session = build_session(user.id)
    first, second = build_secret(session), build_secret(session)
    await given(storage, user, (session, first))
    at = NOW + timedelta(seconds=1)
    async with storage.write() as db:
        assert await db.sessions.spend_secret(first.digest, at=at) is True
        await db.sessions.add_secret(second)
        await db.commit()
    async with storage.write() as db:
        assert await db.sessions.spend_secret(first.digest, at=at + timedelta(seconds=1)) is False
        assert await db.sessions.spend_secret("f" * 64, at=at) is False
        await db.commit()
    async with storage.read() as db:
        spent, fresh = (
            await db.sessions.secret(first.digest),
            await db.sessions.secret(second.digest),
        )
    assert spent is not None
    assert spent.spent_at == at
    assert fresh == second


async def test_what_expired_is_forgotten_and_what_lives_is_kept(storage: Storage) -> None:
    user = build_user()
    dead = build_session(user.id, expires_at=NOW - timedelta(milliseconds=1))
    live = build_session(user.id, expires_at=NOW)
    old = build_secret(live, expires_at=NOW - timedelta(milliseconds=1))
    fresh = build_secret(live, expires_at=NOW)
    await given(storage, user, (dead, build_secret(dead)), (live, fresh))
    async with storage.write() as db:
        await db.sessions.add_secret(old)
        await db.commit()
    async with storage.write() as db:
        assert await db.sessions.delete_expired(before=NOW) == 1
        await db.commit()
    async with storage.read() as db:
        assert await db.sessions.get(dead.id) is None
        assert await db.sessions.get(live.id) == live
        assert await db.sessions.secret(old.digest) is None
        assert await db.sessions.secret(fresh.digest) == fresh


async def test_several_sessions_come_with_their_users(storage: Storage) -> None:
    ada, grace = build_user(), build_user(is_active=False)
    first, second = build_session(ada.id), build_session(ada.id, revoked_at=NOW)
    third, unasked = build_session(grace.id), build_session(grace.id)
    sessions = [first, second, third, unasked]
    await given(storage, ada, grace, *((session, build_secret(session)) for session in sessions))
    asked = [first.id, second.id, third.id, SessionId(new_id())]
    async with storage.read() as db:
        assert await db.sessions.with_users(asked) == {
            first.id: (first, ada),
            second.id: (second, ada),
            third.id: (third, grace),
        }
        assert await db.sessions.with_users([]) == {}
        assert await db.sessions.with_users([SessionId(new_id())]) == {}
