"""The waiting room's television: how it is let in, and what it shows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.browser.television import (
    AUDIBLE,
    BEFORE,
    CALLED,
    SILENT,
    TELEVISION,
    call,
    labelled_clinic,
    prepared,
    television,
)
from tests.support.http_service import Person, data_of

PENDING = "400 .Bad Request."
CODE = re.compile(r"^[B-Z]{4}-[B-Z]{4}$")


async def shows_a_code(page: Page) -> str:
    await expect(page.locator("#code")).to_have_text(CODE)
    return str(await page.locator("#code").text_content())


async def test_a_new_screen_shows_a_code_and_says_where_staff_enter_it(
    site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/display", permit=[PENDING], viewport=TELEVISION)
    code = await shows_a_code(page)
    host = site.url.removeprefix("http://")
    await expect(page.locator("#pairing")).to_match_aria_snapshot(f"""
      - paragraph: Qure
      - text: Language
      - combobox "Language"
      - heading "Connect this screen to your clinic" [level=1]
      - list:
        - listitem: On a computer or phone, open {host}/desk
        - listitem: Log in as a member of staff.
        - listitem: "Enter this code:"
      - status "Code": {code}
      - status
      - paragraph: When the code runs out, a new one appears by itself.
      - figure "Or scan this with a phone":
        - img "QR code that opens the page with this code"
        - text: Or scan this with a phone
    """)
    await axe_everywhere(page, right_to_left=True)


async def test_staff_let_a_screen_in_and_it_stays_theirs_through_a_reload(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await open_page(permit=[PENDING])
    await page.clock.install()
    await page.goto("/display")
    await site.let_in(clinic.staff[0], clinic.id, await shows_a_code(page))
    await page.clock.run_for(3500)
    for _ in range(2):
        await expect(page.get_by_role("heading", level=1)).to_have_text(clinic.clinic["name"])
        await expect(page.locator("#strip li")).to_have_count(1)
        await page.reload()


async def test_a_code_that_has_run_out_is_followed_by_another(open_page: PageOpener) -> None:
    page = await open_page(permit=[PENDING])
    await page.clock.install()
    await page.goto("/display")
    first = await shows_a_code(page)
    await page.route("**/api/displays/token", refusal("expired_token"))
    await page.clock.run_for(3500)
    await expect(page.locator("#code")).not_to_have_text(first)
    await shows_a_code(page)


async def test_a_screen_asks_as_often_as_it_may_and_less_when_it_is_told_so(
    open_page: PageOpener,
) -> None:
    page = await open_page(permit=[PENDING])
    await page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.route("**/api/displays/token", refusal("slow_down"))
    await page.goto("/display")
    await shows_a_code(page)
    for passed, asked_in_all in ((2500, 0), (1000, 1), (7500, 1), (1000, 2)):
        async with page.expect_response("**/health"):
            await page.clock.run_for(passed)
            await page.evaluate("fetch('/health')")
        assert sum(url.endswith("/token") for url in asked) == asked_in_all


async def test_a_screen_that_staff_end_says_so_and_shows_a_code_again(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await television(open_page, site, clinic, permit=[PENDING, "401 .Unauthorized."])
    [display] = data_of(await admin.get(f"/clinic/{clinic.id}/displays"))
    await admin.delete(f"/displays/{display['id']}")
    await expect(page.get_by_text("was disconnected by the clinic’s staff")).to_be_visible()
    await shows_a_code(page)
    await expect(page.locator("#room")).to_be_hidden()


async def test_the_room_shows_calls_with_their_desks_and_each_service_with_its_wait(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await labelled_clinic(site, admin, "B")
    for _ in range(3):
        await call(site, clinic)
    await site.walk_ins(clinic, 2)
    page = await television(
        open_page,
        site,
        clinic,
        service_ids=[clinic.services[0]["id"]],
        timezone_id="Asia/Tokyo",
        init=AUDIBLE,
    )
    await expect(page.locator("#strip .wait dd")).to_have_text(re.compile("minutes"))
    await expect(page.locator(BEFORE)).to_have_count(2)
    await expect(page.locator("main")).to_match_aria_snapshot("""
      - heading [level=1]
      - combobox "Language"
      - paragraph:
        - time: /12:\\d\\d PM/
      - status
      - region "Now calling":
        - heading "Now calling" [level=2]
        - status:
          - paragraph: B003
          - paragraph: Please go to Room 1
      - region "Called before":
        - heading "Called before" [level=2]
        - list:
          - listitem: B002 Room 1
          - listitem: B001 Room 1
      - region "Services":
        - heading "Services" [level=2]
        - list:
          - listitem:
            - heading "Blood tests" [level=3]
            - term: Waiting
            - definition: "2"
            - term: Wait
            - definition: /\\d+ minutes?/
            - term: Next
            - definition: B004 B005
    """)
    await axe_everywhere(page, right_to_left=True)


async def test_no_name_reaches_the_screen(site: Site, admin: Person, open_page: PageOpener) -> None:
    clinic = await site.open_clinic(admin)
    heard: list[str] = []
    page = await television(open_page, site, clinic)
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda sent: heard.append(str(sent)))
    )
    await page.reload()
    await call(site, clinic)
    await site.walk_ins(clinic, 2)
    await expect(page.locator(CALLED)).to_have_text("1")
    await expect(page.locator(".next .label")).to_have_text(["2", "3"])
    assert heard
    assert not re.search("Visitor|Curie|Maria", await page.content() + "".join(heard))


async def test_a_screen_shows_only_the_services_it_is_for(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=3)
    await call(site, clinic, queue=0)
    wanted = [clinic.services[1]["id"]]
    page = await television(open_page, site, clinic, service_ids=wanted)
    await expect(page.locator("#strip h3")).to_have_text(["Service 2"])
    await expect(page.locator("#call")).to_contain_text("No number has been called yet")


async def test_notices_are_told_with_their_service_and_closing_with_the_opening_hours(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    [staff, *_] = clinic.staff
    page = await television(open_page, site, clinic)
    notice = {"kind": "DELAY", "minutes": 20, "text": "An emergency."}
    await staff.put(f"/queues/{clinic.queues[1]['id']}/notice", notice)
    told = page.get_by_role("region", name="Notice")
    await expect(told).to_have_text("Service 2: About 20 minutes later than planned. An emergency.")
    await staff.put(f"/queues/{clinic.queues[0]['id']}/notice", {"kind": "PAUSE"})
    await expect(page.locator("#told p")).to_have_count(2)
    await axe_everywhere(page)
    for queue in clinic.queues:
        await staff.post(f"/queues/{queue['id']}/close")
    await expect(page.locator("#call")).to_have_text("ClosedOpen from 9:00 AM to 5:00 PM")
    await axe(page)


async def test_whoever_has_a_keyboard_comes_to_the_sound_and_the_language(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await television(open_page, site, await site.open_clinic(admin), init=SILENT)
    await expect(page.get_by_role("button", name="Enable sound")).to_be_visible()
    stops = await tab_walk(page)
    names = ["Skip to the content", "Enable sound", "Language"]
    assert [stop.name for stop in stops] == names
    assert all(stop.shows_focus and not stop.covered for stop in stops)


@pytest.mark.parametrize(
    ("clicked", "expected"), [(None, "de"), ("fr", "fr")], ids=["nobody chose", "somebody did"]
)
async def test_a_screen_speaks_a_language_of_the_clinic_unless_somebody_chose_another(
    site: Site, admin: Person, open_page: PageOpener, clicked: str | None, expected: str
) -> None:
    clinic = await site.open_clinic(admin, languages=["de", "ar"])
    page = await prepared(open_page, site, clinic, locale="en-GB")
    if clicked:
        await page.context.add_cookies(
            [{"name": "qure_language", "value": clicked, "url": site.url}]
        )
    await page.goto("/display")
    await expect(page.locator("html")).to_have_attribute("lang", expected)
    await expect(page.locator("#strip li")).to_have_count(1)


def refusal(code: str) -> Any:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=400, json={"code": code, "message": "No."})

    return refuse
