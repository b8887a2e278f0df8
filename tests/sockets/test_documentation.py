"""docs/events.md says what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
from websockets.asyncio.client import connect

from qure.adapters.sockets import websocket
from qure.adapters.sockets.board_room import MAX_BYTES_AT_ONCE
from qure.adapters.sockets.clients import MAX_ROOMS_PER_CLIENT
from qure.adapters.sockets.pace import BURST
from qure.application.queueing.board import BoardSnapshot, Place
from qure.domain.board import Board
from qure.domain.queue_status import Call, Notice, NoticeKind
from qure.domain.waiting.wait import Basis, Reason, Unknown, WaitState
from qure.entrypoints.process.server import uvicorn_options
from qure.entrypoints.socket_moves import staff_moves
from qure.entrypoints.sockets import SocketDispatcher
from qure.wire import socket_events
from qure.wire.asgi import MAX_FRAME_BYTES
from qure.wire.body import encode
from qure.wire.day_fields import MAX_KEY
from qure.wire.queues import BoardBody, BoardUpdateBody, StatusBody
from qure.wire.tokens import PlaceBody, TokenBody
from qure.wire.waits import BoardWaitsBody, WaitBody, token_waits
from tests.sockets.forecaster import build_wait
from tests.support.builders import NOW, build_queue, build_status, build_token
from tests.support.socket_service import SocketService

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))


def test_every_event_that_a_client_may_send_is_documented_and_no_other(
    service: SocketService,
) -> None:
    served_by = service.container.sockets._dispatcher
    assert isinstance(served_by, SocketDispatcher)
    assert first_column(section("Asking")) == set(served_by._handlers)


def test_every_event_that_the_server_sends_is_documented_and_no_other() -> None:
    asked = {
        *socket_events.STAFF_EVENTS,
        socket_events.JOIN_DESK,
        socket_events.LEAVE_DESK,
        socket_events.PING,
    }
    constants = {
        value
        for name, value in vars(socket_events).items()
        if name.isupper() and isinstance(value, str)
    }
    sent = (constants - asked) | set(socket_events.ERROR_EVENTS.values()) | {websocket.ERROR}
    assert first_column(section("Hearing")) == sent


def test_every_option_of_every_move_is_documented_and_no_other(service: SocketService) -> None:
    of_all, of_some = (
        {
            name: set(re.findall(r"`([a-zA-Z]+)\??`", options))
            for names, options in re.findall(r"^\| (`.+?`) \| (.+) \|$", table, re.MULTILINE)
            for name in re.findall(r"`([^`]+)`", names)
        }
        for table in section("Options").split("And some take more")
    )
    assert set(of_all) == {"idempotencyKey", "expectedVersion"}
    for move in staff_moves(service.container.use_cases).values():
        given = {info.encode_name for info in msgspec.structs.fields(move.options)}
        words = {word for word in of_some.get(move.event, set()) if not word.isupper()}
        assert words == given - set(of_all), move.event
    assert set(of_some) <= set(socket_events.STAFF_EVENTS)


def test_the_examples_have_the_fields_that_are_sent() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)]
    queue, token = build_queue(), build_token()
    board = Board(queue.id, [token], version=1, priority_run=0)
    call = Call(token_id=token.id, label="1", number=1, desk_id=None, desk_name=None, called_at=NOW)
    status = build_status(calls=(call,), notice=Notice(kind=NoticeKind.PAUSE, at=NOW))
    sent = [
        StatusBody.of(status),
        TokenBody.of(token),
        PlaceBody.of(Place(token.id, queue.id, 4, None, 1)),
        WaitBody.of(build_wait()),
        BoardBody.of(BoardSnapshot(queue, board, None)),
        BoardUpdateBody.of(board, status, [token]),
        BoardWaitsBody(queue.id, 1, token_waits({token.id: build_wait()})),
    ]
    for example, body in zip(shown, sent, strict=True):
        real = json.loads(encode(body))
        assert list(example) == list(real)
        for name in ("calls", "notice", "waits"):
            if name in real:
                inner, of = example[name], real[name]
                assert list(inner if name == "notice" else inner[0]) == list(
                    of if name == "notice" else of[0]
                )


def test_every_word_that_a_wait_may_say_is_documented_and_no_other() -> None:
    described = PAGE.split("A **wait** is")[1].split("```")[0]
    words = set(re.findall(r"`([a-z_]+)`", described))
    said = {*WaitState, *Unknown, *Basis, *Reason}
    assert words - {"low", "likely", "high", "state", "reason", "basis", "reasons", "version"} == {
        word.value for word in said
    }


def test_the_bounds_are_those_of_the_program() -> None:
    assert f"watches at most {MAX_ROOMS_PER_CLIENT}" in PAGE
    assert f"more than {MAX_BYTES_AT_ONCE // 1024} KB would have to" in PAGE
    assert f"may send {BURST} events at once" in PAGE
    assert f"1 to {MAX_KEY} visible ASCII" in PAGE
    assert f"at most {MAX_FRAME_BYTES // 1024} KiB" in PAGE
    assert f"within {websocket.AUTH_SECONDS:g} s" in PAGE
    assert uvicorn_options()["ws_max_size"] == MAX_FRAME_BYTES


async def test_the_conversation_goes_as_it_is_written(service: SocketService) -> None:
    _, queue = await service.clinic()
    patient = await service.person()
    status = await service.status(queue, patient)
    (conversation,) = re.findall(r"```text\n(.*?)```", section("A conversation"), re.DOTALL)
    async with connect(service.websocket_url) as connection:
        for line in conversation.splitlines():
            side, said = line[0], line[2:]
            said = said.replace("<access token>", patient.jwt).replace("<queue>", str(queue.id))
            said = said.replace('"<status>"', json.dumps(status))
            if side == ">":
                await connection.send(said)
            else:
                assert json.loads(await connection.recv()) == json.loads(said)
