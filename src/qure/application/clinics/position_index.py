"""Active clinics in rows of latitude: those within a circle are found without a database."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import repeat
from math import dist, floor, pi, sin

from qure.application.clinics.geography import EARTH_RADIUS_KM, Box, distance_km, point_at
from qure.application.ports.storage import ClinicFilter, Nearby, Page
from qure.domain.clinic import Clinic, ClinicType
from qure.domain.ids import ClinicId

ROWS_PER_DEGREE = 50
MAX_ROWS = 2_000
MAX_CANDIDATES = 2_000
"""Looking at more clinics, or into more rows, would hold up everybody else for some 5 ms."""
PLACE_BYTES = 600
"""Roughly what a clinic costs beside its body (measured on CPython 3.11)."""

# On a globe of radius 1, a few micrometres on the real one: what is nearer to the edge than that,
# or to each other, is told apart by the formula, and rounding is a thousand times smaller.
_SLACK = 1e-12


@dataclass(frozen=True, slots=True)
class Nearest:
    """A page of bodies with their distances in km, nearest first, and how many match in all."""

    shown: list[tuple[bytes, float]]
    total: int


# A plain tuple: unlike an object it is let alone by the garbage collector, however many.
_Place = tuple[float, float, bytes, ClinicType, str, bytes]


class _Row:
    """The clinics of one row from west to east. Positions are columns of numbers: looked at all
    at once, objects that lie all over the memory would cost several times as much."""

    def __init__(self) -> None:
        self.longitudes = array("d")
        self.axes = (array("d"), array("d"), array("d"))
        self.places: list[_Place] = []

    def insert(self, place: _Place) -> None:
        at = bisect_left(self.longitudes, place[1])
        self.longitudes.insert(at, place[1])
        for axis, value in zip(self.axes, point_at(place[0], place[1]), strict=True):
            axis.insert(at, value)
        self.places.insert(at, place)

    def remove(self, place: _Place) -> None:
        at = self.places.index(place, bisect_left(self.longitudes, place[1]))
        for column in (self.longitudes, *self.axes, self.places):
            del column[at]


class _Candidates:
    """Pieces of rows one after the other, numbered from 0 to ``count``."""

    def __init__(self) -> None:
        self._pieces: list[tuple[_Row, int, int]] = []
        self._starts: list[int] = []
        self.count = 0

    def add(self, row: _Row, west: float, east: float) -> None:
        start, end = bisect_left(row.longitudes, west), bisect_right(row.longitudes, east)
        if start < end:
            self._pieces.append((row, start, end))
            self._starts.append(self.count)
            self.count += end - start

    def chords(self, near: Nearby) -> list[float]:
        """How far each is by the straight line through the globe, whose radius is 1."""
        x, y, z = array("d"), array("d"), array("d")
        for row, start, end in self._pieces:
            for line, axis in zip((x, y, z), row.axes, strict=True):
                line += axis[start:end]
        here = point_at(near.latitude, near.longitude)
        return list(map(dist, zip(x, y, z, strict=True), repeat(here)))

    def places(self) -> list[_Place]:
        """All of them."""
        return [place for row, start, end in self._pieces for place in row.places[start:end]]

    def place(self, number: int) -> _Place:
        """One of them: where few are asked for, to touch all would cost as much as the rest."""
        piece = bisect_right(self._starts, number) - 1
        row, start, _ = self._pieces[piece]
        return row.places[start + number - self._starts[piece]]


class PlaceIndex:
    """Finds what ``Clinics.search`` finds near a place, in the same order.

    Of a clinic it keeps what a search asks for, and ``body``: how the clinic is shown.
    """

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._by_id: dict[bytes, _Place] = {}
        self.size = 0
        """Bytes in use (estimated)."""

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, clinic: Clinic, body: bytes) -> None:
        """How the clinic is from now on."""
        self.remove(clinic.id)
        id, name = clinic.id.bytes, clinic.name.casefold()
        place = (clinic.latitude, clinic.longitude, id, clinic.type, name, body)
        self._by_id[id] = place
        self._rows.setdefault(_row(clinic.latitude), _Row()).insert(place)
        self.size += PLACE_BYTES + len(body)

    def remove(self, id: ClinicId) -> None:
        """It is not found any more; one that is not known is ignored."""
        place = self._by_id.pop(id.bytes, None)
        if place is None:
            return
        number = _row(place[0])
        row = self._rows[number]
        row.remove(place)
        if not row.places:
            del self._rows[number]
        self.size -= PLACE_BYTES + len(place[5])

    def search(self, wanted: ClinicFilter, near: Nearby, *, page: Page) -> Nearest | None:
        """None when too much lies around the place to look at all of it in one go."""
        candidates = self._around(near)
        if candidates is None:
            return None

        def km(number: int) -> float:
            return distance_km(near, *candidates.place(number)[:2])

        # Chords order as great circles do, and cost a fifth.
        chords = candidates.chords(near)
        edge = 2 * sin(min(pi, near.radius_km / EARTH_RADIUS_KM) / 2)
        inside, outside = edge - _SLACK, edge + _SLACK
        found = [
            number
            for number, chord in enumerate(chords)
            if chord <= inside or (chord <= outside and km(number) <= near.radius_km)
        ]
        if wanted.type is not None or wanted.query is not None:
            found = _matching(candidates.places(), found, wanted)
        total, end = len(found), page.offset + page.size
        if end < total:
            last = sorted([chords[number] for number in found])[end - 1] + _SLACK
            found = [number for number in found if chords[number] <= last]
        ranked = sorted((km(number), candidates.place(number)[2:]) for number in found)
        shown = [(place[-1], distance) for distance, place in ranked[page.offset : end]]
        return Nearest(shown, total)

    def _around(self, near: Nearby) -> _Candidates | None:
        box = Box.around(near)
        numbers = range(_row(box.south), _row(box.north) + 1)
        if len(numbers) < len(self._rows):
            rows = [row for number in numbers if (row := self._rows.get(number)) is not None]
        else:
            rows = [row for number, row in self._rows.items() if number in numbers]
        if len(rows) > MAX_ROWS:
            return None
        candidates = _Candidates()
        for row in rows:
            for west, east in box.longitudes or ((-180.0, 180.0),):
                candidates.add(row, west, east)
            if candidates.count > MAX_CANDIDATES:
                return None
        return candidates


def _row(latitude: float) -> int:
    return floor(latitude * ROWS_PER_DEGREE)


def _matching(places: list[_Place], numbers: list[int], wanted: ClinicFilter) -> list[int]:
    if wanted.type is not None:
        numbers = [number for number in numbers if places[number][3] is wanted.type]
    if wanted.query is not None:
        query = wanted.query.casefold()
        numbers = [number for number in numbers if query in places[number][4]]
    return numbers
