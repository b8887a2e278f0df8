"""Running the service: one listening socket, one process or several, a clean end.

The socket is opened first of all, so that a port in use is known before anything is touched, and
nobody who connects while the service starts is turned away.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn

from qure.bootstrap import SetupError, build, migrate_database
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.logs import configure_logging
from qure.entrypoints.server import uvicorn_options
from qure.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

BACKLOG = 2048
END_WITHIN_SECONDS = 9.5
"""Whatever hangs by then is cut off: who stops us expects an end within ten seconds."""


def serve(settings: Settings, *, workers: int = 1, on_ready: Callable[[str], None]) -> None:
    """Migrate the database, then serve until SIGTERM or SIGINT, and end in order.

    ``on_ready`` is called with the service's own URL once it answers. Raises ``SettingsError``
    for a combination that cannot work, ``SetupError`` for a port or a database that cannot be used.
    """
    if workers > 1 and settings.redis_url is None:
        raise SettingsError(
            f"REDIS_URL is not set, and {workers} processes hear of each other's changes only "
            "through Redis: set it, or start one worker."
        )
    configure_logging(level=settings.log_level, format=settings.log_format)
    with _listen(settings.host, settings.port) as listener:
        url = url_of(listener)
        asyncio.run(migrate_database(settings))
        if workers == 1:
            run_process(settings, listener, on_ready=lambda: on_ready(url))
        else:
            from qure.entrypoints.supervisor import Supervisor

            Supervisor(settings, listener, workers=workers, on_ready=lambda: on_ready(url)).run()


def run_process(
    settings: Settings, listener: socket.socket, *, on_ready: Callable[[], None]
) -> None:
    """Serve on that socket in this process until SIGTERM or SIGINT.

    Raises ``SettingsError``, and ``SetupError`` when the service could not start.
    """
    config = uvicorn.Config(create_asgi(build(settings)), **uvicorn_options())
    server = _Server(config, on_ready=on_ready)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))
    except SystemExit:
        raise SetupError("the service could not start: the log above says why.") from None


def url_of(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server, tuned when it has started, and leaving quietly when it was told to."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # Everything alive now stays alive: looking through it again and again costs pauses of
        # up to a tenth of a second, and finds nothing.
        gc.collect()
        gc.freeze()
        gc.enable()
        gc.set_threshold(50_000, 20, 100)
        self._on_ready()

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
            timer = threading.Timer(END_WITHIN_SECONDS, _cut_off)
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


def _cut_off() -> None:
    logger.error("ending took too long and is cut off; nothing committed is lost")
    sys.stderr.flush()
    os._exit(1)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise SetupError(f"{host} is no address to listen on: {error.strerror}.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SetupError(_why_not(error, host, port)) from error
    return listener


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: choose another with --port, or stop what uses it."
    if error.errno == errno.EACCES:
        return f"port {port} needs special rights: choose one above 1023 with --port."
    return f"cannot listen on {host} port {port}: {error.strerror}."
