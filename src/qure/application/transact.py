"""Doing a use case again when its transaction lost a race."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from qure.application.ports.storage import TransactionConflict

ATTEMPTS = 3

P = ParamSpec("P")
T = TypeVar("T")


def retried(
    use_case: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """The use case, done up to ``ATTEMPTS`` times in all while it ends in ``TransactionConflict``.

    For use cases that do everything in one unit of work: the lost attempt left nothing behind.
    """

    @wraps(use_case)
    async def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return await use_case(*args, **kwargs)
            except TransactionConflict:
                continue
        return await use_case(*args, **kwargs)

    return attempt
