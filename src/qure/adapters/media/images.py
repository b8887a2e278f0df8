"""Images, each unpacked in a process of its own: known by their content, and bounded."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Invalid, Unavailable

DECODER = (sys.executable, "-P", "-m", "qure.adapters.media.decoder")

_REFUSED = 3

logger = logging.getLogger(__name__)


class PillowImages:
    """Reads JPEG, PNG, WebP, GIF and HEIC of at most ``max_bytes`` and ``max_pixels``.

    One at a time. At most ``queue_limit`` checks and as many jobs wait; the next caller gets
    ``Unavailable`` (``busy``). A job never waits behind more than one check.

    Each is unpacked by a process that ends with it: one that takes more than ``cpu_seconds``
    of a processor, ``memory_bytes``, or ``seconds`` in all is killed, and so is one that nobody
    waits for any longer. Which image does that is refused, like a damaged one.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 10 * 1024 * 1024,
        max_pixels: int = 50_000_000,
        queue_limit: int = 32,
        cpu_seconds: int = 10,
        memory_bytes: int = 1024 * 1024 * 1024,
        seconds: float = 30.0,
        decoder: Sequence[str] = DECODER,
    ) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._decoder = tuple(decoder)
        self._bounds = (str(max_pixels), str(cpu_seconds), str(memory_bytes))
        self._checks = _Line(queue_limit)
        # Starting a process takes milliseconds in which the event loop should not stand still.
        self._threads = BoundedThreads("pictures", threads=1, queue_limit=queue_limit)
        self._working: set[_Child] = set()

    async def check(self, content: bytes, *, path: str) -> None:
        """Unpack it once. Raises ``Invalid`` about ``path`` unless that goes well."""
        if len(content) > self._max_bytes:
            sentence = f"The picture is larger than {_mebibytes(self._max_bytes)} MiB."
            raise Invalid.field(path, sentence)
        async with self._checks.turn():
            await self._work("check", content, path=path)

    async def fit(self, content: bytes) -> bytes:
        """As a JPEG of quality 70 within 1024x1024, never enlarged, upright, in sRGB, on white.

        Of a moving image the first frame; without any metadata. Raises ``Invalid``.
        """
        return await self._work("fit", content, path="image")

    async def close(self) -> None:
        """Take no more, and end what is being worked on: its caller gets ``Unavailable``."""
        self._threads.close()
        for child in self._working:
            child.end()

    async def _work(self, action: str, content: bytes, *, path: str) -> bytes:
        child = _Child()
        self._working.add(child)
        command = (*self._decoder, action, *self._bounds)
        try:
            return await self._threads.run(child.work, command, content, self._seconds)
        except _ProcessFailed as failure:
            logger.error("pictures cannot be read: %s", failure)
            raise Unavailable("Pictures cannot be read now.", retry_after=10) from failure
        except _RefusedImage as refusal:
            if refusal.cause is not None:
                logger.warning("a picture is given up: %s", refusal.cause)
            raise Invalid.field(path, refusal.sentence) from None
        finally:
            self._working.discard(child)
            child.end()


class _RefusedImage(Exception):
    """``cause`` is for the log, when its process had to be ended or died."""

    def __init__(self, sentence: str, cause: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.cause = cause


class _ProcessFailed(Exception):
    """It could not be started, or not do its work, whatever the image."""


class _Line:
    """One at a time, in the order they came, and at most ``limit`` waiting."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._there = 0
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for it. Raises ``Unavailable`` (``busy``)."""
        if self._there > self._limit:
            raise Unavailable(
                "The server is busy with pictures at the moment.", code="busy", retry_after=1
            )
        self._there += 1
        try:
            async with self._lock:
                yield
        finally:
            self._there -= 1


class _Child:
    """A process for one image: ``work`` blocks a thread, ``end`` may come from any other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False

    def work(self, command: Sequence[str], content: bytes, seconds: float) -> bytes:
        """What it answers. Raises ``_RefusedImage``, ``_ProcessFailed``, ``Unavailable``."""
        try:
            # In a session of its own: Ctrl-C in the terminal is for the service, which ends it.
            process = self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as fault:
            raise _ProcessFailed(str(fault)) from fault
        with process:
            if self._unwanted:
                process.kill()
            try:
                answer, complaint = process.communicate(content, timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise _too_long(f"its process had not ended after {seconds:g} s") from None
        if process.returncode == 0:
            return answer
        if self._unwanted:
            raise Unavailable("The server is about to stop.")
        if process.returncode == _REFUSED:
            raise _RefusedImage(answer.decode())
        if process.returncode > 0:
            # Not the image's fault: memory for a process, a file of the installation.
            raise _ProcessFailed(complaint.decode(errors="replace"))
        cause = f"its process died of signal {-process.returncode}"
        if process.returncode == -signal.SIGXCPU:
            raise _too_long(cause)
        raise _RefusedImage("The picture is damaged.", cause)

    def end(self) -> None:
        """Kill it, if it has begun and not ended yet."""
        self._unwanted = True  # looked at after the process is there, so that one of both sees it
        if self._process is not None:
            self._process.kill()


def _too_long(cause: str) -> _RefusedImage:
    return _RefusedImage("The picture takes too long to read.", cause)


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:g}"
