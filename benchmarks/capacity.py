"""How fast the capacity algebra is, and how that compares with dateutil's rules and with portion's intervals.

Prints a table: the median and the least of some rounds, in milliseconds. `--rounds 20` for steadier figures.

The store of the first rows: 90 days, open daily 08:00 to 20:00 in New York, 10,000 appointments of one to two hours
spread over 30 technicians who work the same hours, a slot every 30 minutes for a job of one hour with buffers.
"""

import argparse
import gc
import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import portion
from dateutil.rrule import DAILY, rrule

from fieldserve.domain.capacity import CapacityType, Visit, capacities, fixed_capacity, range_capacity
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant, Steps
from fieldserve.domain.schedules import Availability, Recurrence, overlapping, scheduled
from fieldserve.domain.slots import ServiceRules, StoreState, TechnicianState, capacity_at, slots
from fieldserve.wire.slots import write_slots

ZONE = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(*wall: int) -> Instant:
    return (datetime(*wall, tzinfo=ZONE) - EPOCH) // timedelta(microseconds=1)  # type: ignore[arg-type,misc]


FROM = instant(2026, 1, 15)
NOW = FROM - DAY
FOREVER = instant(2030, 1, 1)
SERVICE = ServiceRules(HOUR, 30 * MINUTE, 2 * HOUR, 15 * MINUTE, 15 * MINUTE, frozenset({"TV"}), "IN_HOME")


def daily(opens: int, closes: int, capacity: int = 1, minute: int = 0) -> Availability:
    return Availability(
        instant(2026, 1, 1, opens, minute), instant(2026, 1, 1, closes, minute), Recurrence(FOREVER), capacity
    )


def busy_store(days: int, appointments: int, technicians: int, *, own_hours: bool = False) -> StoreState:
    """A store whose appointments start on quarter hours; each is one technician's, one in a hundred waits."""
    random = Random(1)
    visits = sorted(
        Visit(start, start + random.choice([60, 90, 120]) * MINUTE, 15 * MINUTE, 15 * MINUTE)
        for start in (
            FROM + random.randrange(days) * DAY + (8 * 60 + 15 * random.randrange(46)) * MINUTE
            for _ in range(appointments)
        )
    )
    teams: list[list[Visit]] = [[] for _ in range(technicians)]
    waiting: list[Visit] = []
    for visit in visits:
        (waiting if random.random() < 0.01 or not teams else random.choice(teams)).append(visit)
    staff = tuple(
        TechnicianState(
            f"technician-{number}",
            frozenset({"TV"}),
            frozenset({"IN_HOME"}),
            True,
            (daily(8, 20, minute=number if own_hours else 0),),
            (),
            team,
            ZONE,
        )
        for number, team in enumerate(teams)
    )
    return StoreState(ZONE, "REAL_TIME_SCHEDULING", (daily(8, 20, technicians or 5),), (), visits, waiting, staff)


def one_day_of(store: StoreState, start: Instant) -> StoreState:
    """The store as a booking loads it: the visits near one slot."""

    def near(visits: Sequence[Visit]) -> tuple[Visit, ...]:
        return tuple(v for v in visits if v.start < start + 3 * HOUR and v.end > start - 2 * HOUR)

    staff = tuple(each._replace(visits=near(each.visits)) for each in store.technicians)
    return store._replace(visits=near(store.visits), waiting=near(store.waiting), technicians=staff)


def spread(count: int) -> list[tuple[Instant, Instant]]:
    """Intervals whose starts and ends hardly ever fall together, ascending by start."""
    random = Random(2)
    starts = sorted(FROM + random.randrange(90 * DAY) for _ in range(count))
    return [(start, start + random.randrange(10 * MINUTE, 3 * HOUR)) for start in starts]


def by_rrule(days: int) -> int:
    """The hours of one record as dateutil's users write it: wall-clock rule, then the zone."""
    rule = rrule(DAILY, dtstart=datetime(2026, 1, 1, 8), until=datetime(2030, 1, 1))  # noqa: DTZ001
    first = datetime(2026, 1, 15)  # noqa: DTZ001
    found = 0
    for opens in rule.between(first, first + timedelta(days=days)):
        start = opens.replace(tzinfo=ZONE).astimezone(UTC)
        end = opens.replace(hour=20, tzinfo=ZONE).astimezone(UTC)
        found += start < end
    return found


def by_plain_sweep(intervals: list[tuple[Instant, Instant]]) -> list[tuple[Instant, Instant, int]]:
    """The textbook way: sort (time, change) pairs, add them up."""
    events = sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals])
    level, before = 0, events[0][0]
    runs = []
    for at, change in events:
        if at != before:
            runs.append((before, at, level))
            before = at
        level += change
    return runs


def by_portion(intervals: list[tuple[Instant, Instant]]) -> int:
    """Only when something holds at all, not how often: portion's sets do not count."""
    return len(portion.Interval(*(portion.closedopen(start, end) for start, end in intervals)))


def hours_by_rrule(days: int) -> list[tuple[Instant, Instant]]:
    """From 08:00 to 20:00 on each day, by dateutil's rule."""
    rule = rrule(DAILY, dtstart=datetime(2026, 1, 1, 8), until=datetime(2030, 1, 1))  # noqa: DTZ001
    first = datetime(2026, 1, 15)  # noqa: DTZ001
    return [
        (_instant(opens), _instant(opens.replace(hour=20)))
        for opens in rule.between(first, first + timedelta(days=days), inc=True)
    ]


def _instant(wall: datetime) -> Instant:
    return (wall.replace(tzinfo=ZONE) - EPOCH) // timedelta(microseconds=1)


def slots_by_plain_sweep(store: StoreState, days: int) -> list[int]:
    """The capacity of each slot, from dateutil's hours and sorted pairs: the store's, and one technician's after the
    other."""
    starts = [start for opens, closes in hours_by_rrule(days) for start in range(opens, closes - HOUR + 1, 30 * MINUTE)]
    events = [event for opens, closes in hours_by_rrule(days) for event in ((opens, 30), (closes, -30))]
    events += [event for visit in store.visits for event in ((visit.start, -1), (visit.end, 1))]
    left = [min(values) for values in _levels(events, starts)]
    staff = [0] * len(starts)
    for technician in store.technicians:
        events = [event for opens, closes in hours_by_rrule(days) for event in ((opens, 1), (closes, -1))]
        for start, end, before, after in technician.visits:
            events += ((start - max(before, 15 * MINUTE), -1), (end + max(after, 15 * MINUTE), 1))
        for number, values in enumerate(_levels(events, starts)):
            staff[number] += min(values) >= 1
    for start, end, _, _ in store.waiting:
        for number in range(
            bisect_left(starts, start - HOUR - 15 * MINUTE + 1), bisect_left(starts, end + 15 * MINUTE)
        ):
            staff[number] -= 1
    return [max(0, min(one, other)) for one, other in zip(left, staff, strict=True)]


def _levels(events: list[tuple[Instant, int]], starts: list[Instant]) -> Iterator[list[int]]:
    """What an hour from each of the starts sees of the level."""
    events.sort()
    times, levels, level = [], [], 0
    for at, change in events:
        level += change
        if times and times[-1] == at:
            levels[-1] = level
        else:
            times.append(at)
            levels.append(level)
    for start in starts:
        yield levels[bisect_right(times, start) - 1 : bisect_left(times, start + HOUR)]


def slots_by_portion(store: StoreState, days: int) -> list[int]:
    """How many technicians are free from each start for an hour, with portion's sets of time."""
    hours = portion.Interval(*(portion.closedopen(*one) for one in hours_by_rrule(days)))
    free = []
    for technician in store.technicians:
        busy = (portion.closedopen(v.start - 15 * MINUTE, v.end + 15 * MINUTE) for v in technician.visits)
        free.append(hours - portion.Interval(*busy))
    starts = [start for opens, closes in hours_by_rrule(days) for start in range(opens, closes - HOUR + 1, 30 * MINUTE)]
    return [sum(portion.closedopen(start, start + HOUR) in one for one in free) for start in starts]


def measure(work: Callable[[], object], rounds: int, times: int) -> tuple[float, float]:
    took = []
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        for _ in range(times):
            work()
        took.append((time.perf_counter() - begin) * 1e3 / times)
    return statistics.median(took), min(took)


def cases() -> list[tuple[str, Callable[[], object], int]]:
    """Each row: what is measured, how, and how many times it is done in one measurement."""
    window = (FROM, FROM + 90 * DAY)
    store, own = busy_store(90, 10_000, 30), busy_store(90, 10_000, 30, own_hours=True)
    small = busy_store(14, 300, 5)
    noon = instant(2026, 3, 2, 12)
    ten = one_day_of(busy_store(90, 3_000, 10), noon)
    there = capacities(store.records, (), store.visits, ZONE, window)
    everything = list(CapacityType)
    found = slots(SERVICE, store, window, NOW)
    assert [one.capacity for one in found] == slots_by_plain_sweep(store, 90), "the peers work out something else"
    rows: list[tuple[str, Callable[[], object], int]] = [
        ("slots: 90 days, 10,000 appointments, 30 technicians", lambda: slots(SERVICE, store, window, NOW), 1),
        ("  the same, each technician with hours of its own", lambda: slots(SERVICE, own, window, NOW), 1),
        (
            "  the same store without technicians",
            lambda: slots(SERVICE, store._replace(technicians=()), window, NOW),
            1,
        ),
        ("  by dateutil.rrule and a plain sweep", lambda: slots_by_plain_sweep(store, 90), 1),
        ("  the JSON of its answer, once it is there", lambda: write_slots(store.scheduling_type, window, found), 1),
        (
            "slots: 14 days, 300 appointments, 5 technicians",
            lambda: slots(SERVICE, small, (FROM, FROM + 14 * DAY), NOW),
            1,
        ),
        ("  by dateutil.rrule and a plain sweep", lambda: slots_by_plain_sweep(small, 14), 1),
        ("  its technicians alone, by dateutil.rrule and portion", lambda: slots_by_portion(small, 14), 1),
        ("capacity_at: 10 technicians, visits near the slot", lambda: capacity_at(SERVICE, ten, noon, HOUR, NOW), 200),
        (
            "capacities: 90 days, 10,000 appointments",
            lambda: capacities(store.records, (), store.visits, ZONE, window),
            1,
        ),
        ("range capacity of four types from them", lambda: range_capacity(there, everything, window), 1),
        ("fixed capacity of four types, slots of an hour", lambda: fixed_capacity(there, everything, window, HOUR), 1),
        ("scheduled: 90 days of a daily record", lambda: scheduled(store.records, ZONE, window), 1),
        ("  the same record by dateutil.rrule", lambda: by_rrule(90), 1),
        ("overlapping: two daily shifts for four years", lambda: overlapping(daily(8, 12), [daily(12, 20)], ZONE), 1),
        ("  the same shifts, one odd minute together", lambda: overlapping(daily(8, 13), [daily(12, 20)], ZONE), 1),
    ]
    for count in (10_000, 100_000, 1_000_000):
        given = spread(count)
        rows.append((f"step function of {count:,} intervals", lambda g=given: steps_of(g), 1))  # type: ignore[misc]
        rows.append(("  by a plain sweep over sorted pairs", lambda g=given: by_plain_sweep(g), 1))  # type: ignore[misc]
    few = spread(1_000)
    rows.append(("step function of 1,000 intervals", lambda: steps_of(few), 1))
    rows.append(("  their union by portion, without counting", lambda: by_portion(few), 1))
    return rows


def steps_of(intervals: list[tuple[Instant, Instant]]) -> Steps:
    return Steps.counting([start for start, _ in intervals], [end for _, end in intervals])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"{'milliseconds':54}{'median':>10}{'least':>10}")
    for name, work, times in cases():
        work()
        median, least = measure(work, rounds, times)
        print(f"{name:54}{median:10.3f}{least:10.3f}")


if __name__ == "__main__":
    main()
