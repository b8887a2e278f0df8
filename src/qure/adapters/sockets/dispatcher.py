"""What the socket protocols ask of whoever stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from qure.adapters.sockets.clients import Client
from qure.application.ports.gateways import AccessClaims


class Dispatcher(Protocol):
    """The use cases, as the socket protocols reach them."""

    def identify(self, jwt: object) -> AccessClaims:
        """Raises ``Unauthenticated``: ``unauthorized`` when nothing was given at all."""

    async def handle(self, client: Client, event: str, arguments: Sequence[object]) -> bytes:
        """Do what was asked; the acknowledgement as JSON. Raises nothing."""

    def turn_away(self, client: Client, event: str) -> bytes:
        """Say that it came too soon, and do nothing; the acknowledgement as JSON."""
