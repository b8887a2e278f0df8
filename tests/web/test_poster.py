"""``/poster``: what hangs at a clinic's door, on one sheet of paper."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from qure.entrypoints.web.languages import CODES, language
from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person, Thing, data_of
from tests.web.admin_page import STRANGER, log_in

SHEETS = {"A4": (595.92, 842.88), "Letter": (612, 792)}
_SIZE = re.compile(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]")


async def opened(open_page: PageOpener, person: Person, clinic: Thing, **options: Any) -> Page:
    permit = [STRANGER, *options.pop("permit", ())]
    page = await open_page(f"/poster#{clinic['id']}", permit=permit, **options)
    await log_in(page, person)
    await expect(page.get_by_label("E-mail")).to_be_hidden()
    return page


async def test_it_says_in_all_of_the_clinics_languages_what_to_do(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(
        admin, guestJoin=True, languages=["ar", "es"], address="1 Main Street\nNew York"
    )
    staff = await site.staff(admin, clinic["id"])
    page = await opened(open_page, staff, clinic)
    code = data_of(await admin.get(f"/clinic/{clinic['id']}/join-code"))
    await expect(page.get_by_role("heading", level=1)).to_have_text(clinic["name"])
    lines = page.locator("#lines li")
    await expect(lines).to_have_text(["خذ رقمًا بهاتفك", "Tome un número con su teléfono"])
    assert await lines.evaluate_all("(all) => all.map(({lang, dir}) => [lang, dir])") == [
        ["ar", "rtl"],
        ["es", "ltr"],
    ]
    await expect(page.get_by_role("img", name="QR code")).to_have_attribute("src", code["qr"])
    await expect(page.locator("#url")).to_have_text(code["url"].removeprefix("http://"))
    await expect(page.locator("#address")).to_have_text("1 Main Street\nNew York")
    await expect(page).to_have_title(f"{clinic['name']} – Poster")
    await axe_everywhere(page)
    assert faults_of(await tab_walk(page)) == []


async def test_a_clinic_that_names_no_language_speaks_all_of_them(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin, guestJoin=True)
    page = await opened(open_page, admin, clinic)
    await expect(page.locator("#lines li")).to_have_text(
        [language(code).say("poster_lines", code) for code in CODES]
    )


@pytest.mark.parametrize("sheet", SHEETS)
async def test_the_longest_of_all_fits_on_one_sheet_without_what_belongs_to_the_screen(
    site: Site, admin: Person, open_page: PageOpener, sheet: str
) -> None:
    name = (f"Zentrum für Allgemeinmedizin {sheet} " + "und Gesundheit " * 11)[:200].strip()
    address = "\n".join(["Straße des 17. Juni 135, Hinterhaus"] * 4)
    clinic = await site.clinic(admin, name=name, guestJoin=True, address=address)
    page = await opened(open_page, admin, clinic)
    await expect(page.locator("#sheet")).to_be_visible()
    pdf = await page.pdf(format=sheet)
    [(width, height)] = _SIZE.findall(pdf)
    assert (float(width), float(height)) == pytest.approx(SHEETS[sheet], abs=1)
    await page.emulate_media(media="print")
    for selector in (".top", "#tools", ".band"):
        await expect(page.locator(selector)).to_be_hidden()
    qr = await page.locator("#qr").bounding_box()
    assert qr is not None
    assert qr["height"] > 200  # CSS pixels: more than 5 cm.


async def test_the_button_prints(site: Site, admin: Person, open_page: PageOpener) -> None:
    clinic = await site.clinic(admin, guestJoin=True)
    page = await opened(open_page, admin, clinic)
    await page.evaluate("window.print = () => { document.title = 'printed' }")
    await page.get_by_role("button", name="Print").click()
    await expect(page).to_have_title("printed")


async def test_where_the_door_is_shut_there_is_none_and_it_says_who_opens_it(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, clinic)
    await expect(page.get_by_text("There is no poster: the door is shut.")).to_be_visible()
    await expect(page.locator("#sheet")).to_be_hidden()
    await axe(page)
    await page.get_by_role("link", name="Door and poster").click()
    await page.get_by_role("checkbox").check()
    await page.get_by_role("link", name="Print the poster").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(clinic["name"])


async def test_another_clinics_staff_and_patients_see_none(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, other = await site.clinic(admin, guestJoin=True), await site.clinic(admin)
    stranger = await site.staff(admin, other["id"])
    page = await opened(open_page, stranger, clinic, permit=["403 "])
    await expect(page.locator("#problem")).to_have_text("You may not do that.")
    await expect(page.locator("#sheet")).to_be_hidden()
    patient = await open_page(f"/poster#{clinic['id']}", permit=[STRANGER])
    await log_in(patient, await site.patient())
    await expect(patient.get_by_role("alert").first).to_have_text(
        "This account may not use this page."
    )
