"""Doing the same to all that is due, each in a transaction of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from qure.application.ports.storage import Storage, UnitOfWork
from qure.domain.errors import Unavailable

logger = logging.getLogger(__name__)

Id = TypeVar("Id")


async def see_to_all(
    storage: Storage,
    find: Callable[[UnitOfWork], Awaitable[Sequence[Id]]],
    do: Callable[[Id], Awaitable[bool]],
    *,
    batch: int,
    failure: str,
) -> int:
    """Do it to all that ``find`` finds, at most ``batch`` at a time; to how many it was done.

    A batch of which each one fails is not tried again. See ``see_to``.
    """
    done = 0
    while True:
        async with storage.read() as uow:
            found = await find(uow)
        outcomes = await see_to(found, do, failure=failure)
        done += sum(outcomes)
        if len(found) < batch or not outcomes:
            return done


async def see_to(
    found: Sequence[Id], do: Callable[[Id], Awaitable[bool]], *, failure: str
) -> list[bool]:
    """Do it to each; what it returned for those for which it did not fail.

    ``do`` looks once more, and returns whether there was anything to do: any number of processes
    may do the same at once. One that fails is logged as ``failure``, with its id, and holds up no
    other. Raises ``Unavailable``.
    """
    outcomes = []
    for id in found:
        try:
            outcomes.append(await do(id))
        except Unavailable:
            raise
        except Exception:
            logger.exception(failure, id)
    return outcomes
