"""The service as it is, but for a probe on its loop, and forecasts that can be switched off.

``GET /pauses`` tells what the probe has seen since it was asked last; from then on forecasts are
made after ``?with``, and not after ``?without``. Started as a program.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from qure.application.waiting.kept_clinic import KeptClinic
from qure.application.waiting.making import Maker
from qure.container import Container
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.process import running
from qure.entrypoints.process.serving import listen
from qure.settings import load_settings
from qure.wire.asgi import AsgiApp, Receive, Scope, Send

TICK_SECONDS = 0.001


@dataclass
class Pauses:
    """How late the loop came back to somebody who wanted to go on after a tick: in milliseconds,
    by the clock on the wall; and how long its thread had worked meanwhile, which other programs on
    the same cores hardly lengthen. Where garbage was collected meanwhile, only how long that took
    is kept. And how many ``forecasts`` were made."""

    walls: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    collections: list[float] = field(default_factory=list)
    forecasts: int = 0
    is_forecasting: bool = True
    began: float = 0.0

    def take(self) -> dict[str, Any]:
        """What was seen; from here on anew."""
        seen = asdict(self)
        self.walls, self.works, self.collections, self.forecasts = [], [], [], 0
        return seen

    def collects(self, phase: str, _info: dict[str, int]) -> None:
        """See ``gc.callbacks``."""
        if phase == "start":
            self.began = time.thread_time()
        else:
            self.collections.append((time.thread_time() - self.began) * 1000)

    async def watch(self) -> None:
        """For as long as the process lives."""
        while True:
            collected = len(self.collections)
            wall, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_SECONDS)
            if len(self.collections) == collected:
                self.walls.append((time.perf_counter() - wall - TICK_SECONDS) * 1000)
                self.works.append((time.thread_time() - work) * 1000)


PAUSES = Pauses()


def probed(container: Container) -> AsgiApp:
    """The whole application, and what the probe has seen."""
    app = create_asgi(container)
    watching: list[asyncio.Task[None]] = []

    async def with_probe(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/pauses":
            await app(scope, receive, send)
            return
        seen = PAUSES.take()
        PAUSES.is_forecasting = scope["query_string"] == b"with"
        if not watching:
            gc.callbacks.append(PAUSES.collects)
            watching.append(asyncio.create_task(PAUSES.watch()))
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": 200, "headers": [kind]})
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})

    return with_probe


def main() -> None:
    """Serve until told to stop."""
    make = Maker.make

    async def count_and_make(self: Maker, kept: KeptClinic) -> None:
        if PAUSES.is_forecasting:
            PAUSES.forecasts += 1
            await make(self, kept)
        else:
            kept.is_stale = False

    Maker.make = count_and_make  # type: ignore[method-assign]
    running.create_asgi = probed  # type: ignore[attr-defined]
    settings = load_settings(env_file=None)
    listener = listen("127.0.0.1", settings.port)
    running.run_process(settings, [listener], on_ready=lambda: None)


if __name__ == "__main__":
    main()
