"""Qure as it is deployed: real processes, and all that stands around them."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from qure.application.ports.gateways import Clock
from qure.bootstrap import build
from qure.container import Container
from qure.container import ProcessRole as Role
from qure.settings import load_settings
from tests.support.servers.cloudinary import CloudinaryServer, running_cloudinary
from tests.support.servers.nginx import running_nginx
from tests.support.servers.postgres import running_postgres
from tests.support.servers.process import LOOPBACK
from tests.support.servers.qure import QureProcess
from tests.support.servers.redis import RedisServer, running_redis

ONE_ADDRESS = {"QURE_REGISTRATIONS_PER_ADDRESS": "1000000"}
"""All the patients of a day register from this one machine."""

BELOW_OUTGOING = (20_000, 32_000)

NGINX = Path(__file__).parents[2] / "deploy" / "nginx"


@dataclass(slots=True, kw_only=True)
class Topology:
    """Where clients go (``url``), the processes behind it, and what they lean on."""

    url: str
    processes: list[QureProcess]
    worker: QureProcess | None = None
    redis: RedisServer | None = None
    cloudinary: CloudinaryServer | None = None

    @property
    def doors(self) -> list[str]:
        """The URL of each process itself, past the proxy."""
        return [process.url for process in self.processes]

    def create_admin(self, email: str, password: str) -> None:
        """As an operator does it, on the running service."""
        self.processes[0].command("create-admin", email, "--password", password)

    def container(self, clock: Clock | None = None) -> Container:
        """The program on the same data, in this process: what it commits it does not announce."""
        settings = load_settings(self.processes[0].settings, env_file=None)
        return build(settings, role=Role.COMMAND, clock=clock)

    def picture(self, url: str) -> bytes | None:
        """What a client is shown at the URL of a picture; None: nothing."""
        if self.cloudinary is not None:
            return self.cloudinary.shown_at(url)
        answer = httpx.get(f"{self.url}{url}" if url.startswith("/") else url)
        return answer.content if answer.status_code == 200 else None


@contextmanager
def embedded() -> Iterator[Topology]:
    """One process with nothing set: SQLite, everything else within the process."""
    process = QureProcess(ONE_ADDRESS)
    try:
        process.start()
        yield Topology(url=process.url, processes=[process])
    finally:
        process.close()


@contextmanager
def production(*, persistent_redis: bool = False) -> Iterator[Topology]:
    """Postgres, Redis, two processes behind the shipped nginx configuration, a worker, Cloudinary.

    The pictures' store is a stand-in that checks signatures.
    """
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis(persistent=persistent_redis))
        cloudinary = stack.enter_context(running_cloudinary())
        first = _free_ports(2)
        settings = {
            "DATABASE_URL": postgres.dsn,
            "REDIS_URL": redis.url,
            "CLOUDINARY_URL": cloudinary.url,
            "QURE_TRUSTED_PROXIES": LOOPBACK,
            **ONE_ADDRESS,
        }
        processes = [QureProcess({**settings, "PORT": str(first), "QURE_PROCESS_MARK": "mw1"})]
        # One data folder for all: the signing keys are in it.
        settings["QURE_DATA_DIR"] = processes[0].settings["QURE_DATA_DIR"]
        processes.append(
            QureProcess({**settings, "PORT": str(first + 1), "QURE_PROCESS_MARK": "mw2"})
        )
        worker = QureProcess(settings, "worker")
        for one in (*processes, worker):
            stack.callback(one.close)
        processes[0].start()
        in_parallel(processes[1], worker)
        port = _free_ports(1)
        nginx = stack.enter_context(running_nginx(_configuration(port, first), port=port))
        yield Topology(
            url=nginx.url, processes=processes, worker=worker, redis=redis, cloudinary=cloudinary
        )


def in_parallel(*processes: QureProcess) -> None:
    """Start them all; they take their time."""
    with ThreadPoolExecutor(len(processes)) as pool:
        list(pool.map(QureProcess.start, processes))


def _configuration(port: int, first: int) -> str:
    """What is shipped for one machine, cut down to two processes and moved to free ports."""
    processes = (NGINX / "processes" / "one-machine.conf").read_text()
    kept = [line for line in processes.splitlines() if not re.search("300[34]", line)]
    moved = re.sub(r"300([12])", lambda found: str(first + int(found[1]) - 1), "\n".join(kept))
    server = (NGINX / "qure.conf").read_text()
    return f"{moved}\n{server.replace('listen 8080;', f'listen {LOOPBACK}:{port};')}"


def _free_ports(count: int) -> int:
    """The first of so many loopback ports in a row that nothing listens on at this moment.

    From below those that the system gives to outgoing connections: a day makes hundreds of them,
    and one could take the port before its process does.
    """
    while True:
        first = random.SystemRandom().randrange(*BELOW_OUTGOING)
        with ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probes.enter_context(socket.socket()).bind((LOOPBACK, port))
            except OSError:
                continue
        return first
