"""Where jobs are: pins, geocoders, postal codes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fieldserve.operations import places, privacy
from fieldserve.operations.places import CsvFault, import_postal_codes, locate, read_postal_codes
from fieldserve.operations.run import Caller
from fieldserve.store import jobs, travel
from fieldserve.store.engine import Database
from fieldserve.store.travel import TravelKey, Trip
from fieldserve.travel.places import Place
from fieldserve.wire.errors import ApiError
from fieldserve.wire.jobs import Address
from fieldserve.wire.places import SetJobPlace
from tests.travel import services
from tests.travel.services import serving
from tests.world import SELLER, World, a_world

OPERATOR = Caller(SELLER, actor="operator:test")
MAIN = Address("Pat Doe", "1 Main St", city="New York", postal_code="10001", country_code="US", phone="555-0100")
SIDE = Address("Pat Doe", "2 Side St", city="New York", postal_code="10002-1234", country_code="US")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def place_of(world: World, job_id: str) -> Any:
    job = await world.read(lambda c: jobs.find(c, SELLER, job_id))
    return None if job.latitude is None else (job.latitude, job.longitude)


class TestPin:
    async def test_put(self, world: World) -> None:
        """The job is where the operator says; the log knows who put it there, and not where."""
        job_id = await world.order()
        await places.set_job_place(world.context, OPERATOR, job_id, SetJobPlace(latitude=40.1234, longitude=-73.5))
        assert await place_of(world, job_id) == (40.1234, -73.5)
        assert await world.kinds(job_id) == ["job.located"]

    async def test_unknown_job(self, world: World) -> None:
        """A job that is not there is 404."""
        with pytest.raises(ApiError, match="404"):
            await places.set_job_place(world.context, OPERATOR, "nothing", SetJobPlace(latitude=1, longitude=1))

    async def test_erased_job(self, world: World) -> None:
        """What was erased stays erased."""
        job_id = await world.order(status="CANCELLED")
        await privacy.purge(world.context, OPERATOR, 0)
        world.clock.advance(1)
        await privacy.purge(world.context, OPERATOR, 0)
        with pytest.raises(ApiError, match="erased"):
            await places.set_job_place(world.context, OPERATOR, job_id, SetJobPlace(latitude=1, longitude=1))


class TestGeocoder:
    async def test_nobody_is_asked_by_default(self, world: World) -> None:
        """Without a setting no address leaves the server."""
        job_id = await world.order()
        found = await locate(world.context, OPERATOR, [(job_id, MAIN)])
        assert (found.places, found.notices) == ({}, ())

    async def test_found_and_kept(self, database: Database, tmp_path: Path) -> None:
        """A place is kept with its job; no name, no telephone is sent, and an address is asked for once."""
        with serving(services.nominatim) as local:
            settings = {"geocoder": "nominatim", "geocoder_url": local.url}
            async with a_world(database, tmp_path / "data", **settings) as world:
                ids = [await world.order() for _ in range(3)]
                found = await locate(world.context, OPERATOR, [(ids[0], MAIN), (ids[1], MAIN), (ids[2], SIDE)])
                assert found.places == dict.fromkeys(ids[:2], Place(40.7, -73.9))
                assert [await place_of(world, one) for one in ids] == [(40.7, -73.9), (40.7, -73.9), None]
        assert len(local.requests) == 2
        assert "Pat" not in str(local.requests)
        assert "555" not in str(local.requests)

    async def test_away(self, database: Database, tmp_path: Path) -> None:
        """A geocoder that is away is told, and postal codes stand in."""
        with serving(services.pelias) as local:
            local.status = 500
            settings = {"geocoder": "pelias", "geocoder_url": local.url}
            async with a_world(database, tmp_path / "data", **settings) as world:
                await import_postal_codes(world.context, read_postal_codes(["zip,lat,lon", "10001,40.75,-74"], "US"))
                job_id = await world.order()
                found = await locate(world.context, OPERATOR, [(job_id, MAIN)])
        assert found.places == {job_id: Place(40.75, -74)}
        assert "answered 500" in found.notices[0]


class TestPostalCodes:
    async def test_centre(self, world: World) -> None:
        """An address without a better place is at the centre of its postal code; the four extra digits do not count."""
        lines = ["country_code,postal_code,latitude,longitude", "us,10002,40.7,-73.98", "DE,10002,52,13", ""]
        assert await import_postal_codes(world.context, read_postal_codes(lines)) == 2
        job_id = await world.order()
        assert (await locate(world.context, OPERATOR, [(job_id, SIDE)])).places == {job_id: Place(40.7, -73.98)}

    async def test_again(self, world: World) -> None:
        """A newer file replaces what it names."""
        for latitude in (1, 2):
            await import_postal_codes(world.context, read_postal_codes(["plz,lat,lng", f"10115,{latitude},13"], "DE"))
        known = await world.read(lambda c: travel.postal_code(c, "DE", "10115"))
        assert known == ("DE", "10115", 2.0, 13.0)

    @pytest.mark.parametrize(
        ("lines", "says"),
        [
            ([], "first line"),
            (["a,b"], "missing: country, code"),
            (["zip,lat,lon", "1,2,3"], "missing: country"),
            (["country,zip,lat,lon", "US,1,north,3"], "line 2"),
            (["country,zip,lat,lon", "US,1,2,3", "US,1,91,3"], "line 3"),
            (["country,zip,lat,lon", "USA,1,2,3"], "two letters"),
            (["country,zip,lat,lon", "US,1"], "line 2"),
        ],
    )
    def test_files_that_will_not_do(self, lines: list[str], says: str) -> None:
        """The fault names the line, and what it takes."""
        with pytest.raises(CsvFault, match=says):
            read_postal_codes(lines)


async def test_erasing_a_buyer_forgets_the_way(world: World) -> None:
    """With the job's place go the travel times from and to it, and no others."""
    job_id = await world.order(status="CANCELLED")
    await places.set_job_place(world.context, OPERATOR, job_id, SetJobPlace(latitude=40.12341, longitude=-73.5))
    here, there, other = "40.1234,-73.5000", "1.0000,1.0000", "2.0000,2.0000"
    key = TravelKey("osrm", "driving", -1)
    trips = [Trip(here, there, 1, 1), Trip(there, here, 1, 1), Trip(there, other, 1, 1)]
    await world.write(lambda c: travel.keep(c, key, trips, world.clock.now()))
    await privacy.erase_buyer(world.context, OPERATOR, "A1BUYER")
    assert await place_of(world, job_id) is None
    left = await world.read(lambda c: travel.trips(c, key, [here, there, other], [here, there, other], 0))
    assert left == [Trip(there, other, 1, 1)]
