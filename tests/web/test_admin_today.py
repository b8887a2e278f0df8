"""``/admin``: a clinic's day at a glance, as it goes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from playwright.async_api import Page, WebSocketRoute, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, data_of
from tests.web.admin_page import agree, opened


def card(page: Page, service: str) -> Any:
    """What is shown of a service's queue."""
    heading = page.get_by_role("heading", name=service, exact=True)
    return page.get_by_role("listitem").filter(has=heading)


def fact(within: Any, name: str) -> Any:
    return within.locator("dl > div").filter(has_text=name).locator("dd")


async def call_next(clinic: OpenClinic) -> None:
    data_of(await clinic.staff[0].post(f"/desks/{clinic.desks[0]['id']}/call-next"))


async def test_the_day_is_shown_as_it_goes(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2, desks=2)
    await site.walk_ins(clinic, 2, queue=1)
    page = await opened(open_page, admin, f"{clinic.id}/today")
    second = card(page, "Service 2")
    await expect(second).to_match_aria_snapshot(
        """
        - listitem:
          - text: S
          - heading "Service 2" [level=3]
          - paragraph: Open
          - paragraph:
            - strong: "2"
            - text: waiting
          - term: Called last
          - definition: –
          - term: Next
          - definition: S001, S002
          - term: Wait for newcomers
          - definition
          - term: Called to
          - definition: "Room 1: Maria"
          - button "No more numbers"
          - button "End the day"
          - checkbox "Opens by itself every day"
        """
    )
    await expect(page.get_by_role("region", name="Desks")).to_contain_text(
        re.compile("Room 1.*Maria is there.*Room 2.*nobody is there", re.DOTALL)
    )
    await call_next(clinic)
    await expect(fact(second, "Called last")).to_have_text("S001 · Room 1")
    await expect(fact(second, "Next")).to_have_text("S002")
    await expect(second.locator(".waiting strong")).to_have_text("1")
    await site.walk_ins(clinic, 1, queue=0)
    await expect(card(page, "General").locator(".waiting strong")).to_have_text("1")
    data_of(await clinic.staff[0].post(f"/desks/{clinic.desks[0]['id']}/close"))
    await expect(fact(second, "Called to")).to_have_text("nobody")
    await expect(fact(second, "Wait for newcomers")).to_have_text("No desk is open at the moment")


async def test_the_date_is_the_clinics_wherever_the_admin_is(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    now = datetime.now(UTC)
    there = now.astimezone(ZoneInfo(clinic.clinic["timezone"]))
    # It is about noon at the clinic: one of these has another date.
    [elsewhere, *_] = [
        zone
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")
        if now.astimezone(ZoneInfo(zone)).date() != there.date()
    ]
    page = await opened(open_page, admin, f"{clinic.id}/today", timezone_id=elsewhere)
    await expect(page.get_by_text(f"{there:%A, %B} {there.day} ·")).to_be_visible()


async def test_queues_are_opened_stopped_and_after_a_question_ended(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    for name in ("Blood tests", "X-ray"):
        await site.add_service(admin, clinic["id"], name)
    page = await opened(open_page, admin, f"{clinic['id']}/today")
    await card(page, "X-ray").get_by_role("button", name="Open today’s queue").click()
    await expect(card(page, "X-ray")).to_contain_text("0waiting")
    await page.get_by_role("button", name="Open all of today’s queues").click()
    await expect(card(page, "Blood tests").locator(".state")).to_have_text("Open")
    await expect(page.get_by_role("button", name="Open all")).to_have_count(0)

    blood = card(page, "Blood tests")
    await blood.get_by_role("button", name="No more numbers").click()
    await expect(blood.locator(".state")).to_have_text("No new numbers")
    await blood.get_by_role("button", name="Numbers again").click()
    await expect(blood.locator(".state")).to_have_text("Open")
    end = blood.get_by_role("button", name="End the day")
    await end.click()
    await axe(page)
    await page.keyboard.press("Escape")
    await expect(end).to_be_focused()
    await expect(blood.locator(".state")).to_have_text("Open")
    await end.click()
    await agree(page, "End the day")
    await expect(blood.locator(".state")).to_have_text("Closed for today")
    await expect(blood.get_by_role("button")).to_have_count(0)
    await expect(blood.get_by_role("heading")).to_be_focused()


async def test_a_service_can_be_told_to_open_by_itself(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await opened(open_page, admin, f"{clinic.id}/today", permit=["ERR_FAILED"])
    async with page.expect_response("**/api/services/*"):
        await page.get_by_role("checkbox").check()
    [service] = data_of(await admin.get(f"/clinic/{clinic.id}/services"))
    assert service["autoOpenQueue"] is True

    await page.route("**/api/services/*", lambda route: route.abort())
    await page.get_by_role("checkbox").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nobody answers")
    await expect(page.get_by_role("checkbox")).to_be_checked()


async def test_a_lost_connection_is_said_and_what_happened_meanwhile_is_shown_afterwards(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    cut: list[WebSocketRoute] = []
    is_cut = False

    async def connect(socket: WebSocketRoute) -> None:
        if is_cut:
            await socket.close()
            return
        cut.append(socket)
        socket.connect_to_server()

    page = await open_page(permit=["401.*refresh-token", "WebSocket"])
    await page.clock.install()
    await page.route_web_socket("**/ws", connect)
    await page.goto(f"/admin#{clinic.id}/today")
    await page.get_by_label("E-mail").fill(admin.email)
    await page.get_by_label("Password").fill("secret1")
    await page.get_by_role("button", name="Log in").click()
    waiting = card(page, "General").locator(".waiting strong")
    await expect(waiting).to_have_text("0")
    await site.walk_ins(clinic, 1)
    await expect(waiting).to_have_text("1")

    is_cut = True
    await cut[0].close()
    await site.walk_ins(clinic, 1)
    await page.clock.run_for(6000)
    banner = page.get_by_role("status").filter(has_text="No connection since")
    await expect(banner).to_be_visible()
    await axe(page)
    is_cut = False
    await page.clock.run_for(10_000)
    await expect(page.locator("q-connection")).to_be_empty()
    await expect(waiting).to_have_text("2")


async def test_the_longest_names_have_room_however_one_looks(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    await site.walk_ins(clinic, 3)
    await call_next(clinic)
    await site.add_service(admin, clinic.id, "W" * 60, prefix="WWW")
    await site.add_desk(admin, clinic.id, "Behandlungszimmer" + "m" * 23)
    page = await opened(open_page, admin, f"{clinic.id}/today")
    await expect(card(page, "W" * 60)).to_be_visible()
    await axe_everywhere(page, right_to_left=True)
    assert faults_of(await tab_walk(page)) == []
