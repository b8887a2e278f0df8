"""The languages of the pages: complete, used, and chosen as the visitor wishes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from playwright.async_api import expect

import qure.entrypoints.web
from qure.entrypoints.web.languages import CODES, Message, choose, language
from tests.support.browser.pages import PageOpener

WEB = Path(qure.entrypoints.web.__file__).parent
OTHERS = [code for code in CODES if code != "en"]

_ARGUMENT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"\w+")
_END = re.compile(r"""(?:\}|~ ["'])(_\w+)""")
_SAID = re.compile(r"""\b(?:say\(\s*"(\w+)",\s*"(\w+)"|(?:t|has)\(\s*["`](\w+)\.(\w+))(\$\{)?""")


def messages(code: str) -> dict[str, Message]:
    sections = language(code).sections
    return {
        f"{section}.{key}": text for section, all in sections.items() for key, text in all.items()
    }


def texts_of(message: Message) -> Iterator[str]:
    yield from [message] if isinstance(message, str) else message.values()


@pytest.mark.parametrize("code", OTHERS)
def test_every_language_says_the_same_things(code: str) -> None:
    assert messages(code).keys() == messages("en").keys()


@pytest.mark.parametrize("code", OTHERS)
def test_a_message_takes_the_same_arguments_in_every_language(code: str) -> None:
    english = messages("en")
    for name, message in messages(code).items():
        taken = {found for text in texts_of(message) for found in _ARGUMENT.findall(text)}
        asked = {found for text in texts_of(english[name]) for found in _ARGUMENT.findall(text)}
        assert taken == asked, name
        assert isinstance(message, str) == isinstance(english[name], str), name


@pytest.mark.parametrize("code", CODES)
def test_what_is_counted_has_each_plural_form_of_its_language_and_no_other(code: str) -> None:
    forms = {*Locale.parse(code).plural_form.tags, "other"}
    for name, message in messages(code).items():
        if not isinstance(message, str):
            assert message.keys() == forms, name


@pytest.mark.parametrize("code", CODES)
def test_no_message_is_empty_or_half_an_argument(code: str) -> None:
    for name, message in messages(code).items():
        for text in texts_of(message):
            assert text.strip() == text != "", name
            assert not re.search(r"[{}]", _ARGUMENT.sub("", text)), name


def test_every_message_that_a_page_says_is_there_and_every_other_is_gone() -> None:
    said: set[str] = set()
    begun: set[str] = {"errors."}
    words: set[str] = {*CODES}
    ends: set[str] = {""}
    for path in (*WEB.rglob("*.html"), *WEB.rglob("*.js"), *WEB.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        words |= set(_WORD.findall(text))
        ends |= set(_END.findall(text))
        for found in _SAID.findall(text):
            name = f"{found[0] or found[2]}.{found[1] or found[3]}"
            (begun if found[4] or name.endswith("_") else said).add(name)
    known = messages("en").keys()
    assert said - known == set()
    # Some are handed on by their key alone, or are made of a word and an end.
    whole = {word + end for word in words for end in ends}
    unused = {name for name in known - said if name.partition(".")[2] not in whole}
    assert {name for name in unused if not name.startswith(tuple(begun))} == set()


def test_a_click_counts_more_than_the_browser_and_the_browser_more_than_the_clinic() -> None:
    assert choose(clicked="fr", accepted="de", offered=("es",)).code == "fr"
    assert choose(clicked=None, accepted="de-AT,en;q=0.5", offered=("es",)).code == "de"
    assert choose(clicked="tlh", accepted="pt-BR, it;q=0.9", offered=("es", "ar")).code == "es"
    assert choose(clicked=None, accepted="pt", offered=()).code == "en"


def test_what_a_browser_likes_best_comes_first() -> None:
    assert choose(clicked=None, accepted="en;q=0.3, hi;q=0.8, ar;q=0.8, *;q=0.1").code == "hi"
    assert choose(clicked=None, accepted="fr;q=0, es;q=0.1").code == "es"


@given(st.text(max_size=200), st.none() | st.text(max_size=10))
def test_whatever_a_browser_says_it_gets_a_language(accepted: str, clicked: str | None) -> None:
    assert choose(clicked=clicked, accepted=accepted).code in CODES


def test_who_cannot_read_from_left_to_right_need_not() -> None:
    assert {code: language(code).direction for code in CODES} == {
        **dict.fromkeys(CODES, "ltr"),
        "ar": "rtl",
    }


async def test_the_server_and_the_browser_choose_the_same_plural_form(
    open_page: PageOpener,
) -> None:
    page = await open_page("/")
    numbers = [*range(205), 1_000_000]
    chosen = await page.evaluate(
        "([codes, numbers]) => codes.map((code) => numbers.map((number) =>"
        " new Intl.PluralRules(code).select(number)))",
        [CODES, numbers],
    )
    for code, forms in zip(CODES, chosen, strict=True):
        plural = Locale.parse(code).plural_form
        assert [plural(number) for number in numbers] == forms, code


async def test_a_page_speaks_the_browsers_language_until_another_is_clicked(
    open_page: PageOpener,
) -> None:
    page = await open_page("/", locale="de-DE")
    root = page.locator("html")
    await expect(root).to_have_attribute("lang", "de")
    await page.get_by_label("Sprache").select_option("ar")
    await expect(root).to_have_attribute("lang", "ar")
    await expect(root).to_have_attribute("dir", "rtl")
    await page.goto("/setup")
    await expect(root).to_have_attribute("lang", "ar")
