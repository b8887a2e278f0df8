"""What waits for one client: in order, bounded, written at once when nothing is in the way."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from qure.adapters.sockets import outgoing as module
from qure.adapters.sockets.messages import Encoded, Message
from qure.adapters.sockets.outgoing import MAX_CHARACTERS, MAX_MESSAGES, Outgoing


class Overflows:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def texts(taken: list[Encoded]) -> list[str]:
    return [one.text for one in taken]


async def test_everything_is_read_in_the_order_in_which_it_was_put() -> None:
    outgoing = Outgoing(Overflows())
    for text in ("a", "b", "c"):
        outgoing.put(Encoded(text))
    assert texts(await outgoing.take()) == ["a", "b", "c"]


async def test_a_pending_status_gives_way_to_a_newer_one_of_its_queue() -> None:
    outgoing = Outgoing(Overflows())
    outgoing.put_newest("q1", Encoded("q1 v1"))
    outgoing.put_newest("q2", Encoded("q2 v1"))
    outgoing.put(Encoded("joined"))
    outgoing.put_newest("q1", Encoded("q1 v2"))
    assert texts(await outgoing.take()) == ["q2 v1", "joined", "q1 v2"]


async def test_ten_thousand_statuses_of_one_queue_take_the_room_of_one() -> None:
    overflows = Overflows()
    outgoing = Outgoing(overflows)
    for version in range(10_000):
        outgoing.put_newest("q", Encoded(f"v{version}" + "x" * 200))
    assert len(outgoing) == 1
    assert overflows.count == 0


@pytest.mark.parametrize(
    ("count", "size"), [(MAX_MESSAGES + 1, 1), (MAX_CHARACTERS // 60_000 + 2, 60_000)]
)
async def test_who_leaves_too_much_unread_is_given_up_once(count: int, size: int) -> None:
    overflows = Overflows()
    outgoing = Outgoing(overflows)
    for _ in range(count - 1):
        outgoing.put(Encoded("x" * size))
    assert overflows.count == 0
    for _ in range(2):
        outgoing.put(Encoded("x" * size))
        assert overflows.count == 1
    assert len(outgoing) == 0
    assert await outgoing.take() == []


async def test_one_text_may_be_longer_than_all_that_may_wait_besides() -> None:
    overflows = Overflows()
    outgoing = Outgoing(overflows)
    outgoing.put(Encoded("a"))
    outgoing.put(Encoded("x" * 3 * MAX_CHARACTERS))
    outgoing.put(Encoded("b" * (MAX_CHARACTERS - 1)))
    assert [len(text) for text in texts(await outgoing.take(at_most=2))] == [1, 3 * MAX_CHARACTERS]
    outgoing.put(Encoded("c" * MAX_CHARACTERS))
    assert overflows.count == 0
    outgoing.put(Encoded("d" * 2))
    assert overflows.count == 1


async def test_two_such_texts_are_too_much() -> None:
    overflows = Overflows()
    outgoing = Outgoing(overflows)
    for _ in range(2):
        outgoing.put(Encoded("x" * (MAX_CHARACTERS + 1)))
    assert overflows.count == 1


async def test_who_leaves_something_unread_for_too_long_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.0)
    overflows = Overflows()
    outgoing = Outgoing(overflows)
    outgoing.put(Encoded("a"))
    while overflows.count == 0:
        await asyncio.sleep(0)
        outgoing.put_newest("q", Encoded("b"))


async def test_the_reader_waits_until_there_is_something() -> None:
    outgoing = Outgoing(Overflows())
    reading = asyncio.create_task(outgoing.take())
    await asyncio.sleep(0)
    assert outgoing.has_reader
    outgoing.put(Encoded("late"))
    assert texts(await reading) == ["late"]


async def test_there_is_one_reader_at_a_time() -> None:
    outgoing = Outgoing(Overflows())
    reading = asyncio.create_task(outgoing.take())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await outgoing.take()
    outgoing.end()
    assert await reading == []


async def test_what_waits_at_the_end_is_still_read_and_nothing_is_taken_after_it() -> None:
    outgoing = Outgoing(Overflows())
    outgoing.put(Encoded("last"))
    outgoing.end()
    outgoing.put(Encoded("too late"))
    assert texts(await outgoing.take()) == ["last"]
    assert await outgoing.take() == []


async def test_a_frame_is_written_through_only_when_nothing_is_in_the_way() -> None:
    written: list[bytes] = []
    writable = True

    def write(frame: bytes) -> bool:
        if writable:
            written.append(frame)
        return writable

    outgoing = Outgoing(Overflows())
    outgoing.write_through = write
    outgoing.put(Encoded("before the first reading"))
    assert written == []
    assert texts(await outgoing.take()) == ["before the first reading"]

    outgoing.put(Encoded("while the reader writes"))
    assert written == []
    assert texts(await outgoing.take()) == ["while the reader writes"]

    reading = asyncio.create_task(outgoing.take())
    await asyncio.sleep(0)
    outgoing.put(Encoded("free"))
    assert written == [Encoded("free").frame]

    writable = False
    outgoing.put(Encoded("the transport is full"))
    writable = True
    outgoing.put(Encoded("must not overtake"))
    assert texts(await reading) == ["the transport is full", "must not overtake"]
    assert len(written) == 1


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_what_a_websocket_library_makes_of_the_text(size: int) -> None:
    text = "x" * size
    assert Encoded(text).frame == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_both_protocols_say_the_same_each_in_its_own_form() -> None:
    message = Message("queue:status_update", b'{"version":1}')
    assert message.socketio.text == '42["queue:status_update",{"version":1}]'
    assert message.websocket.text == '{"event":"queue:status_update","data":[{"version":1}]}'
    assert Message("join-queue").socketio.text == '42["join-queue"]'
    assert Message("join-queue").websocket.text == '{"event":"join-queue","data":[]}'
    assert message.socketio is message.socketio
    assert message.socketio.frame is message.socketio.frame
