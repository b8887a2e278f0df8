"""Clients that hang up wherever they are, and ones that send what is none of HTTP or WebSocket:
the process goes on, and its log neither grows with them nor holds a traceback."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from tests.support.servers.process import LOOPBACK
from tests.support.servers.qure import QureProcess

CLIENTS = 50
HOST = b"Host: a\r\n"
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=xx\r\n"
UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
POLLING = b"/socket.io/?EIO=4&transport=polling"
OVER_WEBSOCKET = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + HOST + UPGRADE

MOMENTS = {
    "in the request line": b"GET /api/cli",
    "in the headers": b"GET /api/clinic HTTP/1.1\r\n" + HOST + b"X-A: b",
    "in a JSON body": (
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + JSON + b'Content-Length: 99\r\n\r\n{"email"'
    ),
    "in a chunk": (
        b"POST /api/auth/login HTTP/1.1\r\n" + HOST + JSON
        + b'Transfer-Encoding: chunked\r\n\r\na\r\n{"email": "\r\n5\r\nab'
    ),
    "in a form": (
        b"POST /api/auth/profile-picture HTTP/1.1\r\n" + HOST + FORM
        + b'Content-Length: 99999\r\n\r\n--xx\r\nContent-Disposition: form-data; name="logo"; '
        b'filename="a.png"\r\n\r\nxxxx'
    ),
    "before the answer": b"GET /docs/openapi.json HTTP/1.1\r\n" + HOST + b"\r\n",
    "in twenty requests at once": (b"GET /api/auth/me HTTP/1.1\r\n" + HOST + b"\r\n") * 20,
    "in a handshake": b"GET /ws HTTP/1.1\r\n" + HOST + UPGRADE[:-2],
    "after a handshake": b"GET /ws HTTP/1.1\r\n" + HOST + UPGRADE,
    "after one of Socket.IO": OVER_WEBSOCKET,
    "in a polling handshake": b"GET " + POLLING + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "in a poll of nobody": b"GET " + POLLING + b"&sid=nobody HTTP/1.1\r\n" + HOST + b"\r\n",
    "having sent another method": b"PUT " + POLLING + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "having spoken TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip


@pytest.fixture(scope="module")
def qure() -> Iterator[QureProcess]:
    process = QureProcess({"QURE_LOG_FORMAT": "console"})
    process.start()
    yield process
    process.close()


def hang_up(connection: socket.socket, *, hard: bool) -> None:
    """In order, or with a reset as of an app that was killed."""
    if hard:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def connect(process: QureProcess) -> socket.socket:
    return socket.create_connection((LOOPBACK, process.port), timeout=10)


def grown(process: QureProcess, before: str) -> str:
    """What it has logged since, now that it has seen what was sent: it answers a later client."""
    assert httpx.get(f"{process.url}/health", timeout=10).status_code == 200
    return process.log()[len(before) :]


@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_hangs_up_leaves_at_most_a_quiet_line(qure: QureProcess, moment: str) -> None:
    before = qure.log()
    for number in range(CLIENTS):
        connection = connect(qure)
        connection.sendall(MOMENTS[moment])
        hang_up(connection, hard=number % 2 == 0)
    said = grown(qure, before)
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1


def test_whoever_hangs_up_in_an_answer_leaves_nothing(qure: QureProcess) -> None:
    before = qure.log()
    for number in range(CLIENTS):
        connection = connect(qure)
        connection.sendall(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(10) == b"HTTP/1.1 2"
        hang_up(connection, hard=number % 2 == 0)
    assert grown(qure, before) == ""


def test_whoever_hangs_up_in_a_poll_leaves_nothing(qure: QureProcess) -> None:
    before = qure.log()
    with httpx.Client(base_url=qure.url) as http:
        handshakes = [http.get(POLLING.decode()).text for _ in range(CLIENTS)]
    for number, handshake in enumerate(handshakes):
        sid = json.loads(handshake[1:])["sid"].encode()
        connection = connect(qure)
        line = (b"GET ", b"POST ")[number % 4 < 2] + POLLING + b"&sid=" + sid
        connection.sendall(line + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n40{")
        hang_up(connection, hard=number % 2 == 0)
    assert grown(qure, before) == ""


def test_text_that_is_none_is_no_traceback(qure: QureProcess) -> None:
    before = qure.log()
    for number in range(CLIENTS):
        connection = connect(qure)
        connection.sendall(OVER_WEBSOCKET)
        assert b" 101 " in connection.recv(65536)
        connection.sendall(b"\x81\x82\x00\x00\x00\x00\xff\xfe")
        hang_up(connection, hard=number % 2 == 0)
    said = grown(qure, before)
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1
