"""``qure worker``: the jobs and periodic tasks of servers that share a Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from qure.bootstrap import build
from qure.choices import build_worker
from qure.container import ProcessRole
from qure.entrypoints.observability.logs import configure_logging
from qure.entrypoints.observability.metrics import Metrics
from qure.entrypoints.process.monitor import watched
from qure.entrypoints.process.running import ending_on_signals
from qure.settings import Settings


def work(settings: Settings, *, port: int | None = None, on_ready: Callable[[], None]) -> None:
    """Do jobs until SIGTERM or SIGINT; what runs then may finish, within ten seconds.

    With a ``port``, ``/health`` and ``/metrics`` are answered there.

    A worker that is killed loses nothing: its jobs are done by another one, or by the next.
    Raises ``SettingsError`` without Redis, where the server does its own jobs.
    """
    configure_logging(level=settings.log_level, format=settings.log_format)
    asyncio.run(_work(settings, port, on_ready))


async def _work(settings: Settings, port: int | None, on_ready: Callable[[], None]) -> None:
    container = build(settings, role=ProcessRole.WORKER)
    worker = build_worker(container)
    metrics = Metrics(container) if settings.metrics else None
    loop = asyncio.get_running_loop()
    with ending_on_signals(lambda _sign: loop.call_soon_threadsafe(worker.stop)):
        async with AsyncExitStack() as stack:
            if port is not None:
                await stack.enter_async_context(watched(settings.host, port, metrics))
            await stack.enter_async_context(container.running())
            on_ready()
            await worker.run()
