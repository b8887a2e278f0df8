"""``/desk``: opening and closing, notices, pauses."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person, data_of
from tests.web.desk_page import at_desk, logged_in


async def test_a_queue_is_opened_by_one_press_closed_after_asking_and_told_to_take_nobody(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    service = await site.add_service(admin, clinic.id, "Blood tests")
    page = await at_desk(open_page, site, clinic)
    panel = page.locator("#services .service").filter(has_text="Blood tests")
    await expect(panel).to_contain_text("Not open yet")
    await panel.get_by_role("button", name="Open for today: Blood tests").click()
    await expect(panel).to_contain_text("0 waiting")
    await panel.get_by_text("More").click()
    await panel.get_by_label("Takes new patients").uncheck()
    await expect(panel).to_contain_text("takes nobody new")
    queue = data_of(await clinic.staff[0].get(f"/queues/{clinic.id}?serviceId={service['id']}"))
    assert queue["isActive"] is False
    await panel.get_by_role("button", name="Close for today").click()
    asked = page.get_by_role("alertdialog")
    await expect(asked).to_contain_text("Close Blood tests for today? 0 people")
    await asked.get_by_role("button", name="Close for today").click()
    await expect(panel).to_contain_text("Closed")


async def test_a_clinic_that_is_not_open_begins_with_opening_it(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    staff = await site.staff(admin, clinic["id"])
    page = await logged_in(open_page, site, staff)
    await page.goto("/desk")
    await page.get_by_role("button", name="Begin").click()
    await page.locator("#to-open").get_by_role("button", name="Open for today: General").click()
    await expect(page.locator("#line-empty")).to_contain_text("Nobody is waiting.")


async def test_a_notice_is_given_shown_as_it_stands_and_removed(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic, locale="en-GB")
    panel = page.locator("#services .service")
    for kind, field, value, said in (
        ("Delay", "By how many minutes?", "20", "Delay: 20 minutes"),
        ("Text", "Text", "Please have your card ready", "Please have your card ready"),
        ("Break", "Until when?", "23:30", "Break until 23:30"),
    ):
        if not await panel.get_by_role("button", name="Notice").is_visible():
            await panel.get_by_text("More").click()
        await panel.get_by_role("button", name="Notice").click()
        await page.get_by_role("radio", name=kind).check()
        await page.locator("#notice").get_by_label(field).last.fill(value)
        await page.get_by_role("button", name="Show it").click()
        await expect(panel.locator(".service-notice")).to_contain_text(said)
    status = data_of(await clinic.staff[0].get(f"/queues/{clinic.queues[0]['id']}/status"))
    until = datetime.fromisoformat(status["notice"]["until"])
    assert until.astimezone(ZoneInfo(clinic.clinic["timezone"])).strftime("%H:%M") == "23:30"
    await panel.get_by_role("button", name="Remove").click()
    await expect(panel.locator(".service-notice")).to_be_hidden()


async def test_a_pause_ends_by_the_clinics_clock_or_by_going_on(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(
        open_page, site, clinic, timezone_id="Pacific/Auckland", locale="en-GB", permit=["400"]
    )
    there = datetime.now(ZoneInfo(clinic.clinic["timezone"]))
    await page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog", name="Pause at your desk")
    await dialog.get_by_label("Until when?").fill((there - timedelta(hours=1)).strftime("%H:%M"))
    await dialog.get_by_role("button", name="Pause").click()
    await expect(dialog).to_contain_text("Must be an instant in the future.")
    await dialog.get_by_label("Until when?").fill("23:45")
    await dialog.get_by_role("button", name="Pause").click()
    await expect(page.locator("#seat-state")).to_contain_text("Paused until 23:45")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator("#seat-state")).not_to_contain_text("Paused")
