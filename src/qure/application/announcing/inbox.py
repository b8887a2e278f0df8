"""What a process hears of every change: each announced entry once, whoever brings it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cachetools import FIFOCache

from qure.application.ports.storage import JournalEntry
from qure.domain.ids import EntryId

REMEMBERED_ENTRIES: Final = 10_000

Subscriber = Callable[[JournalEntry], None]
"""Must not wait. Hearing an entry again after very many others does no harm."""


class Inbox:
    """Hands each entry to its subscribers in their order, and passes over one that repeats.

    Entries come from this process's own commits, from the bus, and from the journal after a
    resync. How many are remembered is bounded.
    """

    def __init__(
        self, subscribers: Sequence[Subscriber], *, remembered: int = REMEMBERED_ENTRIES
    ) -> None:
        self._subscribers = tuple(subscribers)
        self._received: FIFOCache[EntryId, None] = FIFOCache(remembered)

    def receive(self, entry: JournalEntry) -> None:
        """An announced change. Raises what a subscriber raises."""
        if entry.id in self._received:
            return
        self._received[entry.id] = None
        for subscriber in self._subscribers:
            subscriber(entry)
