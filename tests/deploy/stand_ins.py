"""Stand-ins for API processes, and the shipped nginx configuration in front of them.

They have loopback addresses of one network and the same port, as containers would. What only
Docker can do (resolving `api`) is replaced by their addresses.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx

from tests.support.servers.nginx import NginxServer, running_nginx
from tests.support.servers.process import free_port

DEPLOY = Path(__file__).parents[2] / "deploy" / "nginx"
NETWORK = "127.30.83"
HOSTS = (2, 31, 254)


class StandIn(BaseHTTPRequestHandler):
    """Answers everything with its own address and what it was asked."""

    protocol_version = "HTTP/1.1"
    server: ThreadingHTTPServer
    hits: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.hits.append(str(self.server.server_address[0]))
        self._answer()

    def do_POST(self) -> None:
        self.hits.append(str(self.server.server_address[0]))  # Before the body is there.
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        body = json.dumps(
            {
                "address": self.server.server_address[0],
                "port": self.server.server_address[1],
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "padding": "x" * 2000,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stand_in(address: str, port: int) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer((address, port), StandIn)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_own_port(text: str, port: int) -> str:
    assert "listen 8080;" in text
    return text.replace("listen 8080;", f"listen 127.0.0.1:{port};")


def compose_configuration(port: int, api_port: int) -> str:
    processes = (DEPLOY / "processes" / "compose.conf").read_text()
    members = "".join(f"server {NETWORK}.{host}:{api_port} fail_timeout=1s;" for host in HOSTS)
    assert "server api:3000 resolve fail_timeout=1s;" in processes
    processes = (
        processes.replace("server api:3000 resolve fail_timeout=1s;", members)
        .replace("${QURE_EDGE_NETWORK}", NETWORK)
        .replace(":3000", f":{api_port}")
    )
    return processes + with_own_port((DEPLOY / "qure.conf").read_text(), port)


@contextmanager
def nginx_before_three(api_port: int) -> Iterator[NginxServer]:
    """In front of three processes; `.1` is the machine itself, where something else listens."""
    with ExitStack() as stack:
        for host in (1, *HOSTS):
            stack.enter_context(stand_in(f"{NETWORK}.{host}", api_port))
        port = free_port()
        configuration = compose_configuration(port, api_port)
        yield stack.enter_context(running_nginx(configuration, port=port))


def ask(nginx: NginxServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{nginx.url}{path}", headers=headers, timeout=10)
