"""Who is told what this process does: metrics and traces hang here, the rules know of neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from qure.application.ports.gateways import Job
from qure.application.ports.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class Observers:
    """Empty lists cost nothing. Whoever is in one must neither wait nor raise."""

    of_commits: list[Callable[[JournalEntry], None]] = field(default_factory=list)
    of_deliveries: list[Callable[[datetime], None]] = field(default_factory=list)
    of_jobs: list[Callable[[Job], AbstractContextManager[object]]] = field(default_factory=list)

    def committed(self, entry: JournalEntry) -> None:
        """This process has committed that."""
        for observe in self.of_commits:
            observe(entry)

    def delivered(self, committed_at: datetime) -> None:
        """What was committed then has been handed to every socket of this process."""
        for observe in self.of_deliveries:
            observe(committed_at)

    @contextmanager
    def doing(self, job: Job) -> Iterator[None]:
        """One attempt at a job: the block. An exception that leaves it is a failed one."""
        with ExitStack() as stack:
            for observe in self.of_jobs:
                stack.enter_context(observe(job))
            yield
