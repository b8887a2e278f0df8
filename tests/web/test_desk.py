"""``/desk``: staff call, move, admit and inform, each in at most two presses."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.admin_page import STRANGER, log_in
from tests.web.desk_page import at_desk, hand, logged_in, row, token


async def test_staff_log_in_choose_where_they_work_and_see_the_line(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, desks=2, staff=2)
    await clinic.staff[0].post(f"/desks/{clinic.desks[0]['id']}/close")
    await site.walk_ins(clinic, 2)
    page = await open_page("/desk", permit=[STRANGER])
    await log_in(page, clinic.staff[0])
    await expect(page.get_by_role("radio", name="Room 2 Maria sits here")).to_be_disabled()
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("alert").filter(has_text="Please choose")).to_be_visible()
    await page.get_by_label("Room 1").check()
    await page.get_by_role("button", name="Begin").click()
    await expect(row(page, "2")).to_contain_text("1 ahead")
    await expect(page.locator("#work")).to_match_aria_snapshot(
        """
        - region "Now":
          - heading "Now" [level=2]
          - button "Next 1 Visitor 1"
          - paragraph
          - status: What you do last stands here.
        """
    )
    desk = data_of(await clinic.staff[0].get(f"/clinic/{clinic.id}/desks"))[0]
    assert desk["state"] == "OPEN"


async def test_a_device_asks_for_the_desk_once_until_it_is_closed_there(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic)
    await page.reload()
    await expect(page.get_by_role("heading", name="Room 1")).to_be_visible()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Close the desk").click()
    await expect(page.get_by_role("heading", name="Where do you work today?")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Room 1")).to_be_checked()
    [desk] = data_of(await clinic.staff[0].get(f"/clinic/{clinic.id}/desks"))
    assert desk["state"] == "CLOSED"


async def test_a_desk_that_somebody_took_meanwhile_is_explained_and_another_can_be_chosen(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, desks=2, staff=2)
    page = await logged_in(open_page, site, clinic.staff[0], permit=["409"])
    await page.goto("/desk")
    begin = page.get_by_role("button", name="Begin")
    await expect(begin).to_be_visible()
    room1 = clinic.desks[0]["id"]
    data_of(await clinic.staff[0].post(f"/desks/{room1}/close"))
    data_of(await clinic.staff[1].post(f"/desks/{room1}/open"))
    await page.get_by_label("Room 1").check()
    await begin.click()
    await expect(page.get_by_role("alert").filter(has_text="Somebody else sits")).to_be_visible()
    await page.get_by_label("Without a desk").check()
    await begin.click()
    await expect(page.get_by_role("heading", name="Without a desk")).to_be_visible()


async def test_next_shows_who_it_is_and_finishes_whom_one_had(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    await site.walk_ins(clinic, 2)
    page = await at_desk(open_page, site, clinic)
    await page.get_by_role("button", name="Next 1 Visitor 1").click()
    await expect(hand(page, "1")).to_contain_text("Called · General")
    await expect(page.locator("#last")).to_contain_text("Called: 1 Visitor 1")
    await hand(page, "1").get_by_role("button", name="Start").click()
    await expect(hand(page, "1")).to_contain_text("Being seen")
    next_one = page.get_by_role("button", name="Next 2 Visitor 2")
    await expect(next_one).to_have_accessible_description(re.compile("Finishes .*1"))
    await next_one.click()
    await expect(hand(page, "2")).to_be_visible()
    await expect(hand(page, "1")).to_have_count(0)
    assert (await token(site, clinic, "1"))["status"] == "COMPLETED"
    await hand(page, "2").get_by_role("button", name="Done").click()
    await expect(hand(page, "2")).to_have_count(0)
    await expect(page.locator("#next")).to_be_focused()
    await expect(page.locator("#next")).to_have_attribute("aria-disabled", "true")


async def test_the_last_move_can_be_taken_back_for_a_minute_and_stays_said(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 1)
    page = await at_desk(open_page, site, clinic)
    await page.locator("#next").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#last")).to_contain_text("Taken back: 1")
    await expect(row(page, "1")).to_be_visible()
    assert (await token(site, clinic, "1"))["status"] == "WAITING"
    await page.clock.install()
    await page.locator("#next").click()
    undo = page.get_by_role("button", name="Undo")
    await expect(undo).to_be_visible()
    await page.reload()
    await expect(undo).to_be_visible()
    await page.clock.fast_forward(61_000)
    await expect(undo).to_be_hidden()
    await expect(page.locator("#last")).to_contain_text("Called: 1 Visitor 1")


async def test_the_line_is_searched_by_number_and_name_whatever_the_accents(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    for name in ("Zoë Ibáñez", "Tom Baker", None):
        await site.walk_in_link(clinic.staff[0], clinic.queues[1], name=name)
    page = await at_desk(open_page, site, clinic)
    search = page.get_by_label("Find a number or name")
    for text, found in (("zoe iban", ["S001"]), ("S00", ["S001", "S002", "S003"]), ("s3", [])):
        await search.fill(text)
        await expect(page.locator("#list-waiting .label")).to_have_text(found)
        await expect(page.locator("#line-count")).to_have_text(f"{len(found)} / 3")
    await expect(page.locator("#line-empty")).to_contain_text("Nobody like that")


async def test_an_admin_chooses_the_clinic_first(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, name="Zebra practice")
    page = await logged_in(open_page, site, admin)
    await page.goto("/desk")
    await page.get_by_label("Find by name").fill("zebra")
    await page.keyboard.press("Enter")
    await expect(page.locator("#clinic-list li")).to_have_count(1)
    await page.get_by_role("button", name="Zebra practice").click()
    await page.get_by_label("Without a desk").check()
    await page.get_by_role("button", name="Begin").click()
    await expect(page.locator("#seat-state")).to_have_text("Zebra practice")
    await page.reload()
    await expect(page.locator("#seat-state")).to_have_text("Zebra practice")
    assert clinic


async def test_without_a_desk_one_calls_through_the_queue_and_knows_ones_own_after_a_reload(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, desks=0, staff=2)
    await site.walk_ins(clinic, 2)
    data_of(await clinic.staff[1].post(f"/queues/{clinic.queues[0]['id']}/call-next"))
    page = await at_desk(open_page, site, clinic, desk=None)
    await expect(page.locator("#list-elsewhere .label")).to_have_text(["1"])
    await page.get_by_role("button", name="Next 2 Visitor 2").click()
    await expect(hand(page, "2")).to_be_visible()
    await page.reload()
    await expect(hand(page, "2")).to_be_visible()
    await expect(page.locator("#list-elsewhere .label")).to_have_text(["1"])


async def test_a_desk_that_an_admin_closes_leads_back_to_the_choice(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic)
    data_of(await admin.post(f"/desks/{clinic.desks[0]['id']}/close"))
    await expect(page.get_by_role("alert").filter(has_text="Your desk was closed")).to_be_visible()


async def test_logging_out_at_a_desk_asks_and_a_login_that_ends_leads_to_the_form(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic, permit=["401"])
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Log out").click()
    asked = page.get_by_role("alertdialog", name="Log out? Room 1 closes then.")
    await asked.get_by_role("button", name="No, go back").click()
    await expect(page.locator("#next")).to_be_visible()
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Log out").click()
    await asked.get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_services_of_one_desk_are_one_line_in_the_order_in_which_it_calls(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic: OpenClinic = await site.open_clinic(admin, services=2)
    for queue, priority in ((1, "NORMAL"), (0, "NORMAL"), (1, "PRIORITY"), (0, "URGENT")):
        await site.walk_in_link(clinic.staff[0], clinic.queues[queue], priority=priority)
    page = await at_desk(open_page, site, clinic)
    for _ in range(4):
        shown = await page.locator("#list-waiting .label").all_inner_texts()
        await page.locator("#next").click()
        await expect(hand(page, shown[0])).to_be_visible()
        await expect(page.locator("#list-waiting .label")).to_have_text(shown[1:])
