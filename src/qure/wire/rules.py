"""What the rules of fields are made of: sentences, and checks of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from qure.wire.parsing import Because, Rule

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def rule(
    sentence: str,
    check: Callable[[Any], Any] | None = None,
    read: Callable[[Any], Any] | None = None,
) -> dict[str, Rule]:
    """What ``Meta`` carries in its ``extra``, where ``wire.parsing`` finds it."""
    return {"rule": Rule(sentence, check, read)}


def one_of(values: Iterable[StrEnum]) -> dict[str, Rule]:
    """The rule that it is one of these."""
    return rule(f"Must be one of {', '.join(value.value for value in values)}.")


def trimmed(shortest: int, *, prose: bool = False) -> Callable[[str], str]:
    """Text without space around it; one line, unless it is prose."""
    forbidden = _CONTROL_IN_PROSE if prose else CONTROL

    def check(text: str) -> str:
        text = text.strip()
        if len(text) < shortest:
            raise ValueError
        if forbidden.search(text) or SURROGATE.search(text):
            raise Because("This text holds characters that cannot be kept.")
        return text

    return check


def trimmed_or_none(prose: bool = False) -> Callable[[str], str | None]:
    """As ``trimmed``; None when nothing is left."""
    check = trimmed(0, prose=prose)
    return lambda text: check(text) or None


def password(text: str) -> str:
    """Every character as it is."""
    if "\x00" in text or SURROGATE.search(text):
        raise Because("This text holds characters that cannot be kept.")
    return text
