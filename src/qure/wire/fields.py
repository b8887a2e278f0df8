"""The rules of single fields, each said once: its shape, its sentence, its normal form.

Every number has bounds, which also keep out what is not finite. Every text is bounded, holds no
NUL (databases cannot keep it) and no lone surrogate (UTF-8 cannot write it). Those of the
clinic's day (services, desks, moves, guests, displays) are in ``wire.day_fields``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import available_timezones

import email_validator
import msgspec
from msgspec import Meta

from qure.domain.clinic import ClinicType, Language
from qure.domain.queue import MAX_QUEUE_SIZE
from qure.domain.token import TokenStatus
from qure.domain.user import MAX_PASSWORD_CHARACTERS, normalise_email
from qure.wire.parsing import Because
from qure.wire.rules import CONTROL, SURROGATE, one_of, password, rule, trimmed

# An address here is a login and a contact, not a promise of delivery: a clinic's own network
# may well live under `.local`. The library documents this list as the place to say so.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_URL = re.compile(r"https?://[^\s/?#]+[^\s]*\Z", re.IGNORECASE)
_MAX_USER_AGENT = 512


def _email(text: str) -> str:
    try:
        valid = email_validator.validate_email(text.strip(), check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise ValueError from None
    return normalise_email(valid.normalized)


def _website(text: str) -> str:
    text = trimmed(1)(text)
    if not _URL.match(text):
        raise ValueError
    parts = urlsplit(text)
    if not parts.hostname or parts.port == 0:
        raise ValueError
    return text


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError
    return name


def device_name(text: str) -> str | None:
    """A user agent as it is kept: one line, cut at 512 characters; None when nothing is left."""
    clean = SURROGATE.sub("", CONTROL.sub("", text)).strip()
    return clean[:_MAX_USER_AGENT] or None


def _each_once(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    if len(set(languages)) < len(languages):
        raise Because("Name each language once.")
    return languages


def _from_json_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError from None


PersonName = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=100,
        extra=rule("Must be text of 3 to 100 characters.", trimmed(3)),
        examples=["Maria"],
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        extra=rule("Must be a valid e-mail address.", _email),
        extra_json_schema={"format": "email"},
        examples=["maria@example.com"],
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=MAX_PASSWORD_CHARACTERS,
        extra=rule(f"Must be text of 6 to {MAX_PASSWORD_CHARACTERS} characters.", password),
        description="Every character counts, none is cut off.",
        extra_json_schema={"format": "password"},
        examples=["correct horse"],
    ),
]
Password = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_PASSWORD_CHARACTERS,
        extra=rule(f"Must be text of 1 to {MAX_PASSWORD_CHARACTERS} characters.", password),
        extra_json_schema={"format": "password"},
        examples=["correct horse"],
    ),
]
RefreshSecret = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1000,
        extra=rule("Must be the refresh token as it was given.", trimmed(1)),
        examples=["0f" * 64],
    ),
]
UserAgent = Annotated[
    str,
    Meta(
        extra=rule("Must be text.", device_name),
        description="Kept up to 512 characters. Without it the User-Agent header counts.",
        examples=["Qure/2.1 (Android 15)"],
    ),
]
ClinicName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        extra=rule("Must be text of 1 to 200 characters.", trimmed(1)),
        examples=["City Clinic"],
    ),
]
Latitude = Annotated[
    float,
    Meta(ge=-90, le=90, extra=rule("Must be a number from -90 to 90."), examples=[40.7]),
]
Longitude = Annotated[
    float,
    Meta(ge=-180, le=180, extra=rule("Must be a number from -180 to 180."), examples=[-74]),
]
Radius = Annotated[
    float,
    Meta(
        gt=0,
        le=1_000_000,
        extra=rule("Must be a number of kilometres above 0, at most 1000000."),
        description="In kilometres.",
    ),
]
Address = Annotated[
    str,
    Meta(
        max_length=500,
        extra=rule("Must be text of at most 500 characters.", trimmed(0, prose=True)),
        examples=["1 Main Street, New York"],
    ),
]
Description = Annotated[
    str,
    Meta(
        max_length=5000,
        extra=rule("Must be text of at most 5000 characters.", trimmed(0, prose=True)),
    ),
]
Phone = Annotated[
    str,
    Meta(
        pattern="^[0-9]{10}$",
        min_length=10,
        max_length=10,
        extra=rule("Must be exactly 10 digits."),
        examples=["2125550123"],
    ),
]
Website = Annotated[
    str,
    Meta(
        max_length=2048,
        extra=rule("Must be an http or https URL of at most 2048 characters.", _website),
        extra_json_schema={"format": "uri"},
        examples=["https://clinic.example.com"],
    ),
]
ClockTime = Annotated[
    str,
    Meta(
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        min_length=5,
        max_length=5,
        extra=rule("Must be a time of day as HH:MM."),
        examples=["09:00"],
    ),
]
JsonText = Meta(extra=rule("Must be an object with start and end.", read=_from_json_text))
"""For an object that may also be given as text which holds its JSON."""

Kind = Annotated[ClinicType, Meta(extra=one_of(ClinicType))]


class AccountRole(StrEnum):
    """What an account may be: displays have none."""

    PATIENT = "PATIENT"
    STAFF = "STAFF"
    ADMIN = "ADMIN"


RoleName = Annotated[AccountRole, Meta(extra=one_of(AccountRole))]
TokenState = Annotated[TokenStatus, Meta(extra=one_of(TokenStatus))]
ShownImage = Annotated[
    str,
    Meta(
        extra=rule("Must be a file of a form, or null to take the picture away."),
        description="Null takes it away; a URL, as it was read, changes nothing.",
    ),
]
ShownImages = Annotated[
    list[str],
    Meta(
        extra=rule("Must be files of a form, or null to take the pictures away."),
        description="Null or an empty list takes them away; URLs, as they were read, change "
        "nothing.",
    ),
]
Timezone = Annotated[
    str,
    Meta(
        max_length=64,
        extra=rule("Must be the IANA name of a time zone, like America/New_York.", _timezone),
        examples=["America/New_York"],
    ),
]
Languages = Annotated[
    tuple[Language, ...],
    Meta(
        max_length=len(Language),
        extra=rule(
            f"Must be a list of different ones of {', '.join(Language)}.",
            _each_once,
            read=_from_json_text,
        ),
        extra_json_schema={"uniqueItems": True},
        description="What its pages and displays speak, in that order; none: as each browser "
        "wishes.",
        examples=[["en", "es"]],
    ),
]
QueueSize = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_QUEUE_SIZE,
        extra=rule(f"Must be a whole number from 1 to {MAX_QUEUE_SIZE}."),
        examples=[50],
    ),
]
Flag = Annotated[bool, Meta(extra=rule("Must be true or false."))]
Id = Annotated[
    UUID,
    Meta(extra=rule("Must be a UUID."), examples=["0193f3d0-0000-7000-8000-000000000005"]),
]
PageNumber = Annotated[
    int, Meta(ge=1, le=1_000_000_000, extra=rule("Must be a whole number of at least 1."))
]
PageSize = Annotated[int, Meta(ge=1, le=100, extra=rule("Must be a whole number from 1 to 100."))]
TokenNumber = Annotated[
    int, Meta(ge=1, le=2_147_483_647, extra=rule("Must be a whole number of at least 1."))
]
SearchText = Annotated[
    str,
    Meta(
        max_length=200,
        extra=rule("Must be text of at most 200 characters.", trimmed(0)),
        description="A plain substring, in any case.",
    ),
]
