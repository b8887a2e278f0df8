"""Logging in, staying logged in with single-use secrets, and ending sessions."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest

from qure.application.logins import (
    TRIES_PER_ACCOUNT,
    TRIES_PER_ADDRESS,
    TRIES_WINDOW_SECONDS,
    Device,
    Grant,
    list_sessions,
    log_in,
    log_out,
    refresh_session,
    revoke_session,
)
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.errors import (
    DomainError,
    Forbidden,
    NotFound,
    TooManyTries,
    Unauthenticated,
)
from qure.domain.ids import SessionId
from qure.domain.session import REFRESH_LIFE
from qure.domain.user import User
from tests.application.world import World, acting, outcomes
from tests.builders import NOW, build_session, build_user, new_id

EMAIL, PASSWORD = "ada@example.org", "correct horse"
DEVICE = Device(user_agent="Qure/1.0 (Android)", ip_address="203.0.113.7")


async def registered(world: World, **fields: object) -> User:
    user = build_user(**({"email": EMAIL, "password_hash": f"hash of {PASSWORD}"} | fields))
    await world.keep(user)
    return user


async def log_in_with(
    world: World, email: str = EMAIL, password: str = PASSWORD, device: Device = DEVICE
) -> Grant:
    return await log_in(
        email=email,
        password=password,
        device=device,
        passwords=world.passwords,
        jwts=world.jwts,
        throttle=world.throttle,
        **world.ports,
    )


async def refresh(world: World, secret: str) -> Grant:
    return await refresh_session(secret, jwts=world.jwts, **world.ports)


async def refused_login(world: World, **given: object) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await log_in_with(world, **given)  # type: ignore[arg-type]
    return refused.value


def session_of(world: World, grant: Grant) -> SessionId:
    return world.jwts.verify(grant.access_jwt, at=world.clock.now()).session_id


async def test_a_login_starts_a_session_for_seven_days_on_that_device(world: World) -> None:
    user = await registered(world)
    grant = await log_in_with(world)
    assert grant.user == user
    assert world.jwts.verify(grant.access_jwt, at=NOW).user_id == user.id
    session = await world.session_of(session_of(world, grant))
    assert (session.user_id, session.user_agent, session.ip_address) == (
        user.id,
        DEVICE.user_agent,
        DEVICE.ip_address,
    )
    assert (session.created_at, session.expires_at) == (NOW, NOW + timedelta(days=7))


async def test_only_the_digest_of_a_refresh_secret_is_stored(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    async with world.storage.read() as uow:
        assert await uow.sessions.secret(grant.refresh_secret) is None
        kept = await uow.sessions.secret(sha256(grant.refresh_secret.encode()).hexdigest())
    assert kept is not None
    assert kept.session_id == session_of(world, grant)
    assert (kept.created_at, kept.expires_at) == (NOW, NOW + REFRESH_LIFE)
    assert kept.spent_at is None


async def test_the_address_is_compared_trimmed_and_in_any_case(world: World) -> None:
    user = await registered(world)
    grant = await log_in_with(world, email="  ADA@Example.org ")
    assert grant.user.id == user.id


async def test_an_unknown_address_and_a_wrong_password_get_the_same_answer_after_equal_work(
    world: World,
) -> None:
    user = await registered(world)
    wrong = await refused_login(world, password="wrong")
    unknown = await refused_login(world, email="nobody@example.org")
    assert isinstance(wrong, Unauthenticated)
    assert type(wrong) is type(unknown)
    assert (wrong.code, wrong.message) == (unknown.code, unknown.message)
    assert wrong.code == "invalid_credentials"
    assert world.passwords.compared_with == [user.password_hash, None]


async def test_a_disabled_account_is_told_only_to_who_knows_its_password(world: World) -> None:
    await registered(world, is_active=False)
    assert (await refused_login(world, password="wrong")).code == "invalid_credentials"
    disabled = await refused_login(world)
    assert isinstance(disabled, Forbidden)
    assert disabled.code == "account_disabled"


@pytest.mark.parametrize("change", ["password", "disabled"])
async def test_what_was_changed_while_the_password_was_compared_counts(
    world: World, change: str
) -> None:
    user = await registered(world)
    compare = world.passwords.verify

    async def slow_verify(password: str, hash: str | None) -> bool:
        same = await compare(password, hash)
        async with world.storage.write() as uow:
            stored = await uow.users.get(user.id)
            assert stored is not None
            if change == "password":
                stored.password_hash = "hash of another"
            else:
                stored.is_active = False
            await uow.users.save(stored)
            await uow.commit()
        return same

    world.passwords.verify = slow_verify  # type: ignore[method-assign]
    expected = {"password": "invalid_credentials", "disabled": "account_disabled"}
    assert (await refused_login(world)).code == expected[change]
    async with world.storage.read() as uow:
        assert await uow.sessions.live_of(user.id, now=NOW) == []


async def test_an_account_is_closed_for_a_while_after_many_wrong_passwords(
    world: World,
) -> None:
    await registered(world)
    for _ in range(TRIES_PER_ACCOUNT):
        assert (await refused_login(world, password="wrong")).code == "invalid_credentials"
    compared = len(world.passwords.compared_with)
    refused = await refused_login(world, email=EMAIL.upper())
    assert isinstance(refused, TooManyTries)
    assert 0 < refused.retry_after <= TRIES_WINDOW_SECONDS
    assert len(world.passwords.compared_with) == compared, "nothing is compared any more"
    assert (await refused_login(world, email="other@example.org")).code == "invalid_credentials"
    world.clock.advance(seconds=TRIES_WINDOW_SECONDS)
    await log_in_with(world)


async def test_an_unknown_account_is_closed_after_as_many_tries_as_a_known_one(
    world: World,
) -> None:
    for _ in range(TRIES_PER_ACCOUNT):
        await refused_login(world, email="nobody@example.org")
    assert isinstance(await refused_login(world, email="nobody@example.org"), TooManyTries)


async def test_an_address_is_closed_after_many_wrong_passwords_for_any_account(
    world: World,
) -> None:
    await registered(world)
    for number in range(TRIES_PER_ADDRESS):
        await refused_login(world, email=f"user{number}@example.org")
    assert isinstance(await refused_login(world), TooManyTries)
    elsewhere = Device(user_agent=None, ip_address="198.51.100.1")
    assert (await log_in_with(world, device=elsewhere)).user.email == EMAIL


async def test_successes_are_never_counted(world: World) -> None:
    await registered(world)
    for _ in range(TRIES_PER_ACCOUNT + 1):
        await log_in_with(world)


async def test_a_client_without_an_address_is_counted_by_account_alone(world: World) -> None:
    await registered(world)
    nowhere = Device(user_agent=None, ip_address=None)
    for _ in range(TRIES_PER_ACCOUNT):
        await refused_login(world, password="wrong", device=nowhere)
    assert isinstance(await refused_login(world, device=nowhere), TooManyTries)


async def test_a_refresh_spends_the_secret_and_the_session_goes_on_for_seven_days(
    world: World,
) -> None:
    user = await registered(world)
    first = await log_in_with(world)
    world.clock.advance(days=6)
    second = await refresh(world, first.refresh_secret)
    assert second.user == user
    assert second.refresh_secret != first.refresh_secret
    assert session_of(world, second) == world.jwts.verify(first.access_jwt, at=NOW).session_id
    world.clock.advance(days=6)
    third = await refresh(world, second.refresh_secret)
    session = await world.session_of(session_of(world, third))
    assert session.expires_at == world.clock.now() + REFRESH_LIFE
    assert session.created_at == NOW
    assert world.told == [], "a refresh changes nothing that others remember"


async def refused_refresh(world: World, secret: str) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await refresh(world, secret)
    return refused.value


async def test_a_spent_secret_used_again_is_theft_and_ends_the_whole_session(
    world: World,
) -> None:
    user = await registered(world)
    first = await log_in_with(world)
    other = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    third = await refresh(world, second.refresh_secret)
    reused = await refused_refresh(world, first.refresh_secret)
    assert isinstance(reused, Unauthenticated)
    assert reused.code == "invalid_refresh_token"
    assert (await refused_refresh(world, third.refresh_secret)).code == "invalid_refresh_token"
    session_id = session_of(world, first)
    assert (await world.session_of(session_id)).revoked_at == NOW
    assert world.events == [
        events.SessionRevoked(session_id=session_id, user_id=user.id, actor_id=None, at=NOW)
    ]
    await refresh(world, other.refresh_secret)


async def test_of_racing_refreshes_exactly_one_wins_and_the_session_is_over(
    world: World,
) -> None:
    await registered(world)
    grant = await log_in_with(world)
    won, refused = await outcomes(refresh(world, grant.refresh_secret) for _ in range(20))
    assert len(won) == 1
    assert {error.code for error in refused} == {"invalid_refresh_token"}
    assert (await world.session_of(session_of(world, grant))).revoked_at is not None
    assert [type(event) for event in world.events] == [events.SessionRevoked]
    assert (await refused_refresh(world, won[0].refresh_secret)).code == "invalid_refresh_token"


async def test_an_unknown_secret_and_one_that_has_expired_are_refused(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    assert (await refused_refresh(world, "0" * 128)).code == "invalid_refresh_token"
    world.clock.advance(days=7)
    assert (await refused_refresh(world, grant.refresh_secret)).code == "invalid_refresh_token"
    assert world.told == []


async def test_a_secret_does_not_outlive_its_own_seven_days_though_the_session_goes_on(
    world: World,
) -> None:
    await registered(world)
    first = await log_in_with(world)
    world.clock.advance(days=6)
    second = await refresh(world, first.refresh_secret)
    world.clock.advance(days=2)
    assert (await refused_refresh(world, first.refresh_secret)).code == "invalid_refresh_token"
    await refresh(world, second.refresh_secret)


async def test_a_secret_whose_session_was_swept_away_is_refused(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    async with world.storage.write() as uow:
        session = await uow.sessions.get(session_of(world, grant))
        assert session is not None
        session.expires_at = NOW - timedelta(days=1)
        await uow.sessions.save(session)
        await uow.sessions.delete_expired(before=NOW)
        await uow.commit()
    assert (await refused_refresh(world, grant.refresh_secret)).code == "invalid_refresh_token"


async def test_a_disabled_user_refreshes_nothing_and_the_secret_is_not_spent_by_trying(
    world: World,
) -> None:
    user = await registered(world)
    grant = await log_in_with(world)
    for active, refused in ((False, True), (True, False)):
        async with world.storage.write() as uow:
            user.is_active = active
            await uow.users.save(user)
            await uow.commit()
        if refused:
            assert (await refused_refresh(world, grant.refresh_secret)).code == "account_disabled"
        else:
            await refresh(world, grant.refresh_secret)


async def test_a_refresh_that_lost_a_race_of_transactions_is_done_again(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    world.storage.commit_errors.append(TransactionConflict())
    await refresh(world, grant.refresh_secret)


async def test_logging_out_ends_the_session_once(world: World) -> None:
    user = await registered(world)
    grant = await log_in_with(world)
    for _ in range(2):
        await log_out(grant.refresh_secret, storage=world.storage, clock=world.clock)
    assert (await world.session_of(session_of(world, grant))).revoked_at == NOW
    assert world.events == [
        events.SessionRevoked(
            session_id=session_of(world, grant), user_id=user.id, actor_id=user.id, at=NOW
        )
    ]
    assert (await refused_refresh(world, grant.refresh_secret)).code == "invalid_refresh_token"


async def test_logging_out_of_nothing_is_fine(world: World) -> None:
    await log_out("0" * 128, storage=world.storage, clock=world.clock)
    assert world.told == []


async def test_a_user_sees_their_own_live_sessions_newest_first(world: World) -> None:
    user, other = await registered(world), build_user()
    older = build_session(user.id, created_at=NOW - timedelta(hours=1))
    newer = build_session(user.id)
    await world.keep(
        other,
        older,
        newer,
        build_session(user.id, revoked_at=NOW),
        build_session(user.id, expires_at=NOW),
        build_session(other.id),
    )
    seen = await list_sessions(actor=acting(user), storage=world.storage, clock=world.clock)
    assert [session.id for session in seen] == [newer.id, older.id]


async def test_a_user_ends_one_of_their_own_sessions_once(world: World) -> None:
    user = await registered(world)
    session = build_session(user.id)
    await world.keep(session)
    actor = acting(user)
    for _ in range(2):
        await revoke_session(session.id, actor=actor, storage=world.storage, clock=world.clock)
    assert (await world.session_of(session.id)).revoked_at == NOW
    assert world.events == [
        events.SessionRevoked(session_id=session.id, user_id=user.id, actor_id=user.id, at=NOW)
    ]


async def test_nobody_ends_anothers_session(world: World) -> None:
    user = await registered(world)
    session = build_session(user.id)
    await world.keep(session)
    with pytest.raises(Forbidden):
        await revoke_session(
            session.id, actor=await world.admin(), storage=world.storage, clock=world.clock
        )
    assert (await world.session_of(session.id)).revoked_at is None


async def test_a_session_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await revoke_session(
            SessionId(new_id()),
            actor=await world.patient(),
            storage=world.storage,
            clock=world.clock,
        )
    assert refused.value.code == "session_not_found"
