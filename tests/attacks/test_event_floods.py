"""Users who send events without end: they are told, then shown out, and hold up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame, Opcode

from qure.adapters.sockets import connection as sockets_connection
from qure.adapters.sockets.clients import MAX_ROOMS_PER_CLIENT
from qure.adapters.sockets.connection import WebSocketConnection
from qure.adapters.sockets.outgoing import Outgoing
from qure.adapters.sockets.pace import BURST, USER_SHARES
from qure.domain.actor import Role
from tests.support.clients.sockets import TRANSPORTS, SocketIoClient, open_at
from tests.support.socket_service import Login, SocketService, running_service
from tests.support.waiting import eventually

PROTOCOLS = ["plain", "socket.io"]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[SocketService]:
    # One event a second: what is refused does not depend on how long the test takes.
    async with running_service(tmp_path, max_events_per_second=1) as running:
        yield running


@asynccontextmanager
async def opened(
    service: SocketService, person: Login, protocol: str
) -> AsyncIterator[ClientConnection]:
    """A connection of a person who has been let in, by hand."""
    path = "/ws" if protocol == "plain" else "/socket.io/?EIO=4&transport=websocket"
    async with connect(service.websocket_url.replace("/ws", path), compression=None) as connection:
        if protocol == "plain":
            await connection.send(json.dumps({"event": "auth", "data": [person.jwt]}))
        else:
            await connection.recv()
            await connection.send(f"40{json.dumps({'token': person.jwt})}")
        await connection.recv()
        yield connection


def packet(protocol: str, event: str, *arguments: Any, id: int | None = None) -> str:
    if protocol == "plain":
        numbered = {} if id is None else {"id": id}
        return json.dumps({"event": event, "data": arguments, **numbered})
    return f"42{'' if id is None else id}{json.dumps([event, *arguments])}"


def meaning(protocol: str, said: str | bytes) -> str:
    """The code of a refusal, ``ok``, or the event's name."""
    if protocol == "plain":
        frame = json.loads(said)
        if "ack" not in frame:
            return str(frame["event"])
        (answer,) = frame["data"]
    else:
        assert isinstance(said, str)
        if said.startswith("42"):
            return str(json.loads(said[2:])[0])
        if not said.startswith("43"):
            return said
        (answer,) = json.loads(said[said.index("[") :])
    return "ok" if answer["ok"] else str(answer["code"])


async def send_all(connection: ClientConnection, packets: list[str]) -> None:
    with contextlib.suppress(ConnectionClosed):
        for one in packets:
            await connection.send(one)


async def said_until_the_end(connection: ClientConnection, protocol: str) -> list[str]:
    heard = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                heard.append(meaning(protocol, await connection.recv()))
    return heard


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_flood_is_refused_event_by_event_and_then_ended(
    service: SocketService, protocol: str
) -> None:
    person = await service.person()
    async with opened(service, person, protocol) as connection:
        sending = asyncio.create_task(
            send_all(
                connection,
                [packet(protocol, "leave-queue", str(person.id), id=n) for n in range(5000)],
            )
        )
        heard = Counter(await said_until_the_end(connection, protocol))
        await sending
    # What said who it is was a packet too; and some seconds pass at one event a second.
    assert BURST - 1 <= heard["ok"] <= BURST + 10
    assert BURST <= heard["too_many_requests"] <= BURST + 10
    if protocol == "plain":
        assert connection.close_code == 1008
    else:
        assert heard["41"] == 1
    assert service.container.hub.clients() == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_events_that_ask_for_no_acknowledgement_count_and_are_refused_by_their_error_event(
    service: SocketService, protocol: str
) -> None:
    _, queue = await service.clinic()
    person = await service.person()
    async with opened(service, person, protocol) as connection:
        for _ in range(BURST + 5):
            await connection.send(packet(protocol, "join-queue", str(queue.id)))
        await connection.send(packet(protocol, "leave-queue", str(queue.id), id=7))
        heard = Counter[str]()
        async with asyncio.timeout(10):
            while not heard["too_many_requests"]:
                heard[meaning(protocol, await connection.recv())] += 1
    assert heard["join-queue"] + heard["join-queue-error"] == BURST + 5
    assert heard["join-queue-error"] >= 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_frames_that_mean_nothing_count_like_events(
    service: SocketService, protocol: str
) -> None:
    person = await service.person()
    # An answer to no ping, and a frame that is no JSON: neither ends a connection by itself.
    nothing = "no json" if protocol == "plain" else "3"
    async with opened(service, person, protocol) as connection:
        await send_all(connection, [nothing] * (2 * BURST + 20))
        await said_until_the_end(connection, protocol)
        assert connection.close_code == (1008 if protocol == "plain" else 1000)
    assert service.container.hub.clients() == []


@pytest.mark.parametrize("first", ["plain", "binary"])
async def test_who_has_not_said_who_it_is_may_not_send_without_end_either(
    service: SocketService, first: str
) -> None:
    if first == "binary":
        async with connect(service.websocket_url) as connection:
            for _ in range(2 * BURST + 20):
                with contextlib.suppress(ConnectionClosed):
                    await connection.send(b"\x00")
            await said_until_the_end(connection, "plain")
            assert connection.close_code == 1008
        return
    url = service.websocket_url.replace("/ws", "/socket.io/?EIO=4&transport=websocket")
    async with connect(url) as connection:
        await connection.recv()
        await send_all(connection, ['40{"token":"none"}'] * (BURST + 20))
        heard = await said_until_the_end(connection, "socket.io")
    assert heard.count('44{"message":"INVALID_TOKEN"}') <= BURST + 10


async def test_coming_back_or_many_connections_are_no_way_out(service: SocketService) -> None:
    person = await service.person()
    for _ in range(USER_SHARES):
        async with opened(service, person, "plain") as connection:
            for n in range(BURST - 1):  # To say who one is was the first.
                await connection.send(packet("plain", "leave-queue", str(person.id), id=n))
            for _ in range(2 * (BURST - 1)):
                await connection.recv()
    heard = Counter[str]()
    async with opened(service, person, "plain") as connection:
        for n in range(50):
            await connection.send(packet("plain", "leave-queue", str(person.id), id=n))
        async with asyncio.timeout(10):
            while heard["ok"] + heard["too_many_requests"] < 50:
                heard[meaning("plain", await connection.recv())] += 1
    assert heard["too_many_requests"] >= 20
    other = await open_at(service.url, (await service.person()).jwt, "plain")
    assert (await other.ask("leave-queue", str(person.id)))["ok"] is True
    await other.close()


async def test_a_socketio_client_that_was_shown_out_does_not_come_back_by_itself(
    service: SocketService,
) -> None:
    person = await service.person()
    client = SocketIoClient(reconnects=True)
    await client.open(service.url, person.jwt, ["websocket"])
    for _ in range(2 * BURST + 20):
        await client.sio.emit("leave-queue", str(person.id))
    await eventually(client.has_given_up.is_set, within=10)
    assert service.container.hub.clients() == []
    await client.close()


async def test_others_are_answered_while_twenty_connections_of_one_user_flood(
    service: SocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await service.person(Role.ADMIN)
    dispatcher: Any = service.container.sockets._dispatcher
    handle, handled, took = dispatcher.handle, list[str](), list[float]()

    async def count(client: Any, event: str, arguments: Any) -> Any:
        handled.append(event)
        return await handle(client, event, arguments)

    monkeypatch.setattr(dispatcher, "handle", count)

    async def flood() -> None:
        async with opened(service, person, "socket.io") as connection:
            events = [packet("socket.io", "leave-queue", str(person.id), id=1)] * 3000
            sending = asyncio.create_task(send_all(connection, events))
            await said_until_the_end(connection, "socket.io")
            await sending

    async with httpx.AsyncClient(base_url=service.url) as http:
        flooding = [asyncio.create_task(flood()) for _ in range(20)]
        while not all(task.done() for task in flooding):
            began = asyncio.get_running_loop().time()
            assert (await http.get("/health", timeout=30)).status_code == 200
            took.append(asyncio.get_running_loop().time() - began)
    await asyncio.gather(*flooding)
    # However many connections: the work of all together is bounded.
    assert BURST <= len(handled) <= USER_SHARES * (BURST + 60)
    assert sorted(took)[len(took) // 2] < 1.0


async def test_a_connection_with_frames_in_store_lets_everybody_else_have_their_turn() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "text": "x"}  # Never waits.

    async def send(_: Any) -> None:
        raise AssertionError("nothing is sent")

    connection = WebSocketConnection({}, receive, send)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    for _ in range(100):
        await connection.read()
    task.cancel()
    assert turns >= 99


async def test_what_follows_a_flood_is_hardly_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets_connection, "FAREWELL_SECONDS", 0.05)
    written: list[bytes] = []
    read_on = 0

    def write(frame: bytes) -> bool:
        written.append(frame)
        return True

    async def receive() -> dict[str, Any]:
        nonlocal read_on
        read_on += 1
        return {"type": "websocket.receive", "text": "x"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(f"{message['type']} makes uvicorn read on until the client closes")

    extensions = {"qure.connection": {"write": write, "abort": lambda: None}}
    connection = WebSocketConnection({"extensions": extensions}, receive, send)  # type: ignore[arg-type]

    async def read() -> None:
        connection.fail(1008)

    await connection.converse(Outgoing(lambda: None), read)
    assert written == [Frame(Opcode.CLOSE, Close(1008, "").serialize()).serialize(mask=False)]
    assert read_on <= sockets_connection.FAREWELL_FRAMES


# Honest use never meets any of this.


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_display_that_comes_back_joins_all_its_queues_at_once(
    tmp_path: Path, transport: str
) -> None:
    async with running_service(tmp_path) as service:
        queues = [(await service.clinic())[1] for _ in range(MAX_ROOMS_PER_CLIENT)]
        display = await open_at(service.url, (await service.person()).jwt, transport)
        for _ in range(2):
            answers = await asyncio.gather(
                *(display.ask("join-queue", str(queue.id), seconds=20) for queue in queues)
            )
            assert all(answer["ok"] for answer in answers)
            await display.close()
            display = await open_at(service.url, (await service.person()).jwt, transport)
        await display.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_an_app_has_kept_is_acknowledged_each(tmp_path: Path, transport: str) -> None:
    async with running_service(tmp_path) as service:
        _, queue = await service.clinic()
        phone = await open_at(service.url, (await service.person()).jwt, transport)
        answers = await asyncio.gather(
            *(phone.ask("join-queue", str(queue.id), seconds=20) for _ in range(129))
        )
        assert all(answer["ok"] for answer in answers)
        await phone.close()
