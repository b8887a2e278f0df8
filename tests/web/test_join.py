"""``/join/<code>``: a number at a clinic's door, in three seconds."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import to_builtins
from playwright.async_api import Page, Route, expect

from qure.domain.waiting.wait import Basis, Unknown, Wait, WaitState
from qure.entrypoints.web.assets import assets
from qure.entrypoints.web.door import how_long
from qure.entrypoints.web.languages import CODES, language
from qure.wire.waits import WaitBody
from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, names_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, Thing, data_of

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
TAKE = "Take a number"


async def a_door(
    site: Site, admin: Person, *, services: int = 1, **fields: Any
) -> tuple[OpenClinic, str]:
    """A clinic that lets strangers take numbers, and the path of its door."""
    clinic = await site.open_clinic(admin, services=services, guestJoin=True, **fields)
    code = data_of(await admin.post(f"/clinic/{clinic.id}/join-code"))["joinCode"]
    return clinic, f"/join/{code}"


async def at(open_page: PageOpener, site: Site, path: str, **options: Any) -> Page:
    """The page, on a phone that comes from an address of its own."""
    headers = site.addresses.headers()
    return await open_page(path, **{**PHONE, "extra_http_headers": headers, **options})


async def tokens_of(clinic: OpenClinic, queue: int = 0) -> list[Thing]:
    tokens: list[Thing] = data_of(
        await clinic.staff[0].get(f"/tokens/queue/{clinic.queues[queue]['id']}")
    )
    return tokens


async def led_to_the_number(page: Page) -> str:
    """What the number's page shows."""
    await page.wait_for_url("**/t#*")
    await expect(page.locator("[data-state=waiting] #label")).to_be_visible()
    return await page.locator("#label").inner_text()


async def test_one_tap_takes_a_number_of_the_only_service(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin, address="Lindenplatz 4")
    await site.walk_ins(clinic, 2)
    page = await at(open_page, site, path)
    await expect(page.locator("main")).to_match_aria_snapshot(
        f"""
        - main:
          - paragraph:
            - strong: {clinic.clinic["name"]}
            - text: Lindenplatz 4
          - heading "Take a number" [level=1]
          - group
          - text: "/General Wait: .+ minutes 2 waiting/"
          - button "Take a number"
        """
    )
    await axe_everywhere(page, right_to_left=True)
    await page.get_by_role("button", name=TAKE).click()
    assert await led_to_the_number(page) == "3"
    assert await page.evaluate("history.length") <= 2
    assert len(await tokens_of(clinic)) == 3


async def test_of_several_services_one_is_tapped_and_a_name_may_be_given_to_staff(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin, services=3)
    long = "Impfberatung und Reisemedizin für Familien mit kleinen Kindern"[:60]
    data_of(await admin.put(f"/services/{clinic.services[2]['id']}", {"name": long}))
    page = await at(open_page, site, path)
    await expect(page.get_by_role("heading", level=1)).to_have_text("What do you come for?")
    stops = await tab_walk(page)
    assert faults_of(stops) == []
    names = names_of(stops)
    assert names[3] == "DisclosureTriangle 'Add your name (optional)'"
    assert re.match(r"button 'Service 2 Wait: ", names[5]), names
    await page.get_by_text("Add your name (optional)").click()
    await axe_everywhere(page, right_to_left=True)
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_role("button", name="Service 2").click()
    assert await led_to_the_number(page) == "S001"
    [token] = await tokens_of(clinic, queue=1)
    assert token["name"] == "Ada"


async def test_enter_in_the_name_takes_the_only_services_number(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin)
    page = await at(open_page, site, path)
    await page.get_by_text("Add your name (optional)").click()
    await page.get_by_label("Your name").fill("Ada")
    await page.keyboard.press("Enter")
    assert await led_to_the_number(page) == "1"
    assert [token["name"] for token in await tokens_of(clinic)] == ["Ada"]


async def test_a_double_tap_a_lost_answer_and_a_reload_give_one_number(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin)
    page = await at(open_page, site, path, permit=["ERR_FAILED"])
    lost = asyncio.Event()
    is_cut = True

    async def lose(route: Route) -> None:
        if route.request.method != "POST" or not is_cut:
            await route.continue_()
            return
        if not lost.is_set():
            lost.set()
            await route.fetch()
        await route.abort()

    await page.route(f"**/api{path}", lose)
    await page.get_by_role("button", name=TAKE).dblclick()
    await expect(page.locator("#taking")).to_have_text(re.compile("you get one number only"))
    assert lost.is_set()
    await axe(page)
    is_cut = False
    await page.reload()
    assert await led_to_the_number(page) == "1"
    assert len(await tokens_of(clinic)) == 1
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_browser_that_lets_no_page_keep_anything_gets_its_number_too(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    _, path = await a_door(site, admin)
    page = await at(open_page, site, "/health")
    for kept in ("localStorage", "sessionStorage"):
        refuse = f"Object.defineProperty(window, '{kept}', {{ get() {{ throw new Error(); }} }})"
        await page.add_init_script(refuse)
    await page.goto(path)
    await page.get_by_role("button", name=TAKE).click()
    assert await led_to_the_number(page) == "1"


async def test_who_has_a_number_here_is_led_to_it_and_who_is_done_takes_another(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin)
    elsewhere, other_path = await a_door(site, admin)
    page = await at(open_page, site, path)
    await page.get_by_role("button", name=TAKE).click()
    assert await led_to_the_number(page) == "1"
    await page.goto(path)
    assert await led_to_the_number(page) == "1"
    await page.goto(other_path)
    await expect(page.get_by_role("button", name=TAKE)).to_be_visible()
    [token] = await tokens_of(clinic)
    data_of(await clinic.staff[0].post(f"/tokens/{token['id']}/cancel"))
    await page.goto("/t")
    await page.get_by_role("link", name="Take another number").click()
    await page.get_by_role("button", name=TAKE).click()
    assert await led_to_the_number(page) == "2"
    assert await tokens_of(elsewhere) == []


async def test_what_a_service_cannot_give_is_said_where_it_stands(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin, services=4, refuseBelow=0.9)
    staff, queues = clinic.staff[0], [queue["id"] for queue in clinic.queues]
    data_of(await staff.patch(f"/queues/{queues[1]}/status", {"isActive": False}))
    data_of(await staff.post(f"/queues/{queues[2]}/close"))
    await site.walk_ins(clinic, 48, queue=3)
    page = await at(open_page, site, path)
    offers = page.get_by_role("listitem")
    await expect(offers.nth(1)).to_contain_text("No numbers are given out at the moment.")
    await expect(offers.nth(2)).to_contain_text("It is closed for today.")
    await expect(offers.nth(3)).to_contain_text("There is probably not enough time left today.")
    await site.walk_ins(clinic, 2, queue=3)
    await page.reload()
    await expect(offers.nth(3)).to_contain_text("No numbers are left for today.")
    await expect(offers.get_by_role("button", name=re.compile("Service"))).to_have_count(0)
    await axe_everywhere(page, right_to_left=True)


async def test_what_changed_since_the_page_came_is_said_and_another_may_be_tapped(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic, path = await a_door(site, admin, services=2)
    page = await at(open_page, site, path, permit=["status of 409"])
    data_of(await clinic.staff[0].post(f"/queues/{clinic.queues[0]['id']}/close"))
    await page.get_by_role("button", name="General").click()
    await expect(page.get_by_role("alert")).to_have_text("It is closed for today.")
    await axe(page)
    await page.get_by_role("button", name="Service 2").click()
    assert await led_to_the_number(page) == "S001"


async def test_before_it_opens_it_says_when_in_the_clinics_time(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    early: dict[str, Any] = {"openingHours": {"start": "13:30", "end": "17:00"}}
    _, path = await a_door(site, admin, **early)
    page = await at(open_page, site, path, locale="en-GB", timezone_id="Asia/Tokyo")
    await expect(page.locator(".only")).to_contain_text("Opens at 13:30")
    await expect(page.get_by_role("button", name=TAKE)).to_be_visible()
    closed = await site.clinic(admin, guestJoin=True, **early)
    code = data_of(await admin.post(f"/clinic/{closed['id']}/join-code"))["joinCode"]
    await page.goto(f"/join/{code}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "No numbers are given out yet today"
    )
    await expect(page.locator("main")).to_contain_text(
        re.compile(r"Open from 1:30\sPM to 5:00\sPM")
    )
    await axe(page)


async def test_a_dead_code_is_a_friendly_page_and_so_is_a_crowd(
    site: Site, open_page: PageOpener
) -> None:
    page = await at(open_page, site, "/join/never-was", permit=["status of 404"])
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "This code does not work any more"
    )
    await axe(page)
    answers = await asyncio.gather(*(site.http.get("/join/nobodys") for _ in range(90)))
    by_status = {answer.status_code: answer for answer in answers}
    assert by_status.keys() == {404, 429}
    crowd = by_status[429]
    assert int(crowd.headers["retry-after"]) >= 1
    assert "Very many people are here" in crowd.text
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert "<b>" not in (await site.http.get("/join/%3Cb%3E")).text


async def test_a_clinics_words_are_text_and_the_page_is_nobodys_to_keep(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    name = "</script><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}"
    clinic, path = await a_door(site, admin, name=name)
    service = clinic.services[0]["id"]
    data_of(await admin.put(f"/services/{service}", {"name": "<b>'\"</b>"}))
    page = await at(open_page, site, path)
    await expect(page.locator("strong")).to_have_text(name)
    await expect(page.locator(".name")).to_have_text("<b>'\"</b>")
    answer = await site.http.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "require-trusted-types-for" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("wished", "spoken"), [("de-CH, en;q=0.5", "de"), ("pt", "ar"), ("ar", "ar"), ("", "ar")]
)
async def test_the_door_speaks_as_the_browser_wishes_and_else_as_the_clinic(
    site: Site, admin: Person, wished: str, spoken: str
) -> None:
    _, path = await a_door(site, admin, languages=["ar", "de"])
    answer = await site.http.get(path, headers={"Accept-Language": wished})
    assert f'<html lang="{spoken}"' in answer.text


NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_wait(low: int | None, high: int | None, **more: Any) -> Wait:
    def instant(minutes: int | None) -> datetime | None:
        return None if minutes is None else NOW + timedelta(minutes=minutes)

    given = {"state": WaitState.ESTIMATED, "basis": Basis.LIVE, "as_of": NOW, "version": 1, **more}
    return Wait(low=instant(low), likely=instant(low), high=instant(high), **given)


WAITS = [
    (None, "We cannot say yet"),
    (a_wait(20, 35), "20–35 minutes"),
    (a_wait(-2, 1), "0–1 minute"),
    (a_wait(10, 10), "10 minutes"),
    (a_wait(119, 130), "119–130 minutes"),
    (a_wait(120, 120), "2–3 hours"),
    (a_wait(252, 300), "4–6 hours"),
    (a_wait(-5, 0), "No wait"),
    (a_wait(0, 0, state=WaitState.NEXT), "No wait"),
    (a_wait(None, None, state=WaitState.UNKNOWN, unknown=Unknown.PAUSED), "Calls are paused"),
    (a_wait(None, None, state=WaitState.UNKNOWN), "We cannot say yet"),
]


@pytest.mark.parametrize(("wait", "said"), WAITS, ids=[said for _, said in WAITS])
def test_a_wait_is_said_in_words_of_every_language(wait: Wait | None, said: str) -> None:
    assert how_long(wait, language("en"), now=NOW) == said
    assert all(how_long(wait, language(code), now=NOW) for code in CODES)


async def test_the_browser_says_a_wait_in_the_same_words(open_page: PageOpener) -> None:
    page = await open_page("/")
    told = [None if wait is None else to_builtins(WaitBody.of(wait)) for wait, _ in WAITS]
    said = await page.evaluate(
        """async ([address, told, now]) => {
          const { howLong } = await import(address);
          return told.map((wait) => howLong(wait, Date.parse(now)));
        }""",
        [assets().address("core/waits.js"), told, NOW.isoformat()],
    )
    assert said == [words for _, words in WAITS]
