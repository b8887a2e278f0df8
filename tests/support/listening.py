"""The whole service behind a real uvicorn, on a free port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from qure.adapters.media.images import PillowImages
from qure.bootstrap import build
from qure.entrypoints.asgi import create_asgi
from qure.entrypoints.process.server import uvicorn_options
from qure.settings import Settings


@contextmanager
def listening_service(settings: Settings, *, images: PillowImages | None = None) -> Iterator[str]:
    """Its URL; the server runs in a thread of its own and has stopped at the end.

    Requests have their pictures checked by ``images``, if given.
    """
    container = build(settings)
    container.images = images or container.images
    server = uvicorn.Server(
        uvicorn.Config(create_asgi(container), host="127.0.0.1", port=0, **uvicorn_options())
    )
    listening = threading.Event()
    startup = server.startup

    async def startup_and_say(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        listening.set()

    server.startup = startup_and_say  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert listening.wait(30)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
