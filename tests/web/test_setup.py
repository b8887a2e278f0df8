"""``/setup``: the first admin, made in the browser by whoever has the code."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person

GRACE = {
    "First name": "Grace",
    "Last name": "Hopper",
    "E-mail": "grace@example.com",
    "Password": "a long password",
    "The same password again": "a long password",
}


async def fill(page: Page, **others: str) -> None:
    for label, text in {**GRACE, **others}.items():
        await page.get_by_label(label, exact=True).fill(text)


async def send(page: Page) -> None:
    await page.get_by_role("button", name="Become the admin").click()


async def test_whoever_follows_the_operators_link_becomes_the_admin_and_is_logged_in(
    fresh_site: Site, open_page: PageOpener
) -> None:
    page = await open_page(f"/setup#{fresh_site.setup_code()}", base_url=fresh_site.url)
    await expect(page.get_by_label("Setup code")).to_have_value(fresh_site.setup_code())
    await expect(page).to_have_url(f"{fresh_site.url}/setup")
    await expect(page.get_by_label("First name")).to_be_focused()
    other = await open_page("/setup", base_url=fresh_site.url, permit=["409 "])
    await fill(page)
    await send(page)
    await expect(page).to_have_url(re.compile(r"/admin#new$"))
    await expect(page.get_by_role("heading", name="Your first clinic")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Your first clinic")).to_be_visible()

    await other.get_by_label("Setup code").fill(fresh_site.setup_code())
    await fill(other, **{"E-mail": "late@example.com"})
    await send(other)
    await expect(other.get_by_text("There is an admin already.")).to_be_visible()
    await expect(other.get_by_role("link", name="To the admin page")).to_be_focused()


async def test_what_is_wrong_is_said_where_it_stands_and_nothing_is_lost(
    fresh_site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/setup", base_url=fresh_site.url, locale="es", permit=["403 ", "400 "])
    code = page.get_by_label("Código de instalación")
    await expect(code).to_be_focused()
    await code.fill("AAAA-BBBB-CCCC")
    for name, text in {
        "firstName": "Grace",
        "lastName": "X",
        "email": "grace",
        "password": "secret",
        "confirmPassword": "secret",
    }.items():
        await page.locator(f"[name={name}]").fill(text)
    button = page.get_by_role("button", name="Ser el administrador")
    await button.click()
    last, email = page.locator("[name=lastName]"), page.locator("[name=email]")
    await expect(last).to_be_focused()
    for field, problem in ((last, "Must be text of 3 to 100"), (email, "Must be a valid e-mail")):
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(re.compile(problem))
    await axe_everywhere(page, right_to_left=True)

    await last.fill("Hopper")
    await email.fill("grace@example.com")
    await button.click()
    await expect(code).to_be_focused()
    await expect(code).to_have_accessible_description(
        "El programa lo muestra al arrancar. Este código de instalación no es correcto."
    )
    await expect(page.locator("[name=password]")).to_have_value("secret")
    await expect(last).not_to_have_attribute("aria-invalid", "true")
    await axe(page)


async def test_where_there_is_an_admin_it_leads_to_their_page(
    admin: Person, open_page: PageOpener
) -> None:
    page = await open_page("/setup#ABCD-EFGH-JKLM")
    link = page.get_by_role("link", name="To the admin page")
    await expect(link).to_be_focused()
    await expect(page.locator("form")).to_be_hidden()
    await axe_everywhere(page)
    assert faults_of(await tab_walk(page)) == []
