"""An answer is kept once under its key, until it is old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.ports.storage import Storage, TransactionConflict
from qure.domain.token import Priority, TokenStatus
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_kept_answer, build_token


async def test_an_answer_comes_back_as_kept(storage: Storage) -> None:
    answer = build_kept_answer(
        scope="device ä",
        key="🔑",
        asked="0a" * 32,
        tokens=(
            build_token(status=TokenStatus.CALLED, called_at=NOW, priority=Priority.URGENT),
            build_token(name="Ana", guest=True, label="B012", number=12),
        ),
        generation=2,
        created_at=NOW + timedelta(seconds=1),
    )
    nothing = build_kept_answer(tokens=())
    await given(storage, answer, nothing)
    async with storage.read() as db:
        for kept in (answer, nothing):
            assert await db.kept_answers.get(kept.scope, kept.key) == kept
        assert await db.kept_answers.get("somebody else", answer.key) is None
        assert await db.kept_answers.get(answer.scope, "another key") is None


async def test_the_same_key_of_others_and_other_keys_stand_beside_it(storage: Storage) -> None:
    answers = [
        build_kept_answer(scope=scope, key=key) for scope in ("ada", "grace") for key in ("1", "2")
    ]
    await given(storage, *answers)
    async with storage.read() as db:
        for answer in answers:
            assert await db.kept_answers.get(answer.scope, answer.key) == answer


async def test_many_are_kept_and_found_together_each_under_its_own_key(storage: Storage) -> None:
    answers = [
        build_kept_answer(scope=scope, key=key) for scope in ("ada", "grace") for key in ("1", "2")
    ]
    async with storage.write() as db:
        await db.kept_answers.add(answers)
        await db.kept_answers.add([])
        await db.commit()
    crosswise = {("ada", "1"), ("grace", "2"), ("grace", "3"), ("linus", "1")}
    async with storage.read() as db:
        found = await db.kept_answers.get_all(crosswise)
        assert sorted(one.scope + one.key for one in found) == ["ada1", "grace2"]
        assert all(one in answers for one in found)
        assert await db.kept_answers.get_all(set()) == []


async def test_what_is_kept_is_never_kept_again(storage: Storage) -> None:
    answer = build_kept_answer(asked="first")
    await given(storage, answer)
    async with storage.write() as db:
        with pytest.raises(TransactionConflict):
            await db.kept_answers.add(
                [build_kept_answer(scope=answer.scope, key=answer.key, asked="second")]
            )
    async with storage.read() as db:
        assert await db.kept_answers.get(answer.scope, answer.key) == answer


async def test_an_answer_that_was_deleted_leaves_its_key_to_another(storage: Storage) -> None:
    answer, other = build_kept_answer(), build_kept_answer()
    await given(storage, answer, other)
    again = build_kept_answer(scope=answer.scope, key=answer.key, asked="anew")
    async with storage.write() as db:
        await db.kept_answers.delete(answer.scope, answer.key)
        await db.kept_answers.delete(answer.scope, "another key")
        await db.kept_answers.delete("somebody else", other.key)
        await db.kept_answers.add([again])
        await db.commit()
    async with storage.read() as db:
        assert await db.kept_answers.get(answer.scope, answer.key) == again
        assert await db.kept_answers.get(other.scope, other.key) == other


async def test_old_answers_are_forgotten_in_pieces_the_oldest_first(storage: Storage) -> None:
    answers = [
        build_kept_answer(scope="one", key=str(age), created_at=NOW - timedelta(seconds=age))
        for age in range(-1, 6)
    ]
    await given(storage, *answers)

    async def left() -> list[str]:
        async with storage.read() as db:
            found = [await db.kept_answers.get("one", answer.key) for answer in answers]
        return [answer.key for answer in found if answer is not None]

    async def forget() -> int:
        async with storage.write() as db:
            gone = await db.kept_answers.delete_older(before=NOW, limit=3)
            await db.commit()
        return gone

    assert await forget() == 3
    assert await left() == ["-1", "0", "1", "2"]
    assert await forget() == 2
    assert await forget() == 0
    assert await left() == ["-1", "0"]
