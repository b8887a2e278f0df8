"""``/desk``: every move, in two presses at most; and what has changed meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import Person, Thing, data_of
from tests.web.desk_page import at_desk, do, hand, logged_in, row, token

WAITING_MOVES: list[tuple[str, Thing]] = [
    ("Call now", {"status": "CALLED"}),
    ("Not here", {"status": "SKIPPED", "skipReason": "STAFF"}),
    ("Put on hold", {"status": "WAITING", "onHold": True}),
    ("Urgent", {"priority": "URGENT"}),
    ("Priority", {"priority": "PRIORITY"}),
    ("Service 2: At the front", {"status": "CANCELLED", "cancelReason": "TRANSFERRED"}),
]
HELD_MOVES = [("End the hold", {"status": "WAITING", "onHold": False})]
AWAY_MOVES = [("Back into the line", {"status": "WAITING"})]
CALLED_MOVES: list[tuple[str, Thing]] = [
    ("Call again", {"status": "CALLED", "recallCount": 1}),
    ("Not here", {"status": "SKIPPED", "skipReason": "NO_SHOW"}),
    ("Done", {"status": "COMPLETED"}),
    ("Start", {"status": "IN_PROGRESS"}),
    ("At the front", {"status": "WAITING"}),
    ("At the end", {"status": "WAITING"}),
    ("After …", {"status": "WAITING"}),
    ("Service 2: At the end", {"status": "COMPLETED"}),
]


@pytest.mark.parametrize(
    ("before", "moves"),
    [
        (None, WAITING_MOVES),
        ("hold", HELD_MOVES),
        ("skip", AWAY_MOVES),
    ],
    ids=["waiting", "held", "away"],
)
async def test_every_move_of_somebody_in_the_line_takes_two_presses(
    before: str | None,
    moves: list[tuple[str, Thing]],
    site: Site,
    admin: Person,
    open_page: PageOpener,
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    visitors = await site.walk_ins(clinic, len(moves))
    for visitor in visitors if before else []:
        data_of(await clinic.staff[0].post(f"/tokens/{visitor['token']['id']}/{before}"))
    page = await at_desk(open_page, site, clinic)
    for visitor, (button, outcome) in reversed(list(zip(visitors, moves, strict=True))):
        label = visitor["token"]["label"]
        await do(page, label, button)
        await expect(page.locator("#last")).to_contain_text(re.compile(rf": {label} Visitor"))
        now = await token(site, clinic, label)
        assert {key: now[key] for key in outcome} == outcome, button


async def test_every_move_of_whom_one_has_in_hand_takes_two_presses_at_most(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    await site.walk_ins(clinic, len(CALLED_MOVES))
    page = await at_desk(open_page, site, clinic)
    for button, outcome in CALLED_MOVES:
        label = await page.locator("#next .label").inner_text()
        await page.locator("#next").click()
        card = hand(page, label)
        await expect(card).to_be_visible()
        pressed = card.get_by_role("button", name=button, exact=True)
        if not await pressed.is_visible():
            await card.get_by_text("More").click()
        await pressed.click()
        await expect(page.locator("#last")).not_to_contain_text(f"Called: {label}")
        now = await token(site, clinic, label)
        assert {key: now[key] for key in outcome} == outcome, button
        if button == "After …":
            shown = page.locator("#list-waiting .label")
            await expect(shown.nth(2)).to_have_text(label)


async def test_cancelling_asks_once_and_goes_back_where_one_was(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 2)
    page = await at_desk(open_page, site, clinic)
    await do(page, "2", "Cancel the number")
    asked = page.get_by_role("alertdialog", name="Cancel 2? The number is gone then.")
    await asked.get_by_role("button", name="No, go back").click()
    cancel = row(page, "2").get_by_role("button", name="Cancel the number")
    await expect(cancel).to_be_focused()
    assert (await token(site, clinic, "2"))["status"] == "WAITING"
    await cancel.click()
    await asked.get_by_role("button", name="Cancel the number").click()
    await expect(row(page, "2")).to_have_count(0)
    await expect(page.locator("#last")).to_contain_text("Cancelled: 2")


async def test_acting_on_what_has_changed_is_explained_and_shows_how_it_stands(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await logged_in(open_page, site, clinic.staff[0], permit=["409"])
    await page.route_web_socket("/ws", _deaf)
    await page.goto("/desk")
    await page.get_by_role("button", name="Begin").click()
    await row(page, "1").locator(".who").click()
    path = f"/tokens/{visitor['token']['id']}/priority"
    data_of(await clinic.staff[0].put(path, {"priority": "URGENT"}))
    await row(page, "1").get_by_role("button", name="Not here").click()
    await expect(page.locator("#last")).to_contain_text("Somebody changed it a moment ago")
    await expect(row(page, "1").locator(".marks")).to_contain_text("Urgent")
    assert (await token(site, clinic, "1"))["status"] == "WAITING"


def _deaf(socket: WebSocketRoute) -> None:
    """A connection on which no update comes: what one sees grows old."""
    server = socket.connect_to_server()

    def pass_on(text: str | bytes) -> None:
        if "queue:board_update" not in str(text):
            socket.send(text)

    server.on_message(pass_on)
