"""What only a real server shows: bodies that stream, heads without bodies, one connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from qure.settings import Settings
from tests.support.listening import listening_service


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


@pytest.mark.parametrize(
    "target",
    [
        b"/%ff%fe",
        b"/api/clinic/%ff",
        b"/api/clinic/%00",
        b"/media/%ff.jpg",
        b"/media/%2e%2e/%2e%2e/etc/passwd",
        b"/media/" + b"a/" * 5000,
        b"/api/" + b"x" * 30_000,
        b"/health?" + b"x=%ff&" * 1000,
        b"/docs/assets/%2e%2e/%2e%2e/__init__.py",
        b"/docs/assets//etc/passwd",
        b"http://elsewhere.example/api/clinic",
        b"*",
    ],
)
def test_no_address_however_strange_breaks_anything(url: str, target: bytes) -> None:
    with connect(url) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), answer[:200]
    assert b"root:" not in answer


def test_no_query_however_strange_breaks_a_search(url: str) -> None:
    with httpx.Client(base_url=url) as http:
        person = {"firstName": "Maria", "lastName": "Curie", "email": "a@example.com"}
        secrets = {"password": "secret1", "confirmPassword": "secret1"}
        http.post("/api/auth/register", json=person | secrets)
        login = http.post("/api/auth/login", json={"email": "a@example.com", **secrets}).json()
        headers = {"Authorization": f"Bearer {login['data']['accessToken']}"}
        for query, status in (
            ("query=%ff%fe", 200),
            ("query=%ed%a0%80", 200),
            ("query=%00", 400),
            ("query=%F0%9F%92%A9", 200),
            ("query=%25%5F%5C%27%22%3B--", 200),
            ("query=a&query=b", 200),
            ("&&==&", 200),
            ("page=%D9%A1", 400),
            ("page=+1", 400),
            ("page=99999999999999999999999", 400),
            ("latitude=1&longitude=1&radius=1e-320", 200),
            ("latitude=-90&longitude=180&radius=1000000", 200),
        ):
            response = http.get(f"/api/clinic?{query}", headers=headers)
            assert response.status_code == status, (query, response.text)
