"""bcrypt: right answers, equal times, bounded, and never a fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from qure.adapters.security.passwords import BcryptHasher
from qure.domain.errors import Invalid, Unavailable

UNREADABLE = ["x" * 73, "ü" * 37, "nul\0inside", "\0", "half a pair \ud800"]


@pytest.fixture
def hasher() -> Iterator[BcryptHasher]:
    hasher = BcryptHasher(rounds=4)
    yield hasher
    hasher.close()


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


@pytest.mark.parametrize("password", UNREADABLE)
async def test_what_bcrypt_cannot_read_is_refused_for_hashing(
    hasher: BcryptHasher, password: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await hasher.hash(password)
    assert [error.path for error in refusal.value.errors] == ["password"]


@pytest.mark.parametrize("password", UNREADABLE)
async def test_what_bcrypt_cannot_read_is_a_wrong_password(
    hasher: BcryptHasher, password: str
) -> None:
    kept = await hasher.hash("x" * 72)
    assert await hasher.verify(password, kept) is False


@pytest.mark.parametrize("password", ["", "secret", *UNREADABLE])
async def test_nobody_has_no_password(hasher: BcryptHasher, password: str) -> None:
    assert await hasher.verify(password, None) is False


async def test_an_unknown_user_and_an_unreadable_password_take_as_long_as_a_wrong_password() -> (
    None
):
    hasher = BcryptHasher(rounds=9, threads=1)
    kept = await hasher.hash("secret")
    await hasher.warm_up()
    wrong = await _cpu_time(lambda: hasher.verify("wrong", kept))
    for other in (
        await _cpu_time(lambda: hasher.verify("wrong", None)),
        await _cpu_time(lambda: hasher.verify("x" * 73, kept)),
        await _cpu_time(lambda: hasher.verify("\0", None)),
    ):
        assert 0.6 < other / wrong < 1.6


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
