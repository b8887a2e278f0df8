"""Strangers before the shipped nginx configuration, with a real service behind it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from itertools import product
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.support.clients.sockets import open_at
from tests.support.servers.nginx import running_nginx
from tests.support.servers.process import LOOPBACK, free_port
from tests.support.servers.qure import QureProcess

NGINX = Path(__file__).parents[2] / "deploy" / "nginx"
ADMIN = {"email": "admin@example.org", "password": "correct horse"}


@dataclass(slots=True)
class Edge:
    """The proxy, and the process behind it."""

    port: int
    url: str
    process: QureProcess
    jwt: str


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with ExitStack() as stack:
        # In this test all 200 phones are one user's.
        settings = {"QURE_TRUSTED_PROXIES": LOOPBACK, "QURE_MAX_CONNECTIONS_PER_USER": "1000"}
        process = QureProcess(settings | {"QURE_PROCESS_MARK": "mw1"})
        stack.callback(process.close)
        process.start()
        process.command("create-admin", ADMIN["email"], "--password", ADMIN["password"])
        port = free_port()
        processes = (NGINX / "processes" / "one-machine.conf").read_text()
        processes = re.sub(r"(?m)^.*:300[234].*\n", "", processes)
        processes = processes.replace(":3001", f":{process.port}")
        server = (
            (NGINX / "qure.conf").read_text().replace("listen 8080", f"listen {LOOPBACK}:{port}")
        )
        nginx = stack.enter_context(running_nginx(processes + server, port=port))
        login = httpx.post(f"{nginx.url}/api/auth/login", json=ADMIN).json()["data"]
        yield Edge(port, nginx.url, process, login["accessToken"])


def answer_to(port: int, request: bytes) -> bytes:
    """All that comes back on a connection of its own, until it is closed."""
    received = b""
    with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
        connection.sendall(request)
        with suppress(ConnectionResetError):  # What it did not read, it resets; it has answered.
            while more := connection.recv(65536):
                received += more
    return received


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1")


WAYS_TO = [
    "/",
    "//",
    "/./",
    "/%2f",
    "/%2e/",
    "/api/../",
    "/api/%2e%2e/",
    "/api/..%2f",
    "/api/x/../../",
    "/api;/../",
    "/api/..;/",
    "/health/../",
    "/socket.io/../",
    "/ws/../",
    "/.refusal/../",
    "/%5c",
    "\\",
]
NAMES = ["metrics", "%6detrics", "metric%73", "%6d%65%74%72%69%63%73", "%256detrics", "METRICS"]
ENDS = ["", "/", "//", "%2f", "?", "?x=/api", "#", "%23/api", "%3f", ";x", "/.", "/%2e", "%20", "."]
ENDS += ["%09", "%00", "/../metrics", "/%2e%2e/metrics", "/x/..", "%2f..%2fmetrics", "&", "\\"]


def test_figures_are_reached_by_no_spelling_of_their_address(edge: Edge) -> None:
    figures = b"qure_backend_up"
    assert figures in answer_to(edge.process.port, get("/metrics/"))  # They are there.
    origins = ["", "http://localhost", f"http://127.0.0.1:{edge.process.port}"]
    # Each with each way, name and end; the forms of the first line besides take turns.
    for number, (way, name, end) in enumerate(product(WAYS_TO, NAMES, ENDS)):
        target = origins[number % 3] + way + name + end
        answer = answer_to(edge.port, get(target))
        assert figures not in answer, target
        assert re.match(rb"HTTP/1.1 40[04] ", answer), (target, answer)
        assert b'"success":false' in answer, target
    for odd in (b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/1.0\r\n\r\n"):
        assert figures not in answer_to(edge.port, odd)


@pytest.mark.parametrize(
    "target", ["/health", "/health/ready", "/api/clinic", "//api/./x/../clinic/", "/docs", "/docs/"]
)
def test_what_is_published_is_reached(edge: Edge, target: str) -> None:
    direct = answer_to(edge.process.port, get(target))
    status = direct.split(b" ", 2)[1]
    assert status in (b"200", b"401") or ".." in target
    if ".." not in target:
        assert answer_to(edge.port, get(target)).split(b" ", 2)[1] == status


def refused(answer: HTTPResponse, status: int, code: str) -> None:
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    body = json.loads(answer.read())
    assert body.keys() == {"success", "message", "code", "errors", "meta"}
    assert (body["success"], body["code"]) == (False, code)


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (get("/api/" + "x" * 9_000), 414, "address_too_long"),
        (get("/api/" + "x" * 40_000), 414, "address_too_long"),
        (
            b"GET /api HTTP/1.1\r\nHost: x\r\nA: %b\r\n\r\n" % (b"x" * 9_000),
            431,
            "headers_too_large",
        ),
        (
            b"GET /api HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"A: %b\r\n" % (b"x" * 4_000) * 10),
            431,
            "headers_too_large",
        ),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "bad_request"),
        (b"GET /api HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /api HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "bad_request"),
        (b"GET /api HTTP/7.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (
            b"TRACE /api HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            405,
            "method_not_allowed",
        ),
        (
            b"POST /api/tokens HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Length: 200000\r\n\r\n",
            413,
            "body_too_large",
        ),
        (get("/.refusal"), 404, "not_found"),
    ],
    ids=[
        "a long address",
        "a longer one",
        "a long header",
        "many headers",
        "TLS",
        "no host",
        "two hosts",
        "HTTP 7.1",
        "CONNECT",
        "TRACE",
        "a large body",
        "the refusal itself",
    ],
)
def test_what_nginx_refuses_it_refuses_in_the_envelope(
    edge: Edge, request_: bytes, status: int, code: str
) -> None:
    with socket.create_connection((LOOPBACK, edge.port), timeout=10) as connection:
        connection.sendall(request_)
        answer = HTTPResponse(connection)
        answer.begin()
        refused(answer, status, code)


def test_headers_as_large_as_real_ones_get_through(edge: Edge) -> None:
    address = get(f"/api/clinic?query={'x' * 7_000}")
    headers = b"Authorization: Bearer %b\r\n\r\n" % (b"x" * 7_000)
    answer = answer_to(edge.port, address.replace(b"\r\n\r\n", b"\r\n" + headers))
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_second_request_is_not_smuggled_in_a_body_of_two_lengths(edge: Edge) -> None:
    hidden = get("/metrics")
    for lengths in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked" % (len(hidden) + 5),
        b"Content-Length: 4\r\nContent-Length: %d" % (len(hidden) + 5),
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: \x0bchunked",
        b"Content-Length: +4",
    ):
        head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n" % lengths
        answer = answer_to(edge.port, head + b"0\r\n\r\n" + hidden)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert len(re.findall(rb"HTTP/1.1 \d", answer)) == 1


@pytest.mark.parametrize(
    "upgrade",
    [
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13",
        "Upgrade: websocket\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAA==",
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        "Upgrade: websocket, h2c",
    ],
)
@pytest.mark.parametrize("path", ["/ws", "/socket.io/?EIO=4&transport=websocket", "/api/clinic"])
def test_an_upgrade_that_fails_opens_no_tunnel(edge: Edge, path: str, upgrade: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{upgrade}\r\n\r\n"
    answer = answer_to(edge.port, asked.encode() + get("/metrics"))
    assert b"qure_backend_up" not in answer
    assert not answer.startswith(b"HTTP/1.1 101 ")


PHONES, DISPLAYS = 200, 5


@pytest.mark.timeout(60)
async def test_a_whole_waiting_room_behind_one_address_comes_back_at_once(edge: Edge) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": f"Bearer {edge.jwt}"}
    async with aiohttp.ClientSession(edge.url, connector=connector, headers=headers) as http:

        async def created(path: str, **body: object) -> str:
            async with http.post(path, json=body) as answer:
                return str((await answer.json())["data"]["id"])

        async def status_of(path: str) -> int:
            async with http.get(path) as answer:
                return answer.status

        clinic_id = await created("/api/clinic", name="Corner", latitude=1, longitude=2)
        queue_id = await created(f"/api/queues/init/{clinic_id}")
        asked = ("/api/auth/me", f"/api/queues/{queue_id}/status")

        async def come_back(transport: str) -> list[int]:
            client = await open_at(edge.url, edge.jwt, transport)
            try:
                assert (await client.ask("join-queue", queue_id, seconds=30))["ok"] is True
                await client.next("queue:status_update", seconds=30)
                statuses = await asyncio.gather(*map(status_of, asked))
                await everybody.wait()  # All sockets stand at once.
            finally:
                await client.close()
            return statuses

        transports = ["polling", "upgraded", "upgraded", *["plain"] * 7] * (PHONES // 10)
        transports += ["plain"] * DISPLAYS
        everybody = asyncio.Barrier(len(transports))
        statuses = await asyncio.gather(*map(come_back, transports))
        assert statuses == [[200, 200]] * len(transports)
