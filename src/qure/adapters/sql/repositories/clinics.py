"""Clinics in the database, and finding them by name and place."""

from __future__ import annotations

from datetime import datetime
from math import cos, radians
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from qure.adapters.sql.engine import smaller_of
from qure.adapters.sql.mapping import clinic_values, fold, to_clinic
from qure.adapters.sql.repositories.box import EARTH_RADIUS_KM, Box
from qure.adapters.sql.rows import CLINICS
from qure.adapters.sql.transaction import Transaction
from qure.application.ports.storage import ClinicFilter, FoundClinic, Nearby, Page
from qure.domain.clinic import Clinic
from qure.domain.ids import ClinicId

_GET = select(CLINICS).where(CLINICS.c.id == bindparam("id"))
# NO KEY UPDATE holds off every other writer, but not the foreign keys of rows that name the clinic.
_LOCK = _GET.with_for_update(key_share=True)
_SAVE = update(CLINICS).where(CLINICS.c.id == bindparam("of"))
_DUE = (
    select(CLINICS.c.id)
    .where(CLINICS.c.next_opening_at <= bindparam("now"))
    .order_by(CLINICS.c.next_opening_at, CLINICS.c.id)
    .limit(bindparam("most"))
)


class SqlClinics:
    """See ``ports.storage.Clinics``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, clinic: Clinic) -> None:
        await self._transaction.change(insert(CLINICS), clinic_values(clinic))

    async def get(self, id: ClinicId, *, lock: bool = False) -> Clinic | None:
        row = await self._transaction.first(_LOCK if lock else _GET, {"id": id})
        return None if row is None else to_clinic(row)

    async def save(self, clinic: Clinic) -> None:
        values = clinic_values(clinic)
        await self._transaction.change(_SAVE, {"of": values.pop("id"), **values})

    async def search(self, wanted: ClinicFilter, *, page: Page) -> tuple[list[FoundClinic], int]:
        matching = _matching(wanted)
        if wanted.nearby is None:
            found = await self._transaction.all(_newest(matching, page))
            clinics = [FoundClinic(to_clinic(row), None) for row in found]
        else:
            matching = _within(matching, wanted.nearby)
            found = await self._transaction.all(_nearest(matching, page))
            clinics = [FoundClinic(to_clinic(row), row.distance_km) for row in found]
        if found:
            return clinics, found[0].total
        if page.number == 1:
            return [], 0
        count = select(func.count()).select_from(matching.subquery())
        return [], int(await self._transaction.scalar(count))

    async def due_for_opening(self, now: datetime, *, limit: int) -> list[ClinicId]:
        rows = await self._transaction.all(_DUE, {"now": now, "most": limit})
        return [row.id for row in rows]


def _matching(wanted: ClinicFilter) -> Select[Any]:
    matching = select(CLINICS.c.id, CLINICS.c.created_at).where(CLINICS.c.is_active == true())
    if wanted.type is not None:
        matching = matching.where(CLINICS.c.type == wanted.type.value)
    if wanted.query is not None:
        matching = matching.where(
            CLINICS.c.name_folded.contains(fold(wanted.query), autoescape=True)
        )
    return matching


def _newest(matching: Select[Any], page: Page) -> Select[Any]:
    total = select(func.count()).select_from(matching.subquery()).scalar_subquery()
    newest = (
        matching.order_by(CLINICS.c.created_at.desc(), CLINICS.c.id.desc())
        .limit(page.size)
        .offset(page.offset)
        .subquery()
    )
    return (
        select(CLINICS, total.label("total"))
        .join(newest, newest.c.id == CLINICS.c.id)
        .order_by(newest.c.created_at.desc(), newest.c.id.desc())
    )


def _within(matching: Select[Any], place: Nearby) -> Select[Any]:
    """Those within the box, which an index finds, that are really within the circle."""
    box = Box.around(place)
    matching = matching.where(CLINICS.c.latitude.between(box.south, box.north))
    if box.longitudes:
        matching = matching.where(
            or_(*(CLINICS.c.longitude.between(west, east) for west, east in box.longitudes))
        )
    boxed = matching.add_columns(_distance_km(place).label("distance_km")).subquery("boxed")
    return select(boxed.c.id, boxed.c.distance_km).where(boxed.c.distance_km <= place.radius_km)


def _nearest(matching: Select[Any], page: Page) -> Select[Any]:
    """The page and the count in one pass over narrow rows; the wide ones only for the page."""
    circle = matching.subquery("circle")
    nearest = (
        select(circle, func.count().over().label("total"))
        .order_by(circle.c.distance_km, circle.c.id)
        .limit(page.size)
        .offset(page.offset)
        .subquery("nearest")
    )
    return (
        select(CLINICS, nearest.c.distance_km, nearest.c.total)
        .join(nearest, nearest.c.id == CLINICS.c.id)
        .order_by(nearest.c.distance_km, nearest.c.id)
    )


def _distance_km(place: Nearby) -> ColumnElement[float]:
    """Great-circle distance by the haversine formula, which is exact for near points too."""
    north = func.sin(func.radians(CLINICS.c.latitude - place.latitude) * 0.5)
    east = func.sin(func.radians(CLINICS.c.longitude - place.longitude) * 0.5)
    shrink = cos(radians(place.latitude)) * func.cos(func.radians(CLINICS.c.latitude))
    # Rounding may lift the sum above 1 for antipodes, where asin would fail.
    half_chord = func.sqrt(smaller_of(1.0, north * north + shrink * east * east))
    return 2.0 * EARTH_RADIUS_KM * func.asin(half_chord)
