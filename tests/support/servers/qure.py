"""Qure itself as the processes of a deployment: the command `qure`, its environment, a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.support.servers.process import LOOPBACK, ServerProcess, free_port, make_folder

QURE = Path(sys.executable).with_name("qure")


class QureProcess:
    """One `qure serve` (or `worker`), with nothing in its environment but `settings`.

    Its data folder is its own unless `QURE_DATA_DIR` is given. `url` and `port` stay the same
    through `stop`, `kill` and `start`.
    """

    def __init__(self, settings: Mapping[str, str], *arguments: str) -> None:
        self.folder = make_folder("service")
        self.port = int(settings.get("PORT") or free_port())
        host = settings.get("QURE_HOST", LOOPBACK)
        self.url = f"http://{host}:{self.port}"
        self.settings = {
            "QURE_DATA_DIR": str(self.folder),
            "QURE_LOG_FORMAT": "json",
            **settings,
            "PORT": str(self.port),
        }
        self._arguments = arguments or ("serve",)
        self._log = self.folder / "log"
        self._process = ServerProcess(self._command(self._arguments), log=self._log, port=self.port)

    @property
    def pid(self) -> int:
        """Process id: the supervisor's when there are several workers."""
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it answers (a worker: when it says that it is ready)."""
        serves = self._arguments[0] == "serve"
        self._process.start(ready=self._answers if serves else self._says_ready, seconds=120)

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._process.stop()

    def kill(self) -> None:
        """SIGKILL, its children too."""
        self._process.kill()

    def close(self) -> None:
        """End it and remove its folder."""
        self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """All that it has logged so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def command(self, *arguments: str) -> str:
        """Run another command of `qure` on the same settings; what it printed."""
        done = subprocess.run(
            self._command(arguments), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _command(self, arguments: Sequence[str]) -> list[str]:
        given = [f"{name}={value}" for name, value in self.settings.items()]
        return ["env", *given, str(QURE), *arguments]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def _says_ready(self) -> bool:
        return self._log.exists() and "orker" in self.log()
