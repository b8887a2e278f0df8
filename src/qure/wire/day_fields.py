"""The rules of the fields of a clinic's day: services, desks, moves, guests, displays."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from qure.application.queueing.moves import ReturnTo
from qure.domain.guest import MAX_NAME_CHARACTERS
from qure.domain.queue_status import NoticeKind
from qure.domain.service import MAX_SERVICES
from qure.domain.token import Priority, SkipReason
from qure.wire.rules import one_of, rule, trimmed, trimmed_or_none

MAX_KEY = 64
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_PREFIX = re.compile(r"[A-Z0-9]*\Z")
_TELEPHONE = re.compile(r"[0-9 +()-]*\Z")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z\Z", re.ASCII)
_INSTANT_SENTENCE = "Must be an instant in UTC, like 2025-12-30T10:00:00.000Z."


def _matching(shape: re.Pattern[str], text: str) -> str:
    if not shape.match(text):
        raise ValueError
    return text


def _telephone(text: str) -> str | None:
    return _matching(_TELEPHONE, text).strip() or None


def read_instant(text: str) -> datetime:
    """An instant as ``body.instant`` writes it, with milliseconds or without."""
    return datetime.fromisoformat(_matching(_INSTANT, text)).astimezone(UTC)


def _instant(text: str) -> str:
    read_instant(text)
    return text


# What may come along with a request

IdempotencyKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_KEY,
        extra=rule(
            f"Must be 1 to {MAX_KEY} visible ASCII characters.",
            lambda text: _matching(_VISIBLE, text),
        ),
        extra_json_schema={"pattern": "^[!-~]+$"},
        description="The same key, within 24 hours, gets the first answer again.",
        examples=["0193f3d0-7c1a-7000-8000-00000000001f"],
    ),
]
Version = Annotated[
    int,
    Meta(
        ge=1,
        le=2_147_483_647,
        extra=rule("Must be a whole number of at least 1."),
        examples=[3],
    ),
]

# Moves

Reason = Annotated[
    str,
    Meta(
        max_length=200,
        extra=rule("Must be text of at most 200 characters.", trimmed_or_none()),
        examples=["asked to be seen first"],
    ),
]
SkipWhy = Annotated[SkipReason, Meta(extra=one_of(SkipReason), examples=["NO_SHOW"])]
PriorityName = Annotated[Priority, Meta(extra=one_of(Priority), examples=["PRIORITY"])]
ReturnPlace = Annotated[ReturnTo, Meta(extra=one_of(ReturnTo), examples=["AFTER"])]
After = Annotated[
    int, Meta(ge=0, le=1000, extra=rule("Must be a whole number from 0 to 1000."), examples=[3])
]
Passing = Annotated[
    int, Meta(ge=1, le=20, extra=rule("Must be a whole number from 1 to 20."), examples=[2])
]

# The clinic: how patients may come back, services, desks, notices

NoShowMinutes = Annotated[
    int,
    Meta(
        ge=1,
        le=60,
        extra=rule("Must be a whole number from 1 to 60, or null for never."),
        description="So long after the last call a token counts as not there; null: never.",
    ),
]
RejoinMinutes = Annotated[
    int,
    Meta(
        ge=0,
        le=240,
        extra=rule("Must be a whole number from 0 to 240."),
        description="So long after it was skipped a patient may come back by themselves.",
    ),
]
MaxRejoins = Annotated[int, Meta(ge=0, le=10, extra=rule("Must be a whole number from 0 to 10."))]
RejoinAfter = Annotated[
    int,
    Meta(
        ge=0,
        le=20,
        extra=rule("Must be a whole number from 0 to 20."),
        description="Who comes back comes in behind so many of those who wait.",
    ),
]
RefuseBelow = Annotated[
    float,
    Meta(
        ge=0,
        le=1,
        extra=rule("Must be a number from 0 to 1."),
        description="Nobody may join whose call before closing is less likely; 0: never refused.",
        examples=[0.2],
    ),
]
ServiceName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=60,
        extra=rule("Must be text of 1 to 60 characters.", trimmed(1)),
        examples=["Blood tests"],
    ),
]
Prefix = Annotated[
    str,
    Meta(
        max_length=3,
        extra=rule("Must be at most 3 of A-Z and 0-9.", lambda text: _matching(_PREFIX, text)),
        extra_json_schema={"pattern": "^[A-Z0-9]*$"},
        description="Comes before the numbers of its tokens.",
        examples=["B"],
    ),
]
ExpectedMinutes = Annotated[
    int, Meta(ge=1, le=240, extra=rule("Must be a whole number from 1 to 240."), examples=[10])
]
Position = Annotated[
    int, Meta(ge=0, le=1000, extra=rule("Must be a whole number from 0 to 1000."), examples=[1])
]
ShortName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        extra=rule("Must be text of 1 to 40 characters.", trimmed(1)),
        examples=["Room 2"],
    ),
]
ServiceIds = Annotated[
    list[UUID],
    Meta(
        min_length=1,
        max_length=MAX_SERVICES,
        extra=rule(f"Must be a list of 1 to {MAX_SERVICES} UUIDs."),
        examples=[["0193f3d0-0000-7000-8000-000000000008"]],
    ),
]
Instant = Annotated[
    str,
    Meta(
        max_length=24,
        extra=rule(_INSTANT_SENTENCE, _instant),
        extra_json_schema={"format": "date-time"},
        examples=["2025-12-30T10:30:00.000Z"],
    ),
]
NoticeName = Annotated[NoticeKind, Meta(extra=one_of(NoticeKind), examples=["NOTE"])]
NoticeMinutes = Annotated[
    int, Meta(ge=1, le=480, extra=rule("Must be a whole number from 1 to 480."), examples=[15])
]
Desks = Annotated[
    int, Meta(ge=0, le=50, extra=rule("Must be a whole number from 0 to 50."), examples=[2])
]
Days = Annotated[
    int, Meta(ge=1, le=60, extra=rule("Must be a whole number from 1 to 60."), examples=[14])
]
NoticeText = Annotated[
    str,
    Meta(
        max_length=200,
        extra=rule("Must be text of at most 200 characters.", trimmed_or_none()),
        examples=["Dr Okafor is on her way."],
    ),
]

# People without the app, and displays

VisitorName = Annotated[
    str,
    Meta(
        max_length=MAX_NAME_CHARACTERS,
        extra=rule(f"Must be text of at most {MAX_NAME_CHARACTERS} characters.", trimmed_or_none()),
        examples=["Maria"],
    ),
]
Telephone = Annotated[
    str,
    Meta(
        max_length=32,
        extra=rule("Must be at most 32 digits, spaces and + ( ) -.", _telephone),
        extra_json_schema={"pattern": "^[0-9 +()-]*$"},
        examples=["+1 (212) 555-0123"],
    ),
]
Note = Annotated[
    str,
    Meta(
        max_length=500,
        extra=rule("Must be text of at most 500 characters.", trimmed_or_none(prose=True)),
        examples=["needs a wheelchair"],
    ),
]
GuestSecret = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra=rule("Must be the secret of the link as it was given.", trimmed(1)),
        examples=["q83vEjRWeJCrze8SNFZ4kA"],
    ),
]
DeviceCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra=rule("Must be the device code as it was given.", trimmed(1)),
        examples=["q83vEjRWeJCrze8SNFZ4kA"],
    ),
]
UserCode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=32,
        extra=rule("Must be the code that the display shows.", trimmed(1)),
        description="In any case, with spaces or dashes between.",
        examples=["BDWP-HQPK"],
    ),
]
