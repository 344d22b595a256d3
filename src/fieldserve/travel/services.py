"""Sources that ask a routing service: OSRM, Valhalla, and any other through a small interface of HTTP and JSON."""

from collections.abc import Sequence
from typing import Any

from fieldserve.travel.asking import Asking, NoAnswer
from fieldserve.travel.matrix import UNREACHABLE, Matrix, TravelFault
from fieldserve.travel.places import Place

# Times of the day between which traffic differs most; a source that knows hours is asked for these alone, and each
# hour of a plan takes the last of them at or before it.
ASKED_HOURS = (6, 9, 12, 15, 18, 21)
# Valhalla's speeds repeat by the week. Any Tuesday will do, so that answers can be kept.
_TUESDAY = "2026-03-03"


class OSRM:
    """The table service of OSRM. It knows roads, no hours; `profile` is the one the server was prepared with."""

    name = "osrm"
    asked_hours: tuple[int, ...] = ()
    concurrency = 4
    # A server takes 100 coordinates in a request unless it was started with more.
    block = 50

    def __init__(self, url: str, profile: str = "", timeout: float = 5.0):
        self.profile = profile or "driving"
        self._asking = Asking(url, timeout)

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """As Source says."""
        places = [*sources, *targets]
        path = f"/table/v1/{self.profile}/" + ";".join(f"{one.longitude},{one.latitude}" for one in places)
        query = {
            "annotations": "duration,distance",
            "sources": ";".join(map(str, range(len(sources)))),
            "destinations": ";".join(map(str, range(len(sources), len(places)))),
        }
        answer = await _ask(self._asking, path, query)
        if not isinstance(answer, dict) or answer.get("code") != "Ok":
            raise TravelFault(f"{self._asking.host} answered no table")
        shape = (len(sources), len(targets))
        return _matrix(self._asking.host, answer.get("durations"), answer.get("distances"), shape)


class Valhalla:
    """The matrix of Valhalla. It knows hours where it was given traffic; `profile` is a costing, such as `auto`."""

    name = "valhalla"
    asked_hours: tuple[int, ...] = ASKED_HOURS
    concurrency = 4
    block = 50

    def __init__(self, url: str, profile: str = "", timeout: float = 5.0):
        self.profile = profile or "auto"
        self._asking = Asking(url, timeout)

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """As Source says."""
        answer = await _ask(self._asking, "/sources_to_targets", body=valhalla_request(self, sources, targets, hour))
        return valhalla_matrix(self._asking.host, answer, (len(sources), len(targets)))


def valhalla_request(
    source: Any, sources: Sequence[Place], targets: Sequence[Place], hour: int | None
) -> dict[str, Any]:
    """What Valhalla is asked, over HTTP or embedded."""
    asked: dict[str, Any] = {
        "sources": [{"lat": one.latitude, "lon": one.longitude} for one in sources],
        "targets": [{"lat": one.latitude, "lon": one.longitude} for one in targets],
        "costing": source.profile,
        "units": "kilometers",
        "verbose": True,
    }
    if hour is not None:
        asked["date_time"] = {"type": 1, "value": f"{_TUESDAY}T{hour:02d}:00"}
    return asked


def valhalla_matrix(who: str, answer: Any, shape: tuple[int, int]) -> Matrix:
    """What Valhalla answered, in seconds and metres. Raises TravelFault."""
    rows = answer.get("sources_to_targets") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise TravelFault(f"{who} answered no matrix")
    cells = [[one if isinstance(one, dict) else {} for one in row] for row in rows]
    seconds = [[one.get("time") for one in row] for row in cells]
    kilometres = [[one.get("distance") for one in row] for row in cells]
    metres = [[one * 1000 if isinstance(one, int | float) else None for one in row] for row in kilometres]
    return _matrix(who, seconds, metres, shape)


class EmbeddedValhalla:
    """Valhalla inside this process, from the package pyvalhalla and the configuration file of its tiles.

    The package is no dependency: whoever wants it installs it beside fieldserve."""

    name = "valhalla"
    asked_hours: tuple[int, ...] = ASKED_HOURS
    concurrency = 1
    block = 100

    def __init__(self, configuration: str, profile: str = ""):
        self.profile = profile or "auto"
        self._configuration = configuration
        self._actor: Any = None

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """As Source says."""
        import asyncio

        asked = valhalla_request(self, sources, targets, hour)
        try:
            answer = await asyncio.to_thread(lambda: self._opened().matrix(asked))
        except (ImportError, RuntimeError, OSError, ValueError) as fault:
            raise TravelFault(f"the embedded Valhalla cannot answer: {fault}") from None
        return valhalla_matrix("the embedded Valhalla", answer, (len(sources), len(targets)))

    def _opened(self) -> Any:
        if self._actor is None:
            try:
                from valhalla import Actor
            except ModuleNotFoundError:
                raise ImportError("it needs the package pyvalhalla, which is not installed") from None
            self._actor = Actor(self._configuration)
        return self._actor


class Service:
    """Any other service: POST of sources and targets as JSON, answered by two matrices.

    {"sources": [[latitude, longitude], …], "targets": […], "hour": 8, "profile": "car"}
    → {"seconds": [[…], …], "metres": [[…], …]}, a row for each source; null where there is no way."""

    name = "http"
    asked_hours: tuple[int, ...] = ASKED_HOURS
    concurrency = 4
    block = 100

    def __init__(self, url: str, profile: str = "", timeout: float = 5.0):
        self.profile = profile or "car"
        self._asking = Asking(url, timeout)

    async def matrix(self, sources: Sequence[Place], targets: Sequence[Place], hour: int | None) -> Matrix:
        """As Source says."""
        asked = {"sources": list(sources), "targets": list(targets), "hour": hour, "profile": self.profile}
        answer = await _ask(self._asking, body=asked)
        if not isinstance(answer, dict):
            raise TravelFault(f"{self._asking.host} answered no matrix")
        shape = (len(sources), len(targets))
        return _matrix(self._asking.host, answer.get("seconds"), answer.get("metres"), shape)


async def _ask(asking: Asking, path: str = "", query: dict[str, str] | None = None, body: Any = None) -> Any:
    async with asking.client() as client:
        try:
            return await asking.json(client, path, query, body)
        except NoAnswer as fault:
            raise TravelFault(str(fault)) from None


def _matrix(who: str, seconds: Any, metres: Any, shape: tuple[int, int]) -> Matrix:
    """Both in whole numbers, of the shape that was asked for. Raises TravelFault."""
    for rows in (seconds, metres):
        if (
            not isinstance(rows, list)
            or len(rows) != shape[0]
            or any(not isinstance(row, list) or len(row) != shape[1] for row in rows)
        ):
            raise TravelFault(f"{who} answered a matrix of another shape than {shape[0]} × {shape[1]}")
        if any(not (value is None or (isinstance(value, int | float) and value >= 0)) for row in rows for value in row):
            raise TravelFault(f"{who} answered a matrix that does not hold numbers")
    return Matrix(
        [[UNREACHABLE if value is None else round(value) for value in row] for row in seconds],
        [[0 if value is None else round(value) for value in row] for row in metres],
    )
