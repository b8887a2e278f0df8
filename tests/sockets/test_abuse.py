"""Clients that do not play along: the server stays well and everybody else is served."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from qure.adapters.sockets import connection
from qure.adapters.sockets.clients import Client
from qure.adapters.sockets.outgoing import MAX_MESSAGES
from qure.domain.actor import SYSTEM, Role
from qure.domain.events import QueueActivated
from qure.domain.queue import Queue
from tests.sockets.clients import open_client
from tests.support.builders import NOW, build_entry
from tests.support.socket_service import Login, SocketService
from tests.support.waiting import eventually


@asynccontextmanager
async def engine_websocket(service: SocketService) -> AsyncIterator[ClientConnection]:
    """Engine.IO over WebSocket, by hand, after the handshake."""
    url = service.websocket_url.replace("/ws", "/socket.io/?EIO=4&transport=websocket")
    async with connect(url, compression=None) as connection:
        assert str(await connection.recv()).startswith("0{")
        yield connection


async def is_well(service: SocketService, person: Login) -> None:
    """A newcomer is served over each protocol."""
    _, queue = await service.clinic()
    for transport in ("polling", "websocket", "plain"):
        client = await open_client(service, person.jwt, transport)
        assert (await client.ask("join-queue", str(queue.id)))["ok"] is True
        await client.close()


BAD_PACKETS: list[str | bytes] = [
    "",
    "9",
    "x",
    "0{}",
    "4",
    "49",
    "4x",
    "42",
    "42[]",
    "42{}",
    "42[7]",
    "42[null]",
    '42["join-queue"',
    "4" + "2" * 200,
    '42["x",' + "[" * 20_000 + "]" * 20_000 + "]",
    '451-["join-queue",{"_placeholder":true,"num":7}]',
    '4599-["join-queue",{"_placeholder":true,"num":0}]',
    '459999999999-["x"]',
    "45-[]",
    "b!!!",
    "bAAAA",
    b"\x00\x01",
    b"",
]


@pytest.mark.parametrize("is_admitted", [False, True])
async def test_a_packet_that_is_none_ends_its_sender_and_nobody_else(
    service: SocketService, is_admitted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    person = await service.person()
    for packet in BAD_PACKETS:
        async with engine_websocket(service) as connection:
            if is_admitted:
                await connection.send(f"40{json.dumps({'token': person.jwt})}")
                assert str(await connection.recv()).startswith("40")
            await connection.send(packet)
            await connection.send(b"whatever comes after it")
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(5):
                    while True:
                        await connection.recv()
    await eventually(lambda: service.container.hub.clients() == [])
    # Nobody fills our logs with tracebacks from outside. (The library of the newcomers may: it
    # does not read the answer to its last POST, and aiohttp complains when that is collected.)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
    await is_well(service, person)


async def test_a_binary_argument_is_an_argument_like_any_other_wrong_one(
    service: SocketService,
) -> None:
    person = await service.person()
    async with engine_websocket(service) as connection:
        await connection.send(f"40{json.dumps({'token': person.jwt})}")
        await connection.recv()
        await connection.send('451-7["join-queue",{"_placeholder":true,"num":0}]')
        await connection.send(b"\x00\x01")
        assert str(await connection.recv()).startswith('42["join-queue-error"')
        answer = str(await connection.recv())
        assert answer.startswith("437[")
        assert json.loads(answer[3:])[0]["code"] == "validation_failed"


async def test_random_bytes_and_packets_hurt_nobody(service: SocketService) -> None:
    chance = random.Random(7)
    person = await service.person()
    alphabet = '0123456789[]{}",:-ab/\x1e\x00é'
    for _ in range(150):
        async with engine_websocket(service) as connection:
            with contextlib.suppress(ConnectionClosed):
                if chance.random() < 0.5:
                    await connection.send(f"40{json.dumps({'token': person.jwt})}")
                for _ in range(chance.randrange(1, 6)):
                    text = "".join(chance.choices(alphabet, k=chance.randrange(1, 40)))
                    packets: list[str | bytes] = [text, f"42{text}", os.urandom(20)]
                    await connection.send(chance.choice(packets))
    await eventually(lambda: service.container.hub.clients() == [])
    await is_well(service, person)


async def test_a_bad_polling_request_is_answered_and_ends_the_connection(
    service: SocketService,
) -> None:
    bodies = (b"", b"\xff\xfe", b"9", b"4", b"\x1e", b"d=42", b"4x\x1e4x", b"42[]", b"1", b"1\x1e9")
    async with httpx.AsyncClient(base_url=service.url) as http:
        for body in bodies:
            opened = await http.get("/socket.io/?EIO=4&transport=polling")
            sid = json.loads(opened.text[1:])["sid"]
            url = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
            answer = await http.post(url, content=body)
            assert answer.status_code in (200, 400), body
            assert (await http.get(url)).status_code == 400, body
    await is_well(service, await service.person())


async def test_requests_that_make_no_sense_are_refused(service: SocketService) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        for method, query in (
            ("GET", ""),
            ("GET", "?EIO=3&transport=polling"),
            ("GET", "?EIO=4&transport=carrier-pigeon"),
            ("GET", "?EIO=4&transport=websocket"),
            ("GET", "?EIO=4&transport=polling&sid=nobody"),
            ("POST", "?EIO=4&transport=polling"),
            ("POST", "?EIO=4&transport=polling&sid=nobody"),
            ("PUT", "?EIO=4&transport=polling"),
            ("GET", "?EIO=4&transport=polling&j=x"),
        ):
            answer = await http.request(method, f"/socket.io/{query}")
            assert 400 <= answer.status_code < 500, (method, query)


async def test_a_post_that_is_too_long_ends_the_connection(service: SocketService) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        url = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        assert (await http.post(url, content=b"4" * 70_000)).status_code == 413
        assert (await http.get(url)).status_code == 400


async def test_an_http_request_to_the_websocket_address_is_told_so(service: SocketService) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        assert (await http.get("/ws")).status_code == 426


async def test_an_upgrade_that_is_none_leaves_the_polling_client_as_it_was(
    service: SocketService,
) -> None:
    person = await service.person()
    async with httpx.AsyncClient(base_url=service.url) as http:
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        polling = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        upgrade = service.websocket_url.replace(
            "/ws", f"/socket.io/?EIO=4&transport=websocket&sid={sid}"
        )
        for frames in (["nonsense"], ["2probe", "nonsense"], []):
            async with connect(upgrade) as connection:
                for frame in frames:
                    await connection.send(frame)
        await http.post(polling, content=f"40{json.dumps({'token': person.jwt})}".encode())
        assert (await http.get(polling)).text.startswith("40{")


async def test_a_polling_client_that_hangs_up_is_forgotten_at_once(service: SocketService) -> None:
    person = await service.person()
    async with httpx.AsyncClient(base_url=service.url) as http:
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        url = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        await http.post(url, content=f"40{json.dumps({'token': person.jwt})}".encode())
        assert (await http.get(url)).text.startswith("40{")
        with pytest.raises(httpx.ReadTimeout):
            await http.get(url, timeout=0.05)
    await eventually(lambda: service.container.hub.clients() == [])


async def test_two_polling_requests_at_once_end_the_connection(service: SocketService) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        opened = await http.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        url = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        answers = await asyncio.gather(http.get(url), http.get(url))
        told, refused = sorted(answers, key=lambda answer: answer.status_code)
        assert (told.status_code, told.text, refused.status_code) == (200, "1", 400)
        assert (await http.get(url)).status_code == 400


async def stuck_websocket(service: SocketService, path: str, *frames: str) -> socket.socket:
    """A WebSocket whose client never reads: it has sent the frames and then forgets about it."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    host, port = service.url.removeprefix("http://").split(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(raw, 1024)
    for frame in frames:
        payload = frame.encode()
        head = bytes((0x81, 0x80 | 126)) + len(payload).to_bytes(2, "big")
        await loop.sock_sendall(raw, head + bytes(4) + payload)
    return raw


async def stuck_member(
    service: SocketService, protocol: str, queue: Queue
) -> tuple[socket.socket, Client, Any]:
    """A client that has joined the queue and reads nothing from then on, and what waits for it.

    Everything between it and the server is full: what comes next has to wait.
    """
    person = await service.person()
    if protocol == "plain":
        stuck = await stuck_websocket(
            service,
            "/ws",
            json.dumps({"event": "auth", "data": [person.jwt]}),
            json.dumps({"event": "join-queue", "data": [str(queue.id)]}),
        )
    else:
        stuck = await stuck_websocket(
            service,
            "/socket.io/?EIO=4&transport=websocket",
            f"40{json.dumps({'token': person.jwt})}",
            f'42["join-queue","{queue.id}"]',
        )
    hub = service.container.hub
    await eventually(lambda: any(client.rooms for client in hub.clients()))
    (client,) = hub.clients()
    listener: Any = client.listener
    outgoing = listener._outgoing if protocol == "plain" else listener._socket.outgoing
    while len(outgoing) == 0:
        for _ in range(10):
            client.send("noise", b'"%s"' % (b"x" * 20_000))
        await asyncio.sleep(0)
    return stuck, client, outgoing


@pytest.mark.parametrize("protocol", ["plain", "socket.io"])
async def test_statuses_for_a_client_that_reads_nothing_take_the_room_of_one_and_hold_up_nobody(
    service: SocketService, protocol: str
) -> None:
    clinic, queue = await service.clinic()
    stuck, _, outgoing = await stuck_member(service, protocol, queue)
    display = await open_client(service, (await service.person(Role.STAFF, clinic)).jwt, "plain")
    await display.ask("join-queue", str(queue.id))
    status = queue.status()
    before = len(outgoing)
    for version in range(status.version + 1, status.version + 2000):
        changed = QueueActivated(actor=SYSTEM, at=NOW, queue=replace(status, version=version))
        service.container.hub.receive(build_entry(changed))
        await asyncio.sleep(0)
    assert len(outgoing) <= before + 1
    await display.next("queue:status_update", lambda body: body["version"] == version)
    await display.close()
    stuck.close()


@pytest.mark.parametrize("protocol", ["plain", "socket.io"])
async def test_a_client_that_leaves_too_much_unread_is_dropped_at_once(
    service: SocketService, protocol: str
) -> None:
    _, queue = await service.clinic()
    stuck, client, _ = await stuck_member(service, protocol, queue)
    connections = service.server.server_state.connections
    assert len(connections) == 1
    for _ in range(MAX_MESSAGES + 2):
        client.send("queue:your_token_called", b'"something that is never merged away"')
    await eventually(lambda: service.container.hub.clients() == [], within=1)
    await eventually(lambda: len(connections) == 0, within=1)
    stuck.close()


@pytest.mark.parametrize("protocol", ["plain", "socket.io"])
async def test_a_client_that_reads_nothing_cannot_keep_its_connection_when_it_is_ended(
    service: SocketService, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSING_SECONDS", 0.2)
    _, queue = await service.clinic()
    stuck, client, _ = await stuck_member(service, protocol, queue)
    connections = service.server.server_state.connections
    client.expel()
    assert service.container.hub.clients() == []
    await eventually(lambda: len(connections) == 0, within=2)
    stuck.close()
