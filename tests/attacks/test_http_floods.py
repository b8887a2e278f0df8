"""HTTP that is too large, too much or too slow: refused, and nobody else notices.

How long each thing may take is tried without a clock in `tests/entrypoints/test_protocols.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.servers.qure import QureProcess
from tests.support.strangers import (
    MEBIBYTE,
    calm_during,
    closes_within,
    connect,
    memory,
    pour,
    read_all,
    running_qure,
)

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def service() -> Iterator[QureProcess]:
    with running_qure() as service:
        yield service


def test_pipelined_requests_are_not_read_before_those_in_front_are_answered(
    service: QureProcess,
) -> None:
    before = memory(service)

    def attack() -> None:
        with connect(service.url) as connection:
            pour(connection, HEALTH, mebibytes=30, seconds=3)  # Without reading one answer.

    assert calm_during(service.url, attack, seconds=3)
    assert memory(service) - before < 20 * MEBIBYTE


def test_pipelined_requests_are_all_answered_in_order(service: QureProcess) -> None:
    requests = b"".join(b"GET /health?%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(2000))
    with connect(service.url) as connection:
        connection.sendall(requests + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 200 ") == 2001


@pytest.mark.parametrize(
    ("start", "repeated", "status"),
    [
        (b"GET /health HTTP/1.1\r\nHost: a\r\nX: ", b"x", b"431"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n", b"X: xxxxxxxxxxxxxxx\r\n", b"431"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n", b"x", b"431"),
        (b"GET /", b"x", b"414"),
        (b"GET /?", b"x=%20&", b"414"),
    ],
)
def test_a_head_without_end_is_refused(
    service: QureProcess, start: bytes, repeated: bytes, status: bytes
) -> None:
    with connect(service.url) as connection:
        connection.sendall(start + repeated * (48 * 1024 // len(repeated)))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b'"success":false' in answer
    before = memory(service)

    def attack() -> None:
        with connect(service.url) as connection:
            connection.sendall(start)
            assert pour(connection, repeated, mebibytes=100, seconds=2) < 10 * MEBIBYTE

    assert calm_during(service.url, attack, seconds=1)
    assert memory(service) - before < 20 * MEBIBYTE


def test_a_head_of_almost_32_kb_is_read(service: QureProcess) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: %b\r\n\r\n" % (b"x" * 32000)
    with connect(service.url) as connection:
        connection.sendall(head)
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


CHUNKED = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"2\r\n{}\r\n0\r\n", b"X: xxxxxxxxxxxxxxx\r\n"),
        (b"2\r\n{}\r\n0\r\nX: ", b"x"),
        (b"2;", b"x"),
    ],
)
def test_trailers_without_end_are_refused(
    service: QureProcess, start: bytes, repeated: bytes
) -> None:
    before = memory(service)
    with connect(service.url) as connection:
        connection.sendall(CHUNKED + start)
        assert pour(connection, repeated, mebibytes=50, seconds=3) < 10 * MEBIBYTE
        assert closes_within(connection, 3)
    assert memory(service) - before < 20 * MEBIBYTE


def test_a_trailer_is_no_header(service: QureProcess) -> None:
    # All at once: the parser has seen the trailers before the application looks at the headers.
    with connect(service.url) as connection:
        connection.sendall(
            CHUNKED.replace(b"POST /api/auth/login", b"POST /api/tokens").replace(
                b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
            )
            + b"2\r\n{}\r\n0\r\nX-Request-ID: from-a-trailer\r\nAuthorization: Bearer x\r\n\r\n"
        )
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"from-a-trailer" not in answer
    assert b'"code":"unauthenticated"' in answer  # Not invalid_token: none was given.


def test_who_says_nothing_is_let_go_after_ten_seconds(service: QureProcess) -> None:
    began = time.monotonic()
    silent = [connect(service.url, seconds=20) for _ in range(50)]
    slow_head = [connect(service.url, seconds=20) for _ in range(50)]
    slow_body = [connect(service.url, seconds=20) for _ in range(50)]
    for connection in slow_head:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost")
    for connection in slow_body:
        connection.sendall(CHUNKED.replace(b"login", b"register") + b"5\r\n")
    assert connect_and_ask(service) == b"HTTP/1.1 200 OK"
    for connection in silent:
        assert connection.recv(65536) == b""
    for connection in slow_head:
        assert read_all(connection).startswith(b"HTTP/1.1 408 ")
    for connection in slow_body:
        assert closes_within(connection, 15)
    assert 9 < time.monotonic() - began < 15
    for connection in (*silent, *slow_head, *slow_body):
        connection.close()


def connect_and_ask(service: QureProcess) -> bytes:
    with connect(service.url) as connection:
        connection.sendall(HEALTH)
        return connection.recv(65536).split(b"\r\n", 1)[0]
