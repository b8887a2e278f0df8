"""``/desk`` for everybody: however it is looked at, and by the keyboard alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, tab_to, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.admin_page import STRANGER
from tests.web.desk_page import at_desk, hand, logged_in, row

LONG = "Donaudampfschifffahrtsgesellschaftskapitän, Abteilung Süd 12"


async def busy_clinic(site: Site, admin: Person) -> OpenClinic:
    """Somebody is called, held and away; names are long, and a notice is given."""
    clinic = await site.open_clinic(admin, services=2)
    data_of(await admin.put(f"/services/{clinic.services[1]['id']}", {"name": LONG}))
    data_of(await admin.put(f"/desks/{clinic.desks[0]['id']}", {"name": LONG[:40]}))
    staff = clinic.staff[0]
    for number in range(6):
        given = {"name": LONG, "note": "wheelchair", "priority": ["NORMAL", "URGENT"][number % 2]}
        await site.walk_in_link(staff, clinic.queues[number % 2], **given)
    board = data_of(await staff.get(f"/queues/{clinic.queues[0]['id']}/board"))["tokens"]
    data_of(await staff.post(f"/tokens/{board[0]['id']}/hold"))
    data_of(await staff.post(f"/tokens/{board[1]['id']}/skip"))
    notice = {"kind": "NOTE", "text": LONG}
    data_of(await staff.put(f"/queues/{clinic.queues[1]['id']}/notice", notice))
    data_of(await staff.post(f"/desks/{clinic.desks[0]['id']}/call-next"))
    return clinic


async def test_the_console_at_work_is_fit_for_everybody(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await busy_clinic(site, admin)
    page = await at_desk(open_page, site, clinic)
    await page.locator("#hand").get_by_text("More").click()
    await page.locator("#services summary").first.click()
    await page.locator("#list-waiting .who").first.click()
    await axe_everywhere(page, right_to_left=True)


@pytest.mark.parametrize(
    ("button", "dialog"),
    [
        ("Give a number", "Give a number"),
        ("Pause", "Pause at your desk"),
        ("Connect a display", "Connect a display"),
        ("Keyboard shortcuts", "Keyboard shortcuts"),
        ("Notice", "Notice"),
    ],
)
async def test_each_dialog_is_fit_for_everybody_and_gives_the_focus_back(
    button: str, dialog: str, site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic)
    in_menu = button in ("Connect a display", "Keyboard shortcuts")
    if in_menu:
        await page.get_by_role("button", name="Menu").click()
    if button == "Notice":
        await page.locator("#services summary").click()
    await page.get_by_role("button", name=button, exact=True).click()
    await expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
    await axe(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name=dialog)).to_be_hidden()
    await expect(page.locator(":focus")).to_contain_text("Menu" if in_menu else button)


async def test_login_and_choice_are_fit_for_everybody(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await open_page("/desk", permit=[STRANGER])
    await expect(page.get_by_label("Password")).to_be_visible()
    await axe_everywhere(page, right_to_left=True)
    clinic = await site.open_clinic(admin, desks=2)
    page = await logged_in(open_page, site, clinic.staff[0])
    await page.goto("/desk")
    await expect(page.get_by_role("button", name="Begin")).to_be_visible()
    await axe_everywhere(page, right_to_left=True)


async def test_a_day_is_worked_by_the_keyboard_alone(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 3)
    page: Page = await at_desk(open_page, site, clinic)
    await expect(page.locator("#next")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(hand(page, "1")).to_be_visible()
    await tab_to(page, "Start", role="button")
    await page.keyboard.press("Enter")
    await expect(hand(page, "1").get_by_role("button", name="Done")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#next")).to_be_focused()
    await tab_to(page, "Find a number or name")
    await page.keyboard.press("Tab")
    await expect(row(page, "2").locator(".who")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(row(page, "3").locator(".who")).to_be_focused()
    await page.keyboard.press("Enter")
    await tab_to(page, "Put on hold", role="button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#list-held .label")).to_have_text(["3"])
    await expect(row(page, "3").locator(".who")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(row(page, "3").locator(".who")).to_have_attribute("aria-expanded", "false")


async def test_the_keyboard_comes_everywhere_and_the_line_is_one_stop(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await busy_clinic(site, admin)
    page = await at_desk(open_page, site, clinic)
    stops = await tab_walk(page)
    assert faults_of(stops) == []
    assert sum('class="who"' in stop.html for stop in stops) == 1


@pytest.mark.parametrize("language", ["de", "ar"])  # the longest words; from right to left
async def test_it_speaks_the_visitors_language_throughout(
    language: str, site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await busy_clinic(site, admin)
    narrow = {"width": 320, "height": 640}
    page = await at_desk(open_page, site, clinic, locale=language, viewport=narrow)
    await page.locator("#list-waiting .who").first.click()
    await axe(page)
    excess = "document.scrollingElement.scrollWidth - innerWidth"
    assert await page.evaluate(excess) <= 0
