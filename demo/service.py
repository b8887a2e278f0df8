"""The service that the demo plays on: a real process, a free port, data that is thrown away."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

START_WITHIN_SECONDS = 60.0
END_WITHIN_SECONDS = 15.0
QURE = (sys.executable, "-c", "from qure.entrypoints.cli.commands import main; main()")
SETTINGS = {
    # All the patients of the demo register from this one machine.
    "QURE_REGISTRATIONS_PER_ADDRESS": "1000000",
    # The slowest day is longer than an access token lives, and nobody here renews one.
    "JWT_EXPIRES_IN": "1d",
}
_SETTINGS = re.compile(r"(PORT|DATABASE|REDIS|JWT|CLOUDINARY|QURE|OTEL)(_.*)?")
_URL = re.compile(r"(http://\S+)/api")


class DemoError(Exception):
    """The day could not be played to its end; the message says why."""


@asynccontextmanager
async def throw_away_service(folder: Path) -> AsyncIterator[str]:
    """Run ``qure serve`` in that folder, with none of the operator's settings; yields its URL.

    Raises ``DemoError`` with the end of its log when it does not start.
    """
    log = folder / "log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(*QURE, "serve", "--host", "127.0.0.1", "--port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=_without_settings(os.environ) | SETTINGS,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops the service
        )
    try:
        yield await _url(process, log)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_WITHIN_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def make_admin(folder: Path, email: str, password: str) -> None:
    """Run ``qure create-admin`` on the data of the service in that folder."""
    process = await asyncio.create_subprocess_exec(
        *(*QURE, "create-admin", email, "--first-name", "Demo", "--password", password),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=_without_settings(os.environ),
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise DemoError(f"no admin could be made: {errors.decode(errors='replace').strip()}")


def end_of(log: Path, lines: int = 15) -> str:
    """The last lines of the service's log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if not _SETTINGS.fullmatch(key)}


async def _url(process: asyncio.subprocess.Process, log: Path) -> str:
    try:
        async with asyncio.timeout(START_WITHIN_SECONDS):
            assert process.stdout is not None
            async for line in process.stdout:
                match = _URL.search(line.decode())
                if match:
                    # IPv4 only: `localhost` would be tried as ::1 first, for every connection.
                    return match[1].replace("localhost", "127.0.0.1")
    except TimeoutError:
        pass
    raise DemoError(f"the service did not start:\n{end_of(log)}")
