"""What WCAG 2.2 forbids at level A or AA, as far as axe-core finds it, however one looks at it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from importlib.resources import files
from typing import Any

from playwright.async_api import Page

from tests.support.browser.own_world import OwnWorld, own_world

_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_RULES = json.dumps({"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": _TAGS}})

# What a change set in motion has come to its end: colours are judged where they stay.
_COME_TO_REST = """(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame();
  const finite = document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(finite.map((each) => each.finished));
})()"""

# WCAG 1.4.10: nobody has to scroll in two directions to read.
_BEYOND_THE_EDGE = """(() => {
  const excess = document.scrollingElement.scrollWidth - innerWidth;
  if (excess <= 0) return "";
  const wide = [...document.body.querySelectorAll("*")].filter((each) => {
    const { left, right } = each.getBoundingClientRect();
    return right > innerWidth + 1 || left < -1;
  });
  return [`${excess} px are beyond the edge`]
    .concat(wide.slice(0, 3).map((each) => each.cloneNode(false).outerHTML))
    .join("\\n      ");
})()"""

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8") + "; null"
_NARROW = 320  # Pixels, by WCAG 1.4.10.


async def axe(page: Page) -> None:
    """Fails unless the page, as it is now, has no violation of WCAG 2.2 A or AA."""
    async with own_world(page) as world:
        await world.ask(_AXE)
        found = await _violations(world)
    assert not found, "\n".join([f"{page.url} violates WCAG:", *found])


async def axe_everywhere(page: Page, *, right_to_left: bool = False) -> None:
    """The same however somebody looks at the page, and nothing lies beyond the edge.

    Light, at 200 % zoom, 320 px wide, dark, with high contrast, in forced colours and, where asked,
    from right to left. Afterwards it has its size again, and the look of a new page.
    """
    found: list[str] = []
    async with own_world(page) as world:
        await world.ask(_AXE)
        async for look in looks(page, right_to_left=right_to_left):
            found += [f"{look}: {violation}" for violation in await _violations(world)]
            beyond = await world.ask(_BEYOND_THE_EDGE)
            if beyond:
                found.append(f"{look}: {beyond}")
    assert not found, "\n".join([f"{page.url} violates WCAG:", *found])


async def looks(page: Page, *, right_to_left: bool = False) -> AsyncIterator[str]:
    """The name of each look, while the page has it; without motion."""
    size = page.viewport_size
    assert size is not None, "a context without a viewport has no looks"
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    yield "light"
    zoom = await page.context.new_cdp_session(page)
    half = {"width": size["width"] // 2, "height": size["height"] // 2, "mobile": False}
    await zoom.send("Emulation.setDeviceMetricsOverride", {**half, "deviceScaleFactor": 2})
    yield "at 200 % zoom"
    await zoom.send("Emulation.clearDeviceMetricsOverride")
    await zoom.detach()
    await page.set_viewport_size({"width": _NARROW, "height": size["height"]})
    yield "320 px wide"
    if right_to_left:
        before = await page.evaluate("document.dir")
        await page.evaluate("document.dir = 'rtl'")
        yield "320 px wide, right to left"
    await page.set_viewport_size(size)
    if right_to_left:
        yield "right to left"
        await page.evaluate("(before) => { document.dir = before }", before)
    await page.emulate_media(color_scheme="dark")
    yield "dark"
    await page.emulate_media(color_scheme="null", contrast="more")
    yield "high contrast"
    await page.emulate_media(contrast="null", forced_colors="active")
    yield "forced colours"
    await page.emulate_media(forced_colors="null", reduced_motion="null")


async def _violations(world: OwnWorld) -> list[str]:
    """Each with its rule, what it asks for, and where it is broken."""
    await world.ask(_COME_TO_REST)
    results = await world.ask(f"axe.run({_RULES})")
    return [_told(violation) for violation in results["violations"]]


def _told(violation: Mapping[str, Any]) -> str:
    lines = [f"{violation['id']}: {violation['help']}"]
    for node in violation["nodes"]:
        summary = node["failureSummary"].replace("\n", "\n      ")
        lines += [f"  {' '.join(map(str, node['target']))}  {node['html']}", f"      {summary}"]
    return "\n".join(lines)
