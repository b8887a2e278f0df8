"""What the shipped nginx configuration takes from one address: bodies, requests, time."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from time import monotonic

import httpx
import pytest

from tests.deploy.stand_ins import (
    HOSTS,
    NETWORK,
    StandIn,
    ask,
    compose_configuration,
    nginx_before_three,
)
from tests.support.servers.nginx import NginxServer, running_nginx
from tests.support.servers.process import free_port


@pytest.fixture(scope="module")
def nginx() -> Iterator[NginxServer]:
    with nginx_before_three(free_port()) as server:
        yield server


@contextmanager
def begun(port: int, path: str, length: int, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A request whose head has been sent, and of whose body the first byte."""
    with socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)) as client:
        client.sendall(
            b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: application/octet-stream\r\n\r\nx" % (path.encode(), length)
        )
        yield client


def refusal(client: socket.socket) -> tuple[int, str, str | None]:
    answer = HTTPResponse(client)
    answer.begin()
    return answer.status, json.loads(answer.read())["code"], answer.headers["Retry-After"]


def waits(client: socket.socket) -> bool:
    """Whether nothing comes back: the rest of the body is waited for."""
    return not select.select([client], [], [], 0.3)[0]


MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("path", ["/api/clinic", "/api/clinic/id", "/api/auth/me"])
def test_as_large_a_body_is_let_through_as_the_service_takes(nginx: NginxServer, path: str) -> None:
    with begun(nginx.port, path, 11 * 10 * MEGABYTE + 256 * 1024) as client:
        assert waits(client)
    with begun(nginx.port, path, 112 * MEGABYTE) as client:
        assert refusal(client) == (413, "body_too_large", None)


@pytest.mark.parametrize("path", ["/api/tokens", "/api/auth/login", "/api/auth/men", "/socket.io/"])
def test_where_no_pictures_are_taken_no_body_is_large(nginx: NginxServer, path: str) -> None:
    with begun(nginx.port, path, 64 * 1024 + 1) as client:
        assert waits(client)  # The service says by how much it is too large.
    with begun(nginx.port, path, 129 * 1024) as client:
        assert refusal(client) == (413, "body_too_large", None)


def changed(text: str, *changes: tuple[str, str]) -> str:
    for shipped, instead in changes:
        assert text.count(shipped) > 0, shipped
        text = text.replace(shipped, instead)
    return text


@contextmanager
def nginx_with(*changes: tuple[str, str]) -> Iterator[NginxServer]:
    """The shipped configuration with these, in front of another nginx that answers at once."""
    api_port, port = free_port(), free_port()
    text = changed(compose_configuration(port, api_port), *changes)
    behind = "keepalive_requests 1000000; location / { return 200 answered; }"
    listening = "".join(f"listen {NETWORK}.{host}:{api_port};" for host in HOSTS)
    with running_nginx(f"{text}\nserver {{ {listening} {behind} }}", port=port) as nginx:
        yield nginx


def test_requests_beyond_a_waiting_rooms_are_refused_to_that_address_alone() -> None:
    one = b"GET /api/clinic HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /api/clinic HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    def flood(port: int) -> bytes:
        received = []
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(one * 899 + last)
            while more := client.recv(1 << 20):
                received.append(more)
        return b"".join(received)

    with nginx_with() as nginx, ThreadPoolExecutor(4) as pool:
        answers = b"".join(pool.map(flood, [nginx.port] * 12))
        refused = answers.count(b"HTTP/1.1 429 ")
        assert answers.count(b"HTTP/1.1 200 ") == 12 * 900 - refused >= 5000
        assert refused > 0
        assert answers.count(b'"code":"too_many_tries"') == refused
        assert answers.count(b"\r\nRetry-After: 1\r\n") == refused
        # From here, the flood is another address's.
        other = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(transport=other, base_url=nginx.url) as client:
            assert client.get("/api/clinic").status_code == 200
        assert "limiting" not in nginx.errors()  # A flood does not fill the log.


@pytest.mark.parametrize(
    ("path", "change", "bound"),
    [
        ("/api/tokens", ("qure_connections 2000;", "qure_connections 40;"), 40),
        ("/api/clinic", ("qure_connections 2000;", "qure_connections 40;"), 20),
        ("/api/clinic", ("qure_uploads 20;", "qure_uploads 60;"), 60),
        ("/api/clinic", ("qure_connections 2000;", "qure_connections 15;"), 15),
    ],
    ids=["connections", "uploads", "more uploads", "uploads are connections"],
)
def test_one_address_has_only_so_many_at_once(
    path: str, change: tuple[str, str], bound: int
) -> None:
    with nginx_with(change) as nginx, ExitStack() as stack:
        for _ in range(bound):
            client = stack.enter_context(begun(nginx.port, path, 10))
        assert waits(client)
        with begun(nginx.port, path, 10) as one_too_many:
            assert refusal(one_too_many) == (429, "too_many_tries", "1")
        with begun(nginx.port, path, 10, source="127.0.0.9") as of_another:
            assert waits(of_another)
        if "clinic" in path and bound == 20:  # Those who only read are not counted among them.
            assert ask(nginx, path).text == "answered"


def test_behind_another_proxy_the_bounds_are_each_clients_when_it_is_named() -> None:
    named = [
        ("# set_real_ip_from 192.0.2.1;", "set_real_ip_from 127.0.0.1;"),
        ("# real_ip_header", "real_ip_header"),
        ("rate=500r/s", "rate=1r/m"),
        ("burst=5000 ", ""),
        ("zone=qure_requests nodelay", "zone=qure_requests"),
    ]

    with nginx_with(*named) as nginx:

        def status(client: str, source: str = "127.0.0.1") -> int:
            with httpx.Client(transport=httpx.HTTPTransport(local_address=source)) as proxy:
                forwarded = {"X-Forwarded-For": f"6.6.6.6, {client}"}
                return proxy.get(f"{nginx.url}/api/clinic", headers=forwarded).status_code

        assert [status("192.0.2.7"), status("192.0.2.7"), status("192.0.2.8")] == [200, 429, 200]
        # Whoever is no proxy of ours is counted by their own address, whatever they claim.
        assert [status("192.0.2.9", "127.0.0.9"), status("192.0.2.10", "127.0.0.9")] == [200, 429]


def test_a_slow_client_is_given_up() -> None:
    changes = [
        (f"client_{part}_timeout {shipped}s", f"client_{part}_timeout 1s")
        for part, shipped in (("header", 10), ("body", 15))
    ]
    with (
        nginx_with(*changes) as nginx,
        socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as head,
        begun(nginx.port, "/api/tokens", 10) as body,
    ):
        head.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        began = monotonic()
        assert (read_to_the_end(head), read_to_the_end(body)) == (b"", b"")
        assert monotonic() - began < 5


def read_to_the_end(client: socket.socket) -> bytes:
    try:
        return client.recv(1000)
    except ConnectionResetError:
        return b""


def test_a_body_reaches_a_process_when_it_is_whole(nginx: NginxServer) -> None:
    StandIn.hits.clear()
    with begun(nginx.port, "/api/tokens", 3) as client:
        assert waits(client)
        assert StandIn.hits == []
        client.sendall(b"yz")
        answer = HTTPResponse(client)
        answer.begin()
        assert answer.status == 200
