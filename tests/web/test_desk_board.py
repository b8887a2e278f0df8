"""``/desk``: what it carries on from change to change is what a fresh read shows."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from playwright.async_api import expect

from tests.support.browser.pages import PageOpener
from tests.support.browser.site import OpenClinic, Site
from tests.support.http_service import Person, Thing, data_of
from tests.web.admin_page import STRANGER
from tests.web.desk_page import at_desk

MODULE = """
globalThis.moduleOf = (name) =>
  import(document.querySelector("script[type=module]").src.replace("desk.js", name));
undefined
"""

COLLECT = """async ([jwt, queueId]) => {
  const { joined, updated } = await moduleOf("board.js");
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  const send = (event, id, ...data) => socket.send(JSON.stringify({ event, data, id }));
  globalThis.gaps = 0;
  await new Promise((resolve) => {
    socket.onopen = () => send("auth", undefined, jwt);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.event === "auth") send("join-desk", 1, queueId);
      if (frame.ack === 1) resolve(globalThis.board = joined(frame.data[0].data));
      if (frame.event !== "queue:board_update") return;
      const now = updated(board, frame.data[0]);
      if (now) globalThis.board = now;
      else gaps++;
    };
  });
}"""

WATCH = """() => {
  globalThis.touched = new Set();
  new MutationObserver((changes) => {
    for (const { target, addedNodes, removedNodes } of changes)
      for (const node of [target, ...addedNodes, ...removedNodes]) {
        const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
        const row = element?.closest(".person");
        if (row) touched.add(row);
      }
  }).observe(document.querySelector("#lists"),
    { subtree: true, childList: true, characterData: true });
}"""
"""Which rows of the line are touched from now on."""


def bare(tokens: list[Thing]) -> list[Thing]:
    """Without what time alone changes."""
    return [{key: value for key, value in one.items() if key != "wait"} for one in tokens]


async def move_something(chance: random.Random, clinic: OpenClinic, board: Thing) -> None:
    staff, [queue, *_] = clinic.staff[0], clinic.queues
    moves: list[tuple[str, Any]] = [
        (f"/queues/{queue['id']}/walk-ins", {"priority": chance.choice(["NORMAL", "PRIORITY"])}),
        (f"/desks/{clinic.desks[0]['id']}/call-next", None),
        (f"/queues/{queue['id']}/undo", None),
    ]
    if board["tokens"]:
        one = chance.choice(board["tokens"])
        verbs = (
            "call",
            "start",
            "complete",
            "skip",
            "rejoin",
            "return",
            "hold",
            "resume",
            "cancel",
        )
        moves += [(f"/tokens/{one['id']}/{verb}", {}) for verb in verbs]
    path, body = chance.choice(moves)
    assert (await staff.post(path, body)).status_code in (200, 201, 409)


async def test_the_board_after_any_sequence_of_moves_equals_a_fresh_read(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    await site.walk_ins(clinic, 4)
    page = await open_page("/desk", permit=[STRANGER])
    queue_id = clinic.queues[0]["id"]
    await page.evaluate(MODULE)
    await page.evaluate(COLLECT, [clinic.staff[0].access_token, queue_id])
    chance = random.Random(20251230)
    for _ in range(60):
        board = data_of(await clinic.staff[0].get(f"/queues/{queue_id}/board"))
        await move_something(chance, clinic, board)
    fresh = data_of(await clinic.staff[0].get(f"/queues/{queue_id}/board"))
    await page.wait_for_function("(version) => board.version >= version", arg=fresh["version"])
    carried = await page.evaluate("({ ...board, tokens: [...board.tokens.values()] })")
    assert await page.evaluate("gaps") == 0
    assert carried["status"] == fresh["status"]
    assert bare(carried["tokens"]) == bare(fresh["tokens"])


async def test_a_gap_is_seen_and_an_update_that_is_known_changes_nothing(
    site: Site, open_page: PageOpener
) -> None:
    page = await open_page("/desk", permit=[STRANGER])
    await page.evaluate(MODULE)
    seen = await page.evaluate(
        """async () => {
          const { joined, updated } = await moduleOf("board.js");
          const board = joined({ queue: {}, status: {}, version: 4, tokens: [] });
          const update = (version) => ({ version, status: {}, changed: [], order: [] });
          return [updated(board, update(6)), updated(board, update(4)) === board,
            updated(board, { ...update(5), order: ["?"] }), updated(board, update(5)).version];
        }"""
    )
    assert seen == [None, True, None, 5]


async def test_a_call_in_a_line_of_five_hundred_moves_one_row_and_says_the_rest_in_place(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, maxQueueSize=600)
    await asyncio.gather(*(site.walk_ins(clinic, 50) for _ in range(10)))
    page = await at_desk(open_page, site, clinic)
    rows = page.locator("#list-waiting .person")
    await expect(rows).to_have_count(500)
    last = await rows.last.element_handle()
    await page.evaluate(WATCH)
    await page.locator("#next").click()
    await expect(page.locator("#line-count")).to_have_text("499")
    await expect(rows).to_have_count(499)
    assert last is not None
    assert await last.evaluate("(row) => row.isConnected")
    removed = await page.evaluate("[...touched].filter((row) => !row.isConnected).length")
    assert removed == 1
