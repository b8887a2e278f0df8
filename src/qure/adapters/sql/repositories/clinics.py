"""Clinics in the database, and finding them by name and place."""

from __future__ import annotations

import re
from functools import cache
from math import cos, radians
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    bindparam,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)

from qure.adapters.sql.functions import smaller_of
from qure.adapters.sql.mapping import (
    SERVICE_COLUMNS,
    clinic_values,
    fold,
    to_clinic,
)
from qure.adapters.sql.repositories.services import SqlServices
from qure.adapters.sql.rows.clinics import CLINICS, SERVICES
from qure.adapters.sql.transaction import Transaction
from qure.application.changes import Changes
from qure.application.clinics.geography import EARTH_RADIUS_KM, Box
from qure.application.ports.storage import ClinicFilter, FoundClinic, Page
from qure.domain.clinic import Clinic
from qure.domain.ids import ClinicId

_SERVICE = [SERVICES.c[name].label(label) for name, label in SERVICE_COLUMNS.items()]
# Part of the condition of the index that finds it.
_OF_CLINIC = (SERVICES.c.clinic_id == CLINICS.c.id) & text("services.is_default")
_CLINICS = select(CLINICS, *_SERVICE).join(SERVICES, _OF_CLINIC)
_GET = _CLINICS.where(CLINICS.c.id == bindparam("id"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of rows that name the clinic.
# Both rows: of one that is not locked, who has waited would see what it was before.
_LOCK = _GET.with_for_update(key_share=True, of=(CLINICS, SERVICES))
_ADD = insert(CLINICS)
_SAVE = update(CLINICS).where(CLINICS.c.id == bindparam("of"))
_BY_JOIN_DIGEST = _CLINICS.where(CLINICS.c.join_digest == bindparam("digest"))
_AFTER = (
    _CLINICS.where(CLINICS.c.id > bindparam("after"))
    .order_by(CLINICS.c.id)
    .limit(bindparam("most"))
)
_MEANINGFUL = re.compile("[%_/]")


class SqlClinics:
    """See ``ports.storage.Clinics``."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes
        self._services = SqlServices(transaction, changes)

    async def add(self, clinic: Clinic) -> None:
        self._changes.note(clinic)
        await self._transaction.change(_ADD, clinic_values(clinic))
        await self._services.add(clinic.service)

    async def get(self, id: ClinicId, *, lock: bool = False) -> Clinic | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_clinic(row)

    async def save(self, clinic: Clinic) -> None:
        self._changes.note(clinic)
        values = clinic_values(clinic)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})
        await self._services.save(clinic.service)

    async def search(self, wanted: ClinicFilter, *, page: Page) -> tuple[list[FoundClinic], int]:
        shape, values = _question(wanted)
        values |= {"size": page.size, "offset": page.offset}
        if wanted.nearby is None:
            found = await self._transaction.all(_newest(shape), values)
            clinics = [FoundClinic(to_clinic(row), None) for row in found]
        else:
            found = await self._transaction.all(_nearest(shape), values)
            clinics = [FoundClinic(to_clinic(row), row.distance_km) for row in found]
        if found:
            return clinics, found[0].total
        if page.number == 1:
            return [], 0
        return [], int(await self._transaction.scalar(_count(shape), values))

    async def after(self, id: ClinicId, *, limit: int) -> list[Clinic]:
        rows = await self._transaction.all(_AFTER, {"after": id, "most": limit})
        return [to_clinic(row) for row in rows]

    async def by_join_digest(self, digest: str) -> Clinic | None:
        row = await self._transaction.first(_BY_JOIN_DIGEST, {"digest": digest})
        return None if row is None else to_clinic(row)


class _Shape(NamedTuple):
    """Which statement a search needs. There are few, and each is built once: building one costs
    more than asking it."""

    named: bool
    typed: bool
    ranges: int | None
    """Of longitudes; None without a place."""


def _question(wanted: ClinicFilter) -> tuple[_Shape, dict[str, Any]]:
    values: dict[str, Any] = {}
    if wanted.type is not None:
        values["type"] = wanted.type.value
    if wanted.query is not None:
        plain = _MEANINGFUL.sub(r"/\g<0>", fold(wanted.query))
        values["pattern"] = f"%{plain}%"
    ranges = None
    if wanted.nearby is not None:
        place, box = wanted.nearby, Box.around(wanted.nearby)
        ranges = len(box.longitudes)
        values |= {
            "latitude": place.latitude,
            "longitude": place.longitude,
            "shrink": cos(radians(place.latitude)),
            "radius_km": place.radius_km,
            "south": box.south,
            "north": box.north,
        }
        for number, (west, east) in enumerate(box.longitudes):
            values |= {f"west_{number}": west, f"east_{number}": east}
    return _Shape(wanted.query is not None, wanted.type is not None, ranges), values


def _matching(shape: _Shape) -> Select[Any]:
    matching = select(CLINICS.c.id, CLINICS.c.created_at).where(CLINICS.c.is_active == true())
    if shape.typed:
        matching = matching.where(CLINICS.c.type == bindparam("type"))
    if shape.named:
        matching = matching.where(CLINICS.c.name_folded.like(bindparam("pattern"), escape="/"))
    return matching if shape.ranges is None else _within(matching, shape.ranges)


@cache
def _count(shape: _Shape) -> Select[Any]:
    return select(func.count()).select_from(_matching(shape).subquery())


@cache
def _newest(shape: _Shape) -> Select[Any]:
    newest = (
        _matching(shape)
        .order_by(CLINICS.c.created_at.desc(), CLINICS.c.id.desc())
        .limit(bindparam("size"))
        .offset(bindparam("offset"))
        .subquery()
    )
    return (
        _CLINICS.add_columns(_count(shape).scalar_subquery().label("total"))
        .join(newest, newest.c.id == CLINICS.c.id)
        .order_by(newest.c.created_at.desc(), newest.c.id.desc())
    )


def _within(matching: Select[Any], ranges: int) -> Select[Any]:
    """Those within the box, which an index finds, that are really within the circle."""
    matching = matching.where(CLINICS.c.latitude.between(bindparam("south"), bindparam("north")))
    if ranges:
        matching = matching.where(
            or_(
                *(
                    CLINICS.c.longitude.between(bindparam(f"west_{n}"), bindparam(f"east_{n}"))
                    for n in range(ranges)
                )
            )
        )
    boxed = matching.add_columns(_distance_km().label("distance_km")).subquery("boxed")
    return select(boxed.c.id, boxed.c.distance_km).where(
        boxed.c.distance_km <= bindparam("radius_km")
    )


@cache
def _nearest(shape: _Shape) -> Select[Any]:
    """The page and the count in one pass over narrow rows; the wide ones only for the page."""
    circle = _matching(shape).subquery("circle")
    nearest = (
        select(circle, func.count().over().label("total"))
        .order_by(circle.c.distance_km, circle.c.id)
        .limit(bindparam("size"))
        .offset(bindparam("offset"))
        .subquery("nearest")
    )
    return (
        _CLINICS.add_columns(nearest.c.distance_km, nearest.c.total)
        .join(nearest, nearest.c.id == CLINICS.c.id)
        .order_by(nearest.c.distance_km, nearest.c.id)
    )


def _distance_km() -> ColumnElement[float]:
    """``application.geography.distance_km``, as the database works it out."""
    north = func.sin(func.radians(CLINICS.c.latitude - bindparam("latitude")) * 0.5)
    east = func.sin(func.radians(CLINICS.c.longitude - bindparam("longitude")) * 0.5)
    shrink = bindparam("shrink", type_=Double) * func.cos(func.radians(CLINICS.c.latitude))
    half_chord = func.sqrt(smaller_of(1.0, north * north + shrink * east * east))
    return 2.0 * EARTH_RADIUS_KM * func.asin(half_chord)
