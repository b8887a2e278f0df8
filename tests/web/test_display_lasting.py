"""A television that nobody touches: the connection goes and comes, days pass, nothing piles up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Page, WebSocketRoute, expect

from tests.support.browser.accessibility import axe_everywhere
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.browser.television import CALLED, VOICES, call, prepared, television
from tests.support.http_service import Person

HOURS = timedelta(hours=3)
LOST = "No connection since"


class Line:
    """The line between a page and the server: it can be cut, and mended."""

    def __init__(self) -> None:
        self._is_cut = False
        self._open: list[WebSocketRoute] = []

    async def through(self, page: Page) -> None:
        """All connections of the page go through this line."""
        await page.route_web_socket("**/ws", self._connect)

    async def cut(self) -> None:
        self._is_cut = True
        for socket in self._open:
            await socket.close()
        self._open.clear()

    def mend(self) -> None:
        self._is_cut = False

    async def _connect(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            await socket.close()
            return
        socket.connect_to_server()
        self._open.append(socket)


async def on_a_line(
    open_page: PageOpener, site: Site, clinic: OpenClinic, **options: Any
) -> tuple[Page, Line]:
    """A television, and its line."""
    page, line = await prepared(open_page, site, clinic, **options), Line()
    await line.through(page)
    await page.goto("/display")
    await expect(page.locator("#strip li").first).to_be_attached()
    return page, line


async def test_a_lost_connection_is_told_in_words_then_numbers_are_grey_and_it_comes_back_alone(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await call(site, clinic)
    page, line = await on_a_line(open_page, site, clinic)
    await line.cut()
    await expect(page.get_by_text(LOST)).to_be_hidden()
    await page.clock.run_for(6000)
    await expect(page.get_by_text(LOST)).to_be_visible()
    await expect(page.locator("#hero-title")).to_have_text("Now calling")
    await page.clock.run_for(60_000)
    await expect(page.locator("#hero-title")).to_contain_text("As of 12:")
    await expect(page.locator(CALLED)).to_have_text("1")
    soft = await page.evaluate("getComputedStyle(document.querySelector('#date')).color")
    await expect(page.locator(CALLED)).to_have_css("color", soft)
    await axe_everywhere(page)
    line.mend()
    await page.clock.run_for(15_000)
    await expect(page.get_by_text(LOST)).to_be_hidden()
    await expect(page.locator("#hero-title")).to_have_text("Now calling")


async def test_a_call_that_a_short_gap_has_hidden_is_announced_and_one_of_a_long_gap_only_shown(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page, line = await on_a_line(open_page, site, clinic, init=VOICES, locale="en-GB", behind=HOURS)
    await line.cut()
    await call(site, clinic)
    line.mend()
    await page.clock.run_for(15_000)
    await expect(page.locator("#hero.hot .label")).to_have_text("1")
    await page.clock.run_for(15_000)
    await line.cut()
    await page.clock.run_for(5000)
    await call(site, clinic)
    await page.clock.run_for(180_000)
    line.mend()
    await page.clock.run_for(15_000)
    await expect(page.locator(CALLED)).to_have_text("2")
    await page.clock.run_for(5000)
    words = await page.evaluate("said.filter((one) => one !== 'chime')")
    assert words == ["en-GB: 1, please go to Room 1."]


async def test_a_call_of_this_moment_is_announced_after_a_long_gap_as_well(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page, line = await on_a_line(open_page, site, clinic, behind=timedelta(seconds=200))
    await line.cut()
    await page.clock.run_for(200_000)
    await call(site, clinic)
    line.mend()
    await page.clock.run_for(9000)
    await expect(page.locator("#hero.hot .label")).to_have_text("1")


async def test_the_pointer_goes_with_whoever_used_it(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await television(open_page, site, await site.open_clinic(admin))
    body = page.locator("body")
    await expect(body).to_have_css("cursor", "none")
    await page.mouse.move(9, 9)
    await expect(body).to_have_css("cursor", "auto")
    await page.clock.run_for(4100)
    await expect(body).to_have_css("cursor", "none")


async def test_the_screen_is_kept_on(site: Site, admin: Person, open_page: PageOpener) -> None:
    keeps = """window.kept = [];
    const request = async (what) => kept.push(what);
    Object.defineProperty(navigator, "wakeLock", { value: { request } });
    """
    page = await television(open_page, site, await site.open_clinic(admin), init=keeps)
    assert await page.evaluate("kept") == ["screen"]


async def test_the_time_is_that_of_the_clinic(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, timezone="Asia/Kolkata")
    page = await prepared(open_page, site, clinic, timezone_id="America/New_York")
    await page.clock.set_fixed_time(datetime(2026, 12, 30, 20, 12, tzinfo=UTC))
    await page.goto("/display")
    await expect(page.locator("#time")).to_have_text("1:42 AM")
    await expect(page.locator("#date")).to_have_text("Thursday, December 31")


async def test_a_new_version_of_the_page_is_loaded_when_the_server_comes_back_with_it(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page, line = await on_a_line(open_page, site, await site.open_clinic(admin))
    await page.evaluate("window.isTheSame = true")
    await line.cut()
    line.mend()
    async with page.expect_response("**/display"):
        await page.clock.run_for(3000)
    assert await page.evaluate("window.isTheSame")
    await page.route("**/display", lambda route: route.fulfill(body="another", status=200), times=1)
    await line.cut()
    line.mend()
    async with page.expect_navigation():
        await page.clock.run_for(3000)
    assert not await page.evaluate("window.isTheSame ?? false")
