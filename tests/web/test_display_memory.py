"""A television runs for weeks: nothing piles up in it, nothing is burnt into it."""

from __future__ import annotations

import pytest
from playwright.async_api import CDPSession, Page, expect

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


@pytest.mark.timeout(300)
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


async def opens(page: Page, count: int = 1, *, instead: bool = False) -> None:
    """So many services more open their queues, each with a call (or they are all there are)."""
    await page.evaluate(
        """([count, instead]) => {
          const calledAt = new Date(Date.now()).toISOString();
          const call = { label: "X001", tokenNumber: 1, desk: null, calledAt, recallCount: 0 };
          const more = Array.from({ length: count }, (_, at) => ({
            ...queues[0], queueId: `${Date.now()}${at}`, serviceName: `More ${at}`, calls: [call],
          }));
          queues.splice(0, instead ? queues.length : 0, ...more);
        }""",
        [count, instead],
    )


async def test_a_queue_that_opens_later_is_there_within_half_a_minute_with_its_first_call(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await in_a_world_of_its_own(open_page, site, await site.open_clinic(admin))
    await opens(page)
    await page.evaluate("pass(31_000)")
    await expect(page.locator("#strip h3")).to_have_text(["More 0", "General"])
    await expect(page.locator("#hero.hot #call")).to_have_text("X001It is your turn")


async def test_on_the_next_day_the_calls_of_the_day_before_are_gone(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await in_a_world_of_its_own(open_page, site, await site.open_clinic(admin))
    await page.evaluate("play(0, 6, 60)")
    await expect(page.locator("#calls li")).to_have_count(5)
    await opens(page, instead=True)
    await page.evaluate("pass(31_000)")
    await expect(page.locator(CALLED)).to_have_text("X001")
    await expect(page.locator("#calls li")).to_have_count(0)


async def test_more_services_than_fit_take_turns_except_while_somebody_is_there(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await in_a_world_of_its_own(open_page, site, await site.open_clinic(admin))
    await opens(page, 7)
    await page.evaluate("pass(31_000)")
    shown, pages = page.locator("#strip .shown h3"), page.locator("#pages")
    seen = {}
    for _ in range(2):
        seen[await pages.text_content()] = await shown.all_text_contents()
        await page.evaluate("pass(10_000)")
    assert set(seen) == {"1 of 2", "2 of 2"}
    assert seen["1 of 2"] == [f"More {at}" for at in range(4)]
    assert seen["2 of 2"] == [*(f"More {at}" for at in range(4, 7)), "General"]
    before = await pages.text_content()
    for step in range(5):
        await page.mouse.move(9, 9 + step)
        await page.evaluate("pass(3000)")
        assert await pages.text_content() == before
