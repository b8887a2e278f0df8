"""A real browser: Chromium of the machine, or as scripts/install-servers brought it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.support.servers.process import ServerError, make_folder

_NAMES = ("chromium", "chromium-browser", "google-chrome")

_ARGUMENTS = (
    "--no-sandbox",  # Root has none, containers have none; only our own pages are opened.
    "--disable-dev-shm-usage",  # A container's /dev/shm has 64 MB.
    # Nothing leaves this machine: neither what the browser asks on its own, nor a page's mistake.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find_browser() -> str:
    """The path of Chromium or Chrome: `QURE_TEST_CHROMIUM`, or on PATH (`.servers/bin` too).

    Raises:
        ServerError: there is none.
    """
    named = os.environ.get("QURE_TEST_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise ServerError(
            f"{named or 'chromium'} is missing: `scripts/install-servers` brings Chromium, as "
            "`make test` does; QURE_TEST_CHROMIUM names one that is elsewhere."
        )
    return found


@asynccontextmanager
async def running_browser(*arguments: str) -> AsyncIterator[Browser]:
    """A browser without a window, and with a home of its own that nobody has used before."""
    home = make_folder("browser")
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    for place in (
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ):
        environment.pop(place, None)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=find_browser(),
                args=[*_ARGUMENTS, *arguments],
                env=dict(environment),
            )
            try:
                yield browser
            finally:
                await browser.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
