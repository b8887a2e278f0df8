"""A process for one picture: bounded, alone, and ended with what it was for."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from functools import partial
from typing import Any

import pytest

from qure.domain.errors import Invalid, Unavailable
from tests.support.picture_readers import GOOD, HANGING, readers, reading, refusal_of, spoilt
from tests.support.servers.process import is_alive
from tests.support.waiting import eventually


async def test_a_picture_that_takes_too_much_of_the_processor_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with reading(cpu_seconds=1, decoder=spoilt("while True: pass")) as images:
        assert await refusal_of(images) == "The picture takes too long to read."
    causes = [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("qure.")
    ]
    assert causes == [f"a picture is given up: its process died of signal {signal.SIGXCPU:d}"] * 2


async def test_a_picture_at_which_its_reader_hangs_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with reading(seconds=1.5, decoder=HANGING) as images:
        assert await refusal_of(images) == "The picture takes too long to read."
        assert readers() == []
    assert "its process had not ended after 1.5 s" in caplog.text


async def test_a_picture_that_kills_its_reader_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with reading(decoder=HANGING) as images:
        for look in (partial(images.check, path="logo"), images.fit):
            looking = asyncio.ensure_future(look(GOOD))
            await eventually(lambda: len(readers()) == 1, within=20)
            readers()[0].kill()
            with pytest.raises(Invalid) as refusal:
                await looking
            assert refusal.value.errors[0].message == "The picture is damaged."
    assert caplog.text.count("its process died of signal 9") == 2


@pytest.mark.parametrize(
    "decoder",
    [("/nowhere/python",), (sys.executable, "-c", "raise MemoryError('no room')")],
    ids=["no program", "no room"],
)
async def test_what_is_not_the_pictures_fault_is_tried_again(decoder: tuple[str, ...]) -> None:
    async with reading(decoder=decoder) as images:
        for look in (partial(images.check, path="image"), images.fit):
            with pytest.raises(Unavailable):
                await look(GOOD)


async def test_who_no_longer_waits_is_no_longer_worked_for() -> None:
    async with reading(decoder=HANGING, queue_limit=1) as images:
        running = asyncio.ensure_future(images.check(GOOD, path="image"))
        waiting = asyncio.ensure_future(images.check(GOOD, path="image"))
        await eventually(lambda: len(readers()) == 1, within=20)
        with pytest.raises(Unavailable):
            await images.check(GOOD, path="image")
        (first,) = readers()
        running.cancel()
        await eventually(lambda: not is_alive(first))
        await eventually(lambda: len(readers()) == 1, within=20)
        assert not waiting.done()
        waiting.cancel()
        await eventually(lambda: not readers())


async def test_closing_ends_the_reader_and_gives_up_no_picture() -> None:
    async with reading(decoder=HANGING) as images:
        running = asyncio.ensure_future(images.fit(GOOD))
        waiting = asyncio.ensure_future(images.fit(GOOD))
        await eventually(lambda: len(readers()) == 1, within=20)
        await images.close()
        with pytest.raises(Unavailable, match="about to stop"):
            await running
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert readers() == []


async def test_one_picture_is_read_at_a_time_and_a_job_waits_for_one_upload_only() -> None:
    order: list[str] = []
    seen_at_once: list[int] = []

    async def note(name: str, work: Any) -> None:
        await work
        order.append(name)

    async with reading() as images, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(note("upload", images.check(GOOD, path="image")))
        await asyncio.sleep(0)
        fitting = group.create_task(note("job", images.fit(GOOD)))
        while not fitting.done():
            seen_at_once.append(len(readers()))
            await asyncio.sleep(0.005)
    assert max(seen_at_once) == 1
    assert order.index("job") <= 2


async def test_a_reader_has_nothing_of_the_service_but_two_pipes_and_a_session_of_its_own() -> None:
    told = spoilt(
        "names = [n for n in os.listdir('/dev/fd') if os.path.exists('/dev/fd/' + n)];"
        "kinds = [os.readlink('/dev/fd/' + n).split(':')[0] for n in names];"
        "return repr((sorted(kinds), os.getsid(0) == os.getpid(), os.nice(0))).encode()"
    )
    with socket.socket() as shared:
        async with reading(decoder=told) as images:
            shared.set_inheritable(True)  # as uvicorn's is, for its workers
            answer = (await images.fit(GOOD)).decode()
    assert answer == repr((["pipe", "pipe", "pipe"], True, min(19, os.nice(0) + 5)))
