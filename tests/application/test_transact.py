"""A lost race is run again, a few times, and nothing else is."""

from __future__ import annotations

import pytest

from qure.application.ports.storage import TransactionConflict
from qure.application.transact import ATTEMPTS, retried
from qure.domain.errors import Unavailable


class Races:
    """A use case that ends in these errors, one after the other, and then well."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.attempts = 0

    async def run(self, answer: str, *, suffix: str) -> str:
        self.attempts += 1
        if self._errors:
            raise self._errors.pop(0)
        return answer + suffix


async def test_a_race_that_is_won_in_the_end_is_not_noticed() -> None:
    races = Races(*(TransactionConflict() for _ in range(ATTEMPTS - 1)))
    assert await retried(races.run)("do", suffix="ne") == "done"
    assert races.attempts == ATTEMPTS


async def test_a_race_that_is_lost_every_time_is_told() -> None:
    races = Races(*(TransactionConflict() for _ in range(ATTEMPTS)))
    with pytest.raises(TransactionConflict):
        await retried(races.run)("do", suffix="ne")
    assert races.attempts == ATTEMPTS


async def test_another_error_is_told_at_once() -> None:
    races = Races(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await retried(races.run)("do", suffix="ne")
    assert races.attempts == 1
