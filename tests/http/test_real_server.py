"""What only a real server shows: bodies that stream, heads without bodies, one connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from qure.settings import Settings
from tests.http.listening import listening_service


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with listening_service(settings) as url:
        yield url


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def test_a_stream_without_end_is_refused_while_it_runs(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(
            b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        for _ in range(8):
            connection.sendall(chunk)
        # Nobody has ended the body, and yet there is an answer.
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


def test_a_body_that_says_it_is_too_large_is_not_read_at_all(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(
            b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000000\r\n\r\n"
        )
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_too_much_first_still_hears_why(url: str) -> None:
    with httpx.Client(base_url=url) as http:
        response = http.post(
            "/api/auth/login",
            content=b"x" * 5_000_000,
            headers={"content-type": "application/json"},
        )
        assert response.status_code == 413
        assert http.get("/health").status_code == 200


def test_a_head_has_no_body_and_leaves_the_connection_usable(url: str) -> None:
    with connect(url) as connection:
        for request, status in ((b"HEAD /health", b"200"), (b"HEAD /api/x", b"404")):
            connection.sendall(request + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert answer.endswith(b"\r\n\r\n")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"Server is running" in connection.recv(65536)


def test_the_server_does_not_say_what_it_is(url: str) -> None:
    assert "server" not in httpx.get(f"{url}/health").headers
