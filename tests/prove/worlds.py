"""Random worlds for the proof: a store with technicians, and questions about them, as plain dicts made from a seed.

Times are whole minutes since 1970-01-01T00:00Z. What is likely to go wrong is likely here: weeks in which the clocks
change, by half an hour, two hours or a whole day; spans across midnight and longer than a day; the last days of a
month; records that overlap; visits that touch within their buffers; `now` in the middle of the window.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

World = dict[str, Any]

DAY = 24 * 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ZONES = {
    "America/New_York": (1990, 2040),
    "Europe/Berlin": (1990, 2040),
    "Australia/Lord_Howe": (1990, 2030),  # half an hour
    "Antarctica/Troll": (2006, 2030),  # two hours
    "America/St_Johns": (1990, 2011),  # at 00:01, back across midnight
    "America/Sao_Paulo": (1990, 2018),  # midnight skipped in spring
    "America/Havana": (1990, 2030),  # midnight twice in autumn
    "Africa/Cairo": (2023, 2030),
    "Africa/Casablanca": (2012, 2030),  # four changes in some years
    "Pacific/Apia": (2010, 2020),  # 2011-12-30 did not take place
    "Pacific/Kwajalein": (1993, 1993),  # nor did 1993-08-21
    "Pacific/Chatham": (1990, 2030),
    "Asia/Kathmandu": (1990, 2030),
    "UTC": (1990, 2040),
}

CLOCKS = ["00:00", "00:30", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "06:45", "08:00", "09:00", "12:00"]
CLOCKS += ["13:30", "17:00", "20:00", "22:00", "23:00", "23:30", "23:59"]
LENGTHS = [1, 15, 40, 60, 90, 180, 240, 480, 600, 720, 1380, 1440, 1500, 2000, 3000, 5000]


def minute_of(wall: datetime) -> int:
    """The minute of an aware time, rounded down."""
    return (wall.astimezone(UTC) - EPOCH) // timedelta(minutes=1)


@cache
def changes(zone: str, year: int) -> list[date]:
    """The dates of the year after which the offset is another, or in the course of which it changes."""
    days = [date(year, 1, 1) + timedelta(days=each) for each in range(366)]
    offsets = [datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).utcoffset() for day in days]
    return [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]


def make(seed: int) -> World:
    """The world of a seed."""
    return _Maker(Random(seed)).world()


class _Maker:
    """Draws one world; `pick` decides all that is drawn."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.pick = random.choice
        self.zone = self.pick(list(ZONES))
        year = random.randint(*ZONES[self.zone])
        changing = changes(self.zone, year)
        around = date(year, 1, 1) + timedelta(days=random.randrange(365))
        if self.chance(0.2):
            around = date(year, self.pick([1, 2, 3, 4, 12]), 28)
        if changing and self.chance(0.7):
            around = self.pick(changing)
        begins = datetime.combine(around - timedelta(days=random.randrange(4)), time(), tzinfo=ZoneInfo(self.zone))
        self.first = minute_of(begins) + self.pick([0, 0, 60, 315, random.randrange(DAY)])
        self.past = self.first + self.pick([1, 61, 600, DAY, 2 * DAY, 3 * DAY + 77, 4 * DAY, 5 * DAY, 7 * DAY, 7 * DAY])

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def record(self, zone: str, capacity: int) -> World:
        """A single or recurring record; both may or may not have to do with the window."""
        clock = time.fromisoformat(self.pick(CLOCKS))
        single = self.chance(0.25)
        day = (EPOCH + timedelta(minutes=self.first, days=self.random.randint(-2 if single else -40, 2))).date()
        start = minute_of(datetime.combine(day, clock, tzinfo=ZoneInfo(zone)).replace(fold=self.random.randrange(2)))
        end = start + self.pick(LENGTHS)
        recurrence = None
        if not single:
            until = self.past + self.random.randint(-4 * DAY, 60 * DAY)
            if self.chance(0.3):  # exactly when an occurrence would start
                on = (EPOCH + timedelta(minutes=self.first, days=self.random.randint(0, 4))).date()
                until = minute_of(datetime.combine(on, clock, tzinfo=ZoneInfo(zone)))
            weekdays = self.random.sample(range(7), self.random.randint(1, 5)) if self.chance(0.4) else []
            month_days = self.random.sample([1, 2, 8, 15, 28, 29, 30, 31], 3) if self.chance(0.25) else []
            recurrence = {"end": until, "days_of_week": weekdays, "days_of_month": month_days}
        return {"start": start, "end": end, "capacity": capacity, "recurrence": recurrence}

    def hours(self, zone: str) -> World:
        """A long daily record, so that there is something to book."""
        day = (EPOCH + timedelta(minutes=self.first, days=-9)).date()
        clock = time.fromisoformat(self.pick(["00:00", "06:00", "08:00", "09:00", "22:00"]))
        start = minute_of(datetime.combine(day, clock, tzinfo=ZoneInfo(zone)))
        recurrence = {"end": self.past + 30 * DAY, "days_of_week": [], "days_of_month": []}
        length = self.pick([480, 720, 1200, 1440])
        return {"start": start, "end": start + length, "capacity": self.random.randint(1, 6), "recurrence": recurrence}

    def reservation(self, zone: str) -> World:
        kind = self.pick(["APPOINTMENT", "TRAVEL", "VACATION", "BREAK", "TRAINING"])
        return {"type": kind, "availability": self.record(zone, self.pick([1, 1, 1, 2]))}

    def buffers(self) -> World:
        return {"buffer_before": self.pick([0, 0, 15, 30, 45]), "buffer_after": self.pick([0, 0, 15, 30, 50])}

    def visit(self) -> World:
        start = self.random.randint(self.first - 200, self.past + 200) // 15 * 15 + self.pick([0, 0, 0, 0, 7])
        return {"start": start, "end": start + self.pick([15, 60, 60, 90, 120, 240]), **self.buffers()}

    def technician(self, number: int) -> World:
        zone = self.zone if self.chance(0.8) else self.pick(list(ZONES))
        return {
            "technician_id": f"technician-{number}",
            "zone": zone,
            "skills": self.random.sample(["PLUMBING", "WIRING", "TV"], self.random.randint(2, 3)),
            "location_types": self.pick([["IN_HOME"], ["IN_STORE", "IN_HOME"], ["IN_STORE"]]),
            "eligible": self.chance(0.9),
            "records": [{**self.hours(zone), "capacity": 1} for _ in range(self.pick([0, 1, 1, 1, 1]))]
            + [self.record(zone, self.pick([1, 1, 2])) for _ in range(self.pick([0, 0, 1, 2]))],
            "reservations": [self.reservation(zone) for _ in range(self.pick([0, 0, 0, 1, 2]))],
            "visits": [],
        }

    def store(self) -> World:
        technicians = [self.technician(number) for number in range(self.pick([0, 1, 2, 3, 5]))]
        visits = [self.visit() for _ in range(self.pick([0, 2, 6, 20, 40]))]
        visits.sort(key=lambda visit: int(visit["start"]))
        waiting = []
        for visit in visits:
            team = self.random.sample(technicians, min(len(technicians), self.pick([0, 1, 1, 1, 1, 2])))
            for technician in team:
                technician["visits"].append(visit)
            if not team:
                waiting.append(visit)
        return {
            "zone": self.zone,
            "scheduling_type": "NON_REAL_TIME_SCHEDULING" if self.chance(0.15) else "REAL_TIME_SCHEDULING",
            "records": [self.hours(self.zone) for _ in range(self.pick([0, 1, 1, 1]))]
            + [self.record(self.zone, self.random.randint(1, 5)) for _ in range(self.random.randint(0, 3))],
            "reservations": [self.reservation(self.zone) for _ in range(self.pick([0, 0, 1, 3]))],
            "visits": visits,
            "waiting": waiting,
            "technicians": technicians,
        }

    def service(self) -> World:
        return {
            "duration": self.pick([15, 30, 60, 60, 60, 100, 120, 120, 240, 480, 1500]),
            "slot_interval": self.pick([15, 30, 60, 60, 100, 420]),
            "notice": self.pick([0, 60, 120, 1440]),
            "skills": self.pick([[], [], ["TV"], ["PLUMBING"], ["TV", "WIRING"]]),
            "location_type": self.pick(["IN_HOME", "IN_HOME", "IN_STORE"]),
            **self.buffers(),
        }

    def world(self) -> World:
        store, service = self.store(), self.service()
        now = self.pick([self.first - DAY, self.first, self.first + self.random.randint(-200, 3 * DAY)])
        if self.chance(0.1):
            now = self.first - 365 * DAY + self.random.randint(0, self.past - self.first)
        return {
            "window": (self.first, self.past),
            "now": now,
            "store": store,
            "service": service,
            "types": self.random.sample(
                ["RESERVED_CAPACITY", "SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY", "ENCUMBERED_CAPACITY"],
                self.random.randint(0, 4),
            ),
            "slot_duration": self.pick([5, 55, 60, 90, 360]),
            "bookings": self.bookings(service["duration"]),
            "news": self.news(store["records"]),
        }

    def news(self, records: list[World]) -> list[World]:
        """Records that may overlap the store's; some begin or end exactly where one of those ends or begins."""
        news = [self.record(self.zone, 1)]
        for old in self.random.sample(records, min(2, len(records))):
            length = self.pick(LENGTHS[:10])
            start = self.pick([old["end"], old["start"] - length, old["end"] + 30, old["start"] - length - 30])
            start += self.pick([-9, 0, 0, 3, 80]) * DAY
            recurrence = old["recurrence"] and {
                **old["recurrence"],
                "end": self.past + self.random.randint(-9, 700) * DAY,
            }
            if recurrence and self.chance(0.4):
                recurrence["days_of_week"] = self.random.sample(range(7), 2)
            news.append({"start": start, "end": start + length, "capacity": 1, "recurrence": recurrence})
        return news

    def bookings(self, least: int) -> list[tuple[int, int]]:
        """Starts and durations to book, most of them on whole hours."""
        wanted = []
        for _ in range(8):
            duration = least + self.pick([0, 0, 30, 200])
            if self.past - duration >= self.first:
                start = self.random.randint(self.first, self.past - duration)
                rounded = start - start % 60
                wanted.append((rounded if rounded >= self.first else start, duration))
        return wanted
