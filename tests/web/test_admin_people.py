"""``/admin``: staff, screens, the door, forecasts, all people, and the installation."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import PASSWORD, Person, data_of, refused
from tests.web.admin_page import agree, go, opened, part


async def test_a_colleague_gets_an_account_whose_password_is_shown_once(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    known = await site.register()
    page = await opened(open_page, admin, f"{clinic['id']}/staff", permit=["409 "])
    await expect(page.get_by_text("Nobody works here yet.")).to_be_visible()
    adding = part(page, "A colleague without an account")
    email = f"marie-{clinic['id']}@example.com"
    await adding.get_by_label("First name").fill("Marie")
    await adding.get_by_label("Last name").fill("Curie")
    await adding.get_by_label("E-mail").fill(known)
    await adding.get_by_role("button").click()
    await expect(adding.get_by_label("E-mail")).to_have_accessible_description(
        "There is an account with this e-mail address already."
    )
    await expect(adding.locator(".secret")).to_be_empty()
    await adding.get_by_label("E-mail").fill(email)
    await adding.get_by_role("button").click()
    secret = adding.locator(".secret")
    await expect(secret).to_contain_text("it is shown this once only")
    await expect(page.get_by_text("Marie Curie is there now.")).to_be_visible()
    await axe(page)
    password = str(await secret.locator(".code").text_content())
    assert re.fullmatch(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", password)
    staff = await site.log_in(email, password)
    assert data_of(await staff.get("/auth/me"))["clinicId"] == clinic["id"]
    await go(page, f"{clinic['id']}/desks")
    await go(page, f"{clinic['id']}/staff")
    await expect(page.get_by_text(email)).to_be_visible()
    await expect(page.get_by_text(password)).to_have_count(0)


async def test_a_colleague_is_found_made_staff_and_after_a_question_removed(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    person = await site.patient()
    page = await opened(open_page, admin, f"{clinic['id']}/staff")
    finding = part(page, "A colleague with an account")
    await finding.get_by_label("Name or e-mail").fill("nobody at all")
    await finding.get_by_role("button", name="Find").click()
    await expect(finding.get_by_text("Found: 0")).to_be_visible()
    await finding.get_by_label("Name or e-mail").fill(person.email)
    await finding.get_by_role("button", name="Find").click()
    await finding.get_by_role("button", name="Make staff: Maria Curie").click()
    await expect(finding.get_by_text("Maria Curie is there now.")).to_be_visible()
    [member] = data_of(await admin.get(f"/clinic/{clinic['id']}/staff"))
    assert member["email"] == person.email
    await axe_everywhere(page, right_to_left=True)
    await page.get_by_role("button", name="Remove Maria Curie").click()
    await agree(page, "Remove")
    await expect(page.get_by_text("Nobody works here yet.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Staff", exact=True)).to_be_focused()
    assert data_of(await admin.get(f"/clinic/{clinic['id']}/staff")) == []


async def test_a_screen_is_let_in_by_its_code_and_ended_after_a_question(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    blood = await site.add_service(admin, clinic["id"], "Blood tests")
    page = await opened(open_page, admin, f"{clinic['id']}/displays", permit=["400 "])
    await expect(page.get_by_text("No screen is connected yet.")).to_be_visible()
    adding = part(page, "Connect a screen")
    await adding.get_by_label("Code on the screen").fill("BBBB-BBBB")
    await adding.get_by_label("Name").fill("Ground floor")
    await adding.get_by_label("Blood tests").check()
    await adding.get_by_role("button").click()
    await expect(adding.get_by_label("Code on the screen")).to_have_accessible_description(
        "Eight letters. No screen shows this code at the moment."
    )
    pairing = data_of(await site.http.post("/api/displays"))
    await adding.get_by_label("Code on the screen").fill(pairing["userCode"])
    await adding.get_by_role("button").click()
    await expect(page.get_by_text(re.compile("^Blood tests · "))).to_be_visible()
    await axe_everywhere(page, right_to_left=True)
    [display] = data_of(await admin.get(f"/clinic/{clinic['id']}/displays"))
    assert (display["name"], display["serviceIds"]) == ("Ground floor", [blood["id"]])
    await page.get_by_role("button", name="Disconnect Ground floor").click()
    await agree(page, "Disconnect")
    await expect(page.get_by_text("No screen is connected yet.")).to_be_visible()
    assert data_of(await admin.get(f"/clinic/{clinic['id']}/displays")) == []


async def test_the_door_is_opened_its_code_renewed_after_a_question_and_shut(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    page = await opened(open_page, admin, f"{clinic['id']}/door")
    switch = page.get_by_role("checkbox", name="Let people take a number at the door")
    await expect(page.get_by_text("The door is shut")).to_be_visible()
    await switch.check()
    address = page.locator(".address")
    await expect(address).to_contain_text(f"{site.url}/join/")
    before = str(await address.text_content())
    await expect(page.get_by_role("img", name=f"QR code of {before}")).to_be_visible()
    await axe_everywhere(page)
    await page.get_by_role("button", name="Make a new code").click()
    await agree(page, "Make a new code")
    await expect(address).not_to_have_text(before)
    old, new = (
        before.replace("/join/", "/api/join/"),
        str(await address.text_content()).replace("/join/", "/api/join/"),
    )
    refused(await site.http.get(old), 404, "join_code_not_found")
    assert data_of(await site.http.get(new))["name"] == clinic["name"]
    poster = page.get_by_role("link", name="Print the poster")
    await expect(poster).to_have_attribute("href", f"/poster#{clinic['id']}")
    await switch.uncheck()
    await expect(page.get_by_text("The door is shut")).to_be_visible()
    await expect(poster).to_have_count(0)
    refused(await site.http.get(new), 404, "join_code_not_found")


async def test_forecasts_say_how_often_they_held_and_nothing_while_too_few_are_counted(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    [service] = data_of(await admin.get(f"/clinic/{clinic['id']}/services"))
    page = await opened(open_page, admin, f"{clinic['id']}/forecasts")
    sentence = page.locator(".sentence")
    await expect(sentence).to_have_text("Too few yet to say: 0 counted, 30 are needed.")
    await expect(page.get_by_role("table")).to_have_count(0)

    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        held = {
            "samples": 120,
            "calledBeforeHigh": 0.81,
            "calledBeforeLow": 0.18,
            "medianErrorMinutes": 6.5,
        }
        by_service = [{"serviceId": service["id"], **held}]
        body = {"success": True, "data": {**held, "byService": by_service}}
        await route.fulfill(json=body)

    await page.route("**/wait-accuracy*", answer)
    await page.get_by_label("Over the last").select_option(label="60 days")
    await expect(sentence).to_contain_text("81%. People counted: 120.")
    assert asked[0].endswith("?days=60")
    await expect(page.get_by_role("table")).to_match_aria_snapshot(
        """
        - table "By service":
          - caption: By service
          - rowgroup:
            - row "Service People Called in time Earlier than told Off by (minutes)"
          - rowgroup:
            - row "General 120 81% 18% 6.5":
              - rowheader "General"
              - cell "120"
              - cell "81%"
              - cell "18%"
              - cell "6.5"
        """
    )
    await axe_everywhere(page, right_to_left=True)


async def test_people_are_found_locked_out_after_a_question_and_let_in_again(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    person = await site.patient()
    page = await opened(open_page, admin, "people")
    await page.get_by_label("Name or e-mail").fill(person.email)
    await page.get_by_label("Who").select_option(label="Patient")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_text("Found: 1")).to_be_visible()
    lock_out = page.get_by_role("button", name="Lock out: Maria Curie")
    await lock_out.click()
    await agree(page, "Lock out")
    let_in = page.get_by_role("button", name="Let in again: Maria Curie")
    await expect(let_in).to_be_focused()
    await expect(page.get_by_text("Locked out")).to_be_visible()
    await axe_everywhere(page, right_to_left=True)
    login = {"email": person.email, "password": PASSWORD}
    answer = await site.http.post("/api/auth/login", json=login)
    assert answer.json()["code"] == "account_disabled"
    await let_in.click()
    await expect(lock_out).to_be_focused()
    await site.log_in(person.email)


async def test_an_admin_cannot_lock_themselves_out_and_long_lists_have_pages(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    for _ in range(21):
        await site.register()
    page = await opened(open_page, admin, "people")
    rows = page.locator("#screen li")
    await expect(rows).to_have_count(20)
    await page.get_by_role("button", name="Next page").click()
    await expect(page.get_by_role("button", name="Page before")).to_be_visible()
    await expect(page.get_by_role("heading", name="People")).to_be_focused()
    await page.get_by_label("Name or e-mail").fill(admin.email)
    await page.get_by_role("button", name="Find").click()
    await expect(rows).to_have_count(1)
    await expect(rows.get_by_role("button")).to_have_count(0)


async def test_the_installation_shows_its_health_and_what_it_is_set_to(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    page = await opened(open_page, admin, "installation")
    await expect(part(page, "How the service is")).to_contain_text("All is well")
    settings = data_of(await admin.get("/settings"))
    for one in settings:
        await expect(part(page, "What it is set to")).to_contain_text(one["sentence"])
    await axe_everywhere(page, right_to_left=True)


async def test_clinics_are_found_and_gone_to(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    await site.clinic(admin)
    page = await opened(open_page, admin, "clinics")
    await page.get_by_label("Name").fill(clinic["name"])
    await page.get_by_role("button", name="Find").click()
    await page.get_by_role("link", name=clinic["name"], exact=True).click()
    await expect(page.get_by_role("heading", name="Today", exact=True)).to_be_focused()
    await expect(page).to_have_title(f"Today – {clinic['name']}")
    await page.goto("/admin")
    await expect(page).to_have_title(f"Today – {clinic['name']}")


SECTIONS = ["services", "desks", "staff", "displays", "door", "clinic", "forecasts"]


async def navigate(page: Page, section: str) -> None:
    await page.locator(f"[data-section={section}]").click()


async def test_the_menu_leads_everywhere_on_a_small_screen_and_by_the_keyboard(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.clinic(admin)
    phone = {"width": 320, "height": 640}
    page = await opened(open_page, admin, f"{clinic['id']}/desks", viewport=phone)
    menu = page.get_by_role("button", name="Menu")
    for section in SECTIONS:
        await menu.click()
        await expect(menu).to_have_attribute("aria-expanded", "true")
        await navigate(page, section)
        await expect(page.locator("#heading")).to_be_focused()
        await expect(menu).to_have_attribute("aria-expanded", "false")
        await expect(page.locator("[aria-current=page]")).to_have_count(1)
        await expect(page.locator("#screen:not([aria-busy]) > *")).not_to_have_count(0)
        await axe(page)
    await menu.click()
    await axe(page)
    assert faults_of(await tab_walk(page)) == []


@pytest.mark.parametrize("language", ["de", "ar"])  # the longest words; from right to left
async def test_every_section_is_there_in_languages_unlike_english(
    site: Site, admin: Person, open_page: PageOpener, language: str
) -> None:
    clinic = await site.open_clinic(admin, services=2)
    page = await open_page(
        f"/admin#{clinic.id}/today", permit=["401.*refresh-token"], locale=language
    )
    await page.locator("[name=email]").fill(admin.email)
    await page.locator("[name=password]").fill(PASSWORD)
    await page.locator("#login button").click()
    for path in (*(f"{clinic.id}/{name}" for name in SECTIONS), "new", "people", "installation"):
        await go(page, path)
        await expect(page.locator("#screen .problem:not(:empty)")).to_have_count(0)
    await axe(page)
