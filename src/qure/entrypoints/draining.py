"""How the server tells the application to send its socket clients elsewhere."""

from __future__ import annotations

from typing import Any

DRAIN = "qure.drain"
"""Key in the lifespan state of the function that sends socket clients away."""


def drain(app_state: dict[str, Any]) -> None:
    """Call that function, if the application has started."""
    send_away = app_state.get(DRAIN)
    if send_away is not None:
        send_away()
