"""Who is let in, who is thrown out, and when."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.server import ServerProtocol

from qure.adapters.sockets import gateway, websocket
from qure.adapters.sockets.engine_socket import EngineSocket
from qure.domain.actor import SYSTEM, Role
from qure.domain.errors import Unauthenticated
from qure.domain.events import SessionRevoked
from qure.entrypoints.process.protocols.http import HttpProtocol
from qure.entrypoints.process.protocols.websocket import WebSocketProtocol
from tests.sockets.clients import TRANSPORTS, Clients, open_client
from tests.support.builders import NOW, build_entry
from tests.support.socket_service import Login, SocketService, running_service
from tests.support.waiting import eventually


def is_expired(service: SocketService, person: Login) -> bool:
    try:
        service.container.jwts.verify(person.jwt, at=service.container.clock.now())
    except Unauthenticated:
        return True
    return False


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_without_a_token_the_word_is_unauthorized(
    service: SocketService, transport: str
) -> None:
    for token in (None, ""):
        with pytest.raises(ConnectionRefusedError, match="UNAUTHORIZED"):
            await open_client(service, token, transport)
    assert service.container.hub.clients() == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_with_a_bad_token_the_word_is_invalid_token(
    service: SocketService, transport: str
) -> None:
    for token in ("x", "a.b.c", 7, {"a": 1}, ["x"], True, "x" * 20_000):
        with pytest.raises(ConnectionRefusedError, match="INVALID_TOKEN"):
            await open_client(service, token, transport)
    assert service.container.hub.clients() == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_expired_token_lets_nobody_in(service: SocketService, transport: str) -> None:
    late = await service.person(jwt_age=timedelta(hours=1))
    with pytest.raises(ConnectionRefusedError, match="INVALID_TOKEN"):
        await open_client(service, late.jwt, transport)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_revoked_login_lets_nobody_in_although_its_token_has_not_expired(
    service: SocketService, transport: str
) -> None:
    person = await service.person()
    await service.call("DELETE", f"/auth/sessions/{person.session_id}", person)
    with pytest.raises(ConnectionRefusedError, match="INVALID_TOKEN"):
        await open_client(service, person.jwt, transport)


async def test_an_open_socket_outlives_its_token(service: SocketService, clients: Clients) -> None:
    clinic, queue = await service.clinic()
    desk = await clients(await service.person(Role.STAFF, clinic))
    life = service.container.settings.jwt_life
    patient = await service.person(jwt_age=life - timedelta(seconds=3))
    phone = await clients(patient)
    await eventually(lambda: is_expired(service, patient))
    assert (await phone.ask("join-queue", str(queue.id)))["ok"] is True
    await service.take_number(queue, patient)
    await desk.ask("queue:call_next", str(queue.id))
    await phone.next("queue:your_token_called")
    assert not phone.gone.is_set()


async def test_a_revoked_session_ends_its_sockets_within_two_seconds(
    service: SocketService, clients: Clients
) -> None:
    person = await service.person()
    other_login = await service.person(user=person.user)
    phone, other = await clients(person), await clients(other_login)
    await service.call("DELETE", f"/auth/sessions/{person.session_id}", other_login)
    async with asyncio.timeout(2):
        await phone.gone.wait()
    assert not other.gone.is_set()
    assert (await other.ask("leave-queue", str(person.id)))["ok"] is True


async def test_disabling_a_user_ends_all_their_sockets_within_two_seconds(
    service: SocketService, clients: Clients
) -> None:
    admin, person = await service.person(Role.ADMIN), await service.person()
    phones = [await clients(person), await clients(await service.person(user=person.user))]
    await service.call("PATCH", f"/users/{person.id}", admin, isActive=False)
    async with asyncio.timeout(2):
        for phone in phones:
            await phone.gone.wait()


async def test_a_staff_member_who_is_one_no_longer_may_do_nothing_more_at_the_desk(
    service: SocketService, clients: Clients
) -> None:
    clinic, queue = await service.clinic()
    admin, doctor = await service.person(Role.ADMIN), await service.person(Role.STAFF, clinic)
    desk = await clients(doctor)
    assert (await desk.ask("queue:call_next", str(queue.id)))["code"] == "queue_empty"
    await service.call("DELETE", f"/clinic/{clinic.id}/staff/{doctor.id}", admin)
    assert (await desk.ask("queue:call_next", str(queue.id)))["code"] == "forbidden"
    assert not desk.gone.is_set()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_user_may_not_open_sockets_without_end(
    service: SocketService, transport: str
) -> None:
    person = await service.person()
    service.container.hub._max_connections_per_user = 3
    opened = [await open_client(service, person.jwt, transport) for _ in range(3)]
    with pytest.raises(ConnectionRefusedError, match="TOO_MANY_CONNECTIONS"):
        await open_client(service, person.jwt, transport)
    for client in opened:
        await client.close()
    await eventually(lambda: service.container.hub.clients() == [])


async def test_a_socket_does_not_outlive_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "RECHECK_SECONDS", 0.05)
    async with running_service(tmp_path) as service:
        person, other = await service.person(), await service.person()
        phone = await open_client(service, person.jwt, "websocket")
        stays = await open_client(service, other.jwt, "websocket")
        async with service.container.storage.write() as uow:
            session = await uow.sessions.get(person.session_id)
            assert session is not None
            session.expires_at = service.container.clock.now() - timedelta(seconds=1)
            await uow.sessions.save(session)
            await uow.commit()
        service.container.memory.actors.receive(  # As after a minute.
            build_entry(
                SessionRevoked(
                    session_id=person.session_id, user_id=person.id, actor=SYSTEM, at=NOW
                )
            )
        )
        async with asyncio.timeout(5):
            await phone.gone.wait()
        assert not stays.gone.is_set()
        await stays.close()


async def test_who_hangs_up_is_forgotten(service: SocketService, clients: Clients) -> None:
    _, queue = await service.clinic()
    phone = await clients(await service.person())
    await phone.ask("join-queue", str(queue.id))
    assert service.container.hub.watched_queues() == 1
    await phone.close()
    await eventually(lambda: service.container.hub.clients() == [])
    assert service.container.hub.watched_queues() == 0


# The plain WebSocket's own ways


async def say(service: SocketService, *frames: Any) -> list[Any]:
    """The one thing the server says to these frames before it closes, and the close code."""
    async with connect(service.websocket_url, compression=None) as connection:
        for frame in frames:
            await connection.send(frame)
        async with asyncio.timeout(5):
            said = json.loads(await connection.recv())
            with pytest.raises(ConnectionClosed):
                await connection.recv()
        return [said, connection.close_code]


async def test_whoever_does_not_begin_with_auth_is_shown_out(service: SocketService) -> None:
    refusal = [{"event": "auth-error", "data": ["UNAUTHORIZED"]}, 1008]
    join = '{"event":"join-queue","data":["x"]}'
    for first in ("no json", "[]", "{}", '{"event": 7}', join, "\x00"):
        assert await say(service, first) == refusal, first


async def test_who_does_not_say_who_it_is_in_time_is_shown_out(
    service: SocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "AUTH_SECONDS", 0.05)
    assert await say(service) == [{"event": "auth-error", "data": ["UNAUTHORIZED"]}, 1008]


async def test_the_first_frame_may_ask_for_an_acknowledgement(service: SocketService) -> None:
    person = await service.person()
    async with connect(service.websocket_url) as connection:
        await connection.send(json.dumps({"event": "auth", "data": [person.jwt], "id": 0}))
        assert json.loads(await connection.recv()) == {"event": "auth", "data": []}
        answer = {"ack": 0, "data": [{"ok": True, "data": None}]}
        assert json.loads(await connection.recv()) == answer


async def test_bad_frames_are_answered_by_error_and_the_connection_lives_on(
    service: SocketService,
) -> None:
    _, queue = await service.clinic()
    person = await service.person()
    async with connect(service.websocket_url) as connection:
        await connection.send(json.dumps({"event": "auth", "data": [person.jwt]}))
        assert json.loads(await connection.recv())["event"] == "auth"
        bad: list[str | bytes] = [
            "",
            "no json",
            "7",
            "[]",
            "{}",
            '{"event": null}',
            '{"event": "join-queue", "data": {}}',
            '{"event": "join-queue", "data": [], "id": "1"}',
            "[" * 30_000,
            b"\x00\x01",
        ]
        for frame in bad:
            await connection.send(frame)
            said = json.loads(await connection.recv())
            assert said["event"] == "error"
            assert isinstance(said["data"][0], str)
        await connection.send(json.dumps({"event": "join-queue", "data": [str(queue.id)], "id": 3}))
        said = [json.loads(await connection.recv()) for _ in range(3)]
        assert [one.get("event", "ack") for one in said] == [
            "join-queue",
            "queue:status_update",
            "ack",
        ]
        assert said[2]["data"][0]["ok"] is True


async def test_a_frame_that_is_too_big_ends_the_connection(service: SocketService) -> None:
    person = await service.person()
    async with connect(service.websocket_url) as connection:
        await connection.send(json.dumps({"event": "auth", "data": [person.jwt]}))
        await connection.recv()
        await connection.send(json.dumps({"event": "x" * 70_000}))
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("same", True),
        ("https://app.example", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
async def test_pages_of_strange_origins_may_not_connect(
    tmp_path: Path, origin: str | None, is_allowed: bool
) -> None:
    async with running_service(tmp_path, cors_origins=("https://app.example",)) as service:
        if origin == "same":
            origin = service.url
        for path in ("/ws", "/socket.io/?EIO=4&transport=websocket"):
            url = service.websocket_url.replace("/ws", path)
            headers = {} if origin is None else {"Origin": origin}
            if is_allowed:
                async with connect(url, additional_headers=headers):
                    continue
            with pytest.raises(InvalidStatus) as refusal:
                async with connect(url, additional_headers=headers):
                    pass
            assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_connection_that_has_ended_holds_no_memory_until_garbage_is_collected(
    service: SocketService, transport: str
) -> None:
    patient = await service.person()

    def alive() -> list[object]:
        kinds = (EngineSocket, HttpProtocol, ServerProtocol, WebSocketProtocol)
        return [one for one in gc.get_objects() if type(one) in kinds]

    gc.collect()
    gc.disable()
    try:
        before = alive()
        client = await open_client(service, patient.jwt, transport)
        made = [weakref.ref(one) for one in alive() if one not in before]
        assert made
        await client.close()
        del client
        await eventually(lambda: not any(one() for one in made))
    finally:
        gc.enable()
