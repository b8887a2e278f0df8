"""``/t``: what a patient does there, and how they come to it."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.support.browser.accessibility import axe, axe_everywhere
from tests.support.browser.keyboard import faults_of, names_of, tab_to, tab_walk
from tests.support.browser.pages import PageOpener
from tests.support.browser.site import Site
from tests.support.http_service import PASSWORD, Person, data_of
from tests.web.patient_page import PHONE, call_next, headline, opened, staff_do


async def test_who_missed_the_call_comes_back_with_one_tap_as_long_as_the_clinic_allows(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    visitor, _ = await site.walk_ins(clinic, 2)
    page = await opened(open_page, visitor)
    await call_next(clinic)
    await staff_do(clinic, visitor, "skip")
    await expect(headline(page)).to_have_text("You were called, but nobody came")
    await axe(page)
    await page.get_by_role("button", name="I am here").click()
    await expect(headline(page)).to_have_text("1 person before you")
    await staff_do(clinic, visitor, "call")
    await staff_do(clinic, visitor, "skip")
    await expect(page.get_by_role("button", name="I am here")).to_be_visible()
    await page.clock.install()
    await page.reload()
    await expect(page.get_by_role("button", name="I am here")).to_be_visible()
    await page.clock.fast_forward("31:00")
    await expect(page.locator("#detail")).to_have_text("Please ask at the desk.")
    await expect(page.get_by_role("button", name="I am here")).to_be_hidden()


async def test_somebody_steps_out_comes_back_and_lets_others_pass(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    visitors = await site.walk_ins(clinic, 4)
    page = await opened(open_page, visitors[0])
    await page.get_by_role("button", name="Step out for a while").click()
    await expect(headline(page)).to_have_text("You have stepped out")
    await expect(page.get_by_role("button", name="Let others pass")).to_be_hidden()
    await page.get_by_role("button", name="I am back").click()
    await expect(headline(page)).to_have_text("You are next")
    opener = page.get_by_role("button", name="Let others pass")
    await opener.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("You can do this 3 more times.")
    await axe(page)
    await dialog.get_by_role("button", name="More").click()
    await dialog.get_by_role("button", name="Fewer").click()
    await dialog.get_by_role("button", name="More").click()
    await expect(dialog.get_by_role("status")).to_have_text("2")
    await dialog.get_by_role("button", name="Let others pass").click()
    await expect(headline(page)).to_have_text("2 people before you")
    for _ in range(2):
        await call_next(clinic)
    await expect(headline(page)).to_have_text("You are next")
    data_of(await clinic.staff[0].post(f"/tokens/{visitors[3]['token']['id']}/cancel"))
    open_page.permit(page, "status of 409")
    await opener.click()
    await dialog.get_by_role("button", name="Let others pass").click()
    await expect(page.locator("#problem")).to_have_text(re.compile("Nobody is behind you"))


async def test_leaving_is_asked_once_and_keyboard_alone_is_enough(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await opened(open_page, visitor)
    await expect(headline(page)).to_have_text("You are next")
    stops = await tab_walk(page)
    assert faults_of(stops) == []
    assert names_of(stops) == [
        "link 'Skip to the content'",
        "link 'Qure'",
        "combobox 'Language'",
        "button 'Step out for a while'",
        "button 'Let others pass'",
        "button 'Give up my number'",
        "button 'Tell me with sound Off'",
        "button 'Tell me outside this page Off'",
    ]
    await tab_to(page, "Give up my number")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Keep my number")).to_be_focused()
    await axe(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    await page.keyboard.press("Enter")
    await expect(page.locator("#leave")).to_be_focused()
    assert not [url for url in sent if url.endswith("/cancel")]
    await expect(page.locator("#sending")).to_have_text("")
    await page.keyboard.press("Enter")
    await tab_to(page, "Give up my number")
    await page.keyboard.press("Enter")
    await expect(headline(page)).to_have_text("You have given up your number")
    token = data_of(await clinic.staff[0].get(f"/tokens/queue/{clinic.queues[0]['id']}"))[0]
    assert (token["status"], token["cancelReason"]) == ("CANCELLED", "PATIENT")


async def test_a_link_that_staff_renew_says_so_and_is_forgotten(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    [visitor] = await site.walk_ins(clinic, 1)
    page = await opened(open_page, visitor, permit=["status of 401"])
    await expect(headline(page)).to_have_text("You are next")
    await staff_do(clinic, visitor, "guest-link")
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "This link does not work any more"
    )
    await axe(page)
    await page.goto("/t")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("No number on this device yet")


async def test_who_has_no_link_registers_logs_in_and_chooses_among_their_numbers(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin, services=3)
    page = await open_page("/t", permit=["status of 40[01]"], **PHONE)
    await page.get_by_role("button", name="I have an account").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    form = page.locator("#register-form")
    email = f"visitor-of-{clinic.id}@example.com"
    given = {"First name": "Ada", "Last name": "Lovelace", "E-mail": email}
    for label, value in given.items():
        await form.get_by_label(label).fill(value)
    await form.get_by_label("Password", exact=True).fill("secret1")
    await form.get_by_label("Password again").fill("secret2")
    await form.get_by_role("button").click()
    await expect(form.get_by_label("Password again")).to_have_attribute("aria-invalid", "true")
    await axe_everywhere(page)
    await form.get_by_label("Password again").fill("secret1")
    await form.get_by_role("button").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "You have no number at the moment"
    )
    patient = await site.log_in(email)
    for queue in clinic.queues[:2]:
        token = data_of(await patient.post("/tokens", {"queueId": queue["id"]}), 201)
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your number 1")
    await (
        page.get_by_role("navigation", name="Your numbers")
        .get_by_role("button", name="S001")
        .click()
    )
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your number S001")
    await expect(page.locator("#service")).to_have_text("Service 2")
    third = clinic.services[2]["id"]
    await staff_do(clinic, {"token": token}, "transfer", serviceId=third)
    await expect(page.locator("#service")).to_have_text("Service 3")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("No number on this device yet")
    assert await page.evaluate("localStorage.getItem('qure-visit')") is None


async def test_staff_who_are_logged_in_here_have_no_number_of_their_own(
    site: Site, admin: Person, open_page: PageOpener
) -> None:
    clinic = await site.open_clinic(admin)
    page = await open_page("/")
    logs_in = """(given) => fetch("/api/auth/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Qure-Session": "login" },
      body: JSON.stringify(given),
    }).then((answer) => answer.status)"""
    given = {"email": clinic.staff[0].email, "password": PASSWORD}
    assert await page.evaluate(logs_in, given) == 200
    await page.goto("/t")
    await expect(page.get_by_role("heading", level=1)).to_have_text("No number on this device yet")
    await expect(page.get_by_role("button", name="I have an account")).to_be_visible()
    await expect(page.get_by_role("button", name="Log out")).to_be_hidden()
