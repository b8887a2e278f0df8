"""One process that serves: built, tuned, ended in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from qure.application.ports.setup import SetupError
from qure.bootstrap import build
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.process.server import TICKS_PER_SECOND, Server, uvicorn_options
from qure.settings import Settings

logger = logging.getLogger(__name__)

END_WITHIN_SECONDS = 9.5
"""Whatever hangs by then is aborted: who stops us expects an end within ten seconds."""


def run_process(
    settings: Settings, listeners: Sequence[socket.socket], *, on_ready: Callable[[], None]
) -> None:
    """Serve on those sockets in this process until SIGTERM or SIGINT.

    Raises ``SettingsError``, and ``SetupError`` when the service could not start.
    """
    config = uvicorn.Config(create_asgi(build(settings)), **uvicorn_options())
    server = _Server(config, on_ready=on_ready)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=list(listeners)))
    except SystemExit:
        raise SetupError("the service could not start: the log above says why.") from None


COLLECT_EVERY_SECONDS = 60


class _Server(Server):
    """The server, tuned when it has started, and leaving quietly when it was told to."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # Everything alive now stays alive: looking through it again and again costs pauses of
        # up to a tenth of a second, and finds nothing. What is young is looked through as it is
        # made; all the rest once a minute, since counting allocations a small service never came
        # to it, and kept what a burst had left behind.
        gc.collect()
        gc.freeze()
        gc.enable()
        gc.set_threshold(50_000, 20, 1_000_000)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % (COLLECT_EVERY_SECONDS * TICKS_PER_SECOND) == 0 and counter:
            gc.collect()
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's own, does not raise a signal again that has been obeyed."""
        with ending_on_signals(self._end):
            yield

    def _end(self, sign: int) -> None:
        self.handle_exit(sign, None)


@contextmanager
def ending_on_signals(end: Callable[[int], Any]) -> Iterator[None]:
    """Call ``end`` on SIGTERM and SIGINT; the process is gone soon after the first, come what may.

    For the main thread.
    """
    last_resort: list[threading.Timer] = []

    def handle(sign: int, _frame: FrameType | None) -> None:
        if not last_resort:
            timer = threading.Timer(END_WITHIN_SECONDS, _abort)
            timer.daemon = True
            timer.start()
            last_resort.append(timer)
        end(sign)

    before = {sign: signal.signal(sign, handle) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        # The timer goes on: what hangs may well be the interpreter's own end.
        for sign, handler in before.items():
            signal.signal(sign, handler)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """A first Ctrl-C waits for the end of the block, which it then ends; a second one does not."""
    came = False

    def handle(_sign: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _abort() -> None:
    logger.error("ending took too long and is aborted; nothing committed is lost")
    sys.stderr.flush()
    os._exit(1)
