"""A real nginx for end-to-end tests."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers.process import LOOPBACK, ServerError, ServerProcess, make_folder

# Everything that nginx writes goes into its own folder, so that any user may run it.
_MAIN = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/http.conf;
}}
"""


class NginxServer:
    """nginx in front of something, on a loopback port.

    `http` is what belongs inside the `http` block (maps, upstreams, servers), as in a file of
    `/etc/nginx/conf.d`; it must listen on `port`, which the caller takes
    beforehand with `free_port()`.
    """

    def __init__(self, http: str, *, port: int) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        binary = find_binary()
        self._folder = make_folder("nginx")
        (self._folder / "nginx.conf").write_text(_MAIN.format(folder=self._folder))
        self.configure(http)
        places = ["-p", f"{self._folder}/", "-c", "nginx.conf", "-e", f"{self._folder}/error.log"]
        self._process = ServerProcess([binary, *places], log=self._folder / "log", port=port)

    def start(self) -> None:
        """Start it and return when it accepts connections."""
        self._process.start()

    def configure(self, http: str) -> None:
        """Replace the configuration; `reload` makes a running server use it."""
        (self._folder / "http.conf").write_text(http)

    def reload(self) -> None:
        """Let new workers take over with the configuration as it is now (SIGHUP)."""
        self._process.signal(signal.SIGHUP)

    def stop(self) -> None:
        """Fast shutdown: open connections are closed."""
        self._process.stop()

    def close(self) -> None:
        """End it and remove its folder."""
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def errors(self) -> str:
        """What nginx has written to its error log."""
        log = self._folder / "error.log"
        return log.read_text(errors="replace") if log.exists() else ""


@contextmanager
def running_nginx(http: str, *, port: int) -> Iterator[NginxServer]:
    """A started `NginxServer`, ended and removed when the block is left."""
    server = NginxServer(http, port=port)
    try:
        server.start()
        yield server
    finally:
        server.close()


def find_binary() -> str:
    """nginx on PATH (`.servers/bin` too) or where Debian puts it.

    Raises:
        ServerError: it is not installed.
    """
    path = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.access(path, os.X_OK):
        raise ServerError(
            "nginx is missing: `scripts/install-servers` brings it, as `make test` does."
        )
    return path
