"""How things are written for the outside: camelCase keys, instants, dates, JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec


def instant(at: datetime) -> str:
    """``2025-12-30T10:00:00.000Z``. ``at`` must be aware."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def optional_instant(at: datetime | None) -> str | None:
    """An instant, or null."""
    return None if at is None else instant(at)


def calendar_date(day: date) -> str:
    """A local date, written as the midnight of that date: ``2025-12-30T00:00:00.000Z``."""
    return f"{day.isoformat()}T00:00:00.000Z"


class Body(msgspec.Struct, rename="camel"):
    """A JSON object that a client receives. Fields may be added, never renamed or removed."""


encoder = msgspec.json.Encoder()


def encode(body: Any) -> bytes:
    """Any body as JSON."""
    return encoder.encode(body)
