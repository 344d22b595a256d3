"""Travel times for plans: kept, asked for, estimated."""

from dataclasses import replace
from typing import Any

import pytest

from fieldserve.config import Settings
from fieldserve.domain.intervals import DAY
from fieldserve.operations.run import Context
from fieldserve.operations.travel import great_circle, purge_travel_times, travel_times
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import Database
from fieldserve.store.keys import Seal
from fieldserve.travel.matrix import UNREACHABLE
from fieldserve.travel.places import Place
from tests.access import SetClock
from tests.travel import services
from tests.travel.services import Local, serving

PLACES = [Place(40.0, -73.0), Place(40.01, -73.0), Place(40.0, -73.05)]


def context_of(database: Database, **settings: Any) -> Context:
    """A context that keeps no documents."""
    nobody: Blobs = None  # type: ignore[assignment]
    return Context(Settings(**settings), database, nobody, Seal(bytes(32)), SetClock())


def osrm(database: Database, local: Local) -> Context:
    """A context that asks an OSRM, without a speed profile: every hour is as fast."""
    return context_of(database, travel_source="osrm", travel_url=local.url, travel_speeds=("50",))


async def test_great_circle(database: Database) -> None:
    """Without a service every hour has its own times, and nobody is asked."""
    context = context_of(database)
    times = await travel_times(context, PLACES, [8, 3])
    base = great_circle(context.settings)
    assert times.seconds[8][0][1] == base.trip(PLACES[0], PLACES[1], 8)[0] > times.seconds[3][0][1]
    assert (times.source, times.notices, times.seconds[3][2][2]) == ("great-circle", [], 0)


async def test_asked_once(database: Database) -> None:
    """What a service said is kept: the second plan asks it nothing, and a new place only for its own pairs."""
    with serving(services.osrm) as local:
        context = osrm(database, local)
        first = await travel_times(context, PLACES, [8, 9])
        assert first.seconds[8] == first.seconds[9] == [[0, 60, 300], [60, 0, 360], [300, 360, 0]]
        assert (first.metres[1][2], first.source, len(local.requests)) == (6000, "osrm", 1)
        assert (await travel_times(context, PLACES, [8])).seconds == {8: first.seconds[8]}
        assert len(local.requests) == 1
        more = await travel_times(context, [*PLACES, Place(40.0, -73.1)], [8])
        assert more.seconds[8][0] == [0, 60, 300, 600]
        assert more.seconds[8][3] == [600, 660, 300, 0]


async def test_same_place_twice(database: Database) -> None:
    """Two visits in one house are one place to the service, and no distance to each other."""
    with serving(services.osrm) as local:
        times = await travel_times(osrm(database, local), [PLACES[0], PLACES[1], PLACES[0]], [8])
        assert times.seconds[8] == [[0, 60, 0], [60, 0, 60], [0, 60, 0]]
        assert local.requests[0].path.count(";") == 3  # two sources and two targets


async def test_in_blocks(database: Database) -> None:
    """More places than one request may name are asked for in several."""
    places = [Place(40 + rank / 100, -73.0) for rank in range(60)]
    with serving(services.osrm) as local:
        times = await travel_times(osrm(database, local), places, [8])
        assert len(local.requests) == 4  # 50 + 10 sources, each to 50 + 10 targets
    # 59 km apart.
    assert (times.seconds[8][0][59], times.metres[59][0]) == (3540, 59_000)


async def test_traffic_on_roads_without_hours(database: Database) -> None:
    """OSRM knows no hours: its times grow as those of the speeds do. Here 25 km/h at 8, 50 at all others."""
    speeds = tuple("25" if hour == 8 else "50" for hour in range(24))
    with serving(services.osrm) as local:
        context = context_of(database, travel_source="osrm", travel_url=local.url, travel_speeds=speeds)
        times = await travel_times(context, PLACES, [8, 9])
    assert (times.seconds[8][0][2], times.seconds[9][0][2]) == (600, 300)


async def test_hours_of_a_service(database: Database) -> None:
    """A service that knows hours is asked for a few of them: 7 takes 6's, 10 and 11 take 9's."""
    with serving(services.valhalla) as local:
        context = context_of(database, travel_source="valhalla", travel_url=local.url)
        times = await travel_times(context, PLACES, [7, 10, 11])
        assert [times.seconds[hour][0][1] for hour in (7, 10, 11)] == [66, 69, 69]
        assert len(local.requests) == 2


async def test_away(database: Database) -> None:
    """A service that is away is replaced by distances, with a notice that names it, and nothing is kept."""
    with serving(services.osrm) as local:
        local.status = 503
        context = osrm(database, local)
        times = await travel_times(context, PLACES, [8, 9])
        host = local.url.removeprefix("http://")
        assert times.notices == [f"Travel times are estimated from distances: {host} answered 503: out of order."]
        assert (times.source, len(local.requests)) == ("great-circle", 1)
        assert times.seconds[8][0][1] == great_circle(context.settings).trip(PLACES[0], PLACES[1], 8)[0]
        local.status = 200
        assert (await travel_times(context, PLACES, [8])).source == "osrm"


async def test_no_road(database: Database) -> None:
    """A pair that no road connects is out of reach at every hour, and told."""
    with serving(services.osrm) as local:
        times = await travel_times(osrm(database, local), [PLACES[0], Place(81, 0)], [8])
    assert times.seconds[8] == [[0, UNREACHABLE], [UNREACHABLE, 0]]
    assert times.notices == ["osrm knows no road for 2 trips between places; nobody is sent on them."]


async def test_old_answers(database: Database) -> None:
    """Answers that are too old are asked for again, and forgotten by the purge."""
    with serving(services.osrm) as local:
        context = osrm(database, local)
        await travel_times(context, PLACES, [8])
        later = replace(context, clock=SetClock(context.clock.now() + 31 * DAY))
        await travel_times(later, PLACES, [8])
        assert len(local.requests) == 2
        await purge_travel_times(replace(context, clock=SetClock(context.clock.now() + 90 * DAY)))
    row = await database.read(lambda c: c.fetch_one("SELECT count(*) FROM travel_times"))
    assert row is not None
    assert row[0] == 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"travel_source": "osrm"}, "travel_url"),
        ({"travel_source": "osrm", "travel_url": "localhost"}, "travel_url"),
        ({"travel_source": "magic"}, "travel_source"),
        ({"geocoder": "nominatim"}, "geocoder_url"),
        ({"travel_speeds": ("50", "60")}, "travel_speeds"),
        ({"travel_speeds": ("fast",)}, "travel_speeds"),
        ({"travel_road_factor": "0.5"}, "travel_road_factor"),
        ({"travel_timeout": 0}, "travel_timeout"),
        ({"map_style": "tiles"}, "map_style"),
        ({"map_style": "https://tiles.example;script-src/{z}/{x}/{y}"}, "map_style"),
        ({"map_style": "https://tiles.example/{z}/{x}", "map_attribution": "us"}, "{x} and {y}"),
        ({"map_style": "https://tiles.example/{z}/{x}/{y}.png"}, "map_attribution"),
        ({"map_style": "https://tiles.example/style.json", "map_hosts": ("https://a.example/fonts",)}, "map_hosts"),
    ],
)
def test_settings_that_will_not_do(settings: dict[str, Any], says: str) -> None:
    """Each is refused with its name."""
    from fieldserve.config import SettingFault, load

    with pytest.raises(SettingFault, match=says):
        load({}, **settings)
