"""``/display#device=…``: a screen that is opened with the code of a pairing begun elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, Thing, data_of

NOT_GRANTED = r"status of 400 .*/displays/token"
"""Browsers write down each answer that says no."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Who begins pairings and lets displays in, without a screen."""

    site: Site
    clinic: OpenClinic

    async def begin(self) -> Thing:
        """A pairing that nobody has let in yet."""
        pairing: Thing = data_of(await self.site.http.post("/api/displays"))
        return pairing

    async def let_in(self, pairing: Thing) -> None:
        """Staff let it in."""
        [staff, *_] = self.clinic.staff
        await self.site.let_in(staff, self.clinic.id, pairing["userCode"])

    async def used(self) -> Thing:
        """One that was let in, and whose tokens another screen holds."""
        pairing = await self.begin()
        await self.let_in(pairing)
        asked = {"deviceCode": pairing["deviceCode"]}
        data_of(await self.site.http.post("/api/displays/token", json=asked))
        return pairing


@pytest_asyncio.fixture(loop_scope="session")
async def elsewhere(site: Site, admin: Person) -> Elsewhere:
    return Elsewhere(site, await site.open_clinic(admin))


def address_of(pairing: Thing) -> str:
    return f"/display?kiosk=1#device={pairing['deviceCode']}"


async def shows_the_room(page: Page, elsewhere: Elsewhere) -> None:
    await expect(page.locator("#clinic")).to_have_text(elsewhere.clinic.clinic["name"])
    await expect(page.locator("#room")).to_be_visible()
    await expect(page.locator("#pairing")).to_be_hidden()


async def test_it_shows_the_room_and_its_address_keeps_no_code(
    elsewhere: Elsewhere, open_page: PageOpener
) -> None:
    pairing = await elsewhere.begin()
    await elsewhere.let_in(pairing)
    page = await open_page(address_of(pairing))
    await shows_the_room(page, elsewhere)
    await expect(page).to_have_url(re.compile(r"/display\?kiosk=1$"))
    assert await page.evaluate("history.length") == 2, "the code is one step back"
    await page.reload()
    await shows_the_room(page, elsewhere)


async def test_it_waits_for_staff_who_have_not_let_it_in_yet(
    elsewhere: Elsewhere, open_page: PageOpener
) -> None:
    pairing = await elsewhere.begin()
    page = await open_page(permit=[NOT_GRANTED])
    await page.clock.install()
    async with page.expect_response("**/displays/token"):
        await page.goto(address_of(pairing))
    await expect(page.locator("#pairing")).to_be_hidden()
    await elsewhere.let_in(pairing)
    await page.clock.run_for(3000)
    await shows_the_room(page, elsewhere)


@pytest.mark.parametrize("code", [None, "nobody-has-given-this", "x" * 5000])
async def test_with_a_dead_code_it_asks_for_one_of_its_own(
    elsewhere: Elsewhere, open_page: PageOpener, code: str | None
) -> None:
    pairing = await elsewhere.used() if code is None else {"deviceCode": code}
    page = await open_page(address_of(pairing), permit=[NOT_GRANTED])
    await expect(page.locator("#code")).to_have_text(re.compile("^[A-Z]{4}-[A-Z]{4}$"))
    await expect(page).to_have_url(re.compile(r"/display\?kiosk=1$"))


async def test_a_kiosk_that_begins_with_a_spent_code_each_morning_stays_the_display_that_it_is(
    elsewhere: Elsewhere, open_page: PageOpener
) -> None:
    pairing = await elsewhere.begin()
    await elsewhere.let_in(pairing)
    page = await open_page(address_of(pairing), permit=[NOT_GRANTED])
    await shows_the_room(page, elsewhere)
    await page.goto("/health")
    async with page.expect_response("**/displays/token") as asked:
        await page.goto(address_of(pairing))
    assert (await asked.value).status == 400
    await shows_the_room(page, elsewhere)


async def test_a_screen_that_is_open_takes_a_code_that_is_typed_into_its_address(
    site: Site, admin: Person, elsewhere: Elsewhere, open_page: PageOpener
) -> None:
    before = Elsewhere(site, await site.open_clinic(admin))
    one, other = await before.begin(), await elsewhere.begin()
    await before.let_in(one)
    await elsewhere.let_in(other)
    page = await open_page(address_of(one))
    await shows_the_room(page, before)
    await page.evaluate("(code) => { location.hash = `device=${code}` }", other["deviceCode"])
    await shows_the_room(page, elsewhere)


async def test_it_says_that_nobody_answers_and_asks_again(
    elsewhere: Elsewhere, open_page: PageOpener
) -> None:
    pairing = await elsewhere.begin()
    await elsewhere.let_in(pairing)
    page = await open_page(permit=["ERR_INTERNET_DISCONNECTED|ERR_FAILED"])
    await page.clock.install()
    await page.route("**/displays/token", lambda route: route.abort())
    await page.goto(address_of(pairing))
    await expect(page.locator("#problem")).to_contain_text("Nobody answers")
    await page.unroute("**/displays/token")
    await page.clock.run_for(3000)
    await shows_the_room(page, elsewhere)
    await expect(page.locator("#problem")).to_be_empty()
