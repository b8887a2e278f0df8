"""Threads with a bound, for libraries that block: no adapter itself, but what several stand on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from qure.domain.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class BoundedThreads:
    """At most ``threads`` pieces of work at once, and at most ``queue_limit`` more waiting.

    Work that is cancelled while it waits never starts. Work that is cancelled while it runs is
    abandoned: the caller goes on at once, and the thread counts as taken until the call returns.
    """

    def __init__(self, name: str, *, threads: int, queue_limit: int) -> None:
        self._name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"qure-{name}")
        self._room = threading.BoundedSemaphore(threads + queue_limit)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` returns or raises.

        Raises ``Unavailable``: over the bound (``busy``), and after ``close``.
        """
        if not self._room.acquire(blocking=False):
            raise Unavailable(
                f"The server is busy with {self._name} at the moment.", code="busy", retry_after=1
            )
        try:
            future = self._threads.submit(work, *args, **kwargs)
        except RuntimeError as closed:
            self._room.release()
            raise Unavailable("The server is about to stop.") from closed
        future.add_done_callback(self._make_room)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more work and drop what waits; does not wait for what runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, _: Future[T]) -> None:
        self._room.release()
