"""Schedules in both databases."""

from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.intervals import DAY, HOUR, Interval
from fieldserve.domain.schedules import Availability, Recurrence, occurrences
from fieldserve.store import schedules
from fieldserve.store.engine import Connection, Database
from fieldserve.wire.times import parse
from tests.shop import ANN, BOB, OTHER_SELLER, SELLER, STORE

ALWAYS = (-1000 * DAY, 10_000 * DAY)
SINGLE = Availability(9 * HOUR, 17 * HOUR, None, 3)
DAILY = Availability(9 * HOUR, 17 * HOUR, Recurrence(30 * DAY))
EVERY_DAY = Availability(0, HOUR, Recurrence(9 * DAY, frozenset(range(7)), frozenset(range(1, 32))), 1_000_000)


async def put(database: Database, resource_id: str, *records: Availability, seller: str = SELLER) -> None:
    await database.write(lambda c: schedules.append(c, seller, resource_id, records))


async def of(database: Database, *ids: str, window: Interval = ALWAYS, seller: str = SELLER) -> dict[str, object]:
    return dict(await database.read(lambda c: schedules.of_resources(c, seller, ids, window)))


class TestAppend:
    async def test_back_in_order(self, shop: Database) -> None:
        """Records come back as they were put, in the order of the calls and within them, however they lie in time."""
        later = SINGLE._replace(start=5 * HOUR)
        await put(shop, STORE, SINGLE, EVERY_DAY)
        await put(shop, STORE, DAILY, later)
        assert await of(shop, STORE) == {STORE: [SINGLE, EVERY_DAY, DAILY, later]}

    async def test_of_each(self, shop: Database) -> None:
        """Several resources are read at once; those without records, and other sellers', stay out."""
        await put(shop, STORE, SINGLE)
        await put(shop, ANN, DAILY)
        await put(shop, BOB, EVERY_DAY, seller=OTHER_SELLER)
        assert await of(shop, STORE, ANN, BOB) == {STORE: [SINGLE], ANN: [DAILY]}
        assert await of(shop, BOB, seller=OTHER_SELLER) == {BOB: [EVERY_DAY]}
        assert await of(shop) == {}


class TestWindow:
    @pytest.mark.parametrize(
        ("window", "expected"),
        [
            ((17 * HOUR, DAY), False),  # half-open: it ends at 17:00
            ((17 * HOUR - 1, DAY), True),
            ((-30 * DAY, 9 * HOUR - DAY), False),
        ],
    )
    async def test_single(self, shop: Database, window: Interval, expected: bool) -> None:
        """An interval that is over, or more than a day off, is not read."""
        await put(shop, STORE, SINGLE)
        assert await of(shop, STORE, window=window) == ({STORE: [SINGLE]} if expected else {})

    async def test_recurring(self, shop: Database) -> None:
        """A record is read while an occurrence can last: 30 days, 8 hours, and two days for clocks that change."""
        await put(shop, STORE, DAILY)
        last = 32 * DAY + 8 * HOUR
        assert schedules.last_at(DAILY) == last
        assert await of(shop, STORE, window=(last - 1, last)) == {STORE: [DAILY]}
        assert await of(shop, STORE, window=(last, last + DAY)) == {}

    async def test_date_line(self, shop: Database) -> None:
        """No occurrence outlives its record's last instant even where a zone crosses the date line."""
        # Samoa had no 30 December 2011; Alaska's 18 October 1867 came twice, and lasted a day longer.
        for zone, around in (("Pacific/Apia", "2011-12-30T10:00:00Z"), ("America/Juneau", "1867-10-18T15:30:00Z")):
            end = parse(around)
            for hour in range(-30, 31):
                start = end - 5 * DAY + hour * HOUR
                record = Availability(start, start + 26 * HOUR, Recurrence(end + hour * HOUR))
                times = occurrences(record, ZoneInfo(zone), (end - 30 * DAY, end + 30 * DAY))
                assert all(until <= schedules.last_at(record) for _, until in times)
                assert all(begin >= record.start - schedules.SHIFT for begin, _ in times)


class TestDelete:
    async def test_by_position(self, shop: Database) -> None:
        """What is deleted is gone, positions of the others stay, and the next record goes behind them."""
        await put(shop, STORE, SINGLE, DAILY, EVERY_DAY)
        await put(shop, ANN, SINGLE)
        await shop.write(lambda c: schedules.delete(c, SELLER, STORE, [0, 1]))
        await put(shop, STORE, SINGLE)

        async def numbered(c: Connection) -> list[tuple[int, Availability]]:
            return await schedules.numbered(c, SELLER, STORE, ALWAYS)

        assert await shop.read(numbered) == [(2, EVERY_DAY), (3, SINGLE)]
        assert await of(shop, ANN) == {ANN: [SINGLE]}

    async def test_none(self, shop: Database) -> None:
        """No positions, no change."""
        await put(shop, STORE, SINGLE)
        await shop.write(lambda c: schedules.delete(c, SELLER, STORE, []))
        assert await of(shop, STORE) == {STORE: [SINGLE]}
