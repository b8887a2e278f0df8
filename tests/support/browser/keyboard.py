"""A page as somebody goes through it who has a keyboard and no mouse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import CDPSession, Page

# How an element looks, and what may show its focus in its place: parent, labels, pseudo-elements.
_LOOK = """async function () {
  const finite = this.getAnimations({ subtree: true })
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
  await Promise.allSettled(finite.map((each) => each.finished));
  const line = (style, name) =>
    style[`${name}Style`] === "none" || style[`${name}Width`] === "0px"
      ? "none"
      : style[`${name}Style`] + style[`${name}Width`] + style[`${name}Color`];
  const look = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const sides = ["borderTop", "borderRight", "borderBottom", "borderLeft"];
    return [...sides, "outline"].map((name) => line(style, name))
      .concat(style.boxShadow, style.backgroundColor, style.textDecorationLine);
  };
  const shown = [this, this.parentElement, ...(this.labels ?? [])].filter(Boolean);
  return JSON.stringify(
    shown.map((each) => [look(each), look(each, "::before"), look(each, "::after")]));
}"""

# Whether all of it lies under something else (WCAG 2.4.11), or out of sight.
_COVERED = """function () {
  const shown = [this, ...(this.labels ?? [])];
  return !shown.some((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]].some(([x, y]) => {
      const hit = document.elementFromPoint(left + width * x, top + height * y);
      return hit !== null && (element.contains(hit) || hit.contains(element) && width > 0
        && getComputedStyle(element).pointerEvents === "none");
    });
  });
}"""


@dataclass(frozen=True, slots=True)
class Stop:
    """An element that the Tab key comes to, as assistive technology is told of it."""

    role: str
    name: str
    html: str
    """Its opening tag."""
    shows_focus: bool
    """Whether it looks different while it has the focus; known once the focus has gone on."""
    covered: bool
    """Whether it cannot be seen, because something lies over it or it is out of the window."""


async def tab_walk(page: Page, *, most: int = 300) -> list[Stop]:
    """Where the Tab key leads, from where the focus is until it comes to a place again.

    Fails when it has come to none again after so many.
    """
    session = await page.context.new_cdp_session(page)
    stops: dict[int, Stop] = {}
    before: _Focused | None = None
    turns = 0  # Past the last element the focus leaves the page, and comes in again at its top.
    for _ in range(most):
        focused = await _press_tab(page, session)
        if before is not None:
            shows_focus = await _ask(session, before.object_id, _LOOK) != before.look
            stops[before.node] = replace(before.stop, shows_focus=shows_focus)
        if focused is not None and focused.node in stops:
            break
        turns += focused is None
        if turns == 2:
            break
        before = focused
    else:
        raise AssertionError(f"Tab comes to no end on {page.url}: {names_of(stops.values())}")
    await session.detach()
    return list(stops.values())


async def tab_to(page: Page, name: str, *, role: str | None = None, most: int = 100) -> Stop:
    """Press Tab until what has this accessible name (and role) has the focus; fails if none has."""
    session = await page.context.new_cdp_session(page)
    passed: list[Stop] = []
    for _ in range(most):
        focused = await _press_tab(page, session)
        if focused is None:
            continue
        if focused.stop.name == name and role in (None, focused.stop.role):
            await session.detach()
            return focused.stop
        passed.append(focused.stop)
    raise AssertionError(f"Tab does not come to {name!r} on {page.url}: {names_of(passed)}")


def names_of(stops: Iterable[Stop]) -> list[str]:
    """Role and name of each, in order."""
    return [f"{stop.role} {stop.name!r}" for stop in stops]


def faults_of(stops: Iterable[Stop]) -> list[str]:
    """What is wrong for people with a keyboard: no name, a focus that is covered or not shown."""
    faults = []
    for stop in stops:
        wrong = ["has no name"] * (not stop.name.strip())
        wrong += ["does not show its focus"] * (not stop.shows_focus)
        wrong += ["is covered"] * stop.covered
        if wrong:
            faults.append(f"{stop.role} {stop.name!r} {' and '.join(wrong)}: {stop.html}")
    return faults


@dataclass(frozen=True, slots=True)
class _Focused:
    node: int
    object_id: str
    look: str
    stop: Stop


async def _press_tab(page: Page, session: CDPSession) -> _Focused | None:
    """What has the focus then; None when it has left the page."""
    await page.keyboard.press("Tab")
    active = "document.activeElement === document.body ? null : document.activeElement"
    answer = await session.send("Runtime.evaluate", {"expression": active})
    object_id = answer["result"].get("objectId")
    if object_id is None:
        return None
    described = await session.send("DOM.describeNode", {"objectId": object_id})
    one = {"objectId": object_id, "fetchRelatives": False}
    [node] = (await session.send("Accessibility.getPartialAXTree", one))["nodes"]
    stop = Stop(
        role=node["role"]["value"],
        name=node.get("name", {}).get("value", ""),
        html=await _ask(
            session, object_id, "function () { return this.cloneNode(false).outerHTML }"
        ),
        shows_focus=False,
        covered=await _ask(session, object_id, _COVERED),
    )
    look = await _ask(session, object_id, _LOOK)
    return _Focused(described["node"]["backendNodeId"], object_id, look, stop)


async def _ask(session: CDPSession, object_id: str, function: str) -> Any:
    answer = await session.send(
        "Runtime.callFunctionOn",
        {
            "objectId": object_id,
            "functionDeclaration": function,
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
