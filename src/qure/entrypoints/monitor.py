"""A port for those who look after a worker: ``/health``, and ``/metrics`` if wished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from qure.application.ports.setup import SetupError
from qure.entrypoints.figures import Figures

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
_ALIVE = b'{"health":"ok"}'


@asynccontextmanager
async def watched(host: str, port: int, figures: Figures | None) -> AsyncIterator[int]:
    """Answer there meanwhile; the port (the one that was found, for 0). Raises ``SetupError``.

    That it answers shows that the event loop, in which the jobs run, is not stuck.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _answer(head, figures))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            logger.debug("nobody to answer: %r", error)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    try:
        server = await asyncio.start_server(answer, host, port, limit=16 * 1024)
    except OSError as error:
        raise SetupError(f"cannot listen on {host} port {port}: {error.strerror}.") from error
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _answer(head: bytes, figures: Figures | None) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method != b"GET" or path not in (b"/health", b"/metrics"):
        return _response("404 Not Found", "text/plain", b"")
    if path == b"/health":
        return _response("200 OK", "application/json", _ALIVE)
    if figures is None:
        return _response("404 Not Found", "text/plain", b"")
    return _response("200 OK", CONTENT_TYPE_LATEST, await figures.render())


def _response(status: str, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
