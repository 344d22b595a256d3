"""The board, its searches, and changes to a job as it was seen, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.operations import board
from fieldserve.operations.board import Placed
from fieldserve.operations.run import Caller, Context
from fieldserve.store.board import Search
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.times import Instant, parse
from tests.world import ANN, BOB, CID, NOW, OTHER_SELLER, SELLER, STORE, US, World, a_world

DORA = Caller(SELLER, marketplaces=frozenset({US}), actor="user:dora")
TEN, ELEVEN = parse("2026-03-03T15:00:00Z"), parse("2026-03-03T16:00:00Z")  # Tuesday, in New York
TUESDAY = (parse("2026-03-03T05:00:00Z"), parse("2026-03-04T05:00:00Z"))
REASON = "CUSTOMER_REQUEST"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The small world."""
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def version_of(world: World, job_id: str) -> Instant:
    """The version of a job that a board would show."""
    found = await board.search_jobs(world.context, DORA, Search(job_id), None, 1)
    return found[0].updated_at


async def place(
    world: World, job_id: str, start: Instant | None, crew: list[str] | None, version: Instant | None = None
) -> Placed:
    """A drop on the board."""
    seen = await version_of(world, job_id) if version is None else version

    async def do(context: Context) -> Placed:
        return await board.place(context, DORA, job_id, start, crew, REASON)

    return await board.on_version(world.context, DORA, job_id, seen, do)


class TestLoad:
    async def test_day(self, world: World) -> None:
        """A day shows its visits with their technicians, everybody's hours, and the jobs that wait."""
        booked, waiting = await world.order(), await world.order()
        await place(world, booked, TEN, [ANN])
        found = await board.load_board(world.context, DORA, TUESDAY, NOW - DAY)
        (visit,) = found.visits
        assert (visit.service_job_id, visit.start, visit.end, visit.title) == (booked, TEN, ELEVEN, "TV mounting")
        assert visit.technicians == ((ANN, "Ann", False),)
        assert [one.service_job_id for one in found.waiting] == [waiting]
        ann = next(one for one in found.days if one.technician.technician_id == ANN)
        # Nine to five in New York.
        assert ann.hours == [(parse("2026-03-03T14:00:00Z"), parse("2026-03-03T22:00:00Z"), 1)]
        assert found.sequence > 0

    async def test_other_seller(self, world: World) -> None:
        """Another seller's board shows nothing of it."""
        await place(world, await world.order(), TEN, [ANN])
        found = await board.load_board(world.context, DORA.of_seller(OTHER_SELLER), TUESDAY, NOW)
        assert (list(found.visits), list(found.waiting)) == ([], [])


class TestPlace:
    async def test_book_and_staff(self, world: World) -> None:
        """A job from the tray is booked and staffed by one drop."""
        job_id = await world.order()
        await place(world, job_id, TEN, [BOB])
        assert await world.kinds(job_id) == ["appointment.added", "appointment.assigned"]

    async def test_move_to_another(self, world: World) -> None:
        """A visit moves in time and to another technician by one drop."""
        job_id = await world.order()
        first = await place(world, job_id, TEN, [ANN])
        moved = await place(world, job_id, ELEVEN, [BOB])
        assert moved.appointment_id != first.appointment_id
        (visit,) = [
            one for one in (await board.load_board(world.context, DORA, TUESDAY, NOW)).visits if one.status == "ACTIVE"
        ]
        assert (visit.start, [one[0] for one in visit.technicians]) == (ELEVEN, [BOB])

    async def test_all_or_nothing(self, world: World) -> None:
        """Where the technician is refused, the move is undone with it."""
        job_id = await world.order()
        await place(world, job_id, TEN, [ANN])
        with pytest.raises(ApiError, match="RESOURCES_MISSING_REQUIRED_SKILLS"):
            await place(world, job_id, ELEVEN, [CID])
        (visit,) = (await board.load_board(world.context, DORA, TUESDAY, NOW)).visits
        assert (visit.start, visit.status) == (TEN, "ACTIVE")
        assert await world.kinds(job_id) == ["appointment.added", "appointment.assigned"]

    async def test_second_is_told_who_was_first(self, world: World) -> None:
        """Of two who decide on the same version the second is refused, told who was first, and changes nothing."""
        job_id = await world.order()
        await place(world, job_id, TEN, [ANN])
        seen = await version_of(world, job_id)
        await place(world, job_id, None, [BOB], seen)
        with pytest.raises(ApiError, match="changed meanwhile") as refusal:
            await place(world, job_id, ELEVEN, None, seen)
        assert refusal.value.status == 409
        assert refusal.value.faults[0].details == "user:dora"
        (visit,) = (await board.load_board(world.context, DORA, TUESDAY, NOW)).visits
        assert (visit.start, [one[0] for one in visit.technicians]) == (TEN, [BOB])

    async def test_unknown(self, world: World) -> None:
        """A job that is not the seller's is none."""
        job_id = await world.order()
        other = DORA.of_seller(OTHER_SELLER)
        with pytest.raises(ApiError, match="No job exists"):
            await board.on_version(
                world.context, other, job_id, 0, lambda context: board.place(context, other, job_id, TEN, None, REASON)
            )


class TestProspects:
    async def test_who_could(self, world: World) -> None:
        """Who is free comes first, then who has another visit, then who does not fit, with all that is against."""
        await place(world, await world.order(), TEN, [ANN])
        job_id = await world.order()
        found = await board.find_prospects(world.context, DORA, job_id, TEN)
        assert [(one.technician_id, one.overbooked, one.mismatches) for one in found] == [
            (BOB, False, ()),
            (ANN, True, ()),
            (CID, False, ("SKILLS", "STORE")),
        ]
        assert [one.free for one in found] == [True, False, False]

    async def test_own_visit_does_not_count(self, world: World) -> None:
        """Who does the visit now is not busy with it."""
        job_id = await world.order()
        await place(world, job_id, TEN, [ANN])
        found = await board.find_prospects(world.context, DORA, job_id, None)
        assert {one.technician_id: one.free for one in found} == {ANN: True, BOB: True, CID: False}


class TestSearch:
    async def find(self, world: World, **wanted: object) -> list[str]:
        """The ids that a search finds."""
        found = await board.search_jobs(world.context, DORA, Search(**wanted), None, 10)  # type: ignore[arg-type]
        return [one.service_job_id for one in found]

    async def test_text(self, world: World) -> None:
        """An id, how it begins, an order, a parcel, the buyer, or a part of what the document says."""
        one = await world.order("alpha-1", tracking_ids=["TRACK9"])
        two = await world.order("beta-2", service_order_id="999-0000000-0000001")
        assert await self.find(world, text="alpha-1") == [one]
        assert await self.find(world, text="beta") == [two]
        assert await self.find(world, text="TRACK9") == [one]
        assert await self.find(world, text="999-0000000-0000001") == [two]
        assert sorted(await self.find(world, text="A1BUYER")) == [one, two]
        assert sorted(await self.find(world, text="main st")) == [one, two]
        assert await self.find(world, text="50% off_") == []

    async def test_filters(self, world: World) -> None:
        """Status, store, technician, and the days of order and visit, together."""
        job_id = await world.order()
        await place(world, job_id, TEN, [ANN])
        await world.order()
        assert await self.find(world, statuses=("NOT_SERVICED",), store_ids=(STORE,), technician_id=ANN) == [job_id]
        assert await self.find(world, technician_id=BOB) == []
        assert await self.find(world, visited=TUESDAY) == [job_id]
        assert await self.find(world, visited=(TEN + HOUR, TEN + DAY)) == []
        assert len(await self.find(world, created=(NOW, NOW + 1))) == 2

    async def test_pages(self, world: World) -> None:
        """Pages go from the newest order on, none twice, none left out."""
        made = []
        for _ in range(3):
            made.append(await world.order())
            world.clock.advance(HOUR)
        first = await board.search_jobs(world.context, DORA, Search(), None, 2)
        key = (first[-1].created_at, first[-1].service_job_id)
        rest = await board.search_jobs(world.context, DORA, Search(), key, 2)
        assert [one.service_job_id for one in (*first, *rest)] == made[::-1]
