"""How long a connection may take, and how much is read at a time: without sockets or clocks."""

from __future__ import annotations

import asyncio
import gc
import weakref
from itertools import pairwise
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from qure.entrypoints.process.protocols import http, websocket
from qure.entrypoints.process.protocols.paced import PacedConnection
from qure.entrypoints.process.running import _Server
from qure.entrypoints.process.server import uvicorn_options
from tests.support.strangers import frame


class FakeTransport(asyncio.Transport):
    """A transport without a socket: what was written, and whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0
        self.reads = True
        self.closed = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Application:
    """Says 200 to everybody, when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.reads_bodies = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                self.asked += 1
            return
        self.asked += 1
        await self.may_answer.wait()
        while self.reads_bodies and (await receive()).get("more_body"):
            continue
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class WatchedConnection:
    """One connection and everything around it."""

    def __init__(self) -> None:
        self.application = Application()
        config = uvicorn.Config(self.application, **uvicorn_options())
        self.transport = FakeTransport()
        self.state = ServerState()
        self.connection = PacedConnection(config, self.state, {}, asyncio.get_running_loop())
        self.connection.connection_made(self.transport)

    async def send(self, data: bytes) -> None:
        """The client sends, and everything that follows at once happens."""
        self.connection.data_received(data)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    def watch(self, now: float) -> None:
        """The server looks after its connections."""
        for protocol in tuple(self.state.connections):
            protocol.watch(now)  # type: ignore[union-attr]


@pytest.fixture
async def world() -> WatchedConnection:
    return WatchedConnection()


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_a_head_that_is_not_complete_after_ten_seconds_is_answered_408(
    world: WatchedConnection,
) -> None:
    await world.send(b"GET / HTTP/1.1\r\nHo")
    world.watch(0.0)
    world.watch(http.HEAD_SECONDS)
    assert not world.transport.closed
    world.watch(http.HEAD_SECONDS + 1)
    assert world.transport.written.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in world.transport.written
    assert world.transport.closed


async def test_a_head_that_trickles_has_no_more_time_than_one_that_stops(
    world: WatchedConnection,
) -> None:
    for second in range(12):
        await world.send(
            b"G" if not second else b"E" if second == 1 else b"T" if second == 2 else b""
        )
        world.watch(float(second))
    assert world.transport.closed


async def test_a_connection_on_which_nothing_comes_is_closed_without_a_word(
    world: WatchedConnection,
) -> None:
    world.watch(0.0)
    world.watch(http.HEAD_SECONDS + 1)
    assert world.transport.closed
    assert world.transport.written == b""


async def test_an_idle_connection_is_closed_also_when_line_ends_come(
    world: WatchedConnection,
) -> None:
    await world.send(REQUEST)
    assert world.application.asked == 1
    for second in range(22):
        await world.send(b"\r\n")
        world.watch(float(second))
    assert world.transport.closed


async def test_a_new_request_has_its_own_time(world: WatchedConnection) -> None:
    for minute in range(5):
        await world.send(REQUEST)
        world.watch(60.0 * minute)
        world.watch(60.0 * minute + 15)
    assert not world.transport.closed
    assert world.application.asked == 5


async def test_a_request_that_waits_for_its_answer_waits_as_long_as_it_takes(
    world: WatchedConnection,
) -> None:
    world.application.may_answer.clear()
    await world.send(REQUEST)
    for second in range(100):
        world.watch(float(second))
    assert not world.transport.closed


async def test_a_body_that_comes_slowly_is_waited_for(world: WatchedConnection) -> None:
    await world.send(UPLOAD)
    for second in range(60):
        await world.send(b"x" * 1001)
        world.watch(float(second))
    assert not world.transport.closed


async def test_a_body_that_comes_more_slowly_is_cut_off(world: WatchedConnection) -> None:
    await world.send(UPLOAD)
    for second in range(60):
        await world.send(b"x" * 500)
        world.watch(float(second))
    assert world.transport.closed


async def test_a_body_that_the_application_does_not_read_yet_is_not_late(
    world: WatchedConnection,
) -> None:
    world.application.may_answer.clear()
    await world.send(UPLOAD)
    for _ in range(10):
        await world.send(b"x" * 8000)
    assert not world.transport.reads
    for second in range(200):
        world.watch(float(second))
    assert not world.transport.closed


async def test_the_rest_of_a_body_that_nobody_wants_is_read_for_ten_seconds(
    world: WatchedConnection,
) -> None:
    world.application.reads_bodies = False
    await world.send(UPLOAD)
    for second in range(12):
        await world.send(b"x" * 8000)
        world.watch(float(second))
    assert world.transport.closed


async def test_what_has_come_is_parsed_in_slices_and_nothing_more_is_read_meanwhile(
    world: WatchedConnection,
) -> None:
    world.connection.data_received(REQUEST * 1000)
    assert not world.transport.reads
    assert world.application.asked == 0
    await asyncio.sleep(0)
    first_slice = http.SLICE_BYTES // len(REQUEST)
    for _ in range(5000):
        await asyncio.sleep(0)
        protocol = next(iter(world.state.connections))
        assert len(protocol.pipeline) <= first_slice  # type: ignore[union-attr]
    assert world.application.asked == 1000
    assert world.transport.reads


async def test_a_pipelined_request_is_not_read_while_the_first_looks_for_its_client(
    world: WatchedConnection,
) -> None:
    world.application.may_answer.clear()
    await world.send(REQUEST * 2)
    cycle = next(iter(world.state.connections)).cycle  # type: ignore[union-attr]
    await cycle.receive()
    assert not world.transport.reads


async def test_every_request_hears_that_its_client_is_gone_and_none_begins_then(
    world: WatchedConnection,
) -> None:
    world.application.may_answer.clear()
    await world.send(REQUEST * 2)
    (protocol,) = world.state.connections
    running = protocol._running  # type: ignore[union-attr]
    assert (await running.receive())["type"] == "http.request"
    waiting = asyncio.create_task(running.receive())
    world.connection.connection_lost(None)
    assert (await asyncio.wait_for(waiting, 1))["type"] == "http.disconnect"
    world.application.may_answer.set()
    await world.settle()
    assert world.application.asked == 1


async def test_who_takes_nothing_for_half_a_minute_is_cut_off(world: WatchedConnection) -> None:
    world.application.may_answer.clear()
    await world.send(REQUEST)
    world.transport.unsent = 1000
    for second in range(31):
        world.watch(float(second))
    assert not world.transport.aborted
    world.watch(31.0)
    assert world.transport.aborted


async def test_who_takes_a_little_now_and_then_is_not(world: WatchedConnection) -> None:
    world.application.may_answer.clear()
    await world.send(REQUEST)
    world.transport.unsent = 100_000
    for second in range(100):
        world.transport.unsent -= 10 if second % 20 == 0 else 0
        world.watch(float(second))
    assert not world.transport.aborted


async def test_who_takes_nothing_of_a_farewell_is_cut_off_after_five_seconds(
    world: WatchedConnection,
) -> None:
    await world.send(b"this is not HTTP\r\n\r\n")
    assert world.transport.closed
    assert b'"code":"bad_request"' in world.transport.written
    world.transport.unsent = 1000
    for second in range(8):
        world.watch(float(second))
    assert world.transport.aborted


@pytest.fixture
async def upgraded(world: WatchedConnection) -> WatchedConnection:
    await world.send(HANDSHAKE)
    assert world.transport.written.startswith(b"HTTP/1.1 101 ")
    world.transport.written = b""
    return world


async def test_messages_are_handed_on_in_slices_too(upgraded: WatchedConnection) -> None:
    messages = frame(1, b"x") * 2000
    upgraded.connection.data_received(messages)
    assert not upgraded.transport.reads
    asked = []
    while upgraded.application.asked < 2000:
        await asyncio.sleep(0)
        asked.append(upgraded.application.asked)
    assert max(later - earlier for earlier, later in pairwise(asked)) <= (
        websocket.SLICE_BYTES // 7 + 1
    )


async def test_a_text_that_is_not_utf8_ends_the_connection_with_1007_and_no_traceback(
    upgraded: WatchedConnection, caplog: pytest.LogCaptureFixture
) -> None:
    await upgraded.send(frame(1, b"\xff"))
    assert (1007).to_bytes(2, "big") in upgraded.transport.written
    assert upgraded.transport.closed
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_message_in_more_pieces_than_anybody_needs_is_against_the_rules(
    upgraded: WatchedConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock[0], raising=False)
    await upgraded.send(frame(1, b"x", fin=False))
    for second in range(websocket.MAX_OVERHEAD_FRAMES + 1):
        clock[0] = float(second)
        await upgraded.send(frame(0, b"x", fin=False))
    assert (1008).to_bytes(2, "big") in upgraded.transport.written


async def test_another_version_of_the_protocol_is_told_which_one_is_spoken(
    world: WatchedConnection,
) -> None:
    await world.send(HANDSHAKE.replace(b"Version: 13", b"Version: 8"))
    head = world.transport.written.lower()
    assert head.startswith(b"http/1.1 426 ")
    assert b"sec-websocket-version: 13\r\n" in head
    assert world.transport.closed


async def test_what_a_burst_left_behind_is_collected_within_a_minute() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.me = self

    cycle = Cycle()
    gc.collect()  # It has grown old, and only a full collection comes to it.
    gone = weakref.ref(cycle)
    config = uvicorn.Config(Application(), **uvicorn_options())
    server = _Server(config, on_ready=lambda: None)
    gc.disable()
    try:
        del cycle
        for counter in range(600):
            await server.on_tick(counter)
        assert gone() is not None
        await server.on_tick(600)
        assert gone() is None
    finally:
        gc.enable()
