"""What both kinds of jobs have in common: who does them, how often, and how they are counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from qure.application.ports.gateways import Job

Handler = Callable[[Job, bool], Awaitable[None]]
"""Does a job; is told whether this is its last attempt. Whatever it raises, it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a job is tried, and how long it may take, in seconds.

    Before the second attempt at most ``first_delay`` passes, and twice as much before each
    further one, up to ``longest_delay``; chance shortens it, so that what failed together does
    not come back together. The defaults outlast some two minutes of a backend that is away.
    """

    attempts: int = 8
    timeout: int = 60
    first_delay: float = 2.0
    longest_delay: float = 120.0

    def delay_after(self, attempt: int, chance: float) -> float:
        """Seconds to wait after that attempt (from 1) failed, ``chance`` being in 0..1."""
        longest = min(self.longest_delay, self.first_delay * 2.0 ** (attempt - 1))
        return longest * (0.5 + chance / 2)
