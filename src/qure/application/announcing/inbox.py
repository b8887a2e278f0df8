"""What a process hears of every change: each announced entry, whoever brings it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cachetools import FIFOCache

from qure.application.ports.journal import JournalEntry
from qure.domain.ids import EntryId

REMEMBERED_ENTRIES: Final = 10_000

Subscriber = Callable[[JournalEntry], None]
"""Must not wait. Hearing an entry again after very many others does no harm."""


class Inbox:
    """Hands each entry to its subscribers in their order, and passes over one that repeats.

    Entries come from this process's own commits, from the bus, and from the journal after a
    resync. How many are remembered is bounded. ``every_time`` are called first, and for those that
    repeat too: an entry on the bus also tells that the shared cache was cleaned of what it made
    false, which a process that heard of its own commit before does not know yet.
    """

    def __init__(
        self,
        subscribers: Sequence[Subscriber],
        *,
        every_time: Sequence[Subscriber] = (),
        remembered: int = REMEMBERED_ENTRIES,
    ) -> None:
        self._every_time = tuple(every_time)
        self._everyone = (*every_time, *subscribers)
        self._received: FIFOCache[EntryId, None] = FIFOCache(remembered)

    def receive(self, entry: JournalEntry) -> None:
        """An announced change.

        A subscriber that fails keeps none of the others from hearing of it; after them an
        ``ExceptionGroup`` is raised.
        """
        repeats = entry.id in self._received
        self._received[entry.id] = None
        faults: list[Exception] = []
        for subscriber in self._every_time if repeats else self._everyone:
            try:
                subscriber(entry)
            except Exception as fault:  # noqa: BLE001 - raised below
                faults.append(fault)
        if faults:
            raise ExceptionGroup(f"not everyone has taken entry {entry.id}", faults)
