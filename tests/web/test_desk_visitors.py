"""``/desk``: people without the app, displays, and single keys."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person, data_of
from tests.web.desk_page import at_desk, do, hand, logged_in, row


async def test_a_walk_in_gets_a_ticket_with_a_code_that_opens_their_number(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    page = await at_desk(open_page, site, clinic)
    await page.get_by_role("button", name="Give a number").click()
    form = page.get_by_role("dialog", name="Give a number")
    await expect(form.get_by_label("Name")).to_be_focused()
    await form.get_by_label("Service").select_option("Service 2")
    await form.get_by_label("Name").fill("Zoë")
    await form.get_by_label("Telephone").fill("not a number")
    await form.get_by_label("Urgent").check()
    open_page.permit(page, "400")
    await form.get_by_role("button", name="Give the number").click()
    await expect(form.get_by_label("Telephone")).to_have_attribute("aria-invalid", "true")
    await form.get_by_label("Telephone").fill("")
    await form.get_by_role("button", name="Give the number").click()
    ticket = page.get_by_role("dialog", name="S001")
    await expect(ticket).to_contain_text("Service 2")
    await expect(ticket).to_contain_text(clinic.clinic["name"])
    await expect(ticket.get_by_role("img")).to_have_attribute("src", re.compile("^data:image/svg"))
    paper = await page.pdf(prefer_css_page_size=True)
    [(width, _)] = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert abs(float(width) - 80 / 25.4 * 72) < 1
    await ticket.get_by_role("button", name="Close").click()
    await expect(row(page, "S001")).to_contain_text("Zoë")
    await expect(row(page, "S001")).to_contain_text("Urgent")
    await expect(page.locator("#last")).to_contain_text("Number given: S001 Zoë")


async def test_a_ticket_is_made_once_more_and_the_old_link_ends(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await at_desk(open_page, site, clinic)
    await do(page, "1", "Ticket again")
    await expect(page.get_by_role("dialog", name="1")).to_be_visible()
    secret = visitor["guest"]["secret"]
    answer = await site.http.post("/api/guest/session", json={"secret": secret})
    assert answer.status_code == 401


async def test_the_code_of_a_display_leads_to_letting_it_in(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    pairing = data_of(await site.http.post("/api/displays"))
    page = await logged_in(open_page, site, clinic.staff[0], permit=["400", "404"])
    await page.goto(f"/desk#pair={pairing['userCode']}")
    dialog = page.get_by_role("dialog", name="Connect a display")
    await expect(dialog.get_by_label("Code")).to_have_value(pairing["userCode"])
    await dialog.get_by_label("Name of the display").fill("Front hall")
    await dialog.get_by_label("Service 2").uncheck()
    await dialog.get_by_role("button", name="Connect").click()
    await expect(dialog).to_contain_text("Front hall is connected.")
    [display] = data_of(await clinic.staff[0].get(f"/clinic/{clinic.id}/displays"))
    assert display["name"] == "Front hall"
    assert display["serviceIds"] == [clinic.services[0]["id"]]
    assert page.url.endswith("/desk")
    await dialog.get_by_label("Code").fill("WRONG")
    await dialog.get_by_role("button", name="Connect").click()
    await expect(dialog).to_contain_text("No display shows this code.")


async def test_single_keys_do_nothing_until_they_are_switched_on_and_never_while_typing(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 2)
    page = await at_desk(open_page, site, clinic)
    await page.keyboard.press("n")
    await page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(keys).to_be_visible()
    await keys.get_by_role("button", name="Close").click()
    await page.keyboard.press("n")
    assert await page.evaluate("sessionStorage.getItem('qure-outbox')") is None
    await page.keyboard.press("?")
    await keys.get_by_label("All of these keys").check()
    await keys.get_by_role("button", name="Close").click()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Find a number or name")).to_be_focused()
    await page.keyboard.type("ns?")
    await expect(page.get_by_label("Find a number or name")).to_have_value("ns?")
    await page.get_by_label("Find a number or name").fill("")
    await page.locator("#next").focus()
    await page.keyboard.press("n")
    await expect(hand(page, "1")).to_be_visible()
    await page.keyboard.press("s")
    await expect(hand(page, "1")).to_contain_text("Being seen")
    await page.reload()
    await expect(hand(page, "1")).to_be_visible()
    await page.keyboard.press("d")
    await expect(hand(page, "1")).to_have_count(0)
