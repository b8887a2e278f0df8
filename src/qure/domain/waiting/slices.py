"""Work that is done in slices."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def finished(work: Generator[None, None, T]) -> T:
    """All of it at one stretch."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
