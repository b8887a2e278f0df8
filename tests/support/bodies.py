"""Bodies of answers and events, as tests compare them."""

from __future__ import annotations

from typing import Any


def without_waits(body: Any) -> Any:
    """Without what changes of its own accord, a moment later: forecasts go on with time."""
    if isinstance(body, dict):
        return {name: without_waits(one) for name, one in body.items() if name != "wait"}
    return [without_waits(one) for one in body] if isinstance(body, list) else body
