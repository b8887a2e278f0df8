"""A running service for the tests that need one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sockets.clients import TRANSPORTS, Clients, opening
from tests.support.socket_service import SocketService, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[SocketService]:
    """The real application, embedded, on a free port of loopback."""
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
async def clients(service: SocketService, request: pytest.FixtureRequest) -> AsyncIterator[Clients]:
    """Opens clients over each transport in turn."""
    async with opening(service, request.param) as opened:
        yield opened
