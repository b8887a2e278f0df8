"""What strangers send, over plain sockets, and how everybody else fares meanwhile."""

from __future__ import annotations

import base64
import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psutil

from tests.support.servers.qure import QureProcess

MEBIBYTE = 1024 * 1024


@contextmanager
def running_qure(**settings: str) -> Iterator[QureProcess]:
    """The embedded service as `make run` starts it, in a process of its own."""
    service = QureProcess(settings)
    try:
        service.start()
        yield service
    finally:
        service.close()


def connect(url: str, *, seconds: float = 10) -> socket.socket:
    """A connection that gives up after so many seconds without an answer."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=seconds)


def open_websocket(url: str, path: str = "/ws") -> socket.socket:
    """The same, after a WebSocket's handshake."""
    connection = connect(url)
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        b"GET %b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % (path.encode(), key)
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return connection


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A WebSocket frame as a client sends it, masked with zeros (RFC 6455 section 5.2)."""
    assert len(payload) < 126
    return bytes((0x80 * fin | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def pour(connection: socket.socket, what: bytes, *, mebibytes: float, seconds: float) -> int:
    """Send it again and again until it is enough, or nobody takes it; how many bytes went."""
    block = what * max(1, 65536 // len(what))
    sent, ends = 0, time.monotonic() + seconds
    connection.settimeout(0.5)
    while sent < mebibytes * MEBIBYTE and time.monotonic() < ends:
        try:
            sent += connection.send(block)
        except TimeoutError:
            continue
        except OSError:
            break
    return sent


def read_all(connection: socket.socket) -> bytes:
    """What still comes until the other side closes."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass
    return received


def closes_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection by then."""
    connection.settimeout(seconds)
    ends = time.monotonic() + seconds
    try:
        while time.monotonic() < ends:
            if not connection.recv(65536):
                return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False


def memory(service: QureProcess) -> int:
    """Bytes that the process holds."""
    return int(psutil.Process(service.pid).memory_info().rss)


def pulse(url: str, *, seconds: float) -> float:
    """Ask for `/health` every few milliseconds over one connection: the 99th percentile, in
    seconds."""
    took: list[float] = []
    ends = time.monotonic() + seconds
    with connect(url, seconds=30) as connection:
        while time.monotonic() < ends:
            asked = time.perf_counter()
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while b'"success"' not in answer and b"Server is running" not in answer:
                answer += connection.recv(65536)
            took.append(time.perf_counter() - asked)
            time.sleep(0.002)
    return statistics.quantiles(took, n=100)[98]


def calm_during(url: str, attack: Callable[[], object], *, seconds: float) -> bool:
    """Whether others hardly notice: three attempts, for other work may disturb this machine too.

    Their 99th percentile stays below 20 ms on a quiet machine; on a busy one, below ten times
    what it is without an attack.
    """
    for _ in range(3):
        allowed = max(0.020, 10 * pulse(url, seconds=0.5))
        if pulse_during(url, attack, seconds=seconds) < allowed:
            return True
    return False


def pulse_during(url: str, attack: Callable[[], object], *, seconds: float) -> float:
    """The same while `attack` runs in a thread of its own."""
    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        return pulse(url, seconds=seconds)
    finally:
        attacker.join()
