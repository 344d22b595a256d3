"""Places on the earth, and how far they lie apart as the crow flies."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS = 6_371_008.8
"""Metres: the mean radius of the IUGG."""

DECIMALS = 4
"""Places are told apart to that many decimals of a degree: some 11 m, closer than where a car is parked."""


class Place(NamedTuple):
    """A point, in degrees."""

    latitude: float
    longitude: float

    @property
    def rounded(self) -> "Place":
        """The place as it is asked about and kept: to DECIMALS."""
        # Adding zero turns −0.0 into 0.0, which would be written differently.
        return Place(round(self.latitude, DECIMALS) + 0.0, round(self.longitude, DECIMALS) + 0.0)

    @property
    def key(self) -> str:
        """The rounded place as a text, by which it is looked up: `52.5200,13.4050`."""
        latitude, longitude = self.rounded
        return f"{latitude:.{DECIMALS}f},{longitude:.{DECIMALS}f}"


def metres_apart(one: Place, other: Place) -> float:
    """Metres along the great circle (haversine), good to half a percent of the true distance."""
    if one == other:
        return 0.0
    north, south = radians(one.latitude), radians(other.latitude)
    across = radians(other.longitude - one.longitude)
    chord = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(across / 2) ** 2
    return 2 * EARTH_RADIUS * asin(min(1.0, sqrt(chord)))
