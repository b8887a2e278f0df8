"""Logging in, staying logged in with single-use secrets, and ending sessions."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest

from qure.application.accounts.attempts import (
    ACCOUNT_ATTEMPTS,
    ACCOUNT_EVERY_SECONDS,
    ACCOUNT_FROM_NETWORK_EVERY_SECONDS,
    NETWORK_ATTEMPTS,
    NETWORK_EVERY_SECONDS,
)
from qure.application.accounts.devices import DEVICE_LIFE
from qure.application.accounts.logins import Grant
from qure.application.accounts.sessions import Device
from qure.application.ports.storage import TransactionConflict
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.errors import (
    DomainError,
    Forbidden,
    NotFound,
    TooManyTries,
    Unauthenticated,
    Unavailable,
)
from qure.domain.ids import SessionId
from qure.domain.session import REFRESH_LIFE, REPEAT_WITHIN
from qure.domain.user import User
from tests.application.world import World, acting, outcomes
from tests.support.builders import NOW, build_session, build_user, new_id

EMAIL, PASSWORD = "ada@example.org", "correct horse"
DEVICE = Device(user_agent="Qure/1.0 (Android)", ip_address="203.0.113.7")


async def registered(world: World, **fields: object) -> User:
    user = build_user(**({"email": EMAIL, "password_hash": f"hash of {PASSWORD}"} | fields))
    await world.keep(user)
    return user


async def log_in_with(
    world: World, email: str = EMAIL, password: str = PASSWORD, device: Device = DEVICE
) -> Grant:
    return await world.use.logins.log_in(
        email=email,
        password=password,
        device=device,
    )


async def refresh(world: World, secret: str | None, device_token: str | None = None) -> Grant:
    return await world.use.logins.refresh(
        secret,
        device_token=device_token,
    )


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
    assert world.jwts.verify(grant.access_jwt, at=NOW).actor_id == user.id
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


async def guess(world: World, times: int, **given: object) -> None:
    for _ in range(times):
        refused = await refused_login(world, **({"password": "wrong"} | given))
        assert refused.code == "invalid_credentials"


def at(address: str | None, token: str | None = None) -> Device:
    return Device(user_agent=None, ip_address=address, token=token)


async def test_of_guesses_at_one_instant_no_more_are_looked_at_than_one_by_one(
    world: World,
) -> None:
    await registered(world)
    _, refused = await outcomes(log_in_with(world, password="wrong") for _ in range(100))
    assert len(world.passwords.compared_with) == ACCOUNT_ATTEMPTS
    codes = [error.code for error in refused]
    assert codes.count("invalid_credentials") == ACCOUNT_ATTEMPTS
    assert codes.count("too_many_tries") == 100 - ACCOUNT_ATTEMPTS


async def test_after_many_wrong_passwords_an_account_is_tried_at_a_rate(world: World) -> None:
    await registered(world)
    await guess(world, ACCOUNT_ATTEMPTS)
    compared = len(world.passwords.compared_with)
    elsewhere = at("198.51.100.1")
    refused = await refused_login(world, email=EMAIL.upper(), device=elsewhere)
    assert isinstance(refused, TooManyTries)
    assert refused.retry_after == ACCOUNT_EVERY_SECONDS
    assert len(world.passwords.compared_with) == compared, "nothing is compared"
    assert (await refused_login(world, email="other@example.org")).code == "invalid_credentials"
    world.clock.advance(seconds=refused.retry_after)
    await log_in_with(world, device=elsewhere)


async def test_a_network_that_guesses_on_leaves_most_tries_to_the_others(world: World) -> None:
    await registered(world)
    await guess(world, ACCOUNT_ATTEMPTS)
    guessed = 0
    for _ in range(3600 // ACCOUNT_EVERY_SECONDS):
        world.clock.advance(seconds=ACCOUNT_EVERY_SECONDS)
        refused = await refused_login(world, password="wrong")
        guessed += refused.code == "invalid_credentials"
        if isinstance(refused, TooManyTries):
            assert refused.retry_after <= ACCOUNT_FROM_NETWORK_EVERY_SECONDS
            await log_in_with(world, device=at("198.51.100.1"))
    assert guessed == 3600 // ACCOUNT_FROM_NETWORK_EVERY_SECONDS


async def test_strangers_guess_at_one_account_at_most_so_often_wherever_they_are(
    world: World,
) -> None:
    await registered(world)
    for second in range(3601):
        await refused_login(world, password="wrong", device=at(f"198.51.100.{second % 250}"))
        world.clock.advance(seconds=1)
    bound = ACCOUNT_ATTEMPTS + 3600 // ACCOUNT_EVERY_SECONDS
    assert len(world.passwords.compared_with) == bound == 100


async def test_an_unknown_account_is_refused_after_as_many_tries_as_a_known_one(
    world: World,
) -> None:
    await registered(world)
    answers = []
    for email in (EMAIL, "nobody@example.org"):
        device = at("198.51.100.1" if email == EMAIL else "198.51.100.2")
        await guess(world, ACCOUNT_ATTEMPTS, email=email, device=device)
        refused = await refused_login(world, email=email, device=device)
        assert isinstance(refused, TooManyTries)
        answers.append((refused.code, refused.message, refused.retry_after))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("addresses", "newcomer"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        ([f"2001:db8:0:7::{number:x}" for number in range(1, 50)], "2001:db8:0:7:ffff::1"),
    ],
)
async def test_behind_a_hot_network_a_newcomer_is_slowed_and_gets_in(
    world: World, addresses: list[str], newcomer: str
) -> None:
    await registered(world)
    for number in range(NETWORK_ATTEMPTS):
        device = at(addresses[number % len(addresses)])
        await guess(world, 1, email=f"user{number}@example.org", device=device)
    refused = await refused_login(world, device=at(newcomer))
    assert isinstance(refused, TooManyTries)
    assert refused.retry_after == NETWORK_EVERY_SECONDS
    await log_in_with(world, device=at("2001:db8:0:8::1"))
    world.clock.advance(seconds=refused.retry_after)
    await log_in_with(world, device=at(newcomer))


async def test_a_known_device_is_not_touched_by_the_failures_of_others(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    for number in range(NETWORK_ATTEMPTS - ACCOUNT_ATTEMPTS):
        await guess(world, 1, email=f"user{number}@example.org")
    await guess(world, ACCOUNT_ATTEMPTS)
    assert isinstance(await refused_login(world), TooManyTries)
    for _ in range(3):
        grant = await log_in_with(world, device=at(DEVICE.ip_address, grant.device_token))


async def test_a_known_device_has_a_bounded_count_of_its_own(world: World) -> None:
    await registered(world)
    known = at("203.0.113.7", (await log_in_with(world)).device_token)
    await guess(world, ACCOUNT_ATTEMPTS, device=known)
    refused = await refused_login(world, device=known)
    assert isinstance(refused, TooManyTries)
    assert refused.retry_after == ACCOUNT_EVERY_SECONDS
    await log_in_with(world, device=at("203.0.113.7"))


async def test_a_device_keeps_its_count_through_logins_and_refreshes(world: World) -> None:
    await registered(world)
    first = await log_in_with(world)
    second = await log_in_with(world, device=at(None, first.device_token))
    await guess(world, ACCOUNT_ATTEMPTS - 1, device=at(None, first.device_token))
    third = await refresh(world, second.refresh_secret, second.device_token)
    known = at(None, third.device_token)
    await guess(world, 1, device=known)
    assert isinstance(await refused_login(world, device=known), TooManyTries)


async def test_a_device_becomes_known_by_a_refresh_too(world: World) -> None:
    await registered(world)
    grant = await refresh(world, (await log_in_with(world)).refresh_secret)
    await guess(world, ACCOUNT_ATTEMPTS)
    await log_in_with(world, device=at(DEVICE.ip_address, grant.device_token))


async def test_the_device_of_one_account_is_a_stranger_to_another(world: World) -> None:
    await registered(world)
    await registered(world, email="mallory@example.org")
    mallory = (await log_in_with(world, email="mallory@example.org")).device_token
    await guess(world, ACCOUNT_ATTEMPTS, device=at("198.51.100.1", mallory))
    refused = await refused_login(world, device=at("198.51.100.1", mallory))
    assert isinstance(refused, TooManyTries)


async def test_a_device_token_that_is_old_or_not_ours_makes_a_stranger(world: World) -> None:
    await registered(world)
    token = (await log_in_with(world)).device_token
    device, issued, seal = token.split(".")
    forged = [
        "",
        "x",
        f"{device}.{issued}.{'0' * 128}",
        f"{'0' * 32}.{issued}.{seal}",
        f"{device}.{int(issued) + 1}.{seal}",
        f"{device}.{'9' * 11}.{seal}",
        f"{token}.",
        f" {token}",
        token.upper(),
    ]
    await guess(world, ACCOUNT_ATTEMPTS)
    for one in forged:
        refused = await refused_login(world, device=at(DEVICE.ip_address, one))
        assert isinstance(refused, TooManyTries), one
    await log_in_with(world, device=at(DEVICE.ip_address, token))
    world.clock.advance(seconds=DEVICE_LIFE.total_seconds())
    await guess(world, ACCOUNT_ATTEMPTS)
    refused = await refused_login(world, device=at(DEVICE.ip_address, token))
    assert isinstance(refused, TooManyTries)


async def test_successes_are_never_counted(world: World) -> None:
    await registered(world)
    for _ in range(ACCOUNT_ATTEMPTS + 1):
        await log_in_with(world)
    await guess(world, ACCOUNT_ATTEMPTS)


@pytest.mark.parametrize("away", ["threads", "database"])
async def test_what_was_not_looked_at_is_not_counted(world: World, away: str) -> None:
    await registered(world)
    compare = world.passwords.verify

    async def busy(password: str, hash: str | None) -> bool:
        raise Unavailable("Too much to do.", code="busy")

    for _ in range(ACCOUNT_ATTEMPTS + 1):
        if away == "threads":
            world.passwords.verify = busy  # type: ignore[method-assign]
        else:
            world.storage.read_errors.append(Unavailable("The database is away."))
        assert isinstance(await refused_login(world), Unavailable)
    world.passwords.verify = compare  # type: ignore[method-assign]
    await log_in_with(world)


async def test_a_client_without_an_address_is_counted_by_account_alone(world: World) -> None:
    await registered(world)
    await guess(world, ACCOUNT_ATTEMPTS, device=at(None))
    assert isinstance(await refused_login(world, device=at(None)), TooManyTries)


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


async def refused_refresh(world: World, secret: str | None) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await refresh(world, secret)
    return refused.value


async def test_asked_again_at_once_the_same_secret_comes_again(world: World) -> None:
    await registered(world)
    first = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    expires_at = (await world.session_of(session_of(world, first))).expires_at
    world.clock.advance(seconds=REPEAT_WITHIN.total_seconds())
    again = await refresh(world, first.refresh_secret)
    assert again.refresh_secret == second.refresh_secret
    session = await world.session_of(session_of(world, again))
    assert (session.revoked_at, session.expires_at) == (None, expires_at)
    await refresh(world, again.refresh_secret)
    assert world.told == []


async def is_theft(world: World, secret: str) -> None:
    """Using it is refused, and ends the session."""
    world.forget_events()
    reused = await refused_refresh(world, secret)
    assert isinstance(reused, Unauthenticated)
    assert reused.code == "invalid_refresh_token"
    (revoked,) = world.events
    assert isinstance(revoked, events.SessionRevoked)
    assert revoked.actor == SYSTEM
    assert (await world.session_of(revoked.session_id)).revoked_at == world.clock.now()


async def test_a_spent_secret_used_after_a_while_is_theft_and_ends_the_whole_session(
    world: World,
) -> None:
    await registered(world)
    first = await log_in_with(world)
    other = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    world.clock.advance(seconds=REPEAT_WITHIN.total_seconds(), milliseconds=1)
    await is_theft(world, first.refresh_secret)
    assert (await refused_refresh(world, second.refresh_secret)).code == "invalid_refresh_token"
    await refresh(world, other.refresh_secret)


async def test_a_spent_secret_whose_successor_has_been_used_is_theft_at_once(
    world: World,
) -> None:
    await registered(world)
    first = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    third = await refresh(world, second.refresh_secret)
    await is_theft(world, first.refresh_secret)
    assert (await refused_refresh(world, third.refresh_secret)).code == "invalid_refresh_token"


async def test_after_logging_out_with_the_successor_nothing_comes_again(world: World) -> None:
    await registered(world)
    first = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    await world.use.logins.log_out(
        second.refresh_secret,
    )
    assert (await refused_refresh(world, first.refresh_secret)).code == "invalid_refresh_token"


async def test_a_user_who_was_disabled_since_gets_nothing_again(world: World) -> None:
    user = await registered(world)
    first = await log_in_with(world)
    await refresh(world, first.refresh_secret)
    async with world.storage.write() as uow:
        user.is_active = False
        await uow.users.save(user)
        await uow.commit()
    assert (await refused_refresh(world, first.refresh_secret)).code == "account_disabled"


async def test_the_next_secret_cannot_be_worked_out_without_the_services_key(
    world: World,
) -> None:
    await registered(world)
    first = await log_in_with(world)
    second = await refresh(world, first.refresh_secret)
    purpose = "next refresh secret"
    assert second.refresh_secret == world.digests.of(first.refresh_secret, purpose=purpose)
    world.digests.key = "another"
    await is_theft(world, first.refresh_secret)


async def test_racing_refreshes_all_get_the_same_secret_and_leave_one_lineage(
    world: World,
) -> None:
    await registered(world)
    grant = await log_in_with(world)
    won, refused = await outcomes(refresh(world, grant.refresh_secret) for _ in range(20))
    assert (len(won), refused) == (20, [])
    (successor,) = {one.refresh_secret for one in won}
    await refresh(world, successor)
    assert world.told == []


async def test_an_unknown_secret_and_one_that_has_expired_are_refused(world: World) -> None:
    await registered(world)
    grant = await log_in_with(world)
    for unknown in ("0" * 128, None):
        assert (await refused_refresh(world, unknown)).code == "invalid_refresh_token"
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
        await world.use.logins.log_out(
            grant.refresh_secret,
        )
    assert (await world.session_of(session_of(world, grant))).revoked_at == NOW
    assert world.events == [
        events.SessionRevoked(
            session_id=session_of(world, grant),
            user_id=user.id,
            actor=acting(user, session_of(world, grant)),
            at=NOW,
        )
    ]
    assert (await refused_refresh(world, grant.refresh_secret)).code == "invalid_refresh_token"


async def test_logging_out_of_nothing_is_fine(world: World) -> None:
    await world.use.logins.log_out(
        "0" * 128,
    )
    assert world.told == []


async def test_leaving_ends_the_session_that_one_acts_through_once(world: World) -> None:
    user = await registered(world)
    here, there = build_session(user.id), build_session(user.id)
    await world.keep(here, there)
    actor = acting(user, here.id)
    for _ in range(2):
        await world.use.logins.leave(actor=actor)
    assert (await world.session_of(here.id)).revoked_at == NOW
    assert (await world.session_of(there.id)).revoked_at is None
    assert world.events == [
        events.SessionRevoked(session_id=here.id, user_id=user.id, actor=actor, at=NOW)
    ]


async def test_leaving_what_has_no_session_is_fine(world: World) -> None:
    await world.use.logins.leave(actor=SYSTEM)
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
    seen = await world.use.logins.list_all(
        actor=acting(user),
    )
    assert [session.id for session in seen] == [newer.id, older.id]


async def test_a_user_ends_one_of_their_own_sessions_once(world: World) -> None:
    user = await registered(world)
    session = build_session(user.id)
    await world.keep(session)
    actor = acting(user)
    for _ in range(2):
        await world.use.logins.revoke(
            session.id,
            actor=actor,
        )
    assert (await world.session_of(session.id)).revoked_at == NOW
    assert world.events == [
        events.SessionRevoked(session_id=session.id, user_id=user.id, actor=actor, at=NOW)
    ]


async def test_nobody_ends_anothers_session(world: World) -> None:
    user = await registered(world)
    session = build_session(user.id)
    await world.keep(session)
    with pytest.raises(Forbidden):
        await world.use.logins.revoke(
            session.id,
            actor=await world.admin(),
        )
    assert (await world.session_of(session.id)).revoked_at is None


async def test_a_session_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.use.logins.revoke(
            SessionId(new_id()),
            actor=await world.patient(),
        )
    assert refused.value.code == "session_not_found"
