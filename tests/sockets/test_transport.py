"""Keeping connections alive, and the short way to the wire beside the plain one."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.gateway import SocketGateway
from qure.adapters.sockets.hub import Hub
from qure.application.ports.gateways import AccessClaims
from qure.domain.actor import Role
from qure.entrypoints.process.protocols.websocket import WebSocketProtocol
from qure.entrypoints.process.server import uvicorn_options
from tests.sockets.clients import SocketIoClient, open_client
from tests.sockets.listeners import HubSources, claims
from tests.support.socket_service import running_service
from tests.support.waiting import eventually


class LongWay(WebSocketProtocol):
    """Writes no frame for the application, which then sends it as to any server."""

    def write_frame(self, frame: bytes) -> bool:
        return False


class OpenDispatcher:
    """Lets everybody in and does nothing."""

    def identify(self, jwt: object) -> AccessClaims:
        return claims()

    async def handle(self, client: Client, event: str, arguments: Sequence[object]) -> bytes:
        return b'{"ok":true,"data":null}'

    def turn_away(self, client: Client, event: str) -> bytes:
        raise AssertionError("nobody comes too soon here")


@asynccontextmanager
async def impatient_server() -> AsyncIterator[tuple[str, Hub]]:
    """Pings every 0.1 s and gives its clients 0.3 s to answer."""
    hub = HubSources().hub()
    edge = SocketGateway(hub, ping_interval=0.1, ping_timeout=0.3)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(edge, **(uvicorn_options() | {"lifespan": "off"})))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with edge.serving(OpenDispatcher()):
            await eventually(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", hub
    finally:
        server.should_exit = True
        await serving
        listening.close()


@pytest.mark.parametrize("transports", [["polling"], None, ["websocket"]])
async def test_a_client_that_answers_pings_stays(transports: list[str] | None) -> None:
    async with impatient_server() as (url, hub):
        client = SocketIoClient()
        await client.open(url, "x", transports)
        (server_side,) = hub.clients()
        started = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() - started > 1.0)
        assert hub.clients() == [server_side]
        assert await client.ask("anything") == {"ok": True, "data": None}
        await client.close()
        await eventually(lambda: hub.clients() == [])


async def test_a_websocket_that_answers_no_ping_is_ended() -> None:
    async with impatient_server() as (url, hub):
        path = "/socket.io/?EIO=4&transport=websocket"
        async with connect(url.replace("http", "ws") + path) as connection:
            await connection.send("40{}")
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(5):
                    while True:
                        await connection.recv()
        assert hub.clients() == []


async def test_a_polling_client_that_does_not_come_back_is_ended() -> None:
    async with impatient_server() as (url, hub), httpx.AsyncClient(base_url=url) as http:
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        await http.post(path, content=b"40{}")
        assert len(hub.clients()) == 1
        await eventually(lambda: hub.clients() == [])
        assert (await http.get(path)).status_code == 400


async def lived(tmp_path: Path, options: dict[str, Any], transport: str) -> list[Any]:
    """What a patient and a display hear of a small day, and what they were acknowledged."""
    async with running_service(tmp_path, server_options=options) as service:
        clinic, queue = await service.clinic()
        doctor, patient = await service.person(Role.STAFF, clinic), await service.person()
        desk = await open_client(service, doctor.jwt, transport)
        phone = await open_client(service, patient.jwt, transport)
        told: list[Any] = [
            await client.ask("join-queue", str(queue.id)) for client in (desk, phone)
        ]
        await service.call("GET", f"/queues/{queue.id}/wait", patient)  # It has been forecast.
        token = await service.take_number(queue, patient)
        told += [
            await desk.ask(f"queue:{action}", str(queue.id), str(token.id))
            for action in ("call_next", "start_token", "complete_token", "call_next")
        ]
        fresh = await service.status(queue, patient)
        for client in (desk, phone):
            await client.next(
                "queue:status_update", lambda status: status["version"] == fresh["version"]
            )
            told.append([(name, shape(body)) for name, body in client.heard])
            await client.close()
        return [shape(one) for one in told]


def shape(value: Any) -> Any:
    """The value with everything that differs from run to run made the same."""
    if isinstance(value, dict):
        if "asOf" in value:
            value = value | {"version": "of the newest forecast"}
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, str) and ("-" in value or len(value) == 24):
        return "id or instant" if value[:1].isdigit() else value
    return value


@pytest.mark.parametrize("transport", ["upgraded", "websocket", "plain"])
async def test_the_short_way_to_the_wire_says_what_the_plain_one_does(
    tmp_path: Path, transport: str
) -> None:
    short = await lived(tmp_path / "short", {}, transport)
    plain = await lived(tmp_path / "plain", {"ws": LongWay}, transport)
    assert short == plain
