"""Engine.IO over HTTP as nobody's library speaks it, and what its answers give away."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from qure.adapters.sockets import engine_socket, engineio
from qure.entrypoints.observability.logs import configure_logging
from tests.support.socket_service import Login, SocketService, running_service
from tests.support.waiting import eventually

OPENING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[SocketService]:
    async with running_service(tmp_path, cors_origins=("https://app.example",)) as running:
        yield running


@pytest.fixture
async def http(service: SocketService) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        yield client


async def open_session(http: httpx.AsyncClient) -> str:
    """The address of a new session."""
    opened = await http.get(OPENING)
    return f"{OPENING}&sid={json.loads(opened.text[1:])['sid']}"


async def admit(http: httpx.AsyncClient, session: str, person: Login) -> str:
    """Let the person in; the id that Socket.IO gives them."""
    told = await http.post(session, content=f"40{json.dumps({'token': person.jwt})}".encode())
    assert (told.status_code, told.text) == (200, "ok")
    answer = (await http.get(session)).text
    assert answer.startswith("40{")
    return str(json.loads(answer[2:])["sid"])


async def heard(http: httpx.AsyncClient, session: str, count: int) -> list[str]:
    """So many packets, in as many answers as they come in."""
    packets: list[str] = []
    while len(packets) < count:
        answer = await http.get(session)
        assert answer.status_code == 200, (packets, answer.text)
        batch = answer.text.split("\x1e")
        # python-engineio's client takes more in one answer for a broken one.
        assert len(batch) <= 16
        packets += batch
    return packets


async def has_ended(http: httpx.AsyncClient, session: str) -> bool:
    return (await http.get(session)).status_code == 400


async def half_a_post(service: SocketService, path: str) -> asyncio.StreamWriter:
    """A POST whose body does not come, in its own connection."""
    host, port = service.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 20\r\n\r\n3"
    writer.write(head.encode())
    return writer


def is_being_posted(service: SocketService, session: str) -> bool:
    sid = session.rsplit("=", 1)[1]
    return service.container.sockets._engine.sockets[sid]._is_posting  # type: ignore[union-attr]


# What is taken


async def test_a_post_in_chunks_is_a_post(service: SocketService, http: httpx.AsyncClient) -> None:
    person = await service.person()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"40"
        yield json.dumps({"token": person.jwt}).encode()

    session = await open_session(http)
    assert (await http.post(session, content=chunks())).status_code == 200
    assert (await http.get(session)).text.startswith("40{")


async def test_a_post_without_end_is_not_read_to_its_end(http: httpx.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"x" * 64 * 1024

    session = await open_session(http)
    with contextlib.suppress(httpx.TransportError):  # It may be hung up on while it sends.
        assert (await http.post(session, content=chunks())).status_code == 413
    assert sent < 1000
    assert await has_ended(http, session)


async def test_one_post_holds_as_many_packets_as_fit(
    service: SocketService, http: httpx.AsyncClient
) -> None:
    person = await service.person()
    session = await open_session(http)
    await admit(http, session, person)
    body = "\x1e".join(f'42{number}["leave-queue","{person.id}"]' for number in range(150))
    assert (await http.post(session, content=body.encode())).text == "ok"
    packets = await heard(http, session, 300)
    acknowledged = [one for one in packets if one.startswith("43")]
    assert len(acknowledged) == 150
    assert all('"ok":true' in one for one in acknowledged)


@pytest.mark.parametrize("style", ["padded", "unpadded", "in lines"])
async def test_base64_comes_in_the_shapes_that_clients_give_it(
    service: SocketService, http: httpx.AsyncClient, style: str
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    text = base64.b64encode(bytes(range(100))).decode()
    if style == "unpadded":
        text = text.rstrip("=")
    elif style == "in lines":
        text = "\n".join((text[:76], text[76:], ""))
    body = '451-3["join-queue",{"_placeholder":true,"num":0}]\x1eb' + text
    assert (await http.post(session, content=body.encode())).text == "ok"
    packets = await heard(http, session, 2)
    assert "validation_failed" in packets[1]


@pytest.mark.parametrize("is_asking", [False, True])
async def test_a_polling_client_that_is_shown_out_hears_of_it_whenever_it_asks(
    service: SocketService, http: httpx.AsyncClient, is_asking: bool
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    polling = asyncio.create_task(http.get(session)) if is_asking else None
    sid = session.rsplit("=", 1)[1]
    engine = service.container.sockets._engine
    assert engine is not None
    await eventually(lambda: engine.sockets[sid].outgoing.has_reader is is_asking)
    (client,) = service.container.hub.clients()
    client.expel()
    assert (await (polling or http.get(session))).text == "41"
    assert await has_ended(http, session)


# What is not


async def test_two_posts_at_once_end_the_session(
    service: SocketService, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    writer = await half_a_post(service, session)
    await eventually(lambda: is_being_posted(service, session))
    assert (await http.post(session, content=b"3")).status_code == 400
    assert await has_ended(http, session)
    assert service.container.hub.clients() == []
    writer.close()
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("is_let_in", [False, True])
async def test_a_session_that_ends_while_a_post_is_half_sent_leaves_no_traceback(
    service: SocketService,
    http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    is_let_in: bool,
) -> None:
    session = await open_session(http)
    if is_let_in:
        await admit(http, session, await service.person())
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {session} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 2\r\n\r\n4"
    writer.write(head.encode())
    await eventually(lambda: is_being_posted(service, session))
    await http.post(session, content=b"1")
    writer.write(b"1")
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_post_that_does_not_come_is_given_up(
    service: SocketService, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engineio, "BODY_SECONDS", 0.2)
    session = await open_session(http)
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {session} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 20\r\n\r\n40"
    writer.write(head.encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()
    assert await has_ended(http, session)


async def test_who_hangs_up_in_the_middle_of_a_post_is_forgotten_quietly(
    service: SocketService, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    writer = await half_a_post(service, session)
    await eventually(lambda: is_being_posted(service, session))
    writer.transport.abort()
    await eventually(lambda: service.container.hub.clients() == [])
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("EIO=4", 0),
        ("EIO=4&transport=polling&j=0", 3),
        ("EIO=4&transport=websocket", 3),
        ("EIO=3&transport=polling", 5),
        ("EIO=4&transport=polling&sid=nobody", 1),
        ("&".join(f"a{number}=1" for number in range(1000)), 3),
    ],
)
async def test_a_request_that_makes_no_sense_is_400_with_the_number_of_the_protocol(
    http: httpx.AsyncClient, query: str, code: int
) -> None:
    answer = await http.get(f"/socket.io/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("packet", ['42["join-queue","x"]', '42/other,["join-queue","x"]'])
async def test_an_event_before_its_connect_ends_the_connection(
    service: SocketService, http: httpx.AsyncClient, packet: str
) -> None:
    session = await open_session(http)
    if "other" in packet:
        await admit(http, session, await service.person())
        told = await http.post(session, content=b"40/other")
        assert (await http.get(session)).text == '44/other,{"message":"Invalid namespace"}', told
    assert (await http.post(session, content=packet.encode())).status_code == 400
    assert await has_ended(http, session)


@pytest.mark.parametrize("packet", ["43", '43{"a":1}', '43"x"', "437", '461-1{"a":1}\x1ebAAAA'])
async def test_an_acknowledgement_that_is_no_list_ends_the_connection(
    service: SocketService, http: httpx.AsyncClient, packet: str
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    assert (await http.post(session, content=b"431[]")).status_code == 200
    assert (await http.post(session, content=packet.encode())).status_code == 400
    assert await has_ended(http, session)


async def test_the_client_s_own_close_ends_the_waiting_poll_and_the_session(
    service: SocketService, http: httpx.AsyncClient
) -> None:
    session = await open_session(http)
    polling = asyncio.create_task(http.get(session))
    sid = session.rsplit("=", 1)[1]
    engine = service.container.sockets._engine
    assert engine is not None
    await eventually(lambda: engine.sockets[sid].outgoing.has_reader)
    assert (await http.post(session, content=b"1")).text == "ok"
    assert ((await polling).status_code, (await polling).text) == (200, "6")
    assert await has_ended(http, session)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_who_does_not_say_who_it_is_is_sent_away_when_its_time_is_over(
    service: SocketService,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    transport: str,
) -> None:
    monkeypatch.setattr(engine_socket, "HANDSHAKE_SECONDS", 0.5)
    began = asyncio.get_running_loop().time()
    if transport == "polling":
        session = await open_session(http)
        assert (await http.get(session)).status_code == 400
    else:
        url = service.websocket_url.replace("/ws", "/socket.io/?EIO=4&transport=websocket")
        async with connect(url) as connection:
            await connection.recv()
            with pytest.raises(ConnectionClosed):
                await connection.recv()
    assert 0.5 <= asyncio.get_running_loop().time() - began < 1.5


async def test_who_has_left_has_as_long_to_come_back(
    service: SocketService, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await open_session(http)
    await admit(http, session, await service.person())
    monkeypatch.setattr(engine_socket, "HANDSHAKE_SECONDS", 0.5)
    began = asyncio.get_running_loop().time()
    await http.post(session, content=b"41")
    assert service.container.hub.clients() == []
    assert (await http.get(session)).status_code == 400
    assert 0.5 <= asyncio.get_running_loop().time() - began < 1.5


async def test_of_the_subprotocols_that_are_offered_the_first_is_taken(
    service: SocketService,
) -> None:
    offered = [Subprotocol("one"), Subprotocol("two")]
    for path in ("/ws", "/socket.io/?EIO=4&transport=websocket"):
        async with connect(
            service.websocket_url.replace("/ws", path), subprotocols=offered
        ) as connection:
            assert connection.subprotocol == "one"
        async with connect(service.websocket_url.replace("/ws", path)) as connection:
            assert connection.subprotocol is None


# What answers and logs give away


async def test_what_protects_the_answers_of_the_api_protects_those_of_sockets(
    service: SocketService, http: httpx.AsyncClient
) -> None:
    session = await open_session(http)
    model = (await http.get("/api/auth/me")).headers
    protecting = {
        name
        for name in model
        if name.startswith(("x-content", "x-frame", "referrer", "cross-origin", "content-security"))
    } | {"cache-control"}
    assert len(protecting) == 6
    for method, path in (
        ("GET", OPENING),
        ("POST", session),
        ("GET", session),
        ("GET", "/socket.io/"),
        ("PUT", "/socket.io/"),
        ("OPTIONS", "/socket.io/"),
        ("GET", "/ws"),
    ):
        # Without a token, so that the refusal waits for the GET.
        answer = await http.request(method, path, content=b"40" if method == "POST" else None)
        for name in protecting:
            assert answer.headers.get(name) == model[name], (method, path, name)


@pytest.mark.parametrize("origin", ["https://app.example", "https://evil.example", "same", None])
async def test_only_pages_that_may_connect_may_read_and_no_cookies_of_theirs_are_wanted(
    service: SocketService, http: httpx.AsyncClient, origin: str | None
) -> None:
    origin = service.url if origin == "same" else origin
    headers = {} if origin is None else {"Origin": origin}
    answer = await http.get(OPENING, headers=headers)
    asked = await http.options(OPENING, headers=headers | {"Access-Control-Request-Method": "POST"})
    for one in (answer, asked):
        assert "access-control-allow-credentials" not in one.headers
        assert one.headers["vary"] == "Origin"
    if origin == "https://evil.example":
        assert (answer.status_code, asked.status_code) == (403, 403)
        assert "access-control-allow-origin" not in answer.headers
    else:
        assert (answer.status_code, asked.status_code) == (200, 204)
        assert answer.headers.get("access-control-allow-origin") == origin
        assert asked.headers["access-control-allow-methods"] == "GET, POST"


async def test_neither_socketio_s_id_nor_the_log_lets_anybody_poll(
    service: SocketService, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="qure")
    session = await open_session(http)
    sid = session.rsplit("=", 1)[1]
    public = await admit(http, session, await service.person())
    assert public != sid
    assert (await http.get(f"{OPENING}&sid={public}")).status_code == 400
    assert (await http.get(f"{OPENING}&sid={sid[:6]}")).status_code == 400
    await http.post(session, content=b"nonsense")
    lines = [one.getMessage() for one in caplog.records]
    assert any(sid[:6] in line for line in lines)
    assert not any(sid in line for line in lines)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service writes to its log."""
    stream = io.StringIO()
    configure_logging(level="INFO", stream=stream)
    yield stream
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
            root.removeHandler(handler)


async def test_bad_packets_fill_no_log(http: httpx.AsyncClient, written: io.StringIO) -> None:
    for _ in range(20):
        session = await open_session(http)
        assert (await http.post(session, content=b"\xff\xfe")).status_code == 400
    lines = [line for line in written.getvalue().splitlines() if "bad packet" in line]
    assert len(lines) == 1, lines
