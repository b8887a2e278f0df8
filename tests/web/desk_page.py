"""The staff console, as the tests open it."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import PASSWORD, Person, Thing, data_of


async def logged_in(open_page: PageOpener, site: Site, person: Person, **options: Any) -> Page:
    """An empty page in a browser in which that person is logged in."""
    page = await open_page(**options)
    answer = await page.context.request.post(
        f"{site.url}/api/auth/login",
        headers={"Qure-Session": "login", **site.addresses.headers()},
        data={"email": person.email, "password": PASSWORD},
    )
    assert answer.ok
    return page


async def at_desk(
    open_page: PageOpener,
    site: Site,
    clinic: OpenClinic,
    *,
    person: Person | None = None,
    desk: int | None = 0,
    **options: Any,
) -> Page:
    """The console of the first of the staff, on a device where that desk (or none) was chosen."""
    chosen = {
        "clinicId": clinic.id,
        "deskId": None if desk is None else clinic.desks[desk]["id"],
        "serviceIds": None,
        "open": True,
    }
    kept = [{"name": "qure-desk", "value": json.dumps(chosen)}]
    state = {"cookies": [], "origins": [{"origin": site.url, "localStorage": kept}]}
    who = person or clinic.staff[0]
    page = await logged_in(open_page, site, who, storage_state=state, **options)
    await page.goto("/desk")
    await expect(page.locator("#next")).to_be_visible()
    await expect(page.locator("#line-count")).not_to_be_empty()
    return page


def row(page: Page, label: str) -> Locator:
    """Somebody in the line."""
    return page.locator(".person").filter(has=page.locator(f".label:text-is('{label}')"))


async def do(page: Page, label: str, button: str, *, exact: bool = True) -> None:
    """One press opens the row, the second does it."""
    await row(page, label).locator(".who").click()
    await row(page, label).get_by_role("button", name=button, exact=exact).click()


def hand(page: Page, label: str) -> Locator:
    """The card of whom they have in hand."""
    return page.get_by_role("article", name=label, exact=True)


async def token(site: Site, clinic: OpenClinic, label: str) -> Thing:
    """It, as it stands."""
    for queue in clinic.queues:
        for one in data_of(await clinic.staff[0].get(f"/tokens/queue/{queue['id']}")):
            if one["label"] == label:
                return dict(one)
    raise AssertionError(f"there is no {label}")
