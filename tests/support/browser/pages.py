"""Pages that are watched: whatever a visitor's browser would complain of fails the test."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError

SECONDS = 30.0
"""How long an action may take, at most, on a machine with much else to do."""

# The rule that was broken, as a line of the console. The browser writes lines of its own, but not
# for every rule.
_TELL_OF_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event;
  console.error(
    `the policy ${effectiveDirective} was broken by ${blockedURI} ${sample}`
      + ` (${sourceFile}:${lineNumber})`);
});
"""

# A task that comes after those that wait already, also where the page's timers stand still.
_NEXT_TASK = """() => new Promise((done) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(true);
  port2.postMessage(0);
})"""


class Watch:
    """What one browser context (a device) complained of, but for what the test permits."""

    def __init__(self, origin: str, permitted: Sequence[str]) -> None:
        self._host = urlsplit(origin).netloc
        self._permitted = list(permitted)
        self._complaints: list[str] = []

    def observe(self, context: BrowserContext) -> None:
        """Listen to all of its pages, those that they open too."""
        context.on("weberror", self._error)
        context.on("console", self._console)
        context.on("request", self._request)
        context.on("page", self._page)

    def permit(self, *patterns: str) -> None:
        """From now on, and so far, complaints that such a regular expression is found in."""
        self._permitted += patterns

    def complaints(self) -> list[str]:
        """All that nobody permitted."""
        return [
            complaint
            for complaint in self._complaints
            if not any(re.search(pattern, complaint) for pattern in self._permitted)
        ]

    def _error(self, error: WebError) -> None:
        place = error.page.url if error.page else "a page"
        self._complaints.append(f"uncaught in {place}: {error.error.stack or error.error}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            place = message.location.get("url", "")
            self._complaints.append(f"console {message.type}: {message.text} ({place})")

    def _request(self, request: Request) -> None:
        self._asked_for(request.url)

    def _page(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._asked_for(socket.url))
        page.on("crash", lambda _: self._complaints.append(f"crashed: {page.url}"))

    def _asked_for(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._host:
            self._complaints.append(f"asked another server: {url}")


class PageOpener:
    """Opens pages of one service, each in a fresh context: a device that nobody used before."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._devices: list[tuple[BrowserContext, Watch]] = []

    async def __call__(
        self, path: str | None = None, *, permit: Sequence[str] = (), **context_options: Any
    ) -> Page:
        """The page at that path; without one an empty page, to prepare it before ``goto``.

        The test fails at its end on any uncaught error, console error, broken policy, crash or
        request to another server in this context, unless a regular expression of ``permit`` is
        found in the complaint. The options are those of Playwright's ``new_context``.
        """
        options = {"base_url": self._url, **context_options}
        context = await self._browser.new_context(**options)
        watch = Watch(options["base_url"], permit)
        self._devices.append((context, watch))
        watch.observe(context)
        context.set_default_timeout(SECONDS * 1000)
        await context.add_init_script(_TELL_OF_VIOLATIONS)
        page = await context.new_page()
        if path is not None:
            await page.goto(path)
        return page

    def permit(self, page: Page, *patterns: str) -> None:
        """Permit complaints of this page's context as the test comes to expect them."""
        [watch] = [watch for context, watch in self._devices if context == page.context]
        watch.permit(*patterns)

    async def close(self) -> list[str]:
        """Close all pages; what they complained of."""
        async with AsyncExitStack() as all_closed:
            for context, _ in self._devices:
                all_closed.push_async_callback(context.close)
            for context, _ in self._devices:
                for page in context.pages:
                    await page.wait_for_function(_NEXT_TASK)
        return [complaint for _, watch in self._devices for complaint in watch.complaints()]


@asynccontextmanager
async def opening_pages(browser: Browser, url: str) -> AsyncIterator[PageOpener]:
    """Opens pages of the service at ``url``; all are closed when the block is left.

    Raises:
        AssertionError: pages complained; the message says of what.
    """
    opener = PageOpener(browser, url)
    try:
        yield opener
    finally:
        complaints = await opener.close()
        assert not complaints, "\n".join(["pages complained:", *complaints])
