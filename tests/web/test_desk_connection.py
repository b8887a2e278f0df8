"""``/desk`` without a connection: it says so, and no move is lost or made twice."""

from __future__ import annotations

from playwright.async_api import Route, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.desk_page import at_desk, hand, token

CUT = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "WebSocket", "net::ERR"]


async def calls_made(site: Site, clinic: OpenClinic) -> int:
    """How often somebody was called."""
    calls = 0
    for one in data_of(await clinic.staff[0].get(f"/tokens/queue/{clinic.queues[0]['id']}")):
        history = data_of(await clinic.staff[0].get(f"/tokens/{one['id']}/history"))
        calls += sum(entry["action"] == "CALL" for entry in history)
    return calls


async def made_and_lost(route: Route) -> None:
    """The server does it, and nobody hears of it."""
    await route.fetch()
    await route.abort()


async def test_a_call_whose_answer_was_lost_is_made_once(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 3)
    page = await at_desk(open_page, site, clinic, permit=CUT)
    await page.route("**/call-next", made_and_lost, times=1)
    await page.locator("#next").click()
    await expect(page.locator("#last")).to_contain_text("Called: 1")
    await expect(hand(page, "1")).to_be_visible()
    assert await calls_made(site, clinic) == 1


async def test_a_call_without_a_connection_waits_and_is_made_once_when_it_is_back(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 3)
    page = await at_desk(open_page, site, clinic, permit=CUT)
    await page.context.set_offline(True)
    await page.locator("#next").evaluate("(next) => { next.click(); next.click(); }")
    await expect(page.locator("#last")).to_contain_text("Sending …")
    await expect(page.locator("q-connection")).to_contain_text("No connection since")
    assert await calls_made(site, clinic) == 0
    await page.context.set_offline(False)
    await expect(page.locator("#last")).to_contain_text("Called: 1")
    await expect(page.locator("q-connection")).to_be_empty()
    await expect(page.locator("#list-waiting .label")).to_have_text(["2", "3"])
    assert await calls_made(site, clinic) == 1


async def test_a_call_whose_answer_was_lost_before_a_reload_is_made_once(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 3)
    page = await at_desk(open_page, site, clinic, permit=CUT)
    await page.route("**/call-next", made_and_lost)
    await page.locator("#next").click()
    await expect(page.locator("#last")).to_contain_text("Sending …")
    await page.reload()
    await expect(page.locator("#last")).to_contain_text("Sending …")
    await page.unroute("**/call-next")
    await expect(page.locator("#last")).to_contain_text("Called: 1")
    assert await calls_made(site, clinic) == 1


async def test_moves_that_wait_survive_a_reload_in_their_order(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 3)
    page = await at_desk(open_page, site, clinic, permit=CUT)
    await page.locator("#next").click()
    await expect(page.locator("#last")).to_contain_text("Called: 1")
    moves = "**/api/{tokens,desks}/**/{start,call-next}"
    await page.route(moves, lambda route: route.abort())
    await hand(page, "1").get_by_role("button", name="Start").click()
    await page.locator("#next").click()
    await expect(page.locator("#last")).to_contain_text("Sending …")
    await page.reload()
    await expect(page.locator("#last")).to_contain_text("Sending …")
    await page.unroute(moves)
    await expect(page.locator("#last")).to_contain_text("Called: 2")
    one = await token(site, clinic, "1")
    history = data_of(await clinic.staff[0].get(f"/tokens/{one['id']}/history"))
    assert [entry["action"] for entry in history][-3:] == ["CALL", "START", "COMPLETE"]


async def test_another_persons_moves_are_not_sent(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, desks=1, staff=2)
    await site.walk_ins(clinic, 1)
    page = await at_desk(open_page, site, clinic, desk=None, permit=CUT)
    await page.route("**/call-next", lambda route: route.abort())
    await page.locator("#next").click()
    await expect(page.locator("#last")).to_contain_text("Sending …")
    kept = await page.evaluate("sessionStorage.getItem('qure-outbox')")
    await page.evaluate(
        "(kept) => sessionStorage.setItem('qure-outbox', kept)",
        kept.replace(clinic.staff[0].id, clinic.staff[1].id),
    )
    await page.unroute("**/call-next")
    await page.reload()
    await expect(page.locator("#next")).to_contain_text("Visitor 1")
    assert await calls_made(site, clinic) == 0


async def test_what_happened_meanwhile_is_there_when_the_connection_is_back(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await at_desk(open_page, site, clinic, permit=CUT)
    await page.context.set_offline(True)
    await site.walk_ins(clinic, 2)
    await expect(page.locator("q-connection")).to_contain_text("No connection since")
    await expect(page.locator("#list-waiting .person")).to_have_count(0)
    await page.context.set_offline(False)
    await expect(page.locator("#list-waiting .label")).to_have_text(["1", "2"])
