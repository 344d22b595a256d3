"""Every change of the clocks from 2024 to 2030 in twelve zones: no slot is lost, doubled or negative around it.

The count beside the server's goes minute by minute along UTC and looks at the wall clock; it shares no code with it.
"""

import shutil
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.intervals import DAY, MINUTE
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.services import Service
from fieldserve.domain.slots import SchedulingType, ServiceRules, StoreState, slots
from fieldserve.store import engine, schedules, services, stores
from fieldserve.store.engine import Connection
from fieldserve.store.stores import Store
from fieldserve.wire.times import parse, render
from tests.faults.conftest import Row
from tests.faults.sizes import FULL, size
from tests.world import SELLER, US, World, a_world

ZONES = (
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "America/Havana",  # at midnight
    "America/Santiago",  # at midnight, the other half of the year
    "Europe/London",
    "Europe/Berlin",
    "Africa/Casablanca",  # around Ramadan
    "Africa/Cairo",  # at midnight, on a Friday
    "Asia/Jerusalem",
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Auckland",
    "Antarctica/Troll",  # by two hours
)
FIRST, LAST = size(2026, 2024), size(2027, 2031)
# Opening hours in minutes from local midnight, on any date; closing before opening is on the next date.
HOURS = ((0, 1440), (22 * 60, 6 * 60), (90, 300), (150, 210))


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """The changes of the zone's clocks: the first minute, in UTC, with another offset."""
    clock, found = ZoneInfo(zone), []
    hour = datetime(FIRST, 1, 1, tzinfo=UTC)
    while hour.year < LAST:
        following = hour + timedelta(hours=1)
        if hour.astimezone(clock).utcoffset() != following.astimezone(clock).utcoffset():
            minutes = (hour + timedelta(minutes=minute) for minute in range(1, 61))
            before = hour.astimezone(clock).utcoffset()
            found.append(next(one for one in minutes if one.astimezone(clock).utcoffset() != before))
        hour = following
    return tuple(found)


@cache
def instants_of(zone: str, around: datetime) -> dict[datetime, int]:
    """Wall-clock minute → instant, for four days either way: the first instant that shows it.

    A minute that is skipped is where it would have been had the clocks not changed."""
    clock, begin = ZoneInfo(zone), around - timedelta(days=4)
    found: dict[datetime, int] = {}
    before: datetime | None = None
    for minute in range(9 * 1440):
        moment = begin + timedelta(minutes=minute)
        instant = int(moment.timestamp()) * 1_000_000
        wall = moment.astimezone(clock).replace(tzinfo=None)
        skipped, late = before and before + timedelta(minutes=1), 0
        while skipped and skipped < wall:
            found.setdefault(skipped, instant + late * MINUTE)
            skipped, late = skipped + timedelta(minutes=1), late + 1
        found.setdefault(wall, instant)
        before = wall
    return found


def expected(zone: str, around: datetime, opens: int, closes: int, every: int, lasts: int) -> list[int]:
    """The starts of the slots on the date of the change and the dates beside it, counted by hand."""
    at = instants_of(zone, around)
    day = around.astimezone(ZoneInfo(zone)).date()
    open_hours = []
    for offset in range(-2, 3):
        midnight = datetime.combine(day + timedelta(days=offset), datetime.min.time())
        end = closes if closes > opens else closes + 1440
        span = at[midnight + timedelta(minutes=opens)], at[midnight + timedelta(minutes=end)]
        if span[0] < span[1]:
            open_hours.append(span)
    starts = set()
    for offset in range(-1, 2):
        first, following = (
            at[datetime.combine(day + timedelta(days=offset + more), datetime.min.time())] for more in (0, 1)
        )
        for start in range(first, following, every):
            if _covered(open_hours, start, start + lasts):
                starts.add(start)
    return sorted(starts)


def _covered(open_hours: list[tuple[int, int]], start: int, end: int) -> bool:
    """Whether it lies inside hours that may follow on each other."""
    while start < end:
        reach = max((until for begin, until in open_hours if begin <= start < until), default=start)
        if reach == start:
            return False
        start = reach
    return True


def store_of(zone: str, around: datetime, opens: int, closes: int) -> StoreState:
    """A store with those hours every day, from long before the change."""
    clock, midnight = ZoneInfo(zone), (around - timedelta(days=20)).astimezone(ZoneInfo(zone)).date()
    begin, end = (
        _instant(clock, midnight, minutes) for minutes in (opens, closes if closes > opens else closes + 1440)
    )
    record = Availability(begin, end, Recurrence(begin + 60 * DAY), 2)
    return StoreState(clock, SchedulingType.REAL_TIME_SCHEDULING, [record])


def _instant(clock: ZoneInfo, day: date, minutes: int) -> int:
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
    return int(wall.replace(tzinfo=clock).timestamp()) * 1_000_000


@pytest.mark.parametrize("zone", ZONES)
def test_every_change(zone: str, row: Row) -> None:
    """The slots around each change are those that the count beside finds."""
    counted = 0
    for around in changes(zone):
        for opens, closes in HOURS:
            for every, lasts in ((30 * MINUTE, 30 * MINUTE), (60 * MINUTE, 90 * MINUTE)):
                wanted = expected(zone, around, opens, closes, every, lasts)
                store = store_of(zone, around, opens, closes)
                day = around.astimezone(ZoneInfo(zone)).date()
                window = tuple(_midnight(zone, around, day + timedelta(days=more)) for more in (-1, 2))
                # Slots that begin on these dates; those of a shift may last into the next.
                found = slots(ServiceRules(lasts, every), store, (window[0], window[1] + lasts), window[0] - 10 * DAY)
                starts = [slot.start for slot in found if slot.start < window[1]]
                assert starts == wanted, (around, opens, closes, every)
                assert len(set(starts)) == len(starts)
                assert {slot.capacity for slot in found} <= {2}
                assert all(slot.end - slot.start == lasts for slot in found)
                counted += len(starts)
    row(f"clocks, {zone}", f"{len(changes(zone))} changes", f"{counted} slots, none lost or doubled")
    assert changes(zone), "the zone changes its clocks"


def _midnight(zone: str, around: datetime, day: date) -> int:
    return instants_of(zone, around)[datetime.combine(day, datetime.min.time())]


SERVICE = "B0HALFHOUR"


@pytest.mark.parametrize("zone", ZONES if FULL else ("America/Santiago", "Antarctica/Troll"))
@pytest.mark.timeout(300)
async def test_bookable(zone: str, migrated_sqlite: Path, tmp_path: Path, row: Row) -> None:
    """Over HTTP each slot of the day of a change can be booked as often as it says, and then no more."""
    booked, sample = 0, [around for around in changes(zone) if around.year in (2026, 2027)]
    for number, around in enumerate(sample):
        path = shutil.copyfile(migrated_sqlite, tmp_path / f"{number}.db")
        database = await engine.connect(f"sqlite:///{path}", durable=False)
        async with a_world(database, tmp_path / str(number)) as world:
            booked += await _book_the_day(world, zone, around)
        await database.close()
    row(f"clocks, {zone}, booked", f"{len(sample)} days", f"{booked} appointments")


async def _book_the_day(world: World, zone: str, around: datetime) -> int:
    day = around.astimezone(ZoneInfo(zone)).date()
    midnight, following = (_midnight(zone, around, day + timedelta(days=more)) for more in (0, 1))
    world.clock.instant = midnight - 5 * DAY
    records = store_of(zone, around, 0, 1440).records

    async def open_store(c: Connection) -> None:
        rules = ServiceRules(30 * MINUTE, 30 * MINUTE, 0, 0, 0, frozenset(), "IN_HOME")
        await services.add(c, SELLER, Service(SERVICE, "Half an hour", rules, ()), 0)
        await stores.add(c, Store(SELLER, "away", "away", zone, US, "REAL_TIME_SCHEDULING", 0))
        await schedules.append(c, SELLER, "away", records)

    await world.write(open_store)
    wanted = expected(zone, around, 0, 1440, 30 * MINUTE, 30 * MINUTE)
    wanted = [start for start in wanted if midnight <= start < following]
    assert len(wanted) == (following - midnight) // (30 * MINUTE)
    assert await _listed(world, midnight, following) == [(start, 2) for start in wanted]
    for start in wanted:
        for _ in range(2):
            await world.book(await world.order(store="away", asin=SERVICE), render(start))
        body = {"appointmentTime": {"startTime": render(start)}}
        job = await world.order(store="away", asin=SERVICE)
        answer = await world.call("POST", f"/service/v1/serviceJobs/{job}/appointments", json=body)
        assert answer.status_code == 422
    assert await _listed(world, midnight, following) == [(start, 0) for start in wanted]
    return 2 * len(wanted)


async def _listed(world: World, start: int, end: int) -> list[tuple[int, int]]:
    params: dict[str, Any] = {"asin": SERVICE, "storeId": "away", "marketplaceIds": US}
    params |= {"startTime": render(start), "endTime": render(end)}
    answer = await world.call("GET", "/service/v1/appointmentSlots", params=params)
    assert answer.status_code == 200, answer.text
    return [(parse(one["startTime"]), one["capacity"]) for one in answer.json()["payload"]["appointmentSlots"]]
