"""Weekly hours as availability records."""

from zoneinfo import ZoneInfo

from fieldserve.wire.schedules import AvailabilityValue, read_record, write_record
from fieldserve.wire.stores import WeeklyHours, weekly_records
from fieldserve.wire.times import parse, to_datetime

NEW_YORK = ZoneInfo("America/New_York")
# A Monday, 8:00 in London, 3:00 in New York.
NOW = parse("2026-03-02T08:00:00Z")


def one(hours: WeeklyHours, zone: ZoneInfo = NEW_YORK, now: int = NOW) -> AvailabilityValue:
    """The record of those hours."""
    [record] = weekly_records([hours], zone, now)
    return record


def local(instant: int, zone: ZoneInfo = NEW_YORK) -> str:
    """The date and time that a clock of the zone shows."""
    return to_datetime(instant).astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


def test_first_matching_day() -> None:
    """The record begins on the first of its days, today included, at the resource's own clock."""
    record = one(WeeklyHours(opens="09:00", closes="17:30", days_of_week=("MONDAY", "WEDNESDAY"), capacity=3))
    assert (local(record.start), local(record.end)) == ("Mon 2026-03-02 09:00", "Mon 2026-03-02 17:30")
    assert record.capacity == 3
    assert record.recurrence is not None
    assert record.recurrence.days_of_week == {0, 2}
    assert local(one(WeeklyHours(opens="09:00", closes="17:00", days_of_week=("SUNDAY",))).start)[:3] == "Sun"


def test_local_date_decides() -> None:
    """Where it is still Sunday, today is Sunday."""
    los_angeles = ZoneInfo("America/Los_Angeles")
    now = parse("2026-03-02T05:00:00Z")  # Sunday, 21:00 in Los Angeles
    record = one(WeeklyHours(opens="09:00", closes="17:00"), los_angeles, now)
    assert local(record.start, los_angeles) == "Sun 2026-03-01 09:00"


def test_past_midnight() -> None:
    """Hours that close no later than they open close on the next day; 24:00 is midnight."""
    night = one(WeeklyHours(opens="22:00", closes="06:00"))
    assert (local(night.start), local(night.end)) == ("Mon 2026-03-02 22:00", "Tue 2026-03-03 06:00")
    late = one(WeeklyHours(opens="18:00", closes="24:00"))
    assert local(late.end) == "Tue 2026-03-03 00:00"
    whole = one(WeeklyHours(opens="00:00", closes="24:00"))
    assert whole.end - whole.start == 24 * 3600 * 1_000_000


def test_skipped_time() -> None:
    """On 8 March 2026 New York has no 02:30; the record begins on a day that has one."""
    now = parse("2026-03-08T12:00:00Z")
    record = one(WeeklyHours(opens="02:30", closes="05:00"), now=now)
    assert local(record.start) == "Mon 2026-03-09 02:30"


def test_ordinary_records() -> None:
    """What comes of hours is a record that updateSchedule would take as well."""
    record = one(WeeklyHours(opens="09:00", closes="17:00", days_of_week=("FRIDAY",)))
    written = write_record(record)
    assert written.recurrence is not None
    as_sent = {
        "startTime": written.start_time,
        "endTime": written.end_time,
        "capacity": written.capacity,
        "recurrence": {"endTime": written.recurrence.end_time, "daysOfWeek": written.recurrence.days_of_week},
    }
    assert read_record(as_sent) == record
