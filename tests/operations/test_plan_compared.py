"""Plans beside each other and beside the board: what they come to, and which visits differ."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from fieldserve.operations.plan_compared import Incomparable, Placed, compare_days
from fieldserve.operations.run import Caller
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.times import parse
from tests.day import Day, a_day
from tests.desk import a_desk
from tests.world import ANN, BOB, OTHER_SELLER, SELLER, a_world

CALLER = Caller(SELLER, actor="test")
THREE, SIX = parse("2026-03-03T15:00:00Z"), parse("2026-03-03T18:00:00Z")


@pytest.fixture
async def day(database: Database, tmp_path: Path) -> AsyncIterator[Day]:
    async with a_world(database, tmp_path / "data") as world, a_desk(world) as desk:
        yield await a_day(desk)


async def test_with_the_board(day: Day) -> None:
    """The two who are on each other's visits change places, and the third gets somebody; times stay."""
    record = await day.plan()
    made = await compare_days(day.desk.world.context, CALLER, record["planId"], None)
    assert made.one.plan is None
    assert made.other.plan is not None
    assert {each.service_job_id: (each.one, each.other) for each in made.differences} == {
        day.here: (Placed((BOB,), THREE), Placed((ANN,), THREE)),
        day.there: (Placed((ANN,), THREE), Placed((BOB,), THREE)),
        day.later: (Placed(), Placed((ANN,), SIX)),
    }
    assert (made.one.figures.assigned, made.other.figures.assigned) == (2, 3)
    assert made.one.figures.travel_metres == record["before"]["travelMetres"]
    # Of the plan, Ann works from 15:00 to 16:00 and from 18:00: two hours lie between, but for the 1.4 km there.
    (route,) = (one for one in made.other.days[0].routes if one.technician_id == ANN)
    assert made.other.idle_seconds == 2 * 3600 - route.stops[1].travel_seconds
    assert made.one.idle_seconds == 0


async def test_cost(day: Day) -> None:
    """Hours from leaving home until being back, and kilometres, at their prices."""
    record = await day.plan()
    side = (await compare_days(day.desk.world.context, CALLER, record["planId"], None)).other
    # Ann has 15:00 to 19:00, Bob 15:00 to 16:00, at home: 5 hours, and the way to the third visit and back home; work
    # begins when they arrive.
    road = sum(stop.travel_seconds for route in side.days[0].routes for stop in route.stops[:1])
    back = sum(route.return_seconds for route in side.days[0].routes)
    assert side.paid_seconds == 5 * 3600 + road + back
    assert side.cost(Decimal(36), Decimal(0)) == Decimal(side.paid_seconds) / 100
    assert side.cost(Decimal(0), Decimal("0.50")) == Decimal(side.figures.travel_metres) / 2000


async def test_applied(day: Day) -> None:
    """Once a plan is applied, the board is as it says."""
    record = await day.plan()
    await day.apply(record["planId"])
    made = await compare_days(day.desk.world.context, CALLER, record["planId"], None)
    assert (made.differences, made.moved) == ([], set())
    assert made.one.figures.travel_metres == made.other.figures.travel_metres


async def test_two_plans(day: Day) -> None:
    """The older one stands first, whichever is named first; what was pinned meanwhile differs."""
    first = await day.plan()
    await day.desk.call("POST", f"jobs/{day.here}/pin", {"pinned": True})
    day.desk.world.clock.advance(60_000_000)
    second = await day.plan()
    for ids in ((first, second), (second, first)):
        made = await compare_days(day.desk.world.context, CALLER, ids[0]["planId"], ids[1]["planId"])
        assert made.one.plan is not None
        assert made.one.plan.plan_id == first["planId"]
        assert day.here in made.moved


async def test_refused(day: Day) -> None:
    """Plans of other days cannot be compared, and plans of others are unknown."""
    context = day.desk.world.context
    first, second = await day.plan(), await day.plan(days=2)
    with pytest.raises(Incomparable):
        await compare_days(context, CALLER, first["planId"], second["planId"])
    for caller, plan_id in ((CALLER, "nothing"), (Caller(OTHER_SELLER, actor="test"), second["planId"])):
        with pytest.raises(ApiError):
            await compare_days(context, caller, first["planId"], plan_id)
