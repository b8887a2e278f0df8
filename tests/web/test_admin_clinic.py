"""``/admin``: services, desks, and all that can be set about a clinic."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.drawing import corners, saved
from tests.support.http_service import Person, Thing, data_of
from tests.web.admin_page import agree, go, opened, part


def row(page: Page, name: str) -> Any:
    """A service or a desk in its list."""
    title = page.locator(".title").get_by_text(name, exact=True)
    return page.get_by_role("listitem").filter(has=title)


async def services_of(admin: Person, clinic: Thing) -> list[Thing]:
    found: list[Thing] = data_of(await admin.get(f"/clinic/{clinic['id']}/services"))
    return found


async def test_services_are_added_ordered_changed_and_taken_out_of_use(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/services", permit=["409 ", "400 "])
    adding = part(page, "Add a service")
    for name, prefix in (("Blood tests", ""), ("X-ray", "xr")):
        await adding.get_by_label("Name").fill(name)
        await adding.get_by_label("Letters before the number").fill(prefix)
        await adding.get_by_role("button").click()
        await expect(adding.get_by_role("status")).to_have_text(f"{name} is there now.")
        await expect(adding.get_by_label("Name")).to_be_focused()

    up = page.get_by_role("button", name="Move X-ray up")
    await up.click()
    await expect(page.locator("#screen ol .title")).to_have_text(
        ["General", "X-ray", "Blood tests"]
    )
    await expect(page.get_by_text("X-ray is number 2 now.")).to_have_role("status")
    await expect(up).to_be_focused()
    down = page.get_by_role("button", name="Move General down")
    await down.click()
    await expect(page.get_by_text("General is number 2 now.")).to_have_role("status")
    await expect(down).to_be_focused()
    await expect(up).to_have_attribute("aria-disabled", "true")
    assert [one["prefix"] for one in await services_of(admin, clinic)] == ["XR", "", "B"]

    blood = row(page, "Blood tests")
    await blood.get_by_text("Change").click()
    await blood.get_by_label("Letters before the number").fill("XR")
    await blood.get_by_label("Minutes a visit takes").fill("5")
    await blood.get_by_role("button", name="Save").click()
    letters = blood.get_by_label("Letters before the number")
    await expect(letters).to_be_focused()
    await expect(letters).to_have_accessible_description(
        re.compile("Another service has these letters already.")
    )
    await axe_everywhere(page, right_to_left=True)
    await letters.fill("BT")
    await blood.get_by_label("Numbers a day").fill("many")
    await blood.get_by_role("button", name="Save").click()
    await expect(blood.get_by_label("Numbers a day")).to_be_focused()
    await blood.get_by_label("Numbers a day").fill("20")
    await blood.get_by_role("button", name="Save").click()
    await expect(blood.get_by_text("Saved.")).to_be_visible()
    await expect(blood).to_contain_text("about 5 min")

    await blood.get_by_role("button", name="Take out of use").click()
    await agree(page, "Take out of use")
    await expect(blood.get_by_role("button", name="Use again")).to_be_focused()
    await expect(page.get_by_role("button", name="Move Blood tests up")).to_be_hidden()
    [retired] = [one for one in await services_of(admin, clinic) if not one["isActive"]]
    assert [retired[key] for key in ("prefix", "expectedMinutes", "maxQueueSize")] == ["BT", 5, 20]
    await blood.get_by_role("button", name="Use again").click()
    await expect(blood).to_contain_text("about 5 min")


async def test_desks_are_added_renamed_and_taken_out_of_use(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/desks", permit=["400 "])
    await expect(page.get_by_text("There is no desk yet.")).to_be_visible()
    await axe(page)
    adding = part(page, "Add a desk")
    await adding.get_by_role("button").click()
    await expect(adding.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    await adding.get_by_label("Name").fill("Room 1")
    await adding.get_by_role("button").click()
    await expect(page.get_by_text("There is no desk yet.")).to_be_hidden()
    room = row(page, "Room 1")
    await room.get_by_text("Change").click()
    await room.get_by_label("Name").fill("Room 7")
    await room.get_by_role("button", name="Save").click()
    room = row(page, "Room 7")
    await expect(room.get_by_text("Saved.")).to_be_visible()
    await room.get_by_role("button", name="Take out of use").click()
    await agree(page, "Take out of use")
    await expect(room).to_contain_text("not in use")
    [desk] = data_of(await admin.get(f"/clinic/{clinic['id']}/desks"))
    assert (desk["name"], desk["isActive"]) == ("Room 7", False)


async def test_all_that_can_be_set_is_shown_saved_and_wrong_fields_are_named(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin, languages=["ar", "es"], timezone="Asia/Kolkata")
    page = await opened(open_page, admin, f"{clinic['id']}/clinic", permit=["400 ", "409 "])
    about, rules = part(page, "Name, place, hours"), part(page, "Rules of the line")
    await expect(about.get_by_text("In this order: العربية, Español")).to_be_visible()
    await expect(about.get_by_label("Time zone")).to_have_value("Asia/Kolkata")
    await about.get_by_label("Telephone").fill("12")
    await about.get_by_label("Website").fill("clinic")
    await about.get_by_label("What people should know").fill("Ring twice.\nThen wait.")
    await about.get_by_role("button", name="Save").click()
    await expect(about.get_by_label("Telephone")).to_be_focused()
    await expect(about.get_by_label("Website")).to_have_attribute("aria-invalid", "true")
    await axe_everywhere(page, right_to_left=True)
    await about.get_by_label("Telephone").fill("2125550123")
    await about.get_by_label("Website").fill("https://clinic.example")
    await about.get_by_label("Kind of clinic").select_option(label="Dentist")
    await about.get_by_label("English").check()
    await about.get_by_label("العربية").uncheck()
    await about.get_by_role("button", name="Save").click()
    await expect(about.get_by_text("Saved.")).to_be_visible()

    other = await site.clinic(admin)
    await about.get_by_label("Name").fill(other["name"])
    await about.get_by_role("button", name="Save").click()
    await expect(about.get_by_label("Name")).to_have_accessible_description(
        "There is a clinic of this name already."
    )

    await rules.get_by_label("counts as not there").fill("61")
    await rules.get_by_label("below (percent)").fill("25")
    await rules.get_by_role("button", name="Save").click()
    await expect(rules.get_by_label("counts as not there")).to_be_focused()
    await rules.get_by_label("counts as not there").fill("3")
    await rules.get_by_role("button", name="Save").click()
    await expect(rules.get_by_text("Saved.")).to_be_visible()

    found = data_of(await admin.get(f"/clinic/{clinic['id']}"))
    wanted = {
        "name": clinic["name"],
        "phone": "2125550123",
        "website": "https://clinic.example",
        "description": "Ring twice.\nThen wait.",
        "type": "DENTIST",
        "timezone": "Asia/Kolkata",
        "languages": ["es", "en"],
        "noShowMinutes": 3,
        "refuseBelow": 0.25,
    }
    assert {key: found[key] for key in wanted} == wanted


async def test_pictures_are_sent_shown_when_they_are_there_and_taken_away(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/clinic", permit=["400 "])
    pictures = part(page, "Logo and pictures")
    await pictures.get_by_role("button", name="Send").click()
    await expect(pictures.get_by_text("Please choose a picture first.")).to_be_visible()
    images = pictures.get_by_label("Pictures of the clinic")
    text = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    await images.set_input_files([text])
    await pictures.get_by_role("button", name="Send").click()
    await expect(images).to_have_attribute("aria-invalid", "true")
    await images.set_input_files([])
    logo = {"name": "logo.png", "mimeType": "image/png", "buffer": saved(corners(), "PNG")}
    await pictures.get_by_label("Logo").set_input_files([logo])
    await pictures.get_by_role("button", name="Send").click()
    await expect(pictures.get_by_text("Received. They are shown in a moment.")).to_be_visible()
    await expect(pictures.get_by_role("img", name="Logo")).to_be_visible()
    await axe(page)
    await pictures.get_by_role("button", name="Take the logo away").click()
    await agree(page, "Take the logo away")
    await expect(pictures.get_by_role("img")).to_have_count(0)
    assert data_of(await admin.get(f"/clinic/{clinic['id']}"))["logo"] is None


async def test_a_clinic_is_taken_out_of_use_after_a_question_and_brought_back(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/clinic")
    await page.get_by_role("button", name="Take the clinic out of use").click()
    await axe(page)
    await agree(page, "Take the clinic out of use")
    await expect(page.get_by_text("The clinic is not in use")).to_be_visible()
    await go(page, "clinics")
    await page.get_by_label("Name").fill(clinic["name"])
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("link", name=clinic["name"], exact=True)).to_have_count(0)
    await go(page, f"{clinic['id']}/clinic")
    await page.reload()
    await page.get_by_role("button", name="Use the clinic again").click()
    await expect(page.get_by_text("The clinic is in use.")).to_be_visible()
    assert data_of(await admin.get(f"/clinic/{clinic['id']}"))["isActive"] is True
