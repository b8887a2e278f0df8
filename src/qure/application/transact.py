"""A use case's transaction: one unit of work, done again when it lost a race."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from qure.application.ports.storage import Storage, TransactionConflict, UnitOfWork

ATTEMPTS = 3

T = TypeVar("T")


async def transact(storage: Storage, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    """What ``work`` returns, done again (``ATTEMPTS`` in all) when it lost a race.

    ``work`` does everything in the unit of work that it is given, and says itself when to commit:
    a lost attempt left nothing behind, and leaving without ``commit`` changes nothing.
    """
    purpose = work.__qualname__.partition(".<locals>")[0]
    for _ in range(ATTEMPTS - 1):
        try:
            async with storage.write(purpose) as uow:
                return await work(uow)
        except TransactionConflict:
            continue
    async with storage.write(purpose) as uow:
        return await work(uow)
