"""Local servers that speak as the services of travel times and geocoders do, over real HTTP.

Their world is flat: a degree is 100 km of road, a kilometre a minute, and it takes as many more seconds as the hour.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Point = tuple[float, float]  # latitude, longitude


def metres(one: Point, other: Point) -> int:
    """Of road: 100 km for each degree of latitude and longitude."""
    return round((abs(one[0] - other[0]) + abs(one[1] - other[1])) * 100_000)


def seconds(one: Point, other: Point, hour: int = 0) -> int:
    """A minute for each kilometre, and the hour on top."""
    return metres(one, other) * 60 // 1000 + (hour if one != other else 0)


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any


@dataclass
class Local:
    """A server on this machine. `answer` makes of a request a status and a JSON value, or bytes."""

    url: str
    requests: list[Request] = field(default_factory=list)
    status: int = 200


Answer = Callable[[Request], Any]


@contextmanager
def serving(answer: Answer) -> Iterator[Local]:
    """A server that answers so, until the end of the block."""
    local = Local("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def _do(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            request = Request(self.command, parts.path, parse_qs(parts.query), body)
            local.requests.append(request)
            value = answer(request) if local.status == 200 else {"message": "out of order"}
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(local.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    local.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield local
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def osrm(request: Request) -> Any:
    """`/table/v1/{profile}/{longitude,latitude;…}`. Places with a latitude above 80 have no roads."""
    places = [
        (float(one.split(",")[1]), float(one.split(",")[0])) for one in request.path.rpartition("/")[2].split(";")
    ]
    sources, targets = (
        [places[int(one)] for one in request.query[name][0].split(";")] for name in ("sources", "destinations")
    )

    def cell(one: Any, other: Any, value: float) -> float | None:
        return None if one != other and max(one[0], other[0]) > 80 else value

    return {
        "code": "Ok",
        "durations": [[cell(one, other, seconds(one, other) + 0.4) for other in targets] for one in sources],
        "distances": [[cell(one, other, metres(one, other) + 0.2) for other in targets] for one in sources],
    }


def valhalla(request: Request) -> Any:
    """`/sources_to_targets`, in kilometres."""
    sources, targets = ([(one["lat"], one["lon"]) for one in request.body[name]] for name in ("sources", "targets"))
    hour = int(request.body["date_time"]["value"][11:13]) if "date_time" in request.body else 0
    return {
        "units": "kilometers",
        "sources_to_targets": [
            [
                {
                    "from_index": row,
                    "to_index": column,
                    "time": seconds(one, other, hour),
                    "distance": metres(one, other) / 1000,
                }
                for column, other in enumerate(targets)
            ]
            for row, one in enumerate(sources)
        ],
    }


def plain(request: Request) -> Any:
    """The interface of our own."""
    sources, targets = ([tuple(one) for one in request.body[name]] for name in ("sources", "targets"))
    hour = request.body["hour"]
    return {
        "seconds": [[seconds(one, other, hour) for other in targets] for one in sources],
        "metres": [[metres(one, other) for other in targets] for one in sources],
    }


def nominatim(request: Request) -> Any:
    """`/search`: knows Main St alone."""
    if "Main St" not in request.query["q"][0]:
        return []
    return [{"lat": "40.7", "lon": "-73.9", "display_name": "somewhere"}]


def pelias(request: Request) -> Any:
    """`/v1/search`: knows Main St alone."""
    known = "Main St" in request.query["text"][0]
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-73.9, 40.7]}}
    return {"type": "FeatureCollection", "features": [feature] if known else []}
