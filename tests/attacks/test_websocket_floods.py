"""WebSocket frames that carry nothing: who sends too many is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers.qure import QureProcess
from tests.support.strangers import (
    MEBIBYTE,
    calm_during,
    closes_within,
    frame,
    memory,
    open_websocket,
    pour,
    read_all,
    running_qure,
)

CONTINUATION, TEXT, PING, PONG = 0, 1, 9, 10
POLICY_VIOLATION = (1008).to_bytes(2, "big")
ENGINE_IO = "/socket.io/?EIO=4&transport=websocket"


@pytest.fixture(scope="module")
def service() -> Iterator[QureProcess]:
    with running_qure() as service:
        yield service


FLOODS: dict[str, tuple[bytes, bytes]] = {
    "pings": (b"", frame(PING)),
    "unsolicited pongs": (b"", frame(PONG)),
    "empty fragments": (frame(TEXT, fin=False), frame(CONTINUATION, fin=False)),
}


@pytest.mark.parametrize("path", ["/ws", ENGINE_IO])
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_without_content_is_closed_and_nobody_else_notices(
    service: QureProcess, path: str, flood: str
) -> None:
    first, repeated = FLOODS[flood]
    taken = []

    def attack() -> None:
        # Whoever is closed comes back: ten connections with 2 MB each.
        for _ in range(10):
            with open_websocket(service.url, path) as connection:
                connection.sendall(first)
                taken.append(pour(connection, repeated, mebibytes=2, seconds=2))

    assert calm_during(service.url, attack, seconds=3)
    assert len(taken) % 10 == 0


@pytest.mark.parametrize("flood", FLOODS)
def test_who_floods_is_told_that_it_is_against_the_rules(service: QureProcess, flood: str) -> None:
    first, repeated = FLOODS[flood]
    with open_websocket(service.url) as connection:
        connection.sendall(first + 200 * repeated)
        assert POLICY_VIOLATION in read_all(connection)


def test_a_client_that_pings_as_clients_do_stays(service: QureProcess) -> None:
    with open_websocket(service.url, ENGINE_IO) as connection:
        for number in range(100):
            connection.sendall(frame(PING, b"%d" % number))
        answered = b""
        while not answered.endswith(b"\x8a\x0299"):
            answered += connection.recv(65536)


def test_pongs_that_nobody_reads_do_not_pile_up(service: QureProcess) -> None:
    before = memory(service)
    connections = [open_websocket(service.url) for _ in range(5)]
    for connection in connections:
        pour(connection, frame(PING, b"x" * 125), mebibytes=10, seconds=1)
    assert memory(service) - before < 20 * MEBIBYTE
    for connection in connections:
        assert closes_within(connection, 10)
        connection.close()
