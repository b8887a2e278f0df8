"""Running the service: one listening socket, one process or several.

The socket is opened first of all, so that a port in use is known before anything is touched, and
nobody who connects while the service starts is turned away.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from qure.application.ports.setup import SetupError
from qure.bootstrap import build, schema_of
from qure.container import ProcessRole
from qure.domain.errors import Unavailable
from qure.entrypoints.observability.logs import configure_logging
from qure.entrypoints.process.running import interrupts_wait, run_process
from qure.entrypoints.process.supervisor import Supervisor
from qure.settings import Settings, SettingsError

BACKLOG = 2048


def serve(
    settings: Settings, *, workers: int = 1, on_ready: Callable[[str, str | None], None]
) -> None:
    """Migrate the database, then serve until SIGTERM or SIGINT, and end in order.

    ``on_ready`` is called with the service's own URL once it answers, and with the code for the
    first admin as long as there is none. Raises ``SettingsError`` for a combination that cannot
    work, ``SetupError`` for a port or a database that cannot be used.
    """
    if workers > 1 and settings.redis_url is None:
        raise SettingsError(
            f"REDIS_URL is not set, and {workers} processes hear of each other's changes only "
            "through Redis: set it, or start one worker."
        )
    configure_logging(level=settings.log_level, format=settings.log_format)
    with listen(settings.host, settings.port) as listener:
        url = url_of(listener)
        with interrupts_wait():
            code = asyncio.run(_prepare(settings))
        if workers == 1:
            run_process(settings, [listener], on_ready=lambda: on_ready(url, code))
            return
        with ExitStack() as stack:
            own = [stack.enter_context(one) for one in _own_listeners(settings, listener, workers)]
            Supervisor(
                settings, listener, own=own, workers=workers, on_ready=lambda: on_ready(url, code)
            ).run()


async def _prepare(settings: Settings) -> str | None:
    """Migrate; the code for the first admin, as long as there is none.

    Asked here, before there are processes, so that it is the same for one and for several.
    """
    await schema_of(settings).migrate()
    unwatched = replace(settings, otlp_endpoint=None)
    async with build(unwatched, role=ProcessRole.COMMAND).running() as container:
        try:
            return await container.use_cases.first_admin.code()
        except Unavailable:
            return None  # A pooler, perhaps: the service starts all the same, and says so itself.


def url_of(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_listeners(
    settings: Settings, shared: socket.socket, workers: int
) -> Iterator[socket.socket]:
    """A port for each process alone, counted on from the shared one, if processes are marked.

    Through it a proxy sends a polling client to the very process that has its session.
    """
    if not settings.instance_id:
        return
    port = shared.getsockname()[1]
    for number in range(1, workers + 1):
        yield listen(settings.host, port + number)


def listen(host: str, port: int) -> socket.socket:
    """A socket that clients connect to. Raises ``SetupError`` with a sentence that says why not."""
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
