"""``/admin``: a stranger sets a clinic up, step by step; who may come in; how much is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

import qure.entrypoints.web
from qure.entrypoints.web.assets import assets
from qure.entrypoints.web.pages import PAGES
from tests.support.browser.keyboard import tab_to
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import PASSWORD, Person, data_of
from tests.web.admin_page import STRANGER, go, log_in, opened, part, shown

BUDGET = 60 * 1024
SECTIONS = sorted(
    path.stem
    for path in (Path(qure.entrypoints.web.__file__).parent / "static" / "admin").glob("*.js")
)


async def write(page: Page, label: str, text: str) -> None:
    """Into the next field of that label, by the keyboard."""
    await tab_to(page, label)
    await page.keyboard.insert_text(text)


async def press(page: Page, name: str, key: str = "Enter") -> None:
    """The next button or link of that name, by the keyboard."""
    await tab_to(page, name)
    await page.keyboard.press(key)


async def next_step(page: Page, title: str) -> None:
    """On to the step of that title, by the keyboard."""
    await press(page, f"Next: {title}")
    heading = page.get_by_role("heading", name=title, exact=True)
    await expect(heading).to_be_focused()
    await expect(page.locator("[aria-current=step]")).to_have_text(title)
    await shown(page)


async def test_a_stranger_sets_a_clinic_up_with_the_keyboard_alone(
    fresh_site: Site, open_page: PageOpener
) -> None:
    admin = await fresh_site.admin()
    page = await open_page(
        "/admin",
        base_url=fresh_site.url,
        permit=[STRANGER],
        geolocation={"latitude": 48.85661, "longitude": 2.35222},
        permissions=["geolocation"],
        timezone_id="Europe/Paris",
    )
    await expect(page.get_by_label("E-mail")).to_be_focused()
    await page.keyboard.insert_text(admin.email)
    await write(page, "Password", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Your first clinic")).to_be_visible()
    await expect(page.get_by_text("Step 1 of 7")).to_be_visible()

    await write(page, "Name", "Clinique du Parc")
    await write(page, "Address", "1 rue du Parc\n75001 Paris")
    await press(page, "I am there now: use where I am")
    await expect(page.get_by_label("Longitude")).to_have_value("2.35222")
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Paris")
    await press(page, "Français", "Space")
    await press(page, "English", "Space")
    await expect(page.get_by_text("In this order: Français, English")).to_be_visible()
    await press(page, "Make the clinic")

    await expect(page.get_by_role("heading", name="Services")).to_be_focused()
    await shown(page)
    for name in ("Blood tests", "Dr Okafor"):
        await write(page, "Name", name)
        await press(page, "Add a service")
        await expect(page.get_by_text(f"{name} is there now.")).to_be_visible()
    await next_step(page, "Desks")
    for name in ("Room 1", "Room 2"):
        await write(page, "Name", name)
        await press(page, "Add a desk")
        await expect(page.get_by_text(f"{name} is there now.")).to_be_visible()
    await next_step(page, "Today")
    await press(page, "Open all of today’s queues")
    await expect(page.get_by_text("Open", exact=True)).to_have_count(3)
    await next_step(page, "Staff")
    await write(page, "First name", "Marie")
    await write(page, "Last name", "Curie")
    await write(page, "E-mail", "marie@example.com")
    await page.keyboard.press("Enter")
    password = await page.locator(".secret .code").text_content()
    await expect(page.get_by_text("Marie Curie is there now.")).to_be_visible()
    await next_step(page, "Screens")
    pairing = data_of(await fresh_site.http.post("/api/displays"))
    await write(page, "Code on the screen", pairing["userCode"].lower())
    await write(page, "Name", "Waiting room")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Waiting room is there now.")).to_be_visible()
    await next_step(page, "Door and poster")
    await press(page, "Let people take a number at the door", "Space")
    await press(page, "Print the poster")
    await expect(page.get_by_role("heading", name="Clinique du Parc")).to_be_visible()

    staff = await fresh_site.log_in("marie@example.com", str(password))
    [clinic] = data_of(await staff.get("/clinic"))["clinics"]
    assert (clinic["timezone"], clinic["languages"]) == ("Europe/Paris", ["fr", "en"])
    assert (clinic["latitude"], clinic["address"]) == (48.85661, "1 rue du Parc\n75001 Paris")
    queues = data_of(await staff.get(f"/clinic/{clinic['id']}/queues"))
    assert [queue["serviceName"] for queue in queues] == ["General", "Blood tests", "Dr Okafor"]
    desks = data_of(await staff.get(f"/clinic/{clinic['id']}/desks"))
    assert [desk["name"] for desk in desks] == ["Room 1", "Room 2"]
    [display] = data_of(await staff.get(f"/clinic/{clinic['id']}/displays"))
    assert display["name"] == "Waiting room"


async def test_the_steps_lead_until_they_are_done_and_can_be_gone_back(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await opened(open_page, admin, "new")
    await page.get_by_label("Name").fill("Step by step")
    await page.get_by_label("Latitude").fill("1,5")
    await page.get_by_label("Longitude").fill("-2")
    await page.get_by_role("button", name="Make the clinic").click()
    guide = page.get_by_role("navigation", name="Step by step")
    await expect(guide).to_contain_text("Step 2 of 7")
    await page.reload()
    await expect(guide).to_contain_text("Step 2 of 7")
    await guide.get_by_role("link", name="Clinic").click()
    await expect(page.get_by_label("Latitude")).to_have_value("1.5")
    clinic = page.url.split("#")[1].split("/")[0]
    await go(page, f"{clinic}/door")
    await page.get_by_role("link", name="Done: see the day").click()
    await expect(page.get_by_role("heading", name="Today", exact=True)).to_be_focused()
    await go(page, f"{clinic}/services")
    await expect(guide).to_be_hidden()


async def test_a_new_clinic_names_each_wrong_field_where_it_stands_and_loses_nothing(
    admin: Person, open_page: PageOpener
) -> None:
    page = await opened(open_page, admin, "new", permit=["400 "])
    await page.get_by_label("Name").fill("Nowhere")
    await page.get_by_label("Latitude").fill("north")
    await page.get_by_label("Closes at").fill("08:00")
    await page.get_by_role("button", name="Make the clinic").click()
    await expect(page.get_by_label("Latitude")).to_be_focused()
    for label, problem in {
        "Latitude": "Must be a number from -90 to 90.",
        "Longitude": "Must be a number from -180 to 180.",
        "Closes at": "The end must be after the start.",
    }.items():
        field = page.get_by_label(label)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(re.compile(re.escape(problem)))
    await expect(page.get_by_label("Name")).to_have_value("Nowhere")
    await expect(page.get_by_label("Latitude")).to_have_value("north")


async def test_a_device_that_does_not_say_where_it_is_is_no_obstacle(
    admin: Person, open_page: PageOpener
) -> None:
    page = await opened(open_page, admin, "new", permissions=[])
    await page.get_by_role("button", name="use where I am").click()
    await expect(page.get_by_text("This device does not say where it is.")).to_be_visible()


async def test_only_the_admins_page_may_ask_where_a_device_is(site: Site) -> None:
    html = {"Accept": "text/html"}
    asked = {
        path: (await site.http.get(path, headers=html)).headers["permissions-policy"]
        for path in ("/", *PAGES)
    }
    allowed = [path for path, policy in asked.items() if "geolocation=()" not in policy]
    assert allowed == ["/admin"]
    assert asked["/admin"].endswith("geolocation=(self)")


async def test_staff_and_patients_may_not_use_it(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await open_page("/admin", permit=[STRANGER])
    for person in (clinic.staff[0], await site.patient()):
        await log_in(page, person)
        await expect(page.get_by_role("alert")).to_have_text("This account may not use this page.")
    await expect(page.get_by_role("navigation", name="Admin")).to_be_hidden()


async def test_it_stays_logged_in_through_a_reload_until_it_is_logged_out(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/desks")
    await page.reload()
    await expect(page.get_by_role("heading", name="Desks")).to_be_visible()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("E-mail")).to_be_focused()


async def test_a_login_that_was_ended_elsewhere_leads_to_the_form(
    site: Site, open_page: PageOpener
) -> None:
    admin = await site.admin()
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/staff", permit=["401 "])
    sessions = data_of(await admin.get("/auth/sessions"))
    [other] = [one["id"] for one in sessions if not one["current"]]
    data_of(await admin.delete(f"/auth/sessions/{other}"))
    await page.evaluate("location.hash = location.hash.replace('staff', 'desks')")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_what_cannot_be_read_is_said_and_tried_again(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await opened(open_page, admin, f"{clinic.id}/desks", permit=["ERR_FAILED", "404 "])
    await page.route("**/api/clinic/*/staff", lambda route: route.abort())
    await go(page, f"{clinic.id}/staff")
    await expect(page.get_by_role("alert")).to_contain_text("Nobody answers")
    await page.unroute("**/api/clinic/*/staff")
    await page.get_by_role("button", name="Try again").click()
    await expect(part(page, "A colleague without an account")).to_be_visible()
    await go(page, "01a221e4-d400-741d-add9-92ba8eff7273/today")
    await expect(page.get_by_role("alert")).to_have_text("There is no such clinic.")
    await go(page, f"{clinic.id}/desks")
    await expect(page.get_by_text("Room 1", exact=True)).to_be_visible()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_stays_within_60_kilobytes_with_any_section_open(section: str) -> None:
    page = PAGES["/admin"]
    loaded = {*page.scripts, *page.styles, *assets().modules(f"admin/{section}.js")}
    sizes = {path: len(assets().files[path]) for path in loaded}
    assert sum(sizes.values()) <= BUDGET, sizes
