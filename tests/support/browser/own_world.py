"""Asking a page from a JavaScript world of the test's own.

It sees the same document, but neither the page's policy nor its clock (``page.clock``): nothing
is forbidden there, and timers and animation frames go on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import CDPSession, Page


class OwnWorld:
    """A world in the document that a page shows."""

    def __init__(self, session: CDPSession, context_id: int) -> None:
        self._session = session
        self._context_id = context_id

    async def ask(self, expression: str) -> Any:
        """Its value, of the promise if it is one; what it defines stays for the next.

        Raises:
            AssertionError: it threw; the message says what.
        """
        asked = {"expression": expression, "contextId": self._context_id}
        how = {"awaitPromise": True, "returnByValue": True}
        answer = await self._session.send("Runtime.evaluate", {**asked, **how})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")


@asynccontextmanager
async def own_world(page: Page) -> AsyncIterator[OwnWorld]:
    """A new world; it ends with the block, or when the page goes elsewhere."""
    session = await page.context.new_cdp_session(page)
    tree = await session.send("Page.getFrameTree")
    frame = {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "test"}
    world = await session.send("Page.createIsolatedWorld", frame)
    yield OwnWorld(session, world["executionContextId"])
    await session.detach()
