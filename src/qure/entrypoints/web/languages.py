"""The languages of the pages: which one a visitor gets, and what is said in it.

One catalogue a language, ``i18n/<code>.json``: sections of messages, each a text or its CLDR plural
forms. ``{name}`` stands for an argument; ``count`` chooses the plural form. The server and the
browser read the same catalogues and, by CLDR, choose the same form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale

from qure.domain import clinic

CODES = tuple(one.value for one in clinic.Language)
"""The languages there are; the first is for whoever understands none of them."""

LANGUAGE_COOKIE = "qure_language"
"""What a click on a language leaves behind."""

SHARED = ("page", "wait", "errors")
"""The sections that every page has."""

_FOLDER = Path(__file__).parent / "i18n"
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*"
)
_MOST_RANGES = 20
_ARGUMENT = re.compile(r"\{(\w+)\}")

Message = str | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """A language, with all that is said in it."""

    code: str
    name: str
    direction: str
    sections: Mapping[str, Mapping[str, Message]]

    def say(self, section: str, key: str, /, **arguments: str | int) -> str:
        """The message with its arguments. Raises ``KeyError`` for one that is not there."""
        message = self.sections[section][key]
        if not isinstance(message, str):
            form = _locale(self.code).plural_form(int(arguments["count"]))
            message = message[form]
        return _ARGUMENT.sub(lambda found: str(arguments[found[1]]), message)

    def messages_for(self, *sections: str) -> dict[str, Any]:
        """What the browser gets of the catalogue."""
        return {section: self.sections[section] for section in (*SHARED, *sections)}


@cache
def language(code: str) -> Language:
    """That one of ``CODES``."""
    locale = _locale(code)
    sections = json.loads((_FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    name = (locale.get_display_name(code) or code).capitalize()
    return Language(code, name, locale.text_direction, sections)


def choose(*, clicked: str | None, accepted: str, offered: tuple[str, ...] = ()) -> Language:
    """The language for a visitor: the one that they clicked, else the one they like best of ours.

    ``accepted`` is the header ``Accept-Language`` (RFC 9110 §12.5.4); ``offered`` are the clinic's
    languages, whose first is for whoever understands none of ours.
    """
    if clicked in CODES:
        return language(clicked)
    wanted = [code for code in _ranked(accepted) if code in CODES]
    return language(next(iter((*wanted, *offered, *CODES))))


def _ranked(accepted: str) -> list[str]:
    found: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_MOST_RANGES]:
        match = _RANGE.fullmatch(part)
        if match is not None:
            quality = float(match[2] or 1)
            found += [(quality, match[1].lower())] if quality > 0 else []
    return [code for _, code in sorted(found, key=lambda one: -one[0])]


@cache
def _locale(code: str) -> Locale:
    return Locale.parse(code)
