"""A clinic's day through the pages alone: two desks, a display, ten phones, and what goes wrong.

The server is started anew in the middle, one phone loses its connection, another sleeps for
twenty minutes. In the end everybody sees what is true, and the true state is that everybody was
served once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Locator, Page, WebSocketRoute, expect

from qure.entrypoints.web.languages import language
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, Thing, data_of
from tests.web.desk_page import at_desk

PHONES = 10
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"}
LOST = ["Failed to load resource", "WebSocket", "net::ERR"]
"""What a browser says when nobody answers."""


@dataclass(slots=True)
class Day:
    """Everything that is open in the browser, and the clinic behind it."""

    site: Site
    admin: Person
    clinic: OpenClinic
    desks: list[Page] = field(default_factory=list)
    display: Page | None = None
    phones: dict[str, Page] = field(default_factory=dict)

    async def tokens(self) -> dict[str, Thing]:
        """All of them by label, as they stand."""
        [staff, *_] = self.clinic.staff
        found = [
            data_of(await staff.get(f"/tokens/queue/{queue['id']}")) for queue in self.clinic.queues
        ]
        return {token["label"]: token for tokens in found for token in tokens}

    async def statuses(self) -> list[Thing]:
        """How the queues stand."""
        [staff, *_] = self.clinic.staff
        return [
            data_of(await staff.get(f"/queues/{queue['id']}/status"))
            for queue in self.clinic.queues
        ]


class Cable:
    """Between a phone and the server, for its socket alone; it can be cut, and mended."""

    def __init__(self) -> None:
        self._is_cut = False
        self._through: list[WebSocketRoute] = []

    async def connect(self, route: WebSocketRoute) -> None:
        """What the browser asks for."""
        if self._is_cut:
            await route.close(code=1001)
        else:
            route.connect_to_server()
            self._through.append(route)

    async def cut(self) -> None:
        """All connections end, and no other comes."""
        self._is_cut = True
        for route in self._through:
            await route.close(code=1001)

    def mend(self) -> None:
        """The next one comes through."""
        self._is_cut = False


def words(key: str, **arguments: int) -> str:
    """What a phone says."""
    return language("en").say("patient", key, **arguments)


async def join_at_the_door(
    open_page: PageOpener, day: Day, service: int, cable: Cable | None = None
) -> str:
    """A phone scans the poster, taps once, and has a number: its label."""
    poster = data_of(await day.admin.get(f"/clinic/{day.clinic.id}/join-code"))
    headers = day.site.addresses.headers()
    page = await open_page(permit=LOST, base_url=day.site.url, extra_http_headers=headers, **PHONE)
    if cable is not None:
        await page.route_web_socket("**/ws", cable.connect)
    await page.goto(f"/join/{poster['joinCode']}")
    await page.get_by_role("button", name=day.clinic.services[service]["name"]).click()
    label = page.locator("#label")
    await expect(label).to_have_text(re.compile(r"\d"))
    day.phones[text := str(await label.text_content())] = page
    return text


async def call_next(desk: Page) -> str:
    """Press *Next*; the label that is in hand then."""
    before = await in_hand(desk).all_text_contents()
    await desk.locator("#next").click()
    await expect(desk.locator("#hand .label").first).not_to_have_text(before[0] if before else "")
    return str(await in_hand(desk).first.text_content())


def in_hand(desk: Page) -> Locator:
    return desk.locator("#hand .in-hand > .label")


async def everybody_sees_the_truth(day: Day) -> None:
    """Each page against a fresh read, waiting until it has heard of the last change."""
    tokens = await day.tokens()
    for label, phone in day.phones.items():
        await _phone_is_true(day, phone, tokens[label])
    statuses = await day.statuses()
    await _display_is_true(day, statuses)
    await _desks_are_true(day, tokens)


async def _phone_is_true(day: Day, phone: Page, token: Thing) -> None:
    await expect(phone.locator("#label")).to_have_text(token["label"])
    alert, headline = phone.locator("#call"), phone.locator("#headline")
    if token["status"] == "CALLED":
        await expect(alert).to_contain_text(words("called"))
        await expect(alert).to_contain_text(token["desk"]["name"])
        return
    await expect(alert).to_be_empty()
    if token["status"] == "WAITING" and not token["onHold"]:
        [staff, *_] = day.clinic.staff
        place = data_of(await staff.get(f"/tokens/{token['id']}/place"))
        first = language("en").say("wait", "next")
        said = words("ahead", count=place["ahead"]) if place["ahead"] else first
        await expect(headline).to_have_text(said)
        return
    key = {
        "WAITING": "held",
        "IN_PROGRESS": "in_progress",
        "SKIPPED": "skipped_no_show",
        "COMPLETED": "completed",
        "CANCELLED": "left",
    }[token["status"]]
    await expect(headline).to_have_text(words(key))


async def _display_is_true(day: Day, statuses: Sequence[Thing]) -> None:
    assert day.display is not None
    calls = sorted(
        (call for status in statuses for call in status["calls"]),
        key=lambda call: str(call["calledAt"]),
        reverse=True,
    )
    if calls:
        shown = day.display.locator("#call .label, #calls .label")
        await expect(shown.filter(has_text=re.compile(f"^{calls[0]['label']}$"))).to_have_count(1)
        await expect(day.display.locator("#hero")).to_contain_text(calls[0]["desk"]["name"])
    for status in statuses:
        card = day.display.locator("#strip > *").filter(has_text=status["serviceName"])
        await expect(card).to_contain_text(str(status["waitingCount"]))


async def _desks_are_true(day: Day, tokens: dict[str, Thing]) -> None:
    waiting = {
        label
        for label, token in tokens.items()
        if token["status"] == "WAITING" and not token["onHold"]
    }
    for desk in day.desks:
        shown = desk.locator("#list-waiting .person .label")
        await expect(shown).to_have_count(len(waiting))
        assert set(await shown.all_text_contents()) == waiting


async def test_a_clinics_day_through_the_pages_alone(
    fresh_site: Site, open_page: PageOpener
) -> None:
    site = fresh_site
    admin = await site.admin()
    clinic = await site.open_clinic(admin, services=2, desks=2, staff=2, guestJoin=True)
    day = Day(site, admin, clinic)
    day.desks = [
        await at_desk(
            open_page,
            site,
            clinic,
            person=clinic.staff[number],
            desk=number,
            permit=LOST,
            base_url=site.url,
        )
        for number in range(2)
    ]
    first_desk, second_desk = day.desks
    await _hang_up(open_page, day)

    cable = Cable()
    labels = [
        await join_at_the_door(open_page, day, number % 2, cable if number == 8 else None)
        for number in range(PHONES)
    ]
    assert len(set(labels)) == PHONES
    await everybody_sees_the_truth(day)

    # Somebody without a phone gets a ticket; two desks call at one moment.
    await _walk_in(first_desk, "Grandmother")
    await asyncio.gather(call_next(first_desk), call_next(second_desk))
    await everybody_sees_the_truth(day)

    # One steps out, one lets another pass, one gives up, one is not there.
    out, patient, tired = [day.phones[label] for label in labels[4:7]]
    await out.get_by_role("button", name=words("step_out")).click()
    await expect(out.locator("#headline")).to_have_text(words("held"))
    await patient.get_by_role("button", name=words("pass"), exact=True).click()
    await patient.locator("#pass").get_by_role("button", name=words("pass"), exact=True).click()
    await tired.get_by_role("button", name=words("leave")).click()
    await tired.locator("#sure").get_by_role("button", name=words("leave")).click()
    await expect(tired.locator("#headline")).to_have_text(words("left"))
    absent = await call_next(first_desk)
    await first_desk.locator("#hand").get_by_role("button", name="Not here").click()
    await expect(day.phones[absent].locator("#headline")).to_have_text(words("skipped_no_show"))
    await everybody_sees_the_truth(day)

    # One phone's connection is cut, and another sleeps, while the day goes on and the server is
    # started anew; a desk presses Next while nobody answers.
    deaf = day.phones[labels[8]]
    await cable.cut()
    sleeper = day.phones[labels[9]]
    await sleeper.clock.install()
    await sleeper.reload()
    await site.stop()
    before = str(await in_hand(second_desk).first.text_content())
    await second_desk.locator("#next").click()
    await site.start()
    await expect(in_hand(second_desk).first).not_to_have_text(before)
    await day.phones[absent].get_by_role("button", name=words("here")).click()
    await out.get_by_role("button", name=words("back")).click()
    await sleeper.clock.run_for(20 * 60 * 1000)
    await expect(deaf.locator("q-connection")).to_contain_text("No connection")
    cable.mend()
    called = {label for label, token in (await day.tokens()).items() if token["calledAt"]}
    assert len(called - {absent}) == 3  # The press came once.
    await everybody_sees_the_truth(day)

    # The rest of the day, desk by desk, until nobody waits.
    for turn in range(20):
        if not any(status["waitingCount"] for status in await day.statuses()):
            break
        await call_next(day.desks[turn % 2])
    await everybody_sees_the_truth(day)
    for desk in day.desks:
        await desk.locator("#hand").get_by_role("button", name="Done").first.click()
        await expect(desk.locator("#hand .in-hand")).to_have_count(0)
    await everybody_sees_the_truth(day)
    ends = {label: token["status"] for label, token in (await day.tokens()).items()}
    assert ends.pop(labels[6]) == "CANCELLED"
    assert set(ends.values()) == {"COMPLETED"}
    assert len(ends) == PHONES


async def _hang_up(open_page: PageOpener, day: Day) -> None:
    """A display shows its code; a desk lets it in."""
    day.display = await open_page(
        "/display",
        permit=[*LOST, "400"],
        base_url=day.site.url,
        locale="en-GB",
        viewport={"width": 1920, "height": 1080},
        extra_http_headers=day.site.addresses.headers(),
    )
    code = day.display.locator("#code")
    await expect(code).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"))
    [desk, *_] = day.desks
    await desk.locator("#menu").click()
    await desk.get_by_role("button", name="Connect a display").click()
    await desk.locator("#pairing [name=userCode]").fill(str(await code.text_content()))
    await desk.locator("#pairing").get_by_role("button", name="Connect").click()
    await expect(desk.locator("#pairing-done")).not_to_be_empty()
    await desk.locator("#pairing").get_by_role("button", name="Close").click()
    await expect(day.display.locator("#clinic")).to_have_text(day.clinic.clinic["name"])


async def _walk_in(desk: Page, name: str) -> None:
    await desk.locator("#walk-in-open").click()
    await desk.locator("#walk-in [name=name]").fill(name)
    await desk.locator("#walk-in button[type=submit]").click()
    ticket = desk.locator("#ticket")
    await expect(ticket.locator("img")).to_be_visible()
    await ticket.get_by_role("button", name="Close").click()
