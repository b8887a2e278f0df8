"""A television runs for weeks: nothing piles up in it, nothing is burnt into it."""

from __future__ import annotations

from playwright.async_api import CDPSession, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.browser.television import CALLED, in_a_world_of_its_own
from tests.support.http_service import Person

CALL_SECONDS = 60
DAY = 24 * 3600 // CALL_SECONDS


async def held(session: CDPSession) -> dict[str, float]:
    """What the page holds after everything has been thrown away that nobody needs."""
    for _ in range(2):
        await session.send("HeapProfiler.collectGarbage")
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    wanted = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
    return {one["name"]: one["value"] for one in metrics if one["name"] in wanted}


async def test_after_24_hours_of_calls_the_page_holds_what_it_held_after_6(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await in_a_world_of_its_own(open_page, site, clinic)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")
    await page.evaluate("(it) => play(...it)", [0, DAY // 4, CALL_SECONDS])
    early = await held(session)
    await page.evaluate("(it) => play(...it)", [DAY // 4, DAY, CALL_SECONDS])
    late = await held(session)
    await expect(page.locator(CALLED)).to_have_text(f"B{(DAY - 1) % 999 + 1:03}")
    assert late["Nodes"] <= early["Nodes"] + 50, (early, late)
    assert late["JSEventListeners"] <= early["JSEventListeners"], (early, late)
    assert late["JSHeapUsedSize"] <= 1.1 * early["JSHeapUsedSize"], (early, late)


async def test_everything_moves_a_little_every_three_minutes_and_never_during_a_call(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await in_a_world_of_its_own(open_page, site, clinic, reduced_motion="reduce")
    where = "getComputedStyle(document.querySelector('main')).translate"
    places = []
    for _ in range(9):
        places.append(await page.evaluate(where))
        await page.evaluate("pass(180_000)")
    assert len(set(places)) == 9
    last = await page.evaluate(where)
    await page.evaluate("pass(175_000).then(() => play(0, 1, 7))")
    assert await page.evaluate(where) == last
    await page.evaluate("pass(180_000)")
    assert await page.evaluate(where) != last
