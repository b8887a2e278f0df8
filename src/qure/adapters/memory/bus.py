"""The bus of a single process: what is published is heard at once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from qure.application.ports.journal import JournalEntry
from qure.domain.errors import Unavailable

_log = logging.getLogger(__name__)


class MemoryBus:
    """See ``EventBus``. Nothing is ever missed: publisher and listener die together."""

    def __init__(self) -> None:
        self._on_entry: Callable[[JournalEntry], None] | None = None
        self._started = False

    def subscribe(
        self,
        on_entry: Callable[[JournalEntry], None],
        on_resync: Callable[[], Awaitable[None]],  # noqa: ARG002 - never needed here
    ) -> None:
        """Raises ``RuntimeError`` when called twice, or after ``start``."""
        if self._started or self._on_entry is not None:
            raise RuntimeError("subscribe is called once, before start")
        self._on_entry = on_entry

    async def start(self) -> None:
        """From now on it carries."""
        self._started = True

    async def close(self) -> None:
        """From now on publishing raises ``Unavailable``."""
        self._started = False

    async def publish(self, entries: Sequence[JournalEntry]) -> None:
        """When it returns, they were heard. A listener's failure is logged, not raised."""
        if not self._started:
            raise Unavailable("The message bus is not running.")
        if self._on_entry is None:
            return
        for entry in entries:
            try:
                self._on_entry(entry)
            except Exception:  # noqa: BLE001 - one bad entry must not stop those behind it
                _log.exception("an announcement was not taken", extra={"entry_id": str(entry.id)})

    def generation(self) -> int | None:
        """Always the same while it runs: nothing is missed."""
        return 0 if self._started else None
