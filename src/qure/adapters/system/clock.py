"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """UTC, cut to milliseconds: what the wire and every database keep without loss."""

    def now(self) -> datetime:
        """The instant, UTC-aware, with millisecond precision."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
