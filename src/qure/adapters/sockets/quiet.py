"""Log lines that strangers can cause as often as they like."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 10.0


class Quiet(logging.Filter):
    """Lets the same line through once in ``EVERY_SECONDS``, whatever it is filled in with.

    The next one says how many were left out. Tracebacks always come through: they are faults.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._next_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if record.exc_info or record.levelno < logging.INFO:
            return True
        line, now = str(record.msg), self._now()
        if now < self._next_at.get(line, 0.0):
            self._left_out[line] = self._left_out.get(line, 0) + 1
            return False
        self._next_at[line] = now + EVERY_SECONDS
        if left_out := self._left_out.pop(line, 0):
            record.msg = f"{line} (and {left_out} more like it)"
        return True
