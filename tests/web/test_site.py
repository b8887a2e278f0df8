"""The service that pages are tested on, and the phone that is slow."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site, where_it_is_noon
from tests.support.browser.slow_phone import first_paint, slow_down
from tests.support.http_service import PASSWORD, Person, data_of


async def test_a_slow_phone_is_slow_from_page_to_page(site: Site, open_page: PageOpener) -> None:
    page = await open_page()
    await slow_down(page)
    for _ in range(2):
        await page.goto("/health")
        assert await first_paint(page) > 560


async def test_a_site_has_a_clinic_at_work_where_it_is_noon(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=3, desks=2, staff=2)
    assert len(clinic.queues) == len(clinic.services) == 3
    visitors = await site.walk_ins(clinic, 2, queue=1)
    assert [visitor["token"]["tokenNumber"] for visitor in visitors] == [1, 2]
    assert visitors[0]["guest"]["url"].startswith(f"{site.url}/t#")
    called = data_of(await clinic.staff[1].post(f"/desks/{clinic.desks[1]['id']}/call-next"))
    assert called["desk"]["name"] == "Room 2"
    display = await site.display(clinic.staff[0], clinic.id)
    statuses = data_of(await display.get(f"/clinic/{clinic.id}/queues"))
    assert [status["waitingCount"] for status in statuses] == [0, 1, 0]
    page = await open_page("/health")
    await expect(page.locator("body")).to_contain_text('"ok"')


def test_somewhere_it_is_always_noon() -> None:
    for hour in range(24):
        now = datetime(2026, 11, 28, hour, 59, tzinfo=UTC)
        assert now.astimezone(ZoneInfo(where_it_is_noon(now))).hour == 12


async def test_a_crowd_of_devices_from_one_machine_meets_no_limit_of_an_address(
    site: Site, admin: Person
) -> None:
    for _ in range(40):
        data_of(await site.http.post("/api/displays"))


async def test_a_fresh_site_has_nobody_and_comes_back_where_it_was(
    fresh_site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/health", base_url=fresh_site.url)
    admin = await fresh_site.admin()
    people = data_of(await admin.get("/users"))
    assert [person["email"] for person in people["users"]] == [admin.email]
    await fresh_site.restart()
    await page.reload()
    await fresh_site.kill()
    await fresh_site.start()
    await page.reload()
    assert (await fresh_site.log_in(admin.email, PASSWORD)).id == admin.id
