"""``make demo`` in a browser: what it prints opens, and the day goes as it must all the same."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.browser.pages import opening_pages

ROOT = Path(__file__).parents[2]
A_SHORT_DAY = ("--watch", "--no-live", "--patients", "30", "--speed", "20")
NOT_LOGGED_IN = r"status of 401 .*/auth/refresh-token"
SECONDS = 150.0


class Terminal:
    """A terminal in which somebody has started the demo."""

    def __init__(self, process: asyncio.subprocess.Process, keyboard: int) -> None:
        self._process = process
        self._keyboard = keyboard
        self._news = asyncio.Event()
        self.said = ""
        asyncio.get_running_loop().add_reader(keyboard, self._hear)

    async def says(self, pattern: str) -> list[Any]:
        """Wait until such a regular expression is found in what it says: the groups of each."""
        try:
            async with asyncio.timeout(SECONDS):
                while not (found := re.findall(pattern, self.said, re.MULTILINE)):
                    assert self._process.returncode is None, self.said
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"it does not say {pattern!r}: {self.said}") from None
        return found

    def press_enter(self) -> None:
        os.write(self._keyboard, b"\n")

    async def ends(self) -> int:
        """Wait for its end: the exit code."""
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()

    def _hear(self) -> None:
        try:
            self.said += os.read(self._keyboard, 65536).decode(errors="replace").replace("\r", "")
        except OSError:  # Nobody is there any more.
            asyncio.get_running_loop().remove_reader(self._keyboard)
        self._news.set()


@pytest_asyncio.fixture(loop_scope="session")
async def terminal() -> AsyncIterator[Terminal]:
    """One in which the demo has just been started, with ``--watch``."""
    keyboard, tty = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", *A_SHORT_DAY),
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "TERM": "dumb"},
        stdin=tty,
        stdout=tty,
        stderr=tty,
        start_new_session=True,
    )
    os.close(tty)
    try:
        yield Terminal(process, keyboard)
    finally:
        asyncio.get_running_loop().remove_reader(keyboard)
        if process.returncode is None:
            process.terminate()
            await process.wait()
        os.close(keyboard)


async def begin_work(page: Page, where: str) -> None:
    await page.get_by_role("radio", name=where).check()
    await page.get_by_role("button", name="Begin").click()


@pytest.mark.timeout(400)
async def test_a_display_two_phones_and_a_console_look_on_and_the_day_goes_as_it_must(
    browser: Browser, terminal: Terminal
) -> None:
    await terminal.says("^Press Enter, and the first patients are called")
    [(url, shown)] = await terminal.says(r"display +(http://[^/\s]+)(/display#device=\S+)")
    links = await terminal.says(r"phone +http://[^/\s]+(/t#\S+) +([A-Z]\d{3})")
    [(console, email, password)] = await terminal.says(
        r'console +http://[^/\s]+(/\S+)\s+log in as (\S+), "([^"]+)", and choose "Without a desk"'
    )
    assert len(links) == 2
    async with opening_pages(browser, url) as open_page:
        display = await open_page(shown)
        await expect(display.locator("#clinic")).to_have_text("Riverside Practice")
        phones = [await open_page(link) for link, _ in links]
        for phone, (_, label) in zip(phones, links, strict=True):
            await expect(phone.locator("#label")).to_have_text(label)
        desk = await open_page(console, permit=[NOT_LOGGED_IN])
        await desk.get_by_label("E-mail").fill(email)
        await desk.get_by_label("Password").fill(password)
        await desk.get_by_role("button", name="Log in").click()
        # Whose desk that is gets it all the same, and whoever looks on is asked again.
        await begin_work(desk, "Room 1")
        await expect(desk.locator("#seat")).to_have_text("Room 1")
        assert "The clinics are open" not in terminal.said
        terminal.press_enter()
        await expect(desk.locator("#choose")).to_be_visible()
        await begin_work(desk, "Without a desk")
        await expect(desk.locator("#console")).to_be_visible()
        await terminal.says("^The pages stay as they are until you press Enter")
        assert "Nobody was lost, nobody was called twice" in " ".join(terminal.said.split())
        await expect(display.locator("#services")).to_contain_text("Closed")
        for phone in phones:
            await expect(phone.locator("body")).to_have_attribute("data-state", "over")
    terminal.press_enter()
    assert await terminal.ends() == 0, terminal.said
