"""Several processes that serve one socket, kept alive until told to end.

Not uvicorn's ``Multiprocess``: it does not say when all are ready or why the first cannot start,
gives none a socket and a mark of its own, and leaves orphans when it is killed.

They share the one listening socket instead of opening one each (``SO_REUSEPORT``): a connection
that waits when a process ends is taken by another, with a socket of its own it would be reset.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from qure.application.ports.setup import SetupError
from qure.entrypoints.observability.logs import configure_logging
from qure.entrypoints.process.running import run_process
from qure.settings import Settings

logger = logging.getLogger(__name__)

KILL_AFTER_SECONDS = 9.8
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0
READY = "ready"


@dataclass(slots=True)
class _Member:
    """One process, and the pipe it reports through; closing our end tells it to end."""

    number: int
    process: SpawnProcess
    channel: Connection
    is_ready: bool = False
    complaint: str | None = None


class Supervisor:
    """Starts ``workers`` processes; one that dies is started again, with growing delays.

    They are numbered from 1. If there are sockets of their ``own``, number ``n`` listens on the
    ``n``-th of them too, and adds ``w<n>`` to the mark in its session ids.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        *,
        own: Sequence[socket.socket] = (),
        workers: int,
        on_ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._own = own
        self._workers = workers
        self._on_ready = on_ready
        self._members: list[_Member] = []
        self._due: list[tuple[float, int]] = []
        self._delay = FIRST_DELAY_SECONDS
        self._was_ready = False

    def run(self) -> None:
        """Return when told to end by SIGTERM or SIGINT, and all processes have.

        Raises ``SetupError`` when the first of them cannot even start.
        """
        with _told_to_end() as told:
            try:
                now = time.monotonic()
                self._due = [(now, number) for number in range(1, self._workers + 1)]
                while not self._wait(told):
                    self._start_what_is_due()
            finally:
                self._end_all()

    def _wait(self, told: int) -> bool:
        """Until something happens; whether it is the end."""
        by_sentinel = {member.process.sentinel: member for member in self._members}
        by_channel = {member.channel: member for member in self._members if not member.is_ready}
        seconds = max(0.0, min(self._due)[0] - time.monotonic()) if self._due else None
        happened = wait([told, *by_channel, *by_sentinel], seconds)
        if told in happened:
            return True
        for one in happened:
            if isinstance(one, Connection):
                self._receive(by_channel[one])
        for one in happened:
            if isinstance(one, int):
                self._reap(by_sentinel[one])
        return False

    def _receive(self, member: _Member) -> None:
        try:
            word = member.channel.recv()
        except (EOFError, OSError):
            return  # It has died, which its sentinel tells.
        if word != READY:
            member.complaint = word
            return
        member.is_ready = True
        self._delay = FIRST_DELAY_SECONDS
        if not self._was_ready and all(one.is_ready for one in self._members):
            self._was_ready = True
            self._on_ready()

    def _reap(self, member: _Member) -> None:
        if member.complaint is None and not member.is_ready:
            self._receive(member)
        member.process.join()
        member.channel.close()
        self._members.remove(member)
        if not self._was_ready:
            raise SetupError(
                member.complaint or "the service could not start: the log above says why."
            )
        logger.error(
            "process %s ended (%s) and is started again", member.process.pid, _how_it_ended(member)
        )
        delay = 0.0 if member.is_ready else self._delay
        if not member.is_ready:
            self._delay = min(LONGEST_DELAY_SECONDS, self._delay * 2)
        self._due.append((time.monotonic() + delay, member.number))

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        due = [number for at, number in self._due if at <= now]
        self._due = [one for one in self._due if one[0] > now]
        for number in due:
            self._members.append(self._start(number))

    def _start(self, number: int) -> _Member:
        settings, listeners = self._settings, [self._listener]
        if self._own:
            settings = replace(settings, instance_id=f"{settings.instance_id}w{number}")
            listeners.append(self._own[number - 1])
        context = multiprocessing.get_context("spawn")  # A fork would copy locks and threads.
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve_as_member, args=(settings, listeners, theirs))
        with _ignoring_interrupts():
            process.start()
        theirs.close()
        return _Member(number, process, ours)

    def _end_all(self) -> None:
        for member in self._members:
            member.process.terminate()
        deadline = time.monotonic() + KILL_AFTER_SECONDS
        for member in self._members:
            member.process.join(max(0.0, deadline - time.monotonic()))
            if member.process.is_alive():
                logger.error("process %s did not end and is killed", member.process.pid)
                member.process.kill()
                member.process.join()
            member.channel.close()


def _serve_as_member(
    settings: Settings, listeners: Sequence[socket.socket], channel: Connection
) -> None:
    configure_logging(level=settings.log_level, format=settings.log_format)
    threading.Thread(target=_end_with_parent, args=(channel,), daemon=True).start()
    try:
        run_process(settings, listeners, on_ready=lambda: channel.send(READY))
    except SetupError as error:
        with suppress(OSError):
            channel.send(str(error))
        sys.exit(1)


def _end_with_parent(channel: Connection) -> None:
    """Nobody would start or stop us any more: end when the other end of the pipe is closed."""
    with suppress(EOFError, OSError):
        channel.recv()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _told_to_end() -> Iterator[int]:
    """A descriptor that can be read from once SIGTERM or SIGINT has come."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def handle(_sign: int, _frame: object) -> None:
        with suppress(BlockingIOError):
            os.write(writing, b"!")

    before = {sign: signal.signal(sign, handle) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reading
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        os.close(reading)
        os.close(writing)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal; one that is being started would stumble."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _how_it_ended(member: _Member) -> str:
    code = member.process.exitcode or 0
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
