"""What the server should answer about capacity and slots, worked out minute by minute, to hold the real thing against.

A second implementation, slow and obvious on purpose: it shares no code with the product, imports nothing of it, and
reads plain dicts (see `worlds`). Every instant is a whole number of minutes since 1970-01-01T00:00Z, and so is every
duration; a capacity is a list with one number for each minute of the window.
"""

from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

DAY = 24 * 60
TYPES = ["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY", "ENCUMBERED_CAPACITY", "RESERVED_CAPACITY"]

World = dict[str, Any]
Minutes = list[int]


def minute_of(wall: datetime) -> int:
    """The minute of an aware time; Python reads a skipped or repeated wall-clock time with fold 0."""
    seconds = (wall.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    assert seconds % 60 == 0
    return int(seconds // 60)


def wall_of(minute: int, zone: ZoneInfo) -> datetime:
    """The local time at a minute."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)).astimezone(zone)


def at_wall(day: date, clock: time, zone: ZoneInfo) -> int:
    """The minute at which the clocks of a zone show a time on a date."""
    return minute_of(datetime.combine(day, clock.replace(fold=0), tzinfo=zone))


def occurrences(record: World, zone: ZoneInfo, until: int) -> list[tuple[int, int]]:
    """All occurrences of a record from its first, up to those that start on a date near `until`."""
    start, end, recurrence = record["start"], record["end"], record["recurrence"]
    if recurrence is None:
        return [(start, end)]
    opens, closes = wall_of(start, zone), wall_of(end, zone)
    weekdays, month_days = recurrence["days_of_week"], recurrence["days_of_month"]
    found = []
    day = opens.date()
    last = wall_of(min(until, recurrence["end"]), zone).date() + timedelta(days=2)
    while day <= last:
        daily = not weekdays and not month_days
        if daily or day.weekday() in weekdays or day.day in month_days:
            begin = at_wall(day, opens.time(), zone)
            finish = at_wall(day + (closes.date() - opens.date()), closes.time(), zone)
            if begin < finish and begin < recurrence["end"]:
                found.append((begin, finish))
        day += timedelta(days=1)
    return found


def covered(record: World, zone: ZoneInfo, window: tuple[int, int]) -> list[bool]:
    """For each minute of the window, whether some occurrence of the record holds."""
    first, past = window
    held = [False] * (past - first)
    for begin, finish in occurrences(record, zone, past):
        for minute in range(max(begin, first), min(finish, past)):
            held[minute - first] = True
    return held


def capacities(resource: World, window: tuple[int, int]) -> dict[str, Minutes]:
    """The four capacities of a store or technician at each minute of the window."""
    first, past = window
    zone = ZoneInfo(resource["zone"])
    scheduled = [0] * (past - first)
    for record in resource["records"]:
        for index, held in enumerate(covered(record, zone, window)):
            if held:
                scheduled[index] = record["capacity"]
    encumbered, reserved = [0] * (past - first), [0] * (past - first)
    for reservation in resource["reservations"]:
        taken = encumbered if reservation["type"] == "APPOINTMENT" else reserved
        for index, held in enumerate(covered(reservation["availability"], zone, window)):
            if held:
                taken[index] += reservation["availability"]["capacity"]
    for visit in resource["visits"]:
        for minute in range(max(visit["start"], first), min(visit["end"], past)):
            encumbered[minute - first] += 1
    available = [max(0, there - away - busy) for there, away, busy in zip(scheduled, reserved, encumbered, strict=True)]
    return dict(zip(TYPES, [scheduled, available, encumbered, reserved], strict=True))


def range_answer(resource: World, types: list[str], window: tuple[int, int]) -> list[Any]:
    """The runs of equal capacity of each type asked for."""
    there = capacities(resource, window)
    answer = []
    for kind in [each for each in TYPES if each in (types or TYPES[:1])]:
        runs, minute = [], window[0]
        for value, group in groupby(there[kind]):
            length = len(list(group))
            runs.append((minute, minute + length, value))
            minute += length
        answer.append((kind, runs))
    return answer


def fixed_answer(resource: World, types: list[str], window: tuple[int, int], slot: int) -> list[Any]:
    """The capacity of each whole slot of the window."""
    there = capacities(resource, window)
    answer = []
    for start in range(window[0], window[1] - slot + 1, slot):
        inside = slice(start - window[0], start - window[0] + slot)
        row = {}
        for kind in [each for each in TYPES if each in (types or TYPES[:1])]:
            least = kind in ("SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY")
            row[kind] = min(there[kind][inside]) if least else max(there[kind][inside])
        answer.append((start, row))
    return answer


def too_close(one: World, other: World) -> bool:
    """Whether one technician could not do both visits."""
    if one["start"] > other["start"]:
        one, other = other, one
    gap = max(one["buffer_after"], other["buffer_before"])
    return bool(other["start"] < one["end"] + gap)


def grid(world: World) -> list[int]:
    """Every start of the store's grid near the window, scheduled hours or not."""
    zone = ZoneInfo(world["store"]["zone"])
    day = wall_of(world["window"][0], zone).date() - timedelta(days=3)
    last = wall_of(world["window"][1], zone).date() + timedelta(days=3)
    starts = []
    while day <= last:
        start, following = at_wall(day, time(), zone), at_wall(day + timedelta(days=1), time(), zone)
        while start < following:
            starts.append(start)
            start += world["service"]["slot_interval"]
        day += timedelta(days=1)
    return starts


def suitable(technician: World, service: World) -> bool:
    """Whether a technician may do the service at all."""
    return (
        technician["eligible"]
        and set(service["skills"]) <= set(technician["skills"])
        and service["location_type"] in technician["location_types"]
    )


class Room:
    """A world's answer to "how many could start there", for slots inside the window."""

    def __init__(self, world: World) -> None:
        self.world, self.service, self.store = world, world["service"], world["store"]
        self.first = world["window"][0]
        self.there = capacities(self.store, world["window"])
        self.technicians = [
            (technician, capacities(technician, world["window"])["AVAILABLE_CAPACITY"])
            for technician in self.store["technicians"]
            if suitable(technician, self.service)
        ]

    def least(self, minutes: Minutes, start: int, duration: int) -> int:
        """The least capacity while a slot lasts."""
        return min(minutes[start - self.first : start - self.first + duration])

    def left(self, start: int, duration: int) -> int:
        """How many jobs could still start at a minute that is on the grid and inside scheduled hours."""
        now, service = self.world["now"], self.service
        if start < now + service["notice"] or start > now + 365 * DAY:
            return 0
        room = self.least(self.there["AVAILABLE_CAPACITY"], start, duration)
        if self.store["technicians"]:
            job = {**service, "start": start, "end": start + duration}
            free = 0
            for technician, available in self.technicians:
                clash = any(too_close(job, visit) for visit in technician["visits"])
                if not clash and self.least(available, start, duration) >= 1:
                    free += 1
            waiting = len([visit for visit in self.store["waiting"] if too_close(job, visit)])
            room = min(room, free - waiting)
        return max(0, room)

    def slots(self) -> list[tuple[int, int, int]]:
        """The list of slots that a caller should get."""
        (first, past), duration = self.world["window"], self.service["duration"]
        scheduled = self.there["SCHEDULED_CAPACITY"]
        if self.store["scheduling_type"] == "NON_REAL_TIME_SCHEDULING":
            begin = min(max(first, self.world["now"]), past)
            runs, minute = [], begin
            for value, group in groupby(scheduled[begin - first :]):
                length = len(list(group))
                if value >= 1 and length >= duration:
                    runs.append((minute, minute + length, value))
                minute += length
            return runs
        return [
            (start, start + duration, self.left(start, duration))
            for start in grid(self.world)
            if first <= start and start + duration <= past and self.least(scheduled, start, duration) >= 1
        ]

    def capacity_at(self, start: int, duration: int) -> int:
        """What booking should find for one start, whose end lies in the window."""
        least = self.least(self.there["SCHEDULED_CAPACITY"], start, duration)
        if self.store["scheduling_type"] == "NON_REAL_TIME_SCHEDULING":
            return least if start > self.world["now"] else 0
        return self.left(start, duration) if start in grid(self.world) and least >= 1 else 0


def overlapping(record: World, earlier: list[World], zone: ZoneInfo) -> bool:
    """Whether any two occurrences overlap, of however many years."""
    forever = 10**9
    mine = occurrences(record, zone, forever)
    others = sorted(each for other in earlier for each in occurrences(other, zone, forever))
    return any(start < end2 and start2 < end for start, end in mine for start2, end2 in others)
