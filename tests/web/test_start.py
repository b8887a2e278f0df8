"""``/``: what this is, how well it is, and where to go."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, Route, expect

from qure.entrypoints.web.languages import CODES, language
from qure.entrypoints.web.rendering import Page as Template
from qure.entrypoints.web.rendering import render
from tests.support.browser.accessibility import axe_everywhere
from tests.support.browser.keyboard import faults_of, names_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person

READY = "/health/ready"


async def answer_with(page: Page, *, database: str, failed: int = 0) -> None:
    """What the page hears of the backends from now on."""
    is_well = database == "up"
    body = {
        "health": "ok" if is_well else "unavailable",
        "backends": {"database": database, "redis": "not used", "jobs": "up"},
        "failedImages": failed,
    }

    async def fulfil(route: Route) -> None:
        await route.fulfill(status=200 if is_well else 503, json=body)

    await page.unroute(f"**{READY}")
    await page.route(f"**{READY}", fulfil)


async def test_a_browser_is_told_what_this_is_and_everybody_else_gets_json(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await open_page("/")
    await expect(page.get_by_role("status")).to_have_text("All is well")
    await expect(page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - heading "The queue of your clinic" [level=1]
          - paragraph: /Patients take a number/
          - region "Where to go":
            - heading "Where to go" [level=2]
            - list:
              - listitem:
                - link /^Desk For staff/:
                  - /url: /desk
              - listitem:
                - link "Waiting room Open this on the television.":
                  - /url: /display
              - listitem:
                - link /Admin/:
                  - /url: /admin
              - listitem:
                - link /For programmers/:
                  - /url: /docs
            - paragraph: /Have you got a number/
          - region "How the service is":
            - heading "How the service is" [level=2]
            - status: All is well
            - term: Database
            - definition: works
            - term: Background work
            - definition: works
            - term: Link between servers
            - definition: not needed here
            - paragraph: /Last looked at/
          - paragraph: /Qure \\d/
        """
    )
    answer = await site.http.get("/")
    assert (answer.json()["data"]["name"], answer.headers["content-type"]) == (
        "Qure",
        "application/json",
    )


async def test_a_new_installation_begins_with_its_first_admin(
    fresh_site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/", base_url=fresh_site.url)
    first = page.get_by_role("region").first
    await expect(first).to_have_accessible_name("Begin here: the first admin")
    await axe_everywhere(page, right_to_left=True)
    await first.get_by_role("link", name="Enter the setup code").click()
    await expect(page).to_have_url(f"{fresh_site.url}/setup")
    await fresh_site.admin()
    await page.goto("/")
    await expect(page.get_by_role("region").first).to_have_accessible_name("Where to go")


async def test_how_well_it_is_is_asked_again_and_said_in_words(
    admin: Person, open_page: PageOpener
) -> None:
    page = await open_page(permit=["503 .*health/ready", "ERR_FAILED.*health/ready"])
    await page.clock.install()
    await page.goto("/")
    word, database = page.get_by_role("status"), page.locator("[data-backend=database]")
    await expect(word).to_have_text("All is well")
    await answer_with(page, database="down")
    await page.clock.run_for(10_000)
    await expect(word).to_have_text("Something is wrong")
    await expect(database).to_have_text("does not answer")
    await page.route(f"**{READY}", lambda route: route.abort())
    await page.clock.run_for(10_000)
    await expect(word).to_have_text("Nobody answers")
    await expect(database).to_have_text("not known")
    await page.unroute(f"**{READY}")
    await answer_with(page, database="up", failed=2)
    await page.clock.run_for(10_000)
    await expect(word).to_have_text("All is well")
    await expect(page.locator(".health-at")).to_contain_text("could not be processed: 2")


def test_documentation_that_is_switched_off_is_not_linked_to() -> None:
    start = Template("start", ("health",))
    shown = [render(start, language("en"), docs=docs, new=False) for docs in (True, False)]
    assert [b'href="/docs"' in html for html in shown] == [True, False]


@pytest.mark.parametrize("code", CODES)
async def test_it_is_there_in_every_language(
    admin: Person, open_page: PageOpener, code: str
) -> None:
    page = await open_page("/", locale=code)
    texts = json.loads(await page.locator("#messages").text_content() or "")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        language(code).say("start", "title")
    )
    await expect(page.get_by_role("status")).to_have_text(texts["health"]["well"])


async def test_it_is_for_everybody_and_for_those_with_a_keyboard(
    admin: Person, open_page: PageOpener
) -> None:
    page = await open_page("/")
    await expect(page.get_by_role("status")).to_have_text("All is well")
    await axe_everywhere(page, right_to_left=True)
    stops = await tab_walk(page)
    assert faults_of(stops) == []
    assert names_of(stops)[3:5] == [
        "link 'Desk For staff: call the next patient.'",
        "link 'Waiting room Open this on the television.'",
    ]
