"""A server that stops sends its clients to come back elsewhere, and does not wait for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.sockets.clients import TRANSPORTS, open_client
from tests.support.socket_service import SocketService, running_service
from tests.support.waiting import eventually


async def stop(service: SocketService) -> float:
    """The seconds from the order to stop until the server has ended."""
    began = asyncio.get_running_loop().time()
    service.server.should_exit = True
    async with asyncio.timeout(20):
        await service.serving
    return asyncio.get_running_loop().time() - began


async def test_a_stopping_server_is_gone_in_seconds_with_sockets_of_every_kind_open(
    tmp_path: Path,
) -> None:
    async with running_service(tmp_path, graceful_seconds=15) as service:
        _, queue = await service.clinic()
        clients = [
            await open_client(service, (await service.person()).jwt, transport)
            for transport in TRANSPORTS
            for _ in range(2)
        ]
        for client in clients:
            await client.ask("join-queue", str(queue.id))
        assert await stop(service) < 5
        async with asyncio.timeout(5):
            for client in clients:
                await client.gone.wait()
        assert service.container.hub.clients() == []
        for client in clients:
            await client.close()


async def test_a_waiting_poll_loses_the_transport(tmp_path: Path) -> None:
    async with (
        running_service(tmp_path, graceful_seconds=15) as service,
        httpx.AsyncClient(base_url=service.url) as http,
    ):
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = opened.text.split('"')[3]
        url = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        polling = asyncio.create_task(http.get(url))
        engine: Any = service.container.sockets._engine
        await eventually(lambda: engine.sockets[sid].outgoing.has_reader)
        assert await stop(service) < 5
        # Engine.IO's own farewell would be final for python-engineio's client.
        assert (await polling).status_code == 503
        assert (await polling).headers["Retry-After"] == "1"


async def test_a_plain_websocket_is_closed_as_for_a_restart(tmp_path: Path) -> None:
    async with (
        running_service(tmp_path, graceful_seconds=15) as service,
        connect(service.websocket_url) as connection,
    ):
        assert await stop(service) < 5
        await connection.wait_closed()
        assert connection.close_code == 1012


async def test_nobody_is_let_in_while_the_server_drains(service: SocketService) -> None:
    service.container.sockets.drain()
    async with httpx.AsyncClient(base_url=service.url) as http:
        answer = await http.get("/socket.io/?EIO=4&transport=polling")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
    for path in ("/ws", "/socket.io/?EIO=4&transport=websocket"):
        with pytest.raises(InvalidStatus) as refusal:
            async with connect(service.websocket_url.replace("/ws", path)):
                pass
        assert refusal.value.response.status_code == 403
