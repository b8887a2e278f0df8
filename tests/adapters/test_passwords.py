"""bcrypt: right answers, equal times, bounded, and never a fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from qure.adapters.security.passwords import BcryptHasher
from qure.domain.errors import Invalid, Unavailable

CUT_BY_BCRYPT = ["x" * 73, "ü" * 37, "nul\0inside", "\0", "🔑" * 1000]
HALF_A_PAIR = "half a pair \ud800"


@pytest.fixture
async def hasher() -> AsyncIterator[BcryptHasher]:
    hasher = BcryptHasher(rounds=4)
    yield hasher
    await hasher.close()


async def test_a_password_fits_its_own_hash_and_no_other_password_does(
    hasher: BcryptHasher,
) -> None:
    kept = await hasher.hash("corréct horse")
    assert kept.startswith("$2b$04$")
    assert await hasher.verify("corréct horse", kept)
    assert not await hasher.verify("correct horse", kept)
    assert not await hasher.verify("", kept)


async def test_the_same_password_is_hashed_with_new_salt_each_time(hasher: BcryptHasher) -> None:
    assert await hasher.hash("secret") != await hasher.hash("secret")


async def test_all_72_bytes_count(hasher: BcryptHasher) -> None:
    kept = await hasher.hash("x" * 72)
    assert await hasher.verify("x" * 72, kept)
    assert not await hasher.verify("x" * 71 + "y", kept)


@pytest.mark.parametrize("password", CUT_BY_BCRYPT)
async def test_what_bcrypt_does_not_read_to_the_end_counts_to_the_last_character(
    hasher: BcryptHasher, password: str
) -> None:
    kept = await hasher.hash(password)
    assert kept.startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert await hasher.verify(password, kept)
    assert not await hasher.verify(password[:-1], kept)
    assert not await hasher.verify(password + "x", kept)
    assert not await hasher.verify(password[:-1] + "y", kept)


@pytest.mark.parametrize("password", CUT_BY_BCRYPT)
async def test_a_short_password_is_not_what_begins_a_long_one(
    hasher: BcryptHasher, password: str
) -> None:
    kept = await hasher.hash("x" * 72)
    assert await hasher.verify(password, kept) is False
    assert await hasher.verify("x" * 73, kept) is False


@pytest.mark.parametrize(
    "kept",
    [
        # bcrypt's own test vectors (Openwall's crypt_blowfish) and one each of PHP and of passlib.
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    ],
)
async def test_the_hashes_of_other_programs_are_verified(hasher: BcryptHasher, kept: str) -> None:
    assert await hasher.verify("U*U", kept)
    assert not await hasher.verify("U*V", kept)


async def test_a_long_password_costs_no_more_than_a_short_one() -> None:
    hasher = BcryptHasher(rounds=9, threads=1)
    short, long = "secret", "🔑" * 1000
    kept_short, kept_long = await hasher.hash(short), await hasher.hash(long)
    await hasher.warm_up()
    usual = await _cpu_time(lambda: hasher.verify(short, kept_short))
    assert 0.6 < await _cpu_time(lambda: hasher.verify(long, kept_long)) / usual < 1.6
    await hasher.close()


async def test_half_a_surrogate_pair_is_refused_for_hashing_and_never_right(
    hasher: BcryptHasher,
) -> None:
    with pytest.raises(Invalid) as refusal:
        await hasher.hash(HALF_A_PAIR)
    assert [error.path for error in refusal.value.errors] == ["password"]
    for kept in (await hasher.hash("x" * 72), await hasher.hash("x" * 73), None):
        assert await hasher.verify(HALF_A_PAIR, kept) is False


@pytest.mark.parametrize("password", ["", "secret", *CUT_BY_BCRYPT])
async def test_nobody_has_no_password(hasher: BcryptHasher, password: str) -> None:
    assert await hasher.verify(password, None) is False


async def test_whatever_is_wrong_takes_as_long_as_a_wrong_password() -> None:
    hasher = BcryptHasher(rounds=9, threads=1)
    short, long = await hasher.hash("secret"), await hasher.hash("x" * 1000)
    await hasher.warm_up()
    wrong = await _cpu_time(lambda: hasher.verify("wrong", short))
    for password in ("wrong", "x" * 999, "\0", HALF_A_PAIR):
        for kept in (short, long, None):
            other = await _cpu_time(lambda p=password, k=kept: hasher.verify(p, k))  # type: ignore[misc]
            assert 0.6 < other / wrong < 1.6, (password[:9], kept)
    await hasher.close()


async def test_too_many_at_once_are_told_busy_and_the_rest_are_served() -> None:
    hasher = BcryptHasher(rounds=4, threads=1, queue_limit=3)
    kept = await hasher.hash("secret")
    answers = await asyncio.gather(
        *(hasher.verify("secret", kept) for _ in range(10)), return_exceptions=True
    )
    assert answers.count(True) == 4
    refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refusals) == 6
    assert {refusal.code for refusal in refusals} == {"busy"}


async def test_the_event_loop_stays_free_meanwhile() -> None:
    hasher = BcryptHasher(rounds=11, threads=1)
    await hasher.warm_up()
    busy = asyncio.ensure_future(hasher.hash("secret"))
    turns = 0
    while not busy.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 10


async def _cpu_time(work: Callable[[], Awaitable[object]]) -> float:
    # The process's CPU time, not the wall's: other programs on the machine do not count in it.
    times = []
    for _ in range(7):
        start = time.process_time()
        await work()
        times.append(time.process_time() - start)
    return min(times)
