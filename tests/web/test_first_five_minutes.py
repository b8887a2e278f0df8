"""A stranger's first five minutes: from `make run` to the first call, in the browser alone.

Two tabs of one browser, as at home: the waiting room's screen and everything else; and a phone.
"""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site

PERMITTED = ["401", "400"]
"""Nobody is logged in at first, and a screen asks whether it has been let in."""


async def add(page: Page, names: tuple[str, str], button: str) -> None:
    for name in names:
        await page.get_by_label("Name", exact=True).last.fill(name)
        await page.get_by_role("button", name=button).click()
        await expect(page.get_by_text(f"{name} is there now.")).to_be_visible()


async def step(page: Page, title: str) -> None:
    await page.get_by_role("link", name=f"Next: {title}").click()
    await expect(page.get_by_role("heading", name=title, exact=True)).to_be_focused()
    await expect(page.locator("#screen:not([aria-busy]) > *")).not_to_have_count(0)


async def test_a_stranger_has_a_clinic_a_screen_a_poster_and_a_patient_called(
    fresh_site: Site, open_page: PageOpener
) -> None:
    url = fresh_site.url
    page = await open_page("/", base_url=url, permit=PERMITTED, locale="en-GB")
    await page.get_by_role("link", name="Enter the setup code").click()
    await page.get_by_label("Setup code").fill(fresh_site.setup_code())
    for label, text in {
        "First name": "Grace",
        "Last name": "Hopper",
        "E-mail": "grace@example.com",
        "Password": "a long password",
        "The same password again": "a long password",
    }.items():
        await page.get_by_label(label, exact=True).fill(text)
    await page.get_by_role("button", name="Become the admin").click()

    await page.get_by_label("Name", exact=True).fill("Harbour Street Practice")
    await page.get_by_label("Latitude").fill("51.5")
    await page.get_by_label("Longitude").fill("-0.1")
    await page.get_by_role("button", name="Make the clinic").click()
    await expect(page.get_by_role("heading", name="Services", exact=True)).to_be_focused()
    await expect(page.locator("#screen:not([aria-busy]) > *")).not_to_have_count(0)
    await add(page, ("Dr Okafor", "Blood tests"), "Add a service")
    await step(page, "Desks")
    await add(page, ("Room 1", "Room 2"), "Add a desk")
    await step(page, "Today")
    await page.get_by_role("button", name="Open all of today’s queues").click()
    await expect(page.get_by_text("Open", exact=True)).to_have_count(3)
    await step(page, "Staff")

    screen = await page.context.new_page()
    await screen.set_viewport_size({"width": 1920, "height": 1080})
    await screen.goto("/display")
    code = screen.locator("#code")
    await expect(code).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"))
    await step(page, "Screens")
    await page.get_by_label("Code on the screen").fill(str(await code.text_content()))
    await page.get_by_label("Name", exact=True).last.fill("Waiting room")
    await page.get_by_role("button", name="Connect a screen").click()
    await expect(page.get_by_text("Waiting room is there now.")).to_be_visible()
    await expect(screen.locator("#clinic")).to_have_text("Harbour Street Practice")

    await step(page, "Door and poster")
    await page.get_by_label("Let people take a number at the door").check()
    await page.get_by_role("link", name="Print the poster").click()
    poster = page.get_by_role("img", name="QR code")
    await expect(poster).to_be_visible()
    address = await page.get_by_text(re.compile(r"/join/")).inner_text()

    phone = await open_page(
        f"/join/{address.rpartition('/')[2]}",
        base_url=url,
        viewport={"width": 390, "height": 844},
        locale="en-GB",
    )
    await phone.get_by_role("button", name="Blood tests").click()
    await expect(phone.locator("#headline")).to_have_text("You are next")
    label = str(await phone.locator("#label").text_content())

    await page.goto("/desk")
    await page.get_by_role("button", name=re.compile("Harbour Street Practice")).click()
    await page.locator("#choose-form").get_by_label("Room 2").check()
    await page.locator("#choose-form").get_by_role("button", name="Begin").click()
    await expect(page.locator("#next")).to_contain_text(label)
    await page.locator("#next").click()

    await expect(phone.get_by_role("alert").first).to_contain_text("It is your turn")
    await expect(phone.get_by_role("alert").first).to_contain_text("Room 2")
    await expect(screen.locator("#call .label")).to_have_text(label)
    await expect(screen.locator("#hero")).to_contain_text("Room 2")
    assert fresh_site.process.log().count("ERROR") == 0
