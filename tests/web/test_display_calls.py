"""Calls in the waiting room: seen, heard, each for its time, and none of them twice."""

from __future__ import annotations

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.browser.television import BEFORE, CALLED, SILENT, VOICES, call, television
from tests.support.http_service import Person, data_of

HOT = "#hero.hot"
HOT_BEFORE = f"{BEFORE}.hot"


@pytest_asyncio.fixture(loop_scope="session")
async def clinic(site: Site, admin: Person) -> OpenClinic:
    """With two desks and two services, the first of which has no letters."""
    return await site.open_clinic(admin, services=2, desks=2, staff=2)


async def undo(clinic: OpenClinic, *, staff: int = 0) -> None:
    """That person takes back their last move in the first queue."""
    queue = clinic.queues[0]["id"]
    data_of(await clinic.staff[staff].post(f"/queues/{queue}/undo"))


async def test_what_was_called_before_is_shown_and_not_announced(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    for _ in range(2):
        await call(site, clinic)
    page = await television(open_page, site, clinic, init=VOICES)
    await expect(page.locator(CALLED)).to_have_text("2")
    await expect(page.locator(BEFORE)).to_contain_text(["1"])
    await page.clock.run_for(3000)
    await expect(page.locator(".hot")).to_have_count(0)
    assert await page.evaluate("said") == []


async def test_a_call_is_highlighted_for_ten_seconds(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic)
    await expect(page.locator("#call")).to_contain_text("No number has been called yet")
    await call(site, clinic)
    await expect(page.locator(HOT)).to_contain_text("Please go to Room 1")
    await page.clock.run_for(6000)
    await expect(page.locator(HOT)).to_be_visible()
    await page.clock.run_for(4500)
    await expect(page.locator(HOT)).to_have_count(0)
    await expect(page.locator(CALLED)).to_have_text("1")


async def test_a_repeated_call_is_announced_again(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    [staff, *_] = clinic.staff
    page = await television(open_page, site, clinic)
    await call(site, clinic)
    await expect(page.locator(HOT)).to_be_visible()
    await page.clock.run_for(11_000)
    await expect(page.locator(HOT)).to_have_count(0)
    board = data_of(await staff.get(f"/queues/{clinic.queues[0]['id']}/board"))
    [token] = board["tokens"]
    data_of(await staff.post(f"/tokens/{token['id']}/recall"))
    await expect(page.locator(HOT)).to_contain_text("1")


async def test_of_several_calls_at_one_moment_each_has_its_turn_and_all_are_highlighted(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic)
    await expect(page.locator("#call .none")).to_be_visible()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    for others, (queue, staff) in enumerate([(0, 0), (0, 1), (1, 0)]):
        await call(site, clinic, queue=queue, staff=staff)
        await expect(page.locator(HOT_BEFORE)).to_have_count(others)
    for label, others in (("1", 2), ("2", 2), ("S001", 1)):
        await expect(page.locator(CALLED)).to_have_text(label)
        await expect(page.locator(HOT)).to_be_visible()
        await expect(page.locator(HOT_BEFORE)).to_have_count(others)
        await expect(page.locator(f"{HOT_BEFORE} .now").first).to_have_text("Now")
        await page.clock.run_for(4900)
        await expect(page.locator(CALLED)).to_have_text(label)
        await page.clock.run_for(100)
    await page.clock.run_for(10_000)
    await expect(page.locator(".hot")).to_have_count(0)


async def test_a_call_that_is_taken_back_goes_from_the_screen(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic)
    await call(site, clinic, staff=1)
    await expect(page.locator(CALLED)).to_have_text("1")
    await call(site, clinic, staff=0)
    await expect(page.locator(BEFORE).or_(page.locator(CALLED))).to_contain_text(["1", "2"])
    await undo(clinic)
    await expect(page.locator(BEFORE)).to_have_count(0)
    await expect(page.locator(CALLED)).to_have_text("1")
    await undo(clinic, staff=1)
    await expect(page.locator("#call")).to_contain_text("No number has been called yet")
    await expect(page.locator(".hot")).to_have_count(0)


async def test_an_old_call_that_comes_back_because_a_later_one_was_taken_back_is_not_announced(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    for _ in range(7):
        await call(site, clinic)
    page = await television(open_page, site, clinic)
    await expect(page.locator(BEFORE)).to_have_count(5)
    await undo(clinic)
    await expect(page.locator(CALLED)).to_have_text("6")
    await expect(page.locator(BEFORE)).to_have_count(5)
    await expect(page.locator(".hot")).to_have_count(0)


async def test_a_call_flashes_three_times_at_most_and_not_for_who_wants_no_motion(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic)
    await call(site, clinic)
    await expect(page.locator(HOT)).to_be_visible()
    style = """(hero) => {
      const { animationName, animationIterationCount, animationDuration } = getComputedStyle(hero);
      return [animationName, animationIterationCount, animationDuration];
    }"""
    assert await page.locator("#hero").evaluate(style) == ["call", "3", "1.1s"]
    await page.emulate_media(reduced_motion="reduce")
    assert (await page.locator("#hero").evaluate(style))[0] == "none"
    running = await page.evaluate("document.getAnimations().map((one) => one.animationName)")
    assert "call" not in running


async def said(page: Page, expected: list[str]) -> None:
    """Waits until the device was given this to say, chimes too, and nothing else."""

    async def all_said() -> list[str]:
        heard: list[str] = await page.evaluate("said.filter((one, at) => one !== said[at - 1])")
        return heard

    for _ in range(100):
        if len(await all_said()) >= len(expected):
            break
        await page.clock.run_for(200)
    assert await all_said() == expected


async def test_calls_are_said_in_the_clinics_languages_one_after_the_other(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2, desks=2, staff=2, languages=["de", "en"])
    page = await television(open_page, site, clinic, init=VOICES, locale="en-GB")
    await expect(page.locator("#call .none")).to_be_visible()
    await call(site, clinic, staff=0)
    await call(site, clinic, queue=1, staff=1)
    german, english = "de-DE: 1, bitte zu Room 1.", "en-GB: 1, please go to Room 1."
    await said(page, ["chime", german])
    await page.clock.run_for(6000)
    await said(page, ["chime", german])
    await page.evaluate("spoken()")
    await said(page, ["chime", german, english])
    await page.evaluate("spoken()")
    await said(page, ["chime", german, english, "chime", "de-DE: S 0 0 1, bitte zu Room 2."])
    await expect(page.locator(CALLED)).to_have_text("S001")


async def test_a_call_that_is_taken_back_before_its_turn_is_not_said(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic, init=VOICES, locale="en-GB")
    await expect(page.locator("#call .none")).to_be_visible()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    await call(site, clinic, staff=1)
    await call(site, clinic, staff=0)
    await expect(page.locator(HOT_BEFORE)).to_have_count(1)
    await undo(clinic)
    await expect(page.locator(BEFORE)).to_have_count(0)
    first = ["chime", "en-GB: 1, please go to Room 2."]
    await said(page, first)
    await page.evaluate("spoken()")
    await page.clock.run_for(10_000)
    await said(page, first)


async def test_what_would_be_said_too_late_to_be_of_use_is_not_said(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic, init=VOICES, locale="en-GB")
    await expect(page.locator("#call .none")).to_be_visible()
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    for others in range(5):
        await call(site, clinic)
        await expect(page.locator(HOT_BEFORE)).to_have_count(others)
    for _ in range(9):
        await page.clock.run_for(10_000)
    words = await page.evaluate("said.filter((one) => one !== 'chime')")
    assert words == [f"en-GB: {number}, please go to Room 1." for number in (1, 2, 3, 5)]
    await expect(page.locator(CALLED)).to_have_text("5")


async def test_without_a_language_of_the_clinic_the_pages_own_is_said(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic, init=VOICES, locale="ar")
    await call(site, clinic)
    await said(page, ["chime", "ar: 1، يُرجى التوجه إلى Room 1."])


async def test_sound_is_offered_as_long_as_the_browser_wants_a_click(
    site: Site, clinic: OpenClinic, open_page: PageOpener
) -> None:
    page = await television(open_page, site, clinic, init=SILENT)
    button = page.get_by_role("button", name="Enable sound")
    await expect(button).to_be_visible()
    await page.evaluate("""() => {
      let state = "suspended";
      AudioContext.prototype.resume = async () => { state = "running"; };
      Object.defineProperty(AudioContext.prototype, "state", { get: () => state });
    }""")
    await button.click()
    await expect(button).to_be_hidden()
