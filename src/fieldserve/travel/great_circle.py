"""Travel times without anybody to ask: the great circle, a road factor, and speeds by the hour.

seconds = metres of the great circle × road factor ÷ speed at the hour of departure, and a few minutes for each trip
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldserve.travel.matrix import HOURS, Matrix
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
        metres = metres_apart(one, other) * self.road_factor
        if metres == 0:
            return 0, 0
        return round(metres * 3.6 / self.speeds[hour]) + self.seconds_per_trip, round(metres)

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """From each of the sources to each of the targets; without an hour at the fastest of the day."""
        at = self.speeds.index(max(self.speeds)) if hour is None else hour
        trips = [[self.trip(one, other, at) for other in targets] for one in sources]
        return Matrix([[trip[0] for trip in row] for row in trips], [[trip[1] for trip in row] for row in trips])

    def slower(self, hour: int) -> float:
        """How many times as long as on empty roads a trip takes at the hour."""
        return max(self.speeds) / self.speeds[hour]
