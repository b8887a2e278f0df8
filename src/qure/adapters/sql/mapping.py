"""Rows to domain and back: the only place that knows both.

Columns are named as the fields are, so msgspec converts them (four times as fast as by hand).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Row, Table

from qure.adapters.sql.rows.accounts import (
    DISPLAY_PAIRINGS,
    DISPLAYS,
    GUEST_LINKS,
    REFRESH_SECRETS,
    SESSIONS,
    USERS,
)
from qure.adapters.sql.rows.clinics import CLINICS, DESKS, SERVICES
from qure.adapters.sql.rows.queueing import KEPT_ANSWERS, QUEUES, TOKENS
from qure.adapters.sql.rows.records import STAGED_IMAGES
from qure.adapters.sql.rows.waiting import CALIBRATIONS, PROMISES
from qure.application.ports.lines import KeptAnswer
from qure.domain.clinic import Clinic, ClinicImage, OpeningHours
from qure.domain.desk import Desk
from qure.domain.display import Display, DisplayPairing
from qure.domain.guest import GuestLink
from qure.domain.image import StagedImage
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.session import RefreshSecret, Session
from qure.domain.token import Token
from qure.domain.user import User
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.promise import Promise

T = TypeVar("T")

Make = Callable[[Any], Any]
Found = Row[Any]
Values = dict[str, Any]

SERVICE_COLUMNS: Final = {column.name: f"service_{column.name}" for column in SERVICES.c}
"""What the columns of a clinic's service are called in a row of both."""


def _from_row(kind: type[T], table: Table) -> Callable[[Found], T]:
    """From a row of all the columns of that table."""
    names = tuple(column.name for column in table.c)

    def convert(row: Found) -> T:
        return msgspec.convert(dict(zip(names, row, strict=True)), kind)

    return convert


to_user = _from_row(User, USERS)
to_session = _from_row(Session, SESSIONS)
to_secret = _from_row(RefreshSecret, REFRESH_SECRETS)
to_guest_link = _from_row(GuestLink, GUEST_LINKS)
to_display = _from_row(Display, DISPLAYS)
to_pairing = _from_row(DisplayPairing, DISPLAY_PAIRINGS)
to_service = _from_row(Service, SERVICES)
to_desk = _from_row(Desk, DESKS)
to_queue = _from_row(Queue, QUEUES)
to_token = _from_row(Token, TOKENS)
to_image = _from_row(StagedImage, STAGED_IMAGES)
to_promise = _from_row(Promise, PROMISES)
to_calibration = _from_row(Calibration, CALIBRATIONS)


def fold(text: str) -> str:
    """The form in which text is compared without regard to case (Unicode full case folding).

    Done here and kept in a column, so that every database finds the same.
    """
    return text.casefold()


class Mapping:
    """The columns of a table by a thing's fields of the same names.

    ``made`` are those that are no field of it, or not as the database keeps them, and what they
    are made by. Those in ``without`` are left to others, or never change.
    """

    def __init__(
        self,
        table: Table,
        *,
        without: tuple[str, ...] = (),
        made: dict[str, Make] | None = None,
    ) -> None:
        self._made = tuple((made or {}).items())
        not_fields = {*without, *(made or ())}
        self.names = tuple(column.name for column in table.c if column.name not in not_fields)
        self._fields = attrgetter(*self.names)

    def __call__(self, thing: object) -> Values:
        values = dict(zip(self.names, self._fields(thing), strict=True))
        for name, make in self._made:
            values[name] = make(thing)
        return values


def _json(name: str) -> Make:
    """That field in the types that JSON has."""
    field = attrgetter(name)
    return lambda thing: msgspec.to_builtins(field(thing))


def _full_name_folded(user: User) -> str:
    return fold(f"{user.first_name} {user.last_name}")


def _name_folded(thing: Clinic | Service) -> str:
    return fold(thing.name)


def error_seconds(likely: datetime, called_at: datetime | None) -> float | None:
    """How far from the likely instant the call was, either way; None without a call."""
    return None if called_at is None else abs((called_at - likely).total_seconds())


def _error_seconds(promise: Promise) -> float | None:
    return error_seconds(promise.likely, promise.called_at)


def _notice_ends_at(queue: Queue) -> datetime | None:
    return None if queue.notice is None else queue.notice.until


user_values = Mapping(USERS, made={"name_folded": _full_name_folded})
session_values = Mapping(SESSIONS)
secret_values = Mapping(REFRESH_SECRETS)
guest_link_values = Mapping(GUEST_LINKS)
display_values = Mapping(DISPLAYS, made={"service_ids": _json("service_ids")})
pairing_values = Mapping(DISPLAY_PAIRINGS)
service_values = Mapping(SERVICES, made={"name_folded": _name_folded})
desk_values = Mapping(DESKS, made={"service_ids": _json("service_ids")})
image_values = Mapping(STAGED_IMAGES)
promise_values = Mapping(
    PROMISES, made={"reasons": _json("reasons"), "error_seconds": _error_seconds}
)
calibration_values = Mapping(CALIBRATIONS, without=("service_id", "bucket"))

_OF_QUEUE: Final[dict[str, Make]] = {
    "upcoming": _json("upcoming"),
    "calls": _json("calls"),
    "notice": _json("notice"),
    "notice_ends_at": _notice_ends_at,
}
queue_values = Mapping(QUEUES, made=_OF_QUEUE)
queue_changes = Mapping(
    QUEUES,
    without=(
        "id",
        "clinic_id",
        "service_id",
        "prefix",
        "date",
        "day_starts_at",
        "day_ends_at",
        "start_time",
        "end_time",
        "created_at",
    ),
    made=_OF_QUEUE,
)
"""What changes in the life of a queue."""

_FIXED: Final = (
    "id",
    "queue_id",
    "service_id",
    "patient_id",
    "number",
    "label",
    "created_at",
    "transferred_from",
    "guest",
)
_GIVEN: Final = ("place", "priority", "status", "name", "phone", "note")
token_values = Mapping(TOKENS)
token_changes = Mapping(TOKENS, without=_FIXED)
"""What changes in the life of a token."""

AS_ISSUED: Final[Values] = {
    field.name: field.default for field in fields(Token) if field.name not in {*_FIXED, *_GIVEN}
}
"""What every token has alike when it is issued."""

issued_values = Mapping(TOKENS, without=tuple(AS_ISSUED))
"""The rest of a token that is ``as_issued``: half as much."""

_later = attrgetter(*AS_ISSUED)


def as_issued(token: Token) -> bool:
    """Whether nothing has happened to it yet."""
    return _later(token) == tuple(AS_ISSUED.values())


clinic_values = Mapping(
    CLINICS,
    made={
        "name_folded": _name_folded,
        "images": _json("images"),
        "languages": _json("languages"),
        "opening_start": attrgetter("opening_hours.start"),
        "opening_end": attrgetter("opening_hours.end"),
    },
)
"""Without its service, which has a row of its own."""


def to_clinic(row: Found) -> Clinic:
    """From a row of a clinic and its service."""
    found = row._mapping
    service = {name: found[label] for name, label in SERVICE_COLUMNS.items()}
    values = {name: found[name] for name in clinic_values.names}
    values["opening_hours"] = OpeningHours(row.opening_start, row.opening_end)
    values["images"] = msgspec.convert(row.images, tuple[ClinicImage, ...])
    values["languages"] = row.languages
    values["service"] = msgspec.convert(service, Service)
    return msgspec.convert(values, Clinic)


class _Answer(msgspec.Struct, array_like=True):
    """What is kept as content of an answer."""

    tokens: tuple[Token, ...]
    generation: int | None


_answers: Final = msgspec.json.Decoder(_Answer)


def _answer_content(kept: KeptAnswer) -> bytes:
    return msgspec.json.encode(_Answer(kept.tokens, kept.generation))


kept_answer_values = Mapping(KEPT_ANSWERS, made={"content": _answer_content})


def to_kept_answer(row: Found) -> KeptAnswer:
    answer = _answers.decode(row.content)
    return KeptAnswer(
        scope=row.scope,
        key=row.key,
        asked=row.asked,
        tokens=answer.tokens,
        generation=answer.generation,
        created_at=row.created_at,
    )
