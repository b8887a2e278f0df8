"""A slow phone: Chrome's preset "Slow 4G" and a processor four times slower than this one."""

from __future__ import annotations

from playwright.async_api import Page

from tests.support.browser.own_world import own_world

_SLOW_4G = {
    "offline": False,
    "latency": 562.5,  # ms
    "downloadThroughput": 1_440_000 / 8,  # bytes a second
    "uploadThroughput": 675_000 / 8,
}

_FIRST_PAINT = """new Promise((done) => {
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries())
      if (name === "first-contentful-paint") done(startTime);
  }).observe({ type: "paint", buffered: true });
})"""


async def slow_down(page: Page) -> None:
    """From the next request on, and as long as the page lives, it is on a slow phone.

    WebSockets are not slower.
    """
    session = await page.context.new_cdp_session(page)  # The phone is slow while it is attached.
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", _SLOW_4G)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})


async def first_paint(page: Page) -> float:
    """Milliseconds from the start of the navigation until something was to be read or seen."""
    async with own_world(page) as world:
        return float(await world.ask(_FIRST_PAINT))
