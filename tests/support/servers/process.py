"""A server program under a test's control: started, stopped, killed, frozen by process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"


class ServerError(RuntimeError):
    """A server is not installed, did not start, or did not stop; the message says what to do."""


def free_port() -> int:
    """A loopback TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once the condition holds.

    Raises:
        ServerError: it did not within `seconds`; the message names `what`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServerError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.01)


def unprivileged_user() -> str | None:
    """The account for programs that refuse to run as root, or None when we are not root."""
    return "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def open_to_everybody(path: Path) -> bool:
    """Whether any user may enter every folder on the way to `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def make_folder(purpose: str) -> Path:
    """A new temporary folder that an unprivileged server may reach; the caller removes it."""
    parent = Path(tempfile.gettempdir())
    if unprivileged_user() and not open_to_everybody(parent / "child"):
        parent = Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix=f"qure-{purpose}-", dir=parent))
    folder.chmod(0o755)
    return folder


def hand_over(folder: Path) -> None:
    """Give a folder and what is in it to the unprivileged user (nothing to do unless root)."""
    user = unprivileged_user()
    if user is None:
        return
    shutil.chown(folder, user)
    for entry in folder.rglob("*"):
        shutil.chown(entry, user)


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that has ended and waits to be reaped does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class ServerProcess:
    """One server program.

    Its log lies in the server's own folder. Neither outlives the test run: a watcher holds a pipe
    from this process, and ends the server and removes the folder when the pipe closes, however the
    run ended. (A parent-death signal would not do: it fires when the *thread* that started the
    server ends.)
    """

    def __init__(
        self, argv: Sequence[str], *, log: Path, port: int, user: str | None = None
    ) -> None:
        self._argv = list(argv)
        self._log = log
        self._port = port
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server.

        Raises:
            ServerError: it is not running.
        """
        if self._process is None:
            raise ServerError(f"{self._argv[0]} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the program has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, ready: Callable[[], bool] | None = None, seconds: float = 20) -> None:
        """Start it and return when it serves: `ready` holds, or its port accepts connections.

        Raises:
            ServerError: it ended or was not ready in time; the end of its log is in the message.
        """
        if self.running:
            raise ServerError(f"{self._argv[0]} is already running")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
                user=self._user,
                extra_groups=[] if self._user else None,
                start_new_session=True,  # Ctrl-C in the terminal is for pytest, not for the server
            )
        self._watcher = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                'read -r _; kill -KILL "$1"; rm -rf "$2"',
                "watcher",
                str(self._process.pid),
                str(self._log.parent),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        is_ready = ready or (lambda: accepts_connections(self._port))
        try:
            wait_until(
                lambda: not self.running or is_ready(), seconds, f"the start of {self._argv[0]}"
            )
        except ServerError as error:
            self.kill()
            raise ServerError(f"{error}\n{self.log_tail()}") from None
        if not self.running:
            self._forget()
            raise ServerError(f"{self._argv[0]} ended at once:\n{self.log_tail()}")

    def stop(self, sign: signal.Signals = signal.SIGTERM, *, seconds: float = 20) -> None:
        """Ask it to end and wait until it has. Nothing happens when it is not running.

        Raises:
            ServerError: it did not end in time; it has been killed then.
        """
        if self._process is None:
            return
        self.resume()
        with suppress(ProcessLookupError):
            self._process.send_signal(sign)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self._argv[0]} did not stop within {seconds:g} s") from None
        self._forget()

    def kill(self) -> None:
        """End it and its child processes with SIGKILL, as a power cut would."""
        if self._process is None:
            return
        family = self._family()
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self._process.wait(20)
        wait_until(lambda: not any(map(is_alive, family)), 20, "the end of its children")
        self._forget()

    def pause(self) -> None:
        """Freeze it and its children (SIGSTOP): connections stay open and nothing answers."""
        self.signal(signal.SIGSTOP)  # first of all, so that it starts no more children
        for member in self._family():
            with suppress(psutil.NoSuchProcess):
                member.suspend()

    def resume(self) -> None:
        """Undo `pause`; harmless when it was not paused."""
        for member in reversed(self._family()):
            with suppress(psutil.NoSuchProcess):
                member.resume()

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal to the server itself, SIGHUP to reload for instance."""
        os.kill(self.pid, sign)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that the server printed."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _family(self) -> list[psutil.Process]:
        """The server first, then its children."""
        if self._process is None:
            return []
        try:
            server = psutil.Process(self._process.pid)
            return [server, *server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _forget(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
        self._watcher = self._process = None
