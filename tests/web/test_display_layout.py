"""The waiting room's screen in every shape: big enough, nothing cut, nothing scrolled."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.browser.television import BEFORE, CALLED, call, labelled_clinic, television
from tests.support.http_service import Person, data_of

LANDSCAPE = [(1920, 1080), (3840, 2160), (1280, 720), (1440, 760)]
PORTRAIT = [(1080, 1920)]
LONG_DESK = "Behandlungszimmer 12, Erdgeschoss, links"
LONG_SERVICE = "Kinder- und Jugendmedizin: Vorsorgeuntersuchungen, Impfungen"

# How high the ink of a digit is, and how wide that of all, as the label is drawn.
_INK = """(label) => {
  const { fontSize, fontWeight, fontFamily } = getComputedStyle(label);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
  const { actualBoundingBoxAscent, actualBoundingBoxDescent } = pen.measureText("0");
  return actualBoundingBoxAscent + actualBoundingBoxDescent;
}"""

# What is cut: text that goes beyond its box, or boxes that lie over each other.
_CUT = """() => {
  const box = (node) => node.getBoundingClientRect();
  const inside = (one, other) => one.left >= other.left - 1 && one.right <= other.right + 1
    && one.top >= other.top - 1 && one.bottom <= other.bottom + 1;
  const seen = (node) => node.checkVisibility({ visibilityProperty: true });
  const parts = [".head", "#hero", "#past", "#notice", "#services"]
    .map((name) => document.querySelector(name)).filter(seen);
  const found = [];
  const screen = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
  for (const part of parts) {
    if (!inside(box(part), screen)) found.push(`${part.id || part.className} leaves the screen`);
    for (const other of parts) {
      const [one, two] = [box(part), box(other)];
      if (part !== other && one.left < two.right - 1 && two.left < one.right - 1
        && one.top < two.bottom - 1 && two.top < one.bottom - 1) {
        found.push(`${part.id || part.className} lies over ${other.id || other.className}`);
      }
    }
  }
  const texts = document.createTreeWalker(document.querySelector("#room"), NodeFilter.SHOW_TEXT);
  const list = box(document.querySelector("#calls"));
  for (let text; (text = texts.nextNode());) {
    const parent = text.parentElement;
    if (!text.data.trim() || !seen(parent) || parent.closest(".hidden, .controls")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const holder = parent.closest("li, #hero, #notice, .head, #past, #services");
    // Of the list, rows that do not fit are left out as a whole.
    if (holder.matches("#calls li") && box(holder).left >= list.right - 1) continue;
    if (holder.matches("#calls li") && box(holder).right <= list.left + 1) continue;
    const { left, right } = box(range);
    const { top, bottom } = holder.matches("li") ? box(range) : { top: 0, bottom: 0 };
    const wide = { ...box(holder).toJSON() };
    if (left < wide.left - 1 || right > wide.right + 1) found.push(`too wide: ${text.data}`);
    if (bottom && (top < wide.top - 4 || bottom > wide.bottom + 4)) {
      found.push(`too high: ${text.data}`);
    }
    if (holder.matches("#calls li") && !inside(wide, list)) found.push(`cut: ${text.data}`);
  }
  const { scrollWidth, scrollHeight } = document.scrollingElement;
  if (scrollWidth > innerWidth || scrollHeight > innerHeight) found.push("it scrolls");
  return found;
}"""


async def of_size(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def width_of(locator: Locator) -> float:
    box = await locator.bounding_box()
    assert box is not None
    return box["width"]


@pytest.mark.parametrize("prefix", ["", "B", "AB", "XWM"])
async def test_the_digits_of_a_call_are_a_quarter_of_the_screens_height_and_fit(
    site: Site, admin: Person, open_page: PageOpener, prefix: str
) -> None:
    clinic = await (labelled_clinic(site, admin, prefix) if prefix else site.open_clinic(admin))
    await call(site, clinic)
    await call(site, clinic)
    ids = [service["id"] for service in clinic.services]
    page = await television(open_page, site, clinic, service_ids=ids)
    for size in LANDSCAPE:
        await of_size(page, size)
        assert await page.locator(CALLED).evaluate(_INK) >= 0.25 * size[1], size
        hero, label = await width_of(page.locator("#hero")), page.locator(f"{CALLED} span")
        assert await width_of(label) <= hero, size
    for size in PORTRAIT:
        await of_size(page, size)
        box = await page.locator("#hero").bounding_box()
        assert box is not None
        assert box["height"] >= 0.25 * size[1]
        assert await width_of(page.locator(f"{CALLED} span")) >= (0.5 if prefix else 0.1) * size[0]


async def big_clinic(site: Site, admin: Person, services: int) -> OpenClinic:
    """With desks and services of long names, several calls of each, and a long notice."""
    name = f"Klinikum am Schifffahrtskanal, Zentrale Notaufnahme, Haus {services}"
    clinic = await site.open_clinic(admin, services=services, desks=1, name=name)
    desk = clinic.desks[0]["id"]
    [staff] = clinic.staff
    data_of(await admin.put(f"/desks/{desk}", {"name": LONG_DESK}))
    if services > 1:
        long = {"name": LONG_SERVICE}
        data_of(await admin.put(f"/services/{clinic.services[-1]['id']}", long))
    for queue in range(services):
        await call(site, clinic, queue=queue)
        await site.walk_ins(clinic, 3, queue=queue)
    notice = {"kind": "DELAY", "minutes": 25, "text": "Wir bitten um Verständnis. " * 7}
    data_of(await staff.put(f"/queues/{clinic.queues[0]['id']}/notice", notice))
    return clinic


@pytest.mark.parametrize("services", [1, 4, 6, 20])
async def test_nothing_is_cut_covered_or_scrolled_whatever_has_to_be_shown(
    site: Site, admin: Person, open_page: PageOpener, services: int
) -> None:
    clinic = await big_clinic(site, admin, services)
    page = await television(open_page, site, clinic, locale="de-DE", reduced_motion="reduce")
    await expect(page.locator(BEFORE)).to_have_count(min(services - 1, 8))
    for size in (*LANDSCAPE, *PORTRAIT):
        await of_size(page, size)
        await page.clock.run_for(1000)
        assert await page.evaluate(_CUT) == [], size
    await page.evaluate("document.dir = 'rtl'")
    assert await page.evaluate(_CUT) == []
