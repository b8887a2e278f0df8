"""The part of the map in which everything within a distance lies, for an index to look in."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin

from qure.application.ports.storage import Nearby

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG)."""

# Rounding must not leave out what lies just on the edge; a tenth of a metre is plenty.
_SLACK = 1e-6


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
