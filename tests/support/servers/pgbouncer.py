"""A real PgBouncer in front of a test's Postgres."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

from tests.support.servers.process import (
    LOOPBACK,
    ServerError,
    ServerProcess,
    free_port,
    hand_over,
    make_folder,
    unprivileged_user,
)


class PgBouncerServer:
    """PgBouncer on a free loopback port, by default in transaction mode.

    It passes every database of the server behind `upstream_dsn` on, as that DSN's user; `dsn` is
    `upstream_dsn` through it, and `through(dsn)` any other of that server's. `settings` are added
    to the `[pgbouncer]` section and win over ours.
    """

    def __init__(self, upstream_dsn: str, *, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        binary = find_binary()
        self._folder = make_folder("pgbouncer")
        upstream = urlsplit(upstream_dsn)
        target = f"host={upstream.hostname} port={upstream.port or 5432} user={upstream.username}"
        if upstream.password:
            target += f" password={unquote(upstream.password)}"
        options = {
            "listen_addr": LOOPBACK,
            "listen_port": str(self.port),
            "unix_socket_dir": "",
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": "8",
            "max_client_conn": "500",
            **(settings or {}),
        }
        if (user := unprivileged_user()) is not None:
            options["user"] = user  # It refuses to run as root; its files may be closed to others.
        lines = ["[databases]", f"* = {target}", "[pgbouncer]"]
        lines += [f"{key} = {value}" for key, value in options.items()]
        configuration = self._folder / "pgbouncer.ini"
        configuration.write_text("\n".join(lines) + "\n")
        hand_over(self._folder)
        self.dsn = self.through(upstream_dsn)
        self._process = ServerProcess(
            [binary, str(configuration)],
            log=self._folder / "log",
            port=self.port,
        )

    def through(self, dsn: str) -> str:
        """The same database and user, reached through this PgBouncer."""
        parts = urlsplit(dsn)
        user = f"{parts.username}@" if parts.username else ""
        return urlunsplit(parts._replace(netloc=f"{user}{LOOPBACK}:{self.port}"))

    def start(self) -> None:
        """Start it and return when it accepts connections."""
        self._process.start()

    def stop(self) -> None:
        """Stop it; connections are closed."""
        self._process.stop()

    def close(self) -> None:
        """End it and remove its folder."""
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def running_pgbouncer(
    upstream_dsn: str, *, settings: Mapping[str, str] | None = None
) -> Iterator[PgBouncerServer]:
    """A started `PgBouncerServer`, ended and removed when the block is left."""
    server = PgBouncerServer(upstream_dsn, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.close()


def find_binary() -> str:
    """pgbouncer on PATH (`.servers/bin` too) or where Debian puts it.

    Raises:
        ServerError: it is not installed.
    """
    path = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(path, os.X_OK):
        raise ServerError(
            "pgbouncer is missing: `scripts/install-servers` brings it, as `make test` does."
        )
    return path
