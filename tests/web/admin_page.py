"""The admin's page, as the tests open it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.http_service import PASSWORD, Person

STRANGER = "401.*refresh-token"
"""Of a browser that nobody has logged in with: the page asks, and shows the form."""


async def log_in(page: Page, person: Person) -> None:
    """Fill in the form that pages for staff and admins have."""
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


async def opened(open_page: PageOpener, admin: Person, path: str, **options: Any) -> Page:
    """The admin's page at that fragment, when it shows what it is about."""
    permit = (STRANGER, *options.pop("permit", ()))
    page = await open_page(f"/admin#{path}", permit=permit, **options)
    await log_in(page, admin)
    await shown(page)
    return page


async def go(page: Page, path: str) -> None:
    """To another section, when it is shown."""
    await page.evaluate(
        """(path) => new Promise((gone) => {
          addEventListener("hashchange", gone, { once: true });
          location.hash = path;
        })""",
        path,
    )
    await shown(page)


async def shown(page: Page) -> None:
    """When the section that was gone to is there."""
    await expect(page.locator("#screen:not([aria-busy]) > *")).not_to_have_count(0)


def part(page: Page, title: str) -> Any:
    """A part of a screen, by its title."""
    return page.get_by_role("region", name=title)


async def agree(page: Page, action: str) -> None:
    """To the question that is asked before what cannot be taken back."""
    await page.get_by_role("dialog").get_by_role("button", name=action).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
