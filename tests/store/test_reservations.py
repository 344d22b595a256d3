"""Reservations in both databases."""

import pytest

from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.store import reservations
from fieldserve.store.engine import AlreadyExists, Database
from fieldserve.store.reservations import StoredReservation
from tests.shop import ANN, BOB, MARKETPLACE, OTHER_SELLER, SELLER, STORE

BREAK = Reservation(ReservationType.BREAK, Availability(12 * HOUR, 13 * HOUR))
LEAVE = Reservation(
    ReservationType.VACATION, Availability(0, DAY, Recurrence(20 * DAY, frozenset({6}), frozenset({31})), 7)
)


def stored(name: str, reservation: Reservation, resource: str = STORE, seller: str = SELLER) -> StoredReservation:
    return StoredReservation(seller, name, resource, MARKETPLACE, reservation, 5)


async def put(database: Database, *those: StoredReservation) -> None:
    for one in those:
        await database.write(lambda c, one=one: reservations.add(c, one))  # type: ignore[misc]


class TestFind:
    @pytest.mark.parametrize("type", list(ReservationType))
    async def test_as_added(self, shop: Database, type: ReservationType) -> None:
        """Of every type, a reservation comes back as it was added."""
        one = stored("r1", LEAVE._replace(type=type))
        await put(shop, one)
        assert await shop.read(lambda c: reservations.find(c, SELLER, "r1")) == one

    async def test_another_sellers(self, shop: Database) -> None:
        """An id is one seller's own: the other neither finds nor blocks it."""
        mine, theirs = stored("r1", BREAK), stored("r1", LEAVE, seller=OTHER_SELLER)
        await put(shop, mine)
        assert await shop.read(lambda c: reservations.find(c, OTHER_SELLER, "r1")) is None
        await put(shop, theirs)
        assert await shop.read(lambda c: reservations.find(c, SELLER, "r1")) == mine

    async def test_twice(self, shop: Database) -> None:
        """An id is given once."""
        await put(shop, stored("r1", BREAK))
        with pytest.raises(AlreadyExists):
            await put(shop, stored("r1", LEAVE))


class TestDelete:
    async def test_once(self, shop: Database) -> None:
        """It is deleted once, and only the seller's."""
        await put(shop, stored("r1", BREAK))
        assert not await shop.write(lambda c: reservations.delete(c, OTHER_SELLER, "r1"))
        assert await shop.write(lambda c: reservations.delete(c, SELLER, "r1"))
        assert not await shop.write(lambda c: reservations.delete(c, SELLER, "r1"))
        assert await shop.read(lambda c: reservations.find(c, SELLER, "r1")) is None


class TestOfResources:
    async def test_of_each(self, shop: Database) -> None:
        """Several resources are read at once; those without reservations, and other sellers', stay out."""
        await put(shop, stored("r1", BREAK), stored("r2", LEAVE), stored("r3", BREAK, ANN))
        await put(shop, stored("r4", BREAK, BOB, OTHER_SELLER))
        found = await shop.read(lambda c: reservations.of_resources(c, SELLER, (STORE, ANN, BOB), (0, 30 * DAY)))
        assert {resource_id: set(those) for resource_id, those in found.items()} == {
            STORE: {BREAK, LEAVE},
            ANN: {BREAK},
        }

    async def test_window(self, shop: Database) -> None:
        """What is over is not read: the break ends at 13:00, the leave at most 20 + 1 + 2 days in."""
        await put(shop, stored("r1", BREAK), stored("r2", LEAVE))

        async def of(start: int) -> set[Reservation]:
            found = await shop.read(lambda c: reservations.of_resources(c, SELLER, (STORE,), (start, start + DAY)))
            return set(found.get(STORE, ()))

        assert await of(13 * HOUR - 1) == {BREAK, LEAVE}
        assert await of(13 * HOUR) == {LEAVE}
        assert await of(23 * DAY - 1) == {LEAVE}
        assert await of(23 * DAY) == set()
        assert await of(-2 * DAY) == set()
