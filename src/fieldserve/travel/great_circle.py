"""Travel times without anybody to ask: the great circle, a road factor, and speeds by the hour.

seconds = metres of the great circle × road factor ÷ speed at the hour of departure, and a few minutes for each trip
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fieldserve.travel.matrix import HOURS, Matrix, Rows
from fieldserve.travel.places import Place, metres_apart

# km/h through a town and its surroundings by hour of departure: slow with the crowd, fast at night.
SPEEDS: tuple[float, ...] = (
    *(50.0,) * 6,
    *(42.0, 34.0, 30.0, 34.0, 38.0, 38.0),
    *(37.0, 37.0, 36.0, 33.0, 29.0, 28.0),
    *(32.0, 38.0, 43.0, 46.0, 48.0, 50.0),
)
ROAD_FACTOR = 1.3


@dataclass(frozen=True, slots=True)
class GreatCircle:
    """The source that every other falls back to. Speeds are km/h for each hour of the local day."""

    road_factor: float = ROAD_FACTOR
    speeds: tuple[float, ...] = SPEEDS
    seconds_per_trip: int = 120
    """For parking, and for finding the door; not for a place where one already is."""
    name: str = "great-circle"
    profile: str = "car"
    asked_hours: tuple[int, ...] = tuple(range(HOURS))
    concurrency: int = 1
    block: int = 100_000

    def trip(self, one: Place, other: Place, hour: int) -> tuple[int, int]:
        """Seconds and metres between two places, leaving at the hour."""
        metres = self._metres(one, other)
        return self._seconds([[metres]], hour)[0][0], round(metres)

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """From each of the sources to each of the targets; without an hour at the fastest of the day."""
        at = self.speeds.index(max(self.speeds)) if hour is None else hour
        metres = [[self._metres(one, other) for other in targets] for one in sources]
        return Matrix(self._seconds(metres, at), _whole(metres))

    def matrices(self, places: Sequence[Place], hours: Iterable[int]) -> dict[int, Matrix]:
        """Between all of the places, for each of the hours: distances are worked out once."""
        metres = [[0.0] * len(places) for _ in places]
        for rank, one in enumerate(places):
            for other in range(rank + 1, len(places)):
                metres[rank][other] = metres[other][rank] = self._metres(one, places[other])
        whole = _whole(metres)
        return {hour: Matrix(self._seconds(metres, hour), whole) for hour in hours}

    def _metres(self, one: Place, other: Place) -> float:
        return metres_apart(one, other) * self.road_factor

    def _seconds(self, metres: list[list[float]], hour: int) -> Rows:
        a_metre, trip = 3.6 / self.speeds[hour], self.seconds_per_trip
        return [[round(one * a_metre) + trip if one else 0 for one in row] for row in metres]

    def slower(self, hour: int) -> float:
        """How many times as long as on empty roads a trip takes at the hour."""
        return max(self.speeds) / self.speeds[hour]


def _whole(metres: list[list[float]]) -> Rows:
    return [[round(one) for one in row] for row in metres]
