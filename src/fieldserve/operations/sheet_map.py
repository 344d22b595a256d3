"""A map without anybody's tiles: routes, stops, homes and stores drawn to scale, as coordinates of an SVG.

An equirectangular projection about the middle: within the reach of a day's drive its error is less than a line's width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import NamedTuple

from fieldserve.travel.places import Place

_MARGIN = 36.0
_METRES_A_DEGREE = 111_195.0
_SMALLEST_SPAN = 0.01  # degrees: one stop alone is shown with a kilometre around it
_BARS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)


class Pin(NamedTuple):
    """A place with what is written in it, and what it is; `key` is the id of the job that is done there."""

    place: Place
    text: str
    title: str
    key: str = ""


class Line(NamedTuple):
    """A technician's way, from home through the stops and back. `rank` tells it from the others: it has a colour."""

    name: str
    rank: int
    home: Place | None
    stops: list[Pin]

    @property
    def places(self) -> list[Place]:
        """Where it goes."""
        return [*(pin.place for pin in self.stops), *([self.home] if self.home else [])]


@dataclass(frozen=True, slots=True)
class Dot:
    """A point on the drawing, and on the earth."""

    x: float
    y: float
    text: str
    title: str
    rank: int
    place: Place
    key: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A line on the drawing, as an SVG's list of points, and on the earth."""

    points: str
    rank: int
    name: str
    way: list[Place]


@dataclass(frozen=True, slots=True)
class DrawnMap:
    """All of it, in the units of the drawing."""

    width: int
    height: int
    paths: list[Path]
    stops: list[Dot]
    homes: list[Dot]
    stores: list[Dot]
    bar: float
    bar_text: str


def draw(
    lines: Sequence[Line], stores: Sequence[Pin], width: int, height: int, around: Sequence[Place] = ()
) -> DrawnMap | None:
    """The map of the lines and stores, north up, that reaches to what is `around`; None where there is neither."""
    places = [*around, *(place for line in lines for place in line.places)]
    if not places:
        return None
    # A store far from all routes would make a dot of the rest.
    near = [pin for pin in stores if _is_near(pin.place, places)]
    places += [pin.place for pin in near]
    south, north = min(one.latitude for one in places), max(one.latitude for one in places)
    west, east = min(one.longitude for one in places), max(one.longitude for one in places)
    squeeze = max(cos(radians((south + north) / 2)), 0.01)
    tall = max(north - south, _SMALLEST_SPAN)
    wide = max((east - west) * squeeze, _SMALLEST_SPAN)
    scale = min((width - 2 * _MARGIN) / wide, (height - 2 * _MARGIN) / tall)

    def at(place: Place) -> tuple[float, float]:
        x = width / 2 + (place.longitude - (west + east) / 2) * squeeze * scale
        y = height / 2 - (place.latitude - (south + north) / 2) * scale
        return round(x, 1), round(y, 1)

    paths, stops, homes = [], [], []
    for line in lines:
        way = [*([line.home] if line.home else []), *(pin.place for pin in line.stops)]
        way += [line.home] if line.home else []
        paths.append(Path(" ".join(f"{x},{y}" for x, y in map(at, way)), line.rank, line.name, way))
        for pin in line.stops:
            stops.append(Dot(*at(pin.place), pin.text, f"{line.name}: {pin.title}", line.rank, pin.place, pin.key))
        if line.home:
            homes.append(Dot(*at(line.home), "", f"{line.name}: home", line.rank, line.home))
    metres = [bar for bar in _BARS if bar / _METRES_A_DEGREE * scale <= width / 4] or [_BARS[0]]
    length = metres[-1] / _METRES_A_DEGREE * scale
    text = f"{metres[-1] // 1000} km" if metres[-1] >= 1000 else f"{metres[-1]} m"
    drawn = [Dot(*at(pin.place), "", pin.title, 0, pin.place) for pin in near]
    return DrawnMap(width, height, paths, stops, homes, drawn, round(length, 1), text)


def _is_near(place: Place, places: Sequence[Place]) -> bool:
    return any(
        abs(place.latitude - one.latitude) < 0.5 and abs(place.longitude - one.longitude) < 0.8 for one in places
    )
