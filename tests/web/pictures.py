"""The pictures of docs/pages.md: ``python -m tests.web.pictures`` takes them anew.

A real clinic in the middle of its day, on a real service, in a real browser. Beside them lies
``made-of.json``: what the pages were made of then, line by line, so that a test can say when
a page has changed so much that its picture lies.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, expect

import qure.entrypoints.web
from tests.support.browser.chromium import running_browser
from tests.support.browser.site import OpenClinic, Site, running_site, where_it_is_noon
from tests.support.http_service import PASSWORD, Person, Thing, data_of

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MADE_OF = FOLDER / "made-of.json"
MOST_BYTES = 150 * 1024
WEB = Path(qure.entrypoints.web.__file__).parent

Device = dict[str, Any]

_DESKTOP: Device = {"viewport": {"width": 1280, "height": 800}}
_TELEVISION: Device = {"viewport": {"width": 1920, "height": 1080}}
_PHONE: Device = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
_SHEET: Device = {"viewport": {"width": 794, "height": 1123}}
_MOST_WIDE = 1280


@dataclass(slots=True)
class Scene:
    """A clinic at work, and whoever is in the pictures."""

    site: Site
    browser: Browser
    admin: Person
    day: OpenClinic
    guests: list[Thing]

    @asynccontextmanager
    async def page(self, path: str, **device: Any) -> AsyncIterator[Page]:
        """On such a device, at that address."""
        context = await self.browser.new_context(
            base_url=self.site.url,
            locale="en-GB",
            extra_http_headers=self.site.addresses.headers(),
            **device,
        )
        try:
            page = await context.new_page()
            await page.goto(path)
            yield page
        finally:
            await context.close()

    async def log_in(self, page: Page, person: Person) -> None:
        """Fill in the form."""
        await page.locator("[name=email]").fill(person.email)
        await page.locator("[name=password]").fill(PASSWORD)
        await page.locator("#login-form button").click()
        await expect(page.locator("#login")).to_be_hidden()


async def _start(scene: Scene, take: Take) -> None:
    async with scene.page("/", **_DESKTOP) as page:
        await page.wait_for_load_state("networkidle")
        await take("start", page)


async def _setup(scene: Scene, take: Take) -> None:
    async with running_site() as site:
        context = await scene.browser.new_context(base_url=site.url, locale="en-GB", **_DESKTOP)
        page = await context.new_page()
        await page.goto("/setup")
        await page.wait_for_load_state("networkidle")
        await take("setup", page)
        await context.close()


async def _display(scene: Scene, take: Take) -> None:
    async with scene.page("/display", **_TELEVISION) as page:
        code = page.locator("#code")
        await expect(code).to_contain_text("-")
        shown = (await code.inner_text()).replace("-", "").strip()
        await scene.site.let_in(scene.day.staff[0], scene.day.id, shown)
        await expect(page.locator("#call .label")).to_be_visible()
        await _call(scene, 1)
        await expect(page.locator("#calls .label").nth(4)).to_be_visible()
        await take("display", page)


async def _desk(scene: Scene, take: Take) -> None:
    async with scene.page("/desk", **_DESKTOP) as page:
        await scene.log_in(page, scene.day.staff[0])
        choose = page.locator("#choose-form")
        await choose.get_by_label("Room 1").check()
        await choose.locator("button[type=submit]").click()
        await expect(page.locator("#list-waiting li").nth(3)).to_be_visible()
        await page.locator("#next").click()
        await expect(page.locator("#hand .label").first).to_be_visible()
        await page.wait_for_load_state("networkidle")
        await take("desk", page)


async def _patient(scene: Scene, take: Take) -> None:
    guest = scene.guests[-1]["guest"]
    async with scene.page(f"/t#{guest['secret']}", **_PHONE) as page:
        await expect(page.locator("#label")).not_to_be_empty()
        await expect(page.locator("#when")).not_to_be_empty()
        await take("patient", page)


async def _called(scene: Scene, take: Take) -> None:
    [staff, *_] = scene.day.staff
    called = scene.guests[-2]
    async with scene.page(f"/t#{called['guest']['secret']}", color_scheme="dark", **_PHONE) as page:
        await expect(page.locator("#label")).not_to_be_empty()
        answer = await staff.post(f"/tokens/{called['token']['id']}/call")
        answer.raise_for_status()
        await expect(page.get_by_role("alert").first).to_contain_text("Room")
        await take("called", page)


async def _join(scene: Scene, take: Take) -> None:
    code = (await scene.admin.get(f"/clinic/{scene.day.id}/join-code")).json()["data"]["joinCode"]
    async with scene.page(f"/join/{code}", **_PHONE) as page:
        await page.wait_for_load_state("networkidle")
        await take("join", page)


async def _admin(scene: Scene, take: Take) -> None:
    async with scene.page(f"/admin#{scene.day.id}/today", **_DESKTOP) as page:
        await scene.log_in(page, scene.admin)
        await page.wait_for_load_state("networkidle")
        await expect(page.get_by_text("Blood tests").first).to_be_visible()
        await take("admin", page)


async def _poster(scene: Scene, take: Take) -> None:
    async with scene.page(f"/poster#{scene.day.id}", **_SHEET) as page:
        await scene.log_in(page, scene.admin)
        await expect(page.get_by_role("img").first).to_be_visible()
        await take("poster", page)


Take = Callable[[str, Page], Awaitable[None]]

SCENES = (_start, _setup, _patient, _join, _admin, _poster, _desk, _display, _called)

PAGE_OF = {"called": "patient"}
"""Of a picture that has not its page's name."""


def lines_of(page: str) -> list[str]:
    """What a page looks like is made of these: each line of its template, its styles, its words."""
    texts = [(WEB / "templates" / f"{page}.html"), *(WEB / "static" / page).glob("*.css")]
    lines = [line.strip() for path in texts for line in path.read_text("utf-8").splitlines()]
    words = json.loads((WEB / "i18n" / "en.json").read_text("utf-8"))[page]
    return sorted({_short(line) for line in [*lines, *map(str, words.values())] if line})


def _short(line: str) -> str:
    return sha256(line.encode()).hexdigest()[:8]


async def _call(scene: Scene, times: int) -> None:
    for staff, desk in list(zip(scene.day.staff, scene.day.desks, strict=True))[1:][:times]:
        (await staff.post(f"/desks/{desk['id']}/call-next")).raise_for_status()


@asynccontextmanager
async def _clinic_at_work() -> AsyncIterator[Scene]:
    async with running_site() as site, running_browser() as browser:
        admin = await site.admin()
        day = await _opened(site, admin)
        guests = []
        for queue, count in ((1, 6), (2, 4), (0, 11)):
            guests += await site.walk_ins(day, count, queue=queue)
        scene = Scene(site, browser, admin, day, guests)
        await _call(scene, 3)
        await _call(scene, 3)
        yield scene


async def _opened(site: Site, admin: Person) -> OpenClinic:
    clinic = await site.clinic(
        admin,
        name="Harbour Street Practice",
        address="12 Harbour Street",
        timezone=where_it_is_noon(),
        guestJoin=True,
        languages=["en", "es", "ar"],
    )
    [born] = data_of(await admin.get(f"/clinic/{clinic['id']}/services"))
    named = {"name": "General practice", "prefix": "A"}
    services = [data_of(await admin.put(f"/services/{born['id']}", named))]
    for name, prefix in (("Blood tests", "B"), ("Dr Okafor", "K")):
        services.append(await site.add_service(admin, clinic["id"], name, prefix=prefix))
    queues = [await site.queue(admin, clinic["id"], service_id=each["id"]) for each in services]
    desks, staff = [], []
    for number, name in enumerate(("Amina", "Bjarne", "Chloe", "Diego"), start=1):
        person = await site.staff(admin, clinic["id"])
        data_of(await person.put("/auth/me", {"firstName": name}))
        desks.append(await site.add_desk(admin, clinic["id"], f"Room {number}"))
        data_of(await person.post(f"/desks/{desks[-1]['id']}/open"))
        staff.append(person)
    return OpenClinic(clinic, services, queues, desks, staff)


async def _take_all() -> None:
    FOLDER.mkdir(exist_ok=True)

    async def take(name: str, page: Page) -> None:
        drawn = await page.screenshot(animations="disabled")
        (FOLDER / f"{name}.webp").write_bytes(_as_webp(drawn))

    async with _clinic_at_work() as scene:
        for show in SCENES:
            await show(scene, take)
    names = sorted(path.stem for path in FOLDER.glob("*.webp"))
    made_of = {name: lines_of(PAGE_OF.get(name, name)) for name in names}
    MADE_OF.write_text(json.dumps(made_of, separators=(",", ":")) + "\n", encoding="utf-8")


def _as_webp(png: bytes) -> bytes:
    """Small: at most so wide, and of the quality that its size allows."""
    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
        if image.width > _MOST_WIDE:
            image = image.resize((_MOST_WIDE, image.height * _MOST_WIDE // image.width))
        for quality in range(85, 30, -5):
            drawn = io.BytesIO()
            image.save(drawn, "WEBP", quality=quality, method=6)
            if drawn.tell() <= MOST_BYTES:
                return drawn.getvalue()
    raise ValueError("the picture does not become small enough")


if __name__ == "__main__":
    asyncio.run(_take_all())
