"""Rows to domain and back: the only place that knows both.

Columns are named as the fields are, so msgspec converts them (four times as fast as by hand).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Row, Table

from qure.adapters.sql.rows import (
    CLINICS,
    QUEUES,
    REFRESH_SECRETS,
    SERVICES,
    SESSIONS,
    STAGED_IMAGES,
    TOKENS,
    USERS,
)
from qure.domain.clinic import Clinic, ClinicImage, OpeningHours
from qure.domain.image import StagedImage
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.session import RefreshSecret, Session
from qure.domain.token import Token
from qure.domain.user import User

T = TypeVar("T")

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
to_queue = _from_row(Queue, QUEUES)
to_token = _from_row(Token, TOKENS)
to_session = _from_row(Session, SESSIONS)
to_secret = _from_row(RefreshSecret, REFRESH_SECRETS)
to_image = _from_row(StagedImage, STAGED_IMAGES)


def fold(text: str) -> str:
    """The form in which text is compared without regard to case (Unicode full case folding).

    Done here and kept in a column, so that every database finds the same.
    """
    return text.casefold()


class Mapping:
    """The fields of a thing by the columns of its table, all but those that are ``computed``."""

    def __init__(self, table: Table, *, computed: tuple[str, ...] = ()) -> None:
        self.names = tuple(column.name for column in table.c if column.name not in computed)

    def __call__(self, thing: object) -> Values:
        return {name: getattr(thing, name) for name in self.names}


queue_values = Mapping(QUEUES)
token_values = Mapping(TOKENS)
session_values = Mapping(SESSIONS)
secret_values = Mapping(REFRESH_SECRETS)
image_values = Mapping(STAGED_IMAGES)
service_values = Mapping(SERVICES)
_user_values = Mapping(USERS, computed=("name_folded",))
_clinic_values = Mapping(
    CLINICS, computed=("name_folded", "images", "opening_start", "opening_end")
)


def user_values(user: User) -> Values:
    name = fold(f"{user.first_name} {user.last_name}")
    return {**_user_values(user), "name_folded": name}


def clinic_values(clinic: Clinic) -> Values:
    """Without its service, which has a row of its own."""
    return {
        **_clinic_values(clinic),
        "name_folded": fold(clinic.name),
        "images": msgspec.to_builtins(clinic.images),
        "opening_start": clinic.opening_hours.start,
        "opening_end": clinic.opening_hours.end,
    }


def to_clinic(row: Found) -> Clinic:
    """From a row of a clinic and its service."""
    found = row._mapping
    service = {name: found[label] for name, label in SERVICE_COLUMNS.items()}
    fields = {name: found[name] for name in _clinic_values.names}
    fields["opening_hours"] = OpeningHours(row.opening_start, row.opening_end)
    fields["images"] = msgspec.convert(row.images, tuple[ClinicImage, ...])
    fields["service"] = msgspec.convert(service, Service)
    return msgspec.convert(fields, Clinic)
