"""Clients come back by themselves to a server that was restarted, over every transport."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.sockets.test_drain import stop
from tests.sockets.test_javascript_client import FOLDER, ROOT, run
from tests.support.clients.sockets import SocketIoClient, socketio_transports
from tests.support.socket_service import running_service
from tests.support.waiting import eventually

SOCKETIO = ["polling", "upgraded", "websocket"]


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@pytest.mark.parametrize("transport", SOCKETIO)
async def test_python_clients_come_back_to_a_restarted_server(
    tmp_path: Path, transport: str
) -> None:
    async with running_service(tmp_path, graceful_seconds=15) as service:
        _, queue = await service.clinic()
        person = await service.person()
        client = SocketIoClient(reconnects=True)
        await client.open(service.url, person.jwt, socketio_transports(transport))
        await client.ask("join-queue", str(queue.id))
        assert await stop(service) < 5
        await eventually(client.gone.is_set)
    async with running_service(tmp_path, port=port_of(service.url)) as again:
        await eventually(lambda: not client.gone.is_set() and client.sio.connected, within=10)
        assert (await client.ask("join-queue", str(queue.id)))["ok"] is True
        assert len(again.container.hub.clients()) == 1
        await client.close()


@pytest.mark.parametrize("transport", SOCKETIO)
async def test_javascript_clients_come_back_to_a_restarted_server(
    tmp_path: Path, transport: str
) -> None:
    if shutil.which("node") is None:
        pytest.fail("node is missing: install Node.js 18 or newer with npm")
    code, output = await run("scripts/install-js", "tests/support/js")
    assert code == 0, output
    async with running_service(tmp_path, graceful_seconds=15) as service:
        person = await service.person()
        options = {} if transport == "upgraded" else {"transports": [transport]}
        client = await asyncio.create_subprocess_exec(
            "node",
            str(FOLDER / "coming_back.mjs"),
            service.url,
            person.jwt,
            json.dumps(options),
            cwd=ROOT,
            env=os.environ,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert await said(client) == "connected"
            assert await stop(service) < 5
            assert await said(client) != "io server disconnect"
            async with running_service(tmp_path, port=port_of(service.url)) as again:
                assert await said(client) == "connected"
                assert len(again.container.hub.clients()) == 1
        finally:
            client.kill()
            await client.wait()


async def said(client: asyncio.subprocess.Process) -> str:
    """The client's next line."""
    assert client.stdout is not None
    async with asyncio.timeout(15):
        return (await client.stdout.readline()).decode().strip()
