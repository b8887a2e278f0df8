"""docs/events.md says what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from websockets.asyncio.client import connect

from qure.adapters.sockets import websocket
from qure.adapters.sockets.hub import MAX_ROOMS_PER_CLIENT
from qure.entrypoints.process.server import uvicorn_options
from qure.entrypoints.sockets import SocketDispatcher
from qure.wire import socket_events
from qure.wire.asgi import MAX_FRAME_BYTES
from qure.wire.responses import StatusBody, TokenBody, encode
from tests.support.builders import build_status, build_token
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
        socket_events.CALL_NEXT,
        socket_events.START_TOKEN,
        socket_events.SKIP_TOKEN,
        socket_events.COMPLETE_TOKEN,
    }
    constants = {
        value
        for name, value in vars(socket_events).items()
        if name.isupper() and isinstance(value, str)
    }
    sent = (constants - asked) | set(socket_events.ERROR_EVENTS.values()) | {websocket.ERROR}
    assert first_column(section("Hearing")) == sent


def test_the_examples_have_the_fields_that_are_sent() -> None:
    status, token = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    )
    real_status = json.loads(encode(StatusBody.of(build_status())))
    real_token = json.loads(encode(TokenBody.of(build_token())))
    assert list(status) == list(real_status)
    assert list(token) == list(real_token)


def test_the_bounds_are_those_of_the_program() -> None:
    assert f"watches at most {MAX_ROOMS_PER_CLIENT}" in PAGE
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
