"""Running `qure` as an operator does, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QURE = str(Path(sys.executable).with_name("qure"))
START_SECONDS = 60.0


class Command:
    """One running command; what it prints goes into files of its folder."""

    def __init__(self, *arguments: str, folder: Path, **settings: str) -> None:
        self._out = folder / f"out-{time.monotonic_ns()}"
        self._errors = self._out.with_name(self._out.name + "-errors")
        with self._out.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [QURE, *arguments],
                cwd=folder,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )

    @property
    def output(self) -> str:
        return self._out.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what it prints."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            match = re.search(pattern, self.output)
            if match:
                return match
            assert self.process.poll() is None, f"it ended: {self.errors}"
            assert time.monotonic() < deadline, f"it did not print {pattern}: {self.errors}"
            time.sleep(0.02)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code after that signal, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(sign)
        return self.process.wait(30), time.monotonic() - began


@contextmanager
def running(*arguments: str, folder: Path, **settings: str) -> Iterator[Command]:
    """A command that is killed when the block is left, if it still runs."""
    command = Command(*arguments, folder=folder, **settings)
    try:
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait(30)


@contextmanager
def serving(*arguments: str, folder: Path, **settings: str) -> Iterator[tuple[Command, str]]:
    """`qure serve` on a free port, once it says that it runs; and its URL."""
    given = ("serve", "--port", "0", *arguments)
    with running(*given, folder=folder, **settings) as command:
        url = command.wait_for(r"API +(http://\S+)/api\b")[1]
        command.wait_for(r"Next +\S+")
        yield command, url.replace("localhost", "127.0.0.1")


def run(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [QURE, *arguments],
        cwd=folder,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
