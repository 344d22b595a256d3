"""Loading what decides about slots, in both databases."""

import asyncio
import random
from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Interval
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.slots import SchedulingType, StoreState, TechnicianState, Visit, conflict
from fieldserve.domain.slots import slots as free_slots
from fieldserve.store import reservations, resources, schedules, slots
from fieldserve.store.engine import Connection, Database
from fieldserve.store.reservations import StoredReservation
from tests.shop import ANN, BOB, BRANCH, MARKETPLACE, OTHER_SELLER, SELLER, SERVICE, STORE, ZONE, add_visit

HOURS = Availability(9 * HOUR, 17 * HOUR, Recurrence(100 * DAY), 2)
SHIFT = Availability(9 * HOUR, 17 * HOUR, Recurrence(100 * DAY))
LUNCH = Reservation(ReservationType.BREAK, Availability(12 * HOUR, 13 * HOUR))
WINDOW = (50 * DAY + 10 * HOUR, 50 * DAY + 12 * HOUR)


async def load(
    database: Database, store: str = STORE, window: Interval = WINDOW, *, seller: str = SELLER, buffer: int = DAY
) -> StoreState:
    loaded = await database.read(lambda c: slots.load(c, seller, store, window, buffer=buffer))
    assert loaded is not None
    assert loaded.marketplace_id == MARKETPLACE
    return loaded.state


def of(state: StoreState, technician_id: str) -> TechnicianState:
    return next(one for one in state.technicians if one.technician_id == technician_id)


class TestLoad:
    @pytest.mark.parametrize("lock", [False, True])
    async def test_everything(self, shop: Database, lock: bool) -> None:
        """The store and its technicians come with records, reservations and visits of their own."""
        start, end = WINDOW

        async def use(c: Connection) -> slots.LoadedStore | None:
            await schedules.append(c, SELLER, STORE, [HOURS])
            await schedules.append(c, SELLER, ANN, [SHIFT, SHIFT._replace(start=10 * HOUR)])
            lunch = LUNCH._replace(availability=Availability(start + HOUR, end))
            await reservations.add(c, StoredReservation(SELLER, "r1", STORE, MARKETPLACE, LUNCH, 0))
            await reservations.add(c, StoredReservation(SELLER, "r2", BOB, MARKETPLACE, lunch, 0))
            await add_visit(c, "j1", start, start + HOUR, ANN, buffers=(5 * MINUTE, 15 * MINUTE))
            await add_visit(c, "j2", start, end)
            return await slots.load(c, SELLER, STORE, WINDOW, lock)

        loaded = await shop.write(use)
        assert loaded is not None
        state = loaded.state
        with_ann = Visit(start, start + HOUR, 5 * MINUTE, 15 * MINUTE)
        assert loaded.marketplace_id == MARKETPLACE
        assert state.zone == ZoneInfo(ZONE)
        assert state.scheduling_type == SchedulingType.REAL_TIME_SCHEDULING
        assert list(state.records) == [HOURS]
        assert list(state.reservations) == []  # the lunch was 50 days ago
        assert sorted(state.visits) == [with_ann, Visit(start, end)]
        assert list(state.waiting) == [Visit(start, end)]
        ann, bob = of(state, ANN), of(state, BOB)
        assert (list(ann.records), list(ann.visits)) == ([SHIFT, SHIFT._replace(start=10 * HOUR)], [with_ann])
        assert (ann.eligible, ann.skills, ann.location_types) == (
            True,
            frozenset({"TV", "GLASS"}),
            frozenset({"IN_HOME"}),
        )
        assert not bob.eligible  # no background check
        assert [one.type for one in bob.reservations] == [ReservationType.BREAK]
        assert list(bob.visits) == []

    async def test_no_store(self, shop: Database) -> None:
        """A technician is no store, and an unknown id is nothing, locked or not."""
        for lock in (False, True):
            for one in (ANN, "nowhere"):
                assert await shop.write(lambda c, one=one, lock=lock: slots.load(c, SELLER, one, WINDOW, lock)) is None  # type: ignore[misc]

    async def test_other_sellers(self, shop: Database) -> None:
        """With the same ids all over, nothing of one seller's reaches another's."""

        async def use(c: Connection) -> None:
            await schedules.append(c, OTHER_SELLER, STORE, [HOURS])
            await schedules.append(c, OTHER_SELLER, ANN, [SHIFT])
            await reservations.add(c, StoredReservation(OTHER_SELLER, "r1", ANN, MARKETPLACE, LUNCH, 0))
            await add_visit(c, "j1", *WINDOW, ANN, seller=OTHER_SELLER)

        await shop.write(use)
        state = await load(shop, window=(0, 60 * DAY))
        assert not state.records
        assert not state.visits
        assert not any(one.records or one.reservations or one.visits for one in state.technicians)
        theirs = await load(shop, window=(0, 60 * DAY), seller=OTHER_SELLER)
        assert list(of(theirs, ANN).visits) == [Visit(*WINDOW)]

    async def test_visits_at_other_stores(self, shop: Database) -> None:
        """Ann's visit for the branch is hers at the store, too, but not the store's."""
        await shop.write(lambda c: add_visit(c, "j1", *WINDOW, ANN, store=BRANCH))
        state = await load(shop)
        assert list(state.visits) == []
        assert list(of(state, ANN).visits) == [Visit(*WINDOW)]
        branch = await load(shop, BRANCH)
        assert [one.technician_id for one in branch.technicians] == [ANN]
        assert list(branch.visits) == [Visit(*WINDOW)]

    async def test_only_active(self, shop: Database) -> None:
        """What is cancelled or completed takes nothing."""
        await shop.write(lambda c: add_visit(c, "j1", *WINDOW, ANN, status="CANCELLED"))
        await shop.write(lambda c: add_visit(c, "j2", *WINDOW, ANN, status="COMPLETED"))
        state = await load(shop)
        assert list(state.visits) == list(of(state, ANN).visits) == []

    async def test_longest_visits(self, shop: Database) -> None:
        """A visit of seven days is seen from its first to its last instant, and a day around for its buffer."""
        start, end = 50 * DAY, 57 * DAY
        await shop.write(lambda c: add_visit(c, "j1", start, end, ANN, buffers=(DAY, DAY)))
        visit = Visit(start, end, DAY, DAY)
        near = [(start - DAY - 9, start - DAY + 1), (start, start + 9), (end - 1, end), (end + DAY - 1, end + 2 * DAY)]
        for window in near:
            state = await load(shop, window=window, buffer=0)
            assert list(state.visits) == list(of(state, ANN).visits) == [visit], window
        for window in ((start - 2 * DAY, start - DAY), (end + DAY, end + 2 * DAY)):
            state = await load(shop, window=window, buffer=0)
            assert list(state.visits) == list(of(state, ANN).visits) == [], window

    async def test_nothing_that_conflicts_is_left_out(self, shop: Database) -> None:
        """Whatever is too close under any buffers is read, and little else."""
        chance = random.Random(3)
        visits = []
        for number in range(150):
            start = 50 * DAY + chance.randrange(0, 1440) * MINUTE
            buffers = (chance.randrange(0, 90) * MINUTE, chance.randrange(0, 90) * MINUTE)
            visits.append((f"j{number}", Visit(start, start + chance.randrange(1, 120) * MINUTE, *buffers)))

        async def use(c: Connection) -> None:
            for name, visit in visits:
                await add_visit(c, name, visit.start, visit.end, ANN, buffers=visit[2:])

        await shop.write(use)
        for _ in range(20):
            start = 50 * DAY + chance.randrange(0, 1440) * MINUTE
            buffers = (chance.randrange(0, 90) * MINUTE, chance.randrange(0, 90) * MINUTE)
            wanted = Visit(start, start + HOUR, *buffers)
            state = await load(shop, window=(start, start + HOUR), buffer=max(buffers))
            clashing = {visit for _, visit in visits if conflict(wanted, visit)}
            found = set(of(state, ANN).visits)
            assert clashing <= found == set(state.visits)
            assert len(found) < len(visits)

    async def test_buffer_changes_no_slot(self, shop: Database) -> None:
        """With the service's own buffer fewer visits are read, and the same slots are found."""

        async def use(c: Connection) -> None:
            for resource_id in (STORE, ANN, BOB):
                await schedules.append(c, SELLER, resource_id, [HOURS])
            for day in range(40, 60):
                await add_visit(c, f"j{day}", day * DAY + 8 * HOUR, day * DAY + 9 * HOUR, ANN, buffers=(0, 40 * MINUTE))
                await add_visit(c, f"k{day}", day * DAY + 12 * HOUR, day * DAY + 13 * HOUR)

        await shop.write(use)
        window = (50 * DAY, 52 * DAY)
        far = await load(shop, window=window)
        near = await load(shop, window=window, buffer=20 * MINUTE)
        assert len(near.visits) == 4 < len(far.visits)
        found = free_slots(SERVICE.rules, far, window, 40 * DAY)
        assert found == free_slots(SERVICE.rules, near, window, 40 * DAY)
        assert {one.capacity for one in found} == {0, 1}


class TestLock:
    async def test_one_after_the_other(self, shop: Database) -> None:
        """Of twenty that book the last unit at once, under lock, one finds it free."""

        async def book(c: Connection, name: str) -> bool:
            loaded = await slots.load(c, SELLER, STORE, WINDOW, lock=True)
            assert loaded is not None
            if loaded.state.visits:
                return False
            await add_visit(c, name, *WINDOW, ANN)
            return True

        booked = await asyncio.gather(*(shop.write(lambda c, n=n: book(c, f"j{n}")) for n in range(20)))  # type: ignore[misc]
        assert sorted(booked) == [False] * 19 + [True]

    async def test_stores_that_share_a_technician(self, shop: Database) -> None:
        """Two stores lock Ann's row, too: only one of two bookings at once gets her, and none waits for ever."""

        async def book(c: Connection, store: str, name: str) -> bool:
            loaded = await slots.load(c, SELLER, store, WINDOW, lock=True)
            assert loaded is not None
            if of(loaded.state, ANN).visits:
                return False
            await add_visit(c, name, *WINDOW, ANN, store=store)
            return True

        both = [(STORE, f"j{n}") if n % 2 else (BRANCH, f"j{n}") for n in range(20)]
        booked = await asyncio.gather(*(shop.write(lambda c, one=one: book(c, *one)) for one in both))  # type: ignore[misc]
        assert sum(booked) == 1


class TestLoadResource:
    async def test_technician(self, shop: Database) -> None:
        """A technician's visits are those of all its stores."""
        await shop.write(lambda c: add_visit(c, "j1", *WINDOW, ANN, store=BRANCH))
        await shop.write(lambda c: add_visit(c, "j2", *WINDOW, BOB))
        await shop.write(lambda c: schedules.append(c, SELLER, ANN, [SHIFT]))
        ann = await shop.read(lambda c: resources.find(c, SELLER, ANN))
        assert ann is not None
        state = await shop.read(lambda c: slots.load_resource(c, ann, WINDOW))
        assert (state.zone, list(state.records), list(state.visits)) == (ZoneInfo(ZONE), [SHIFT], [Visit(*WINDOW)])

    async def test_store(self, shop: Database) -> None:
        """A store's visits are its own, whoever does them."""
        await shop.write(lambda c: add_visit(c, "j1", *WINDOW, ANN))
        await shop.write(lambda c: add_visit(c, "j2", *WINDOW))
        await shop.write(lambda c: add_visit(c, "j3", *WINDOW, ANN, store=BRANCH))
        store = await shop.read(lambda c: resources.find(c, SELLER, STORE))
        assert store is not None
        state = await shop.read(lambda c: slots.load_resource(c, store, WINDOW))
        assert list(state.visits) == [Visit(*WINDOW)] * 2


class TestWorksAt:
    async def test_any_of(self, shop: Database) -> None:
        """Bob works for the store alone."""
        for stores, expected in (({STORE}, True), ({BRANCH}, False), ({BRANCH, STORE}, True), (set(), False)):
            assert await shop.read(lambda c, stores=stores: slots.works_at(c, SELLER, BOB, stores)) is expected  # type: ignore[misc]
