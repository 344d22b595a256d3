"""What pages ask about capacity: reservations with their ids, and whom other hours would leave without room."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.domain.schedules import Availability
from fieldserve.operations import capacity, reservations
from fieldserve.operations.run import Caller
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.reservations import CreateReservationRequest, ReservationInput, read_reservation
from fieldserve.wire.times import parse
from tests.world import ANN, SELLER, STORE, World, a_world

US = "ATVPDKIKX0DER"
WHO = Caller(SELLER, marketplaces=frozenset({US}), actor="test")
START = parse("2026-03-03T15:00:00Z")
TUESDAY = (parse("2026-03-03T05:00:00Z"), parse("2026-03-04T05:00:00Z"))


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def test_reservations(world: World) -> None:
    """A training is listed on its day with its id, and on no other; cancelled by that id it is gone."""
    times = {"startTime": "2026-03-03T15:00:00Z", "endTime": "2026-03-03T17:00:00Z"}
    value, _ = read_reservation(CreateReservationRequest(ANN, ReservationInput("TRAINING", times)))
    assert value is not None
    await reservations.create_reservation(world.context, WHO, US, value)
    (one,) = await capacity.reservations_of(world.context, WHO, ANN, US, TUESDAY)
    assert (one.resource_id, one.reservation.type) == (ANN, "TRAINING")
    assert await capacity.reservations_of(world.context, WHO, ANN, US, (TUESDAY[0] + DAY, TUESDAY[1] + DAY)) == []
    await reservations.cancel_reservation(world.context, WHO, one.reservation_id, US)
    assert await capacity.reservations_of(world.context, WHO, ANN, US, TUESDAY) == []


async def test_overbooked_by(world: World) -> None:
    """Two at three o'clock have room for two; with one they have not, both. Nothing is changed by asking."""
    for _ in range(2):
        await world.book(await world.order(), "2026-03-03T15:00:00Z")
    one = Availability(START - HOUR, START + 4 * HOUR, None, 1)
    two = Availability(START - HOUR, START + 4 * HOUR, None, 2)
    for records, found in (([one], 2), ([two], 0), ([], 0), ([one, two], 0)):
        told = await capacity.overbooked_by(world.context, WHO, STORE, US, records, TUESDAY)
        assert [begin for begin, _ in told] == [START] * found
    assert (await capacity.capacities_of(world.context, WHO, STORE, US, TUESDAY)).available.at(START) == 0


async def test_unknown(world: World) -> None:
    """A resource that is none, and one of another marketplace, are 404."""
    for resource_id, marketplace in (("nobody", US), (STORE, "A1PA6795UKMFR9")):
        with pytest.raises(ApiError, match="404"):
            await capacity.reservations_of(world.context, WHO, resource_id, marketplace, TUESDAY)
        with pytest.raises(ApiError, match="404"):
            await capacity.overbooked_by(world.context, WHO, resource_id, marketplace, [], TUESDAY)
