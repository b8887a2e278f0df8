"""Distances on the globe, and the part of the map in which everything within one lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin, sqrt

from qure.application.ports.storage import Nearby

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG)."""

_HALF_DEGREE = radians(0.5)

# Rounding must not leave out what lies just on the edge; a tenth of a metre is plenty.
_SLACK = 1e-6


def distance_km(place: Nearby, latitude: float, longitude: float) -> float:
    """Great-circle distance by the haversine formula, which is exact for near points too."""
    north = sin((latitude - place.latitude) * _HALF_DEGREE)
    east = sin((longitude - place.longitude) * _HALF_DEGREE)
    shrink = cos(radians(place.latitude)) * cos(radians(latitude))
    # Rounding may lift the sum above 1 for antipodes, where asin would fail.
    half_chord = sqrt(min(1.0, north * north + shrink * east * east))
    return 2.0 * EARTH_RADIUS_KM * asin(half_chord)


def point_at(latitude: float, longitude: float) -> tuple[float, float, float]:
    """Where that is in space, on a globe of radius 1 around its centre."""
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)


@dataclass(frozen=True, slots=True)
class Box:
    """From ``south`` to ``north``, within any of the ``longitudes`` (all of them when empty).

    There are two ranges of longitudes when the box lies across the antimeridian.
    """

    south: float
    north: float
    longitudes: tuple[tuple[float, float], ...]

    @classmethod
    def around(cls, place: Nearby) -> Box:
        """The smallest box that holds the spherical cap around ``place``, and hardly more.

        A cap that holds a pole has every longitude. Otherwise its widest points lie nearer to
        the pole than its centre, where it spans asin(sin(angle) / cos(latitude)) to each side.
        """
        angle = place.radius_km / EARTH_RADIUS_KM
        south = place.latitude - degrees(angle) - _SLACK
        north = place.latitude + degrees(angle) + _SLACK
        if south <= -90 or north >= 90:
            return cls(south, north, ())
        half_width = degrees(asin(min(1.0, sin(angle) / cos(radians(place.latitude))))) + _SLACK
        west, east = place.longitude - half_width, place.longitude + half_width
        if west <= -180:
            return cls(south, north, ((-180.0, east), (west + 360, 180.0)))
        if east >= 180:
            return cls(south, north, ((west, 180.0), (-180.0, east - 360)))
        return cls(south, north, ((west, east),))
