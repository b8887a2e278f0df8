"""How the server tells the application to send its socket clients elsewhere."""

from __future__ import annotations

from typing import Any

from qure.wire.asgi import DRAIN


def drain(app_state: dict[str, Any]) -> None:
    """Call the application's function for it, if the application has started."""
    send_away = app_state.get(DRAIN)
    if send_away is not None:
        send_away()
