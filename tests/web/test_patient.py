"""``/t``: a patient follows their number, from the link to the last word."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.patient_page import PHONE, call_next, headline, opened, staff_do

RINGS = """navigator.rings = [];
navigator.vibrate = (pattern) => navigator.rings.push(pattern);"""


def at_the_clinic(clinic: OpenClinic, instant: str) -> str:
    """Such as 9:05 PM."""
    there = datetime.fromisoformat(instant).astimezone(ZoneInfo(clinic.clinic["timezone"]))
    return there.strftime("%I:%M\u202f%p").lstrip("0")


async def test_a_patient_sees_number_line_and_range_in_the_clinics_time_and_hears_them_politely(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    visitors = await site.walk_ins(clinic, 3, queue=1)
    page = await opened(open_page, visitors[2], timezone_id="Pacific/Auckland")
    await expect(headline(page)).to_have_text("2 people before you")
    guest = await site.guest(visitors[2]["guest"]["secret"])
    wait = data_of(await guest.get(f"/tokens/{visitors[2]['token']['id']}/place"))["wait"]
    low, high, leave = (at_the_clinic(clinic, wait[key]) for key in ("low", "high", "leaveBy"))
    await expect(page.locator("main")).to_match_aria_snapshot(
        f"""
        - main:
          - paragraph: {clinic.clinic["name"]} · Service 2
          - heading "Your number S003" [level=1]
          - alert
          - status:
            - paragraph: 2 people before you
            - paragraph: "Your turn: between {low} and {high}"
            - paragraph: Please be here by {leave}
          - button "Step out for a while"
          - button "Let others pass"
          - button "Give up my number"
        """
    )
    await expect(page).to_have_title("S003 · 2 people before you")


async def test_the_place_follows_each_call_and_what_staff_say_to_all(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    visitors = await site.walk_ins(clinic, 3)
    page = await opened(open_page, visitors[2])
    await expect(headline(page)).to_have_text("2 people before you")
    await call_next(clinic)
    await expect(headline(page)).to_have_text("1 person before you")
    await expect(page.get_by_role("region", name="Just called")).to_contain_text("1 Room 1")
    queue = clinic.queues[0]["id"]
    notice = {"kind": "DELAY", "minutes": 20, "text": "The printer <b>burns</b>."}
    data_of(await clinic.staff[0].put(f"/queues/{queue}/notice", notice))
    await expect(page.locator("#notes")).to_contain_text("Everything is about 20 minutes late.")
    await expect(page.locator("#notes")).to_contain_text("The printer <b>burns</b>.")
    await call_next(clinic)
    await expect(headline(page)).to_have_text("You are next")


async def test_a_call_is_unmistakable_and_rings_once_and_again_when_repeated(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(**PHONE)
    await page.add_init_script(RINGS)
    await page.goto(visitor["guest"]["url"])
    await page.get_by_role("button", name="Tell me with sound").click()
    usual = await page.locator("link[rel=icon]").get_attribute("href")
    await call_next(clinic)
    alert = page.get_by_role("alert").filter(has_text="It is your turn")
    await expect(alert).to_contain_text("Please go to")
    await expect(alert.locator(".desk")).to_have_text("Room 1")
    await expect(page).to_have_title("1 · It is your turn → Room 1")
    assert await page.locator("link[rel=icon]").get_attribute("href") != usual
    await expect(page.get_by_role("status").filter(has_text="before you")).to_have_count(0)
    assert len(await page.evaluate("navigator.rings")) == 1
    await staff_do(clinic, visitor, "recall")
    await expect(page.locator(".turn")).to_have_text("You are called again")
    assert len(await page.evaluate("navigator.rings")) == 2
    await page.reload()
    await expect(page.locator(".turn")).to_have_text("You are called again")
    assert await page.evaluate("navigator.rings") == []
    await axe_everywhere(page, right_to_left=True)


async def test_somebody_is_seen_and_done_and_no_move_is_offered_any_more(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await opened(open_page, visitor)
    await call_next(clinic)
    await staff_do(clinic, visitor, "start")
    await expect(headline(page)).to_have_text("You are being seen")
    await expect(page.locator("#detail")).to_have_text("Room 1")
    await staff_do(clinic, visitor, "complete")
    await expect(headline(page)).to_have_text("You are done here")
    await expect(page.locator("#actions > :visible")).to_have_count(0)
    await axe(page)


async def test_a_patient_is_told_who_ended_it_and_follows_to_another_line(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    cancelled, moved, closed = await site.walk_ins(clinic, 3)
    pages = [await opened(open_page, visitor) for visitor in (cancelled, moved, closed)]
    for page in pages:
        await expect(page.locator("#label")).to_have_text(re.compile(r"\d"))
    await staff_do(clinic, cancelled, "cancel")
    await expect(headline(pages[0])).to_have_text("The desk has cancelled your number")
    await staff_do(clinic, moved, "transfer", serviceId=clinic.services[1]["id"])
    await expect(pages[1].locator("#label")).to_have_text("S001")
    await expect(pages[1].locator("#notes")).to_contain_text("moved you on to Service 2")
    data_of(await clinic.staff[0].post(f"/queues/{clinic.queues[0]['id']}/close"))
    await expect(headline(pages[2])).to_have_text("Closed for today")


@pytest.mark.parametrize(
    ("moves", "then"),
    [
        (["call", "skip"], "You were called, but nobody came"),
        (["call", "complete"], "You are done here"),
        (["cancel"], "The desk has cancelled your number"),
        (["call", "start"], "You are being seen"),
    ],
)
async def test_what_happened_while_the_phone_slept_is_known_when_it_wakes(
    site: Site, admin: Person, open_page: PageOpener, moves: list[str], then: str
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await opened(open_page, visitor)
    await expect(headline(page)).to_have_text("You are next")
    await page.goto("/health")
    for move in moves:
        await staff_do(clinic, visitor, move)
    await page.goto(visitor["guest"]["url"])
    await expect(headline(page)).to_have_text(then)
    if then.endswith("nobody came"):
        await page.get_by_role("button", name="I am here").click()
        await expect(headline(page)).to_have_text("You are next")


async def test_the_page_is_for_everybody_while_they_wait(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    name = "Sprechstundenvereinbarungsannahmestelle"
    clinic = await site.open_clinic(admin, services=2)
    await site.walk_ins(clinic, 40, queue=1)
    [visitor] = await site.walk_ins(clinic, 1, queue=1)
    data_of(await admin.put(f"/services/{clinic.services[1]['id']}", {"name": name}))
    page = await opened(open_page, visitor, locale="ar")
    await expect(headline(page)).to_have_text("40 شخصًا قبلك")
    await axe_everywhere(page)
    await page.get_by_label("اللغة").select_option("de")
    await expect(headline(page)).to_have_text("40 Personen vor Ihnen")
    await axe_everywhere(page)


async def test_it_is_said_by_how_much_the_range_has_moved_but_not_each_minute(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await opened(open_page, visitor)
    await expect(headline(page)).to_have_text("You are next")
    moved = await page.evaluate(
        """async () => {
          const { href } = document.querySelector("link[rel=modulepreload][href$='words.js']");
          const { movedBy } = await import(href);
          const said = [];
          let told = null;
          const likely = [[0, 1], [5, 1], [9, 1], [11, 1], [15, 1], [0, 1], [40, 2]];
          for (const [minute, version] of likely) {
            const likely = new Date(minute * 60000).toISOString();
            told = movedBy(told, { wait: { state: "estimated", likely } }, { version }, 0);
            said.push(told.moved);
          }
          return said;
        }"""
    )
    assert moved == [0, 0, 0, 10, 10, -10, 0]


@pytest.mark.parametrize("width", [320, 390, 820])
async def test_number_and_desk_are_as_large_as_they_have_room_and_no_word_is_broken(
    site: Site, admin: Person, open_page: PageOpener, width: int
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    data_of(await admin.put(f"/services/{clinic.services[1]['id']}", {"prefix": "MWW"}))
    name = "Behandlungszimmer WWWWW 3 im zweiten Hof"
    data_of(await admin.put(f"/desks/{clinic.desks[0]['id']}", {"name": name}))
    queue = data_of(await admin.get(f"/clinic/{clinic.id}/queues"))[1]["queueId"]
    given = {"name": "Ada"}
    visitor = data_of(await clinic.staff[0].post(f"/queues/{queue}/walk-ins", given), 201)
    page = await opened(open_page, visitor, viewport={"width": width, "height": 700})
    await call_next(clinic)
    await expect(page.locator(".desk")).to_have_text(name)
    broken = """() => {
      const widths = (node) => [...node.textContent.matchAll(/\\S+/g)].map(({ 0: word, index }) => {
        const range = document.createRange();
        range.setStart(node.firstChild, index);
        range.setEnd(node.firstChild, index + word.length);
        return [word, range.getClientRects().length];
      });
      return ["#label", ".desk"].flatMap((each) => widths(document.querySelector(each)))
        .filter(([, lines]) => lines > 1);
    }"""
    assert await page.evaluate(broken) == []
    edges = "[document.scrollingElement.scrollWidth, innerWidth]"
    scroll, inner = await page.evaluate(edges)
    assert scroll <= inner
    size = "getComputedStyle(document.querySelector('#label')).fontSize"
    assert float((await page.evaluate(size)).removesuffix("px")) >= 40


async def test_what_has_not_changed_is_not_read_aloud_again(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await open_page(**PHONE)
    await page.clock.install()
    await page.goto(visitor["guest"]["url"])
    await expect(headline(page)).to_have_text("You are next")
    await page.evaluate(
        """() => {
          window.spoken = [];
          const listen = new MutationObserver((all) =>
            window.spoken.push(...all.map(({ target }) => target.id)));
          for (const region of document.querySelectorAll("[role=status], [role=alert]")) {
            listen.observe(region, { childList: true, characterData: true, subtree: true });
          }
        }"""
    )
    look_again = "document.dispatchEvent(new Event('visibilitychange'))"
    async with page.expect_response("**/place"):
        await page.evaluate(look_again)
    await page.clock.fast_forward("00:20")
    assert await page.evaluate("window.spoken") == []
    await call_next(clinic)
    await expect(page.locator(".turn")).to_have_text("It is your turn")
    told = await page.evaluate("window.spoken.filter((id) => id === 'call').length")
    async with page.expect_response("**/place"):
        await page.evaluate(look_again)
    await page.clock.fast_forward("00:20")
    assert await page.evaluate("window.spoken.filter((id) => id === 'call').length") == told
