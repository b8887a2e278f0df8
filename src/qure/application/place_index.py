"""Active clinics on a grid, so that those within a circle are found without a database."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from math import dist, floor, pi, sin

from qure.application.geography import EARTH_RADIUS_KM, Box, Point, distance_km, point_at
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.clinic import Clinic, ClinicType
from qure.domain.ids import ClinicId

CELL_DEGREES = 0.05
MAX_CELLS = 2_000
MAX_CANDIDATES = 2_000
"""Looking at more clinics, or into more cells, would hold up everybody else for some 5 ms."""
PLACE_BYTES = 700
"""Roughly what a clinic costs beside its body (measured on CPython 3.11)."""

_ROW = 10_000  # more than there are cells around the globe
# On a globe of radius 1, a few micrometres on the real one: what is nearer to the edge than that,
# or to each other, is told apart by the formula, and rounding is a thousand times smaller.
_SLACK = 1e-12

# A plain tuple: unlike an object it is let alone by the garbage collector, however many.
_Place = tuple[Point, bytes, ClinicType, str, float, float, bytes]


@dataclass(frozen=True, slots=True)
class Nearest:
    """A page of bodies with their distances in km, nearest first, and how many match in all."""

    shown: list[tuple[bytes, float]]
    total: int


class PlaceIndex:
    """Finds what ``Clinics.search`` finds near a place, in the same order.

    Of a clinic it keeps what a search asks for, and ``body``: how the clinic is shown.
    """

    def __init__(self) -> None:
        self._cells: dict[int, list[_Place]] = {}
        self._by_id: dict[bytes, _Place] = {}
        self.size = 0
        """Bytes in use (estimated)."""

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, clinic: Clinic, body: bytes) -> None:
        """How the clinic is from now on."""
        self.remove(clinic.id)
        place: _Place = (
            point_at(clinic.latitude, clinic.longitude),
            clinic.id.bytes,
            clinic.type,
            clinic.name.casefold(),
            clinic.latitude,
            clinic.longitude,
            body,
        )
        self._by_id[place[1]] = place
        self._cells.setdefault(_cell(clinic.latitude, clinic.longitude), []).append(place)
        self.size += PLACE_BYTES + len(body)

    def remove(self, id: ClinicId) -> None:
        """It is not found any more; one that is not known is ignored."""
        place = self._by_id.pop(id.bytes, None)
        if place is None:
            return
        _, _, _, _, latitude, longitude, body = place
        cell = _cell(latitude, longitude)
        self._cells[cell].remove(place)
        if not self._cells[cell]:
            del self._cells[cell]
        self.size -= PLACE_BYTES + len(body)

    def search(self, wanted: ClinicFilter, near: Nearby, *, page: Page) -> Nearest | None:
        """None when too much lies within the circle to look at all of it in one go."""
        candidates = self._candidates(Box.around(near))
        if candidates is None:
            return None
        if wanted.type is not None:
            candidates = [one for one in candidates if one[2] is wanted.type]
        if wanted.query is not None:
            query = wanted.query.casefold()
            candidates = [one for one in candidates if query in one[3]]
        found = _within(candidates, near)
        found.sort()
        return Nearest(_page(found, near, page), len(found))

    def _candidates(self, box: Box) -> list[_Place] | None:
        south, north = _step(box.south), _step(box.north)
        spans = [(_step(west), _step(east)) for west, east in box.longitudes or ((-180.0, 180.0),)]
        if (north - south + 1) * sum(east - west + 1 for west, east in spans) > MAX_CELLS:
            return list(self._by_id.values()) if len(self) <= MAX_CANDIDATES else None
        candidates: list[_Place] = []
        for row in range(south * _ROW, north * _ROW + 1, _ROW):
            for west, east in spans:
                for cell in range(row + west, row + east + 1):
                    candidates += self._cells.get(cell, ())
                    if len(candidates) > MAX_CANDIDATES:
                        return None
        return candidates


def _step(degrees: float) -> int:
    return floor(degrees / CELL_DEGREES)


def _cell(latitude: float, longitude: float) -> int:
    return _step(latitude) * _ROW + _step(longitude)


def _within(candidates: list[_Place], near: Nearby) -> list[tuple[float, _Place]]:
    """Those within the radius, each with its chord: the straight line through the globe, which
    orders as the great circle does and costs a fifth of it."""
    edge = 2 * sin(min(pi, near.radius_km / EARTH_RADIUS_KM) / 2)
    inside, outside = edge - _SLACK, edge + _SLACK
    here = point_at(near.latitude, near.longitude)
    chords = map(dist, [one[0] for one in candidates], repeat(here))
    return [
        (chord, one)
        for chord, one in zip(chords, candidates, strict=True)
        if chord <= inside or (chord <= outside and _distance_km(near, one) <= near.radius_km)
    ]


def _page(found: list[tuple[float, _Place]], near: Nearby, page: Page) -> list[tuple[bytes, float]]:
    """``found`` is sorted by chord; the page by distance, then by id."""
    end = page.offset + page.size
    if end < len(found):
        # Those that their chords do not tell from the last of the page belong to the choice.
        last = found[end - 1][0] + _SLACK
        end = next((n for n in range(end, len(found)) if found[n][0] > last), len(found))
    exact = sorted((_distance_km(near, one), one[1], one[6]) for _, one in found[:end])
    shown = exact[page.offset : page.offset + page.size]
    return [(body, distance) for distance, _, body in shown]


def _distance_km(near: Nearby, one: _Place) -> float:
    return distance_km(near, one[4], one[5])
