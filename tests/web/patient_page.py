"""What tests of a patient's page do on both sides of the desk."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic
from tests.support.http_service import Thing, data_of

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}


async def call_next(clinic: OpenClinic) -> None:
    """The first of the staff calls the next one to the first desk."""
    data_of(await clinic.staff[0].post(f"/desks/{clinic.desks[0]['id']}/call-next"))


async def staff_do(clinic: OpenClinic, visitor: Thing, move: str, **body: Any) -> None:
    """A move of the first of the staff with this visitor's token."""
    data_of(await clinic.staff[0].post(f"/tokens/{visitor['token']['id']}/{move}", body))


def headline(page: Page) -> Locator:
    """What the page says first of the visit."""
    return page.locator("#headline")


async def opened(open_page: PageOpener, visitor: Thing, **options: Any) -> Page:
    """The visitor's page, on their phone."""
    return await open_page(visitor["guest"]["url"], **{**PHONE, **options})
