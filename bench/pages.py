"""The pages: first paint on a slow phone, weight, and from a call to the display's pixels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from statistics import median, quantiles
from typing import Any

import httpx
from playwright.async_api import Browser, Page, Response, ViewportSize

from bench.report import Figure
from bench.world import Login, Program, fill_queue, make_logins, make_queue, world
from qure.domain.actor import Role
from qure.domain.ids import ClinicId, QueueId
from tests.support.browser.chromium import running_browser
from tests.support.browser.own_world import OwnWorld, own_world
from tests.support.browser.slow_phone import first_paint, slow_down

CODE = ("text/javascript", "text/css")
TELEVISION: ViewportSize = {"width": 1920, "height": 1080}
TURN_MS = 6_000
"""Longer than a call is the big one before the next may be."""
PAUSE_SECONDS = 0.2
WITHIN_SECONDS = 10.0
WARM = 5
"""Calls that are not counted."""

_DRAWN = """
globalThis.drawn = new Map();
globalThis.asked = new Map();
globalThis.frame = () => new Promise(requestAnimationFrame);
globalThis.note = async (label) => {
  if (!label || drawn.has(label)) return;
  drawn.set(label, null);
  await frame();
  await frame();
  drawn.set(label, performance.timeOrigin + performance.now());
  asked.get(label)?.(drawn.get(label));
};
globalThis.whenDrawn = (label) =>
  drawn.get(label) ?? new Promise((resolve) => asked.set(label, resolve));
null
"""
"""When a label stood there and was painted: the second frame begins when the first is done."""

_ON_THE_DISPLAY = """
const place = document.querySelector("#call");
new MutationObserver(() => note(place.querySelector(".label")?.textContent))
  .observe(place, { subtree: true, childList: true, characterData: true });
null
"""

_ALONE = """
new Promise((joined, failed) => {
  const socket = new WebSocket("ws://" + location.host + "/ws");
  const say = (event, ...data) => socket.send(JSON.stringify({ event, data }));
  socket.onclose = () => failed(new Error("the socket is closed"));
  socket.onopen = () => say("auth", JWT);
  socket.onmessage = (message) => {
    const { event, data } = JSON.parse(message.data);
    if (event === "auth") say("join-queue", QUEUE);
    if (event !== "queue:status_update") return;
    const [call] = data[0].calls;
    if (call) note(document.body.textContent = call.label);
    joined(null);
  };
})
"""
"""Nothing but the socket and the number: what no page in this browser can be quicker than."""


@dataclass(frozen=True)
class Clinic:
    """A clinic at work, asked over HTTP."""

    url: str
    id: ClinicId
    queue_id: QueueId
    staff: httpx.AsyncClient
    admin: httpx.AsyncClient

    async def ask(
        self, who: httpx.AsyncClient, method: str, path: str, body: Any = None
    ) -> dict[str, Any]:
        """The answer's data."""
        answer = await who.request(method, f"/api{path}", json=body)
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def pairing(self) -> str:
        """The code of a display that has been let in."""
        shown = await self.ask(self.staff, "POST", "/displays")
        wish = {"userCode": shown["userCode"], "name": "Bench"}
        await self.ask(self.staff, "POST", f"/clinic/{self.id}/displays", wish)
        return str(shown["deviceCode"])

    async def desk(self) -> str:
        """A desk that is open."""
        desk = await self.ask(self.admin, "POST", f"/clinic/{self.id}/desks", {"name": "Room 1"})
        await self.ask(self.staff, "POST", f"/desks/{desk['id']}/open", {})
        return str(desk["id"])


def run(*, quick: bool) -> list[Figure]:
    """On the embedded default: a clinic with one box and a television."""
    rounds, calls = (3, 50) if quick else (7, 200)
    with world("sqlite") as made:
        service = made.start_service()
        clinic_id, queue_id = asyncio.run(make_queue(made.settings))
        (staff,) = asyncio.run(make_logins(made.settings, 1, Role.STAFF, clinic_id))
        (admin,) = asyncio.run(make_logins(made.settings, 1, Role.ADMIN, None))
        asyncio.run(fill_queue(made.settings, queue_id, calls + WARM + 20))

        async def measure() -> list[Figure]:
            async with (
                _clinic(service, clinic_id, queue_id, staff, admin) as clinic,
                running_browser() as browser,
            ):
                paths = await _paths(clinic)
                return [
                    *await _first_paints(browser, clinic, paths, rounds),
                    await _weights(browser, clinic, paths),
                    *await _pixels(browser, clinic, calls),
                ]

        return asyncio.run(measure())


@asynccontextmanager
async def _clinic(
    service: Program, clinic_id: ClinicId, queue_id: QueueId, staff: Login, admin: Login
) -> AsyncIterator[Clinic]:
    async with AsyncExitStack() as stack:

        async def known(login: Login) -> httpx.AsyncClient:
            headers = {"authorization": f"Bearer {login.jwt}"}
            client = httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30)
            return await stack.enter_async_context(client)

        yield Clinic(service.url, clinic_id, queue_id, await known(staff), await known(admin))


async def _paths(clinic: Clinic) -> dict[str, str]:
    """Where each page is; with what its address carries."""
    shown = await clinic.ask(clinic.admin, "PUT", f"/clinic/{clinic.id}", {"guestJoin": True})
    path = f"/queues/{clinic.queue_id}/walk-ins"
    guest = (await clinic.ask(clinic.staff, "POST", path, {"name": "Guest"}))["guest"]
    return {
        "/": "/",
        "/setup": "/setup",
        "/admin": "/admin",
        "/poster": f"/poster#{clinic.id}",
        "/desk": "/desk",
        "/display": "/display",
        "/join": f"/join/{shown['joinCode']}",
        "/t": f"/t#{guest['secret']}",
    }


# First paint


async def _first_paints(
    browser: Browser, clinic: Clinic, paths: dict[str, str], rounds: int
) -> list[Figure]:
    """On a phone that nobody has used before; all in turn, and a line of JSON with them."""
    addresses = {name: clinic.url + path for name, path in [*paths.items(), ("", "/health")]}
    taken: dict[str, list[float]] = {name: [] for name in addresses}
    for _ in range(rounds):
        for name, address in addresses.items():
            taken[name].append(await _paint(browser, address) / 1000)
    seconds = {name: median(times) for name, times in taken.items()}
    return [
        Figure(
            path=f"{name} on a slow phone: first paint, s",
            value=seconds[name],
            target=1.0,
            at_least=False,
            measured=f"{min(taken[name]):.2f} to {max(taken[name]):.2f} s",
            compared_with=f"/health, a line of JSON: {seconds['']:.2f} s",
        )
        for name in paths
    ]


async def _paint(browser: Browser, address: str) -> float:
    async with await browser.new_context() as context:
        page = await context.new_page()
        await slow_down(page)
        await page.goto(address)
        return await first_paint(page)


# Weight


async def _weights(browser: Browser, clinic: Clinic, paths: dict[str, str]) -> Figure:
    weights = {name: await _weight(browser, clinic.url + path) for name, path in paths.items()}
    heaviest = max(weights.values())
    return Figure(
        path="JavaScript and CSS of the heaviest page, KB",
        value=heaviest,
        target=60,
        at_least=False,
        measured=", ".join(f"{name} {weight:.1f}" for name, weight in weights.items()),
        compared_with="a bound; uncompressed, what the browser asked for",
    )


async def _weight(browser: Browser, address: str) -> float:
    async with await browser.new_context() as context:
        page = await context.new_page()
        answers: list[Response] = []
        page.on("response", lambda one: answers.append(one))
        await page.goto(address, wait_until="networkidle")
        code = [one for one in answers if one.headers.get("content-type", "").startswith(CODE)]
        return sum([len(await one.body()) for one in code]) / 1024


# Pixels


async def _pixels(browser: Browser, clinic: Clinic, calls: int) -> list[Figure]:
    """The big number, on a display that has nothing else to call out at that moment."""
    code, desk_id = await clinic.pairing(), await clinic.desk()
    async with (
        await browser.new_context(viewport=TELEVISION) as one,
        # Where plain text is allowed no socket.
        await browser.new_context(viewport=TELEVISION, bypass_csp=True) as other,
    ):
        display, alone = await one.new_page(), await other.new_page()
        await display.clock.install()  # Turns are over as soon as it is told so.
        await display.goto(f"{clinic.url}/display#device={code}")
        await display.locator("#strip li").first.wait_for()
        await alone.goto(f"{clinic.url}/health")
        async with own_world(display) as seen, own_world(alone) as bare:
            await seen.ask(_DRAWN + _ON_THE_DISPLAY)
            await bare.ask(_DRAWN + await _bare_socket(clinic))
            found = [
                await _one_call(clinic, desk_id, display, seen, bare) for _ in range(WARM + calls)
            ]
    ours, least = (sorted(times) for times in zip(*found[WARM:], strict=True))
    told = f"p50 {median(ours):.0f}, p95 {_p95(ours):.0f} ms over {calls} calls"
    least_told = f"p50 {median(least):.0f}, p95 {_p95(least):.0f} ms"
    return [
        Figure(
            path="a call to the pixel on the display: p50, ms",
            value=median(ours),
            target=100,
            at_least=False,
            measured=told,
            compared_with="a bound",
        ),
        Figure(
            path="the same: p50 against a page of nothing but a socket and the number",
            value=median(ours) / median(least),
            target=1.5,
            at_least=False,
            measured=told,
            compared_with=least_told,
        ),
    ]


async def _bare_socket(clinic: Clinic) -> str:
    granted = await clinic.ask(
        clinic.staff, "POST", "/displays/token", {"deviceCode": await clinic.pairing()}
    )
    known = {"JWT": granted["accessToken"], "QUEUE": str(clinic.queue_id)}
    return f"const {{ JWT, QUEUE }} = {json.dumps(known)};{_ALONE}"


async def _one_call(
    clinic: Clinic, desk_id: str, display: Page, seen: OwnWorld, bare: OwnWorld
) -> tuple[float, float]:
    """Milliseconds from when the service called, which is before it committed, to each page."""
    token = await clinic.ask(clinic.staff, "POST", f"/desks/{desk_id}/call-next", {})
    called = datetime.fromisoformat(token["calledAt"]).timestamp() * 1000
    asked = f"whenDrawn({json.dumps(token['label'])})"
    async with asyncio.timeout(WITHIN_SECONDS):
        ours, least = await asyncio.gather(seen.ask(asked), bare.ask(asked))
    await display.clock.run_for(TURN_MS)
    await asyncio.sleep(PAUSE_SECONDS)
    return ours - called, least - called


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
