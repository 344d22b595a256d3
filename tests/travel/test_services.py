"""Sources of travel times and geocoders, against servers that speak as the real ones do."""

import socket
import sys
from typing import Any

import pytest

from fieldserve.travel.geocoding import Address, GeocodingFault, Nominatim, Pelias
from fieldserve.travel.matrix import UNREACHABLE, Source, TravelFault, asked_hour
from fieldserve.travel.places import Place
from fieldserve.travel.services import OSRM, EmbeddedValhalla, Service, Valhalla
from tests.travel import services
from tests.travel.services import serving

# 0.01 degrees are 1 km of the servers' road, and 60 s.
HERE, NEAR, FAR = Place(40.0, -73.0), Place(40.01, -73.0), Place(40.0, -73.05)
ADDRESS = Address(("1 Main St",), "New York", "NY", "10001", "US")


class TestOSRM:
    async def test_table(self) -> None:
        """Rows are sources, columns targets; seconds and metres are rounded to whole ones."""
        with serving(services.osrm) as local:
            matrix = await OSRM(local.url).matrix([HERE, FAR], [HERE, NEAR], None)
        # FAR is 5 km from HERE, 6 km from NEAR.
        assert matrix.seconds == [[0, 60], [300, 360]]
        assert matrix.metres == [[0, 1000], [5000, 6000]]
        asked = local.requests[0]
        assert asked.path == "/table/v1/driving/-73.0,40.0;-73.05,40.0;-73.0,40.0;-73.0,40.01"
        assert asked.query["annotations"] == ["duration,distance"]

    async def test_no_road(self) -> None:
        """A pair without a road is out of reach, not an error."""
        with serving(services.osrm) as local:
            matrix = await OSRM(local.url, "bike").matrix([HERE], [Place(81, 0)], None)
        assert (matrix.seconds, matrix.metres) == ([[UNREACHABLE]], [[0]])
        assert "/table/v1/bike/" in local.requests[0].path

    async def test_keys_stay_in_the_query(self) -> None:
        """A key in the URL goes along, and appears in no fault."""
        with serving(services.osrm) as local:
            source = OSRM(f"{local.url}?key=geheim")
            await source.matrix([HERE], [NEAR], None)
            assert local.requests[0].query["key"] == ["geheim"]
            local.status = 500
            with pytest.raises(TravelFault, match="answered 500: out of order") as fault:
                await source.matrix([HERE], [NEAR], None)
        assert "geheim" not in str(fault.value)


class TestValhalla:
    async def test_matrix_at_an_hour(self) -> None:
        """Kilometres become metres, and the hour of departure is told."""
        with serving(services.valhalla) as local:
            matrix = await Valhalla(local.url).matrix([HERE], [NEAR, FAR], 9)
        assert (matrix.seconds, matrix.metres) == ([[69, 309]], [[1000, 5000]])
        assert local.requests[0].body["costing"] == "auto"
        assert local.requests[0].body["date_time"] == {"type": 1, "value": "2026-03-03T09:00"}

    async def test_embedded_is_optional(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without its package the embedded one says what to install."""
        monkeypatch.setitem(sys.modules, "valhalla", None)
        with pytest.raises(TravelFault, match="pyvalhalla"):
            await EmbeddedValhalla("/etc/valhalla.json").matrix([HERE], [NEAR], 9)

    async def test_embedded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The embedded one is asked the same, and its answer is read the same way."""

        class Actor:
            def __init__(self, configuration: str):
                assert configuration == "/etc/valhalla.json"

            def matrix(self, asked: Any) -> Any:
                return services.valhalla(services.Request("POST", "", {}, asked))

        package = type(sys)("valhalla")
        package.Actor = Actor  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "valhalla", package)
        matrix = await EmbeddedValhalla("/etc/valhalla.json").matrix([HERE], [NEAR], 9)
        assert (matrix.seconds, matrix.metres) == ([[69]], [[1000]])


async def test_any_other_service() -> None:
    """The interface of our own: sources, targets, hour and profile as JSON."""
    with serving(services.plain) as local:
        matrix = await Service(f"{local.url}/matrix").matrix([HERE], [NEAR], 12)
    assert (matrix.seconds, matrix.metres) == ([[72]], [[1000]])
    assert local.requests[0].path == "/matrix"
    assert local.requests[0].body == {
        "sources": [[40.0, -73.0]],
        "targets": [[40.01, -73.0]],
        "hour": 12,
        "profile": "car",
    }


class TestFaults:
    @pytest.mark.parametrize("kind", [OSRM, Valhalla, Service])
    @pytest.mark.parametrize(
        "answer",
        [
            b"not JSON",
            [],
            {"code": "Ok", "durations": [[1]], "distances": [[1], [2]]},
            {"sources_to_targets": [[{"time": "soon", "distance": 1}]]},
            {"seconds": [[-1]], "metres": [[1]]},
        ],
    )
    async def test_nonsense(self, kind: type[OSRM], answer: Any) -> None:
        """Whatever is no matrix of the right shape, of numbers that are not negative, is a fault."""
        with serving(lambda _: answer) as local, pytest.raises(TravelFault):
            await kind(local.url).matrix([HERE], [NEAR], 9)

    async def test_nobody_there(self) -> None:
        """A port at which nobody listens is told by its host."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        with pytest.raises(TravelFault, match=f"127.0.0.1:{port} cannot be reached"):
            await OSRM(f"http://127.0.0.1:{port}").matrix([HERE], [NEAR], None)

    async def test_silence(self) -> None:
        """Whoever accepts and says nothing is left after the time limit."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(TravelFault, match="did not answer in time"):
                await OSRM(url, timeout=0.05).matrix([HERE], [NEAR], None)

    def test_no_url(self) -> None:
        """What is no URL is refused at once."""
        with pytest.raises(ValueError, match="http"):
            OSRM("localhost:5000")


def test_asked_hours() -> None:
    """An hour takes the last one that is asked for at or before it; the night, the last of the day before."""
    source: Source = Valhalla("http://127.0.0.1")
    assert [asked_hour(source, hour) for hour in (0, 6, 8, 9, 23)] == [21, 6, 6, 9, 21]
    assert asked_hour(OSRM("http://127.0.0.1"), 8) is None


class TestGeocoders:
    async def test_nominatim(self) -> None:
        """One place for an address that is known, none for another; no name is sent."""
        with serving(services.nominatim) as local:
            geocoder = Nominatim(local.url)
            assert await geocoder.find(ADDRESS) == Place(40.7, -73.9)
            assert await geocoder.find(ADDRESS._replace(lines=("2 Side St",))) is None
        assert local.requests[0].query["q"] == ["1 Main St, 10001 New York, NY, US"]
        assert local.requests[0].query["countrycodes"] == ["us"]

    async def test_pelias(self) -> None:
        """The same of GeoJSON, whose coordinates begin with the longitude."""
        with serving(services.pelias) as local:
            geocoder = Pelias(local.url)
            assert await geocoder.find(ADDRESS) == Place(40.7, -73.9)
            assert await geocoder.find(ADDRESS._replace(lines=("2 Side St",))) is None
        assert local.requests[0].path == "/v1/search"

    @pytest.mark.parametrize("kind", [Nominatim, Pelias])
    @pytest.mark.parametrize(
        "answer",
        [
            {"error": "no"},
            [{"lat": "north"}],
            [{"lat": "95", "lon": "0"}],
            {"features": [{"geometry": {"coordinates": []}}]},
            b"<html>",
        ],
    )
    async def test_nonsense(self, kind: type[Nominatim], answer: Any) -> None:
        """What is no place on the earth is a fault."""
        with serving(lambda _: answer) as local, pytest.raises(GeocodingFault):
            await kind(local.url).find(ADDRESS)
