"""Recurring records: dates, clocks that change, overrides, overlaps."""

from calendar import isleap
from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo, available_timezones

import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, ZERO, Instant, Interval, Steps
from fieldserve.domain.schedules import (
    CALENDAR_CYCLE,
    RULES_SETTLED,
    Availability,
    Recurrence,
    instant_of,
    local,
    occurrences,
    open_hours,
    overlapping,
    scheduled,
    stretches,
    weighed,
)

UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
ST_JOHNS = ZoneInfo("America/St_Johns")
APIA = ZoneInfo("Pacific/Apia")

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


def utc(text: str) -> Instant:
    """An instant from `2026-03-08T07:00`, UTC unless an offset follows."""
    wall = datetime.fromisoformat(text)
    return round((wall if wall.tzinfo else wall.replace(tzinfo=UTC)).timestamp()) * 1_000_000


def told(intervals: list[Interval]) -> list[str]:
    """Intervals as `03-08T07:00–08:30`, UTC; with the end's date where that is another."""
    lines = []
    for start, end in intervals:
        begin, until = (datetime.fromtimestamp(instant / 1e6, UTC) for instant in (start, end))
        same = begin.date() == until.date()
        lines.append(f"{begin:%m-%dT%H:%M}–{until:{'%H:%M' if same else '%m-%dT%H:%M'}}")
    return lines


def daily(start: str, end: str, until: str, capacity: int = 1) -> Availability:
    return Availability(utc(start), utc(end), Recurrence(utc(until)), capacity)


def weekly(start: str, end: str, until: str, *days: int, month_days: tuple[int, ...] = ()) -> Availability:
    return Availability(utc(start), utc(end), Recurrence(utc(until), frozenset(days), frozenset(month_days)))


class TestOccurrences:
    WEEK = (utc("2026-06-01T00:00"), utc("2026-06-08T00:00"))  # 2026-06-01 is a Monday

    def test_a_single_record_is_one_interval(self) -> None:
        """Not clipped to the window; none where it only touches it."""
        record = Availability(utc("2026-05-31T22:00"), utc("2026-06-01T02:00"))
        assert told(occurrences(record, NEW_YORK, self.WEEK)) == ["05-31T22:00–06-01T02:00"]
        assert occurrences(record, NEW_YORK, (record.end, record.end + DAY)) == []
        assert occurrences(record, NEW_YORK, (record.start - DAY, record.start)) == []

    def test_neither_days_of_week_nor_of_month_is_daily(self) -> None:
        """From the first date on, as long as a start comes before the recurrence's end."""
        record = daily("2026-06-03T09:00", "2026-06-03T17:00", "2026-06-06T09:00")
        # The start of 06-06 is the recurrence's end itself: not before it.
        assert told(occurrences(record, UTC_ZONE, self.WEEK)) == [
            "06-03T09:00–17:00",
            "06-04T09:00–17:00",
            "06-05T09:00–17:00",
        ]
        one_more = daily("2026-06-03T09:00", "2026-06-03T17:00", "2026-06-06T09:01")
        assert told(occurrences(one_more, UTC_ZONE, self.WEEK))[-1] == "06-06T09:00–17:00"

    def test_days_of_week_are_local(self) -> None:
        """Monday 22:00 in New York is Tuesday 02:00 UTC; the start itself is no Monday and gives none."""
        record = weekly("2026-05-28T22:00-04:00", "2026-05-28T23:00-04:00", "2027-01-01T00:00", MONDAY, THURSDAY)
        assert told(occurrences(record, NEW_YORK, self.WEEK)) == ["06-02T02:00–03:00", "06-05T02:00–03:00"]

    def test_days_of_week_and_of_month_are_a_union(self) -> None:
        """Wednesdays (the 3rd) and the 1st and 3rd: Monday the 1st, and the 3rd only once."""
        record = weekly("2026-05-01T09:00", "2026-05-01T10:00", "2027-01-01T00:00", WEDNESDAY, month_days=(1, 3))
        assert told(occurrences(record, UTC_ZONE, self.WEEK)) == ["06-01T09:00–10:00", "06-03T09:00–10:00"]

    def test_a_month_without_the_day_has_no_occurrence(self) -> None:
        """The 30th and 31st from January to April 2026: February has neither, April no 31st."""
        record = weekly("2026-01-01T09:00", "2026-01-01T10:00", "2027-01-01T00:00", month_days=(30, 31))
        window = (utc("2026-01-01T00:00"), utc("2026-05-01T00:00"))
        starts = [line[:5] for line in told(occurrences(record, UTC_ZONE, window))]
        assert starts == ["01-30", "01-31", "03-30", "03-31", "04-30"]

    def test_a_span_may_cross_midnight(self) -> None:
        """Fridays 22:00 to 06:00: the one of 06-05 ends on Saturday; the window still sees the one before it."""
        record = weekly("2026-05-01T22:00", "2026-05-02T06:00", "2027-01-01T00:00", FRIDAY)
        assert told(occurrences(record, UTC_ZONE, self.WEEK)) == ["06-05T22:00–06-06T06:00"]
        saturday = (utc("2026-06-06T05:00"), utc("2026-06-06T09:00"))
        assert told(occurrences(record, UTC_ZONE, saturday)) == ["06-05T22:00–06-06T06:00"]
        later = (utc("2026-06-06T06:00"), utc("2026-06-06T09:00"))
        assert occurrences(record, UTC_ZONE, later) == []

    def test_a_span_of_several_days(self) -> None:
        """Monday 08:00 to Thursday 08:00 is under way on Wednesday, two dates after its start."""
        record = weekly("2026-05-04T08:00", "2026-05-07T08:00", "2027-01-01T00:00", MONDAY)
        wednesday = (utc("2026-06-03T12:00"), utc("2026-06-03T13:00"))
        assert told(occurrences(record, UTC_ZONE, wednesday)) == ["06-01T08:00–06-04T08:00"]

    def test_nothing_before_the_start(self) -> None:
        """A record that starts after the window gives none, nor does an empty window."""
        record = daily("2026-07-01T09:00", "2026-07-01T10:00", "2027-01-01T00:00")
        assert occurrences(record, UTC_ZONE, self.WEEK) == []
        noon = utc("2026-07-02T09:30")
        assert occurrences(record, UTC_ZONE, (noon, noon)) == []

    def test_until_the_last_date_there_is(self) -> None:
        """A recurrence until the end of the calendar can be asked about its last days."""
        record = daily("2026-07-01T22:00", "2026-07-02T01:00", "9999-12-31T23:59")
        window = (utc("9999-12-29T00:00"), utc("9999-12-31T12:00"))
        # The one of 12-31 would end on a date that does not exist; the window ends before its start anyway.
        assert told(occurrences(record, UTC_ZONE, window)) == [
            "12-28T22:00–12-29T01:00",
            "12-29T22:00–12-30T01:00",
            "12-30T22:00–12-31T01:00",
        ]


class TestClocksThatChange:
    """New York 2026: 03-08 02:00 −05 becomes 03:00 −04; 11-01 02:00 −04 becomes 01:00 −05."""

    def test_wall_clock_times_stay(self) -> None:
        """09:00 is 14:00Z in winter, 13:00Z in summer."""
        record = daily("2026-01-01T14:00", "2026-01-01T15:00", "2027-01-01T00:00")
        spring = (utc("2026-03-07T00:00"), utc("2026-03-09T00:00"))
        assert told(occurrences(record, NEW_YORK, spring)) == ["03-07T14:00–15:00", "03-08T13:00–14:00"]
        autumn = (utc("2026-10-31T00:00"), utc("2026-11-02T00:00"))
        assert told(occurrences(record, NEW_YORK, autumn)) == ["10-31T13:00–14:00", "11-01T14:00–15:00"]

    def test_a_skipped_start_takes_the_offset_from_before(self) -> None:
        """02:30 on 03-08 does not exist; at −05 it is 07:30Z (03:30 −04). 04:00 −04 is 08:00Z: half an hour is left."""
        record = daily("2026-01-01T07:30", "2026-01-01T09:00", "2027-01-01T00:00")
        window = (utc("2026-03-07T12:00"), utc("2026-03-09T12:00"))
        assert told(occurrences(record, NEW_YORK, window)) == ["03-08T07:30–08:00", "03-09T06:30–08:00"]

    def test_an_occurrence_that_would_end_before_it_starts_is_dropped(self) -> None:
        """02:30 to 03:15: on 03-08 02:30 is 07:30Z and 03:15 −04 is 07:15Z, so that day has none."""
        record = daily("2026-01-01T07:30", "2026-01-01T08:15", "2027-01-01T00:00")
        window = (utc("2026-03-07T00:00"), utc("2026-03-10T00:00"))
        assert told(occurrences(record, NEW_YORK, window)) == ["03-07T07:30–08:15", "03-09T06:30–07:15"]

    def test_a_repeated_time_is_the_first(self) -> None:
        """01:30 on 11-01 is 05:30Z (−04) and 06:30Z (−05): the first counts, for a start and for an end."""
        starts = daily("2026-10-01T05:30", "2026-10-01T07:00", "2027-01-01T00:00")  # 01:30 to 03:00
        ends = daily("2026-10-01T04:00", "2026-10-01T05:30", "2027-01-01T00:00")  # 00:00 to 01:30
        window = (utc("2026-11-01T00:00"), utc("2026-11-02T00:00"))
        # 01:30 −04 = 05:30Z until 03:00 −05 = 08:00Z: two and a half hours.
        assert told(occurrences(starts, NEW_YORK, window)) == ["11-01T05:30–08:00"]
        assert told(occurrences(ends, NEW_YORK, window)) == ["11-01T04:00–05:30"]

    def test_a_night_shift_is_longer_or_shorter(self) -> None:
        """Berlin 22:00 to 06:00 lasts 7 hours on the night of 03-28 and 9 on that of 10-24."""
        record = daily("2026-01-01T21:00", "2026-01-02T05:00", "2027-01-01T00:00")
        for window, length in [("2026-03-29T00:00", 7), ("2026-10-25T00:00", 9), ("2026-06-01T00:00", 8)]:
            [(start, end)] = occurrences(record, BERLIN, (utc(window), utc(window) + HOUR))
            assert (end - start) / HOUR == length

    def test_half_an_hour(self) -> None:
        """Lord Howe: +11 until 2026-04-05 02:00, then 01:30 +10:30; back on 10-04 at 02:00, then 02:30 +11."""
        record = daily("2026-01-01T22:00", "2026-01-02T00:00", "2027-01-01T00:00")  # 09:00 to 11:00 at +11
        autumn = (utc("2026-04-03T12:00"), utc("2026-04-05T12:00"))
        # 09:00 +11 = 22:00Z of the day before; 09:00 +10:30 = 22:30Z.
        assert told(occurrences(record, LORD_HOWE, autumn)) == ["04-03T22:00–04-04T00:00", "04-04T22:30–04-05T00:30"]
        skipped = daily("2026-06-01T15:45", "2026-06-01T16:30", "2027-01-01T00:00")  # 02:15 to 03:00 at +10:30
        # On 10-04 02:15 is skipped: at +10:30 it is 15:45Z; 03:00 +11 is 16:00Z.
        spring = (utc("2026-10-03T12:00"), utc("2026-10-03T20:00"))
        assert told(occurrences(skipped, LORD_HOWE, spring)) == ["10-03T15:45–16:00"]

    def test_a_date_that_did_not_take_place(self) -> None:
        """Apia left out 2011-12-30: its 09:00, at −10, falls together with 09:00 +14 of the 31st."""
        record = daily("2011-12-20T19:00", "2011-12-20T20:00", "2012-02-01T00:00", capacity=3)
        window = (utc("2011-12-29T00:00"), utc("2012-01-01T00:00"))
        # 12-29 09:00 −10 = 19:00Z; 12-30 (read at −10) = 12-30T19:00Z; 12-31 09:00 +14 = 12-30T19:00Z.
        assert told(occurrences(record, APIA, window)) == [
            "12-29T19:00–20:00",
            "12-30T19:00–20:00",
            "12-30T19:00–20:00",
            "12-31T19:00–20:00",
        ]
        assert [run[2] for run in weighed(record, APIA, window)] == [3, 3, 3]


class TestStretches:
    def test_a_year_of_new_york(self) -> None:
        """Winter, the date of the change, summer, the date of the change, winter: 365 dates in all."""
        found = stretches(NEW_YORK, 2026)
        ordinal = date(2026, 1, 1).toordinal()
        changes = [date(2026, 3, 8).toordinal(), date(2026, 11, 1).toordinal()]
        assert [each.offset for each in found] == [-5 * HOUR, None, -4 * HOUR, None, -5 * HOUR]
        assert [each.first for each in found] == [ordinal, changes[0], changes[0] + 1, changes[1], changes[1] + 1]
        assert all(before.past == after.first for before, after in pairwise(found))
        assert found[-1].past == ordinal + 365

    def test_a_change_at_midnight_splits_no_date(self) -> None:
        """Apia went from −10 to +14 between two dates."""
        assert [each.offset for each in stretches(APIA, 2011)][-2:] == [-10 * HOUR, 14 * HOUR]

    def test_local_and_back(self) -> None:
        """2026-07-01T03:30Z is 06-30 23:30 in New York."""
        instant = utc("2026-07-01T03:30")
        ordinal, time_of_day = local(NEW_YORK, instant)
        assert (date.fromordinal(ordinal), time_of_day) == (date(2026, 6, 30), 23 * HOUR + 30 * MINUTE)
        assert instant_of(NEW_YORK, ordinal, time_of_day) == instant


class TestTheYearsRepeatThemselves:
    """What `overlapping` relies on to stop looking after the last year that brings anything new."""

    @staticmethod
    def kind(year: int) -> tuple[int, bool, bool]:
        return date(year, 1, 1).weekday(), isleap(year), isleap(year + 1)

    def test_every_kind_of_year_comes_before_the_end(self) -> None:
        """Of any 56 years, 28 in a row hold all kinds: first weekday, leap or not, and whether the next is leap."""
        kinds = {self.kind(year) for year in range(2000, 2400)}
        assert all({self.kind(year) for year in range(first, first + 56)} == kinds for first in range(2000, 2400))
        assert CALENDAR_CYCLE >= 57 * 366

    def test_every_zone_keeps_to_a_yearly_rule_by_then(self) -> None:
        """2088 and the next year of its kind have the same offsets, date by date."""
        again = next(year for year in range(2089, 2200) if self.kind(year) == self.kind(2088))

        def shape(zone: ZoneInfo, year: int) -> list[tuple[int, int | None]]:
            return [(each.first - date(year, 1, 1).toordinal(), each.offset) for each in stretches(zone, year)]

        assert date(2088, 1, 1).toordinal() == RULES_SETTLED
        for name in sorted(available_timezones()):
            assert shape(ZoneInfo(name), 2088) == shape(ZoneInfo(name), again), name


class TestScheduled:
    DAY_OF = (utc("2026-06-01T00:00"), utc("2026-06-02T00:00"))

    def hours(self, *records: tuple[int, int, int]) -> Steps:
        start = self.DAY_OF[0]
        return scheduled(
            [
                Availability(start + opens * HOUR, start + closes * HOUR, None, capacity)
                for opens, closes, capacity in records
            ],
            UTC_ZONE,
            self.DAY_OF,
        )

    def expected(self, *runs: tuple[int, int, int]) -> Steps:
        start = self.DAY_OF[0]
        return Steps.painting((start + opens * HOUR, start + closes * HOUR, value) for opens, closes, value in runs)

    def test_a_later_record_overrides(self) -> None:
        """5 from 8 to 18, then 2 from 12 to 14: the 2 holds there, neither 5 nor 7."""
        assert self.hours((8, 18, 5), (12, 14, 2)) == self.expected((8, 12, 5), (12, 14, 2), (14, 18, 5))

    def test_the_order_given_decides_not_the_time(self) -> None:
        """The same records the other way round: the whole day overrides noon."""
        assert self.hours((12, 14, 2), (8, 18, 5)) == self.expected((8, 18, 5))

    def test_three_layers(self) -> None:
        """1 all day, 2 from 6 to 12 on top, 3 from 4 to 8 on top of both."""
        assert self.hours((0, 24, 1), (6, 12, 2), (4, 8, 3)) == self.expected(
            (0, 4, 1), (4, 8, 3), (8, 12, 2), (12, 24, 1)
        )

    def test_a_layer_hidden_all_its_life_is_never_seen(self) -> None:
        """The 2 from 9 to 10 lies below the 3 from 8 to 11."""
        assert self.hours((9, 10, 2), (8, 11, 3), (10, 12, 1)) == self.expected((8, 10, 3), (10, 12, 1))

    def test_clipped_to_the_window(self) -> None:
        """What reaches out of the window is cut off."""
        assert self.hours((-3, 2, 4), (23, 30, 1)) == self.expected((0, 2, 4), (23, 24, 1))

    def test_no_records(self) -> None:
        """Without a schedule there is no capacity."""
        assert self.hours() == ZERO

    def test_a_record_does_not_add_to_itself(self) -> None:
        """A daily span of 30 hours overlaps the next day's by 6; the capacity stays 2."""
        record = daily("2026-05-01T00:00", "2026-05-02T06:00", "2026-07-01T00:00", capacity=2)
        assert scheduled([record], UTC_ZONE, self.DAY_OF) == self.expected((0, 24, 2))

    def test_open_hours_are_where_something_is_scheduled(self) -> None:
        """Records of any capacity join: 8 to 12 and 12 to 14 are one stretch, 20 to 21 another."""
        start = self.DAY_OF[0]
        records = [Availability(start + a * HOUR, start + b * HOUR, None, 7) for a, b in [(12, 14), (8, 12), (20, 21)]]
        assert told(open_hours(records, UTC_ZONE, self.DAY_OF)) == ["06-01T08:00–14:00", "06-01T20:00–21:00"]


class TestOverlapping:
    MORNING = daily("2026-01-01T08:00", "2026-01-01T12:00", "2030-01-01T00:00")
    FOREVER = "9999-12-31T00:00"

    def test_shifts_that_touch_do_not_overlap(self) -> None:
        """08:00 to 12:00 and 12:00 to 18:00, both for four years; a minute more and they do."""
        afternoon = daily("2026-01-01T12:00", "2026-01-01T18:00", "2030-01-01T00:00")
        longer = daily("2026-01-01T11:59", "2026-01-01T18:00", "2030-01-01T00:00")
        assert not overlapping(afternoon, [self.MORNING], NEW_YORK)
        assert overlapping(longer, [self.MORNING], NEW_YORK)

    def test_any_of_the_earlier_records_is_enough(self) -> None:
        """The first does not overlap, the second does; without any there is nothing to overlap."""
        evening = daily("2026-01-01T18:00", "2026-01-01T20:00", "2030-01-01T00:00")
        noon = daily("2026-01-01T11:00", "2026-01-01T13:00", "2030-01-01T00:00")
        assert overlapping(noon, [evening, self.MORNING], UTC_ZONE)
        assert not overlapping(evening, [], UTC_ZONE)

    def test_different_weekdays_never_meet(self) -> None:
        """Mondays and Tuesdays until the end of the calendar; a night that reaches into Tuesday does meet."""
        mondays = weekly("2026-01-01T08:00", "2026-01-01T12:00", self.FOREVER, MONDAY)
        tuesdays = weekly("2026-01-01T08:00", "2026-01-01T12:00", self.FOREVER, TUESDAY)
        nights = weekly("2026-01-01T22:00", "2026-01-02T09:00", self.FOREVER, MONDAY)
        assert not overlapping(mondays, [tuesdays], UTC_ZONE)
        assert overlapping(nights, [tuesdays], UTC_ZONE)
        assert not overlapping(nights, [mondays], UTC_ZONE)

    def test_the_leap_day(self) -> None:
        """A night from the 29th into the 1st of the next month exists in a February of 29 days alone: 2028."""
        nights = weekly("2026-01-01T22:00", "2026-01-02T06:00", "2028-02-29T22:01", month_days=(29,))
        mornings = weekly("2026-01-01T04:00", "2026-01-01T08:00", self.FOREVER, month_days=(1,))
        assert overlapping(nights, [mornings], UTC_ZONE)
        over = nights._replace(recurrence=Recurrence(utc("2028-02-29T22:00"), frozenset(), frozenset({29})))
        assert not overlapping(over, [mornings], UTC_ZONE)

    def test_ended_before_the_other_starts(self) -> None:
        """The same hours, but one ends on the day on which the other begins."""
        later = daily("2030-01-01T08:00", "2030-01-01T12:00", self.FOREVER)
        assert not overlapping(later, [self.MORNING], UTC_ZONE)
        assert overlapping(later, [self.MORNING._replace(recurrence=Recurrence(utc("2030-01-01T08:01")))], UTC_ZONE)

    def test_only_the_change_of_the_clocks_brings_them_together(self) -> None:
        """02:00–02:30 and 03:00–03:30 meet on one day a year, when 02:00 at −05 is 03:00 at −04: 07:00Z."""
        early = daily("2026-01-01T07:00", "2026-01-01T07:30", "2030-01-01T00:00")
        late = daily("2026-01-01T08:00", "2026-01-01T08:30", "2030-01-01T00:00")
        assert overlapping(early, [late], NEW_YORK)
        assert not overlapping(early, [late], UTC_ZONE)
        before_the_change = late._replace(recurrence=Recurrence(utc("2026-03-08T07:00")))
        assert not overlapping(early, [before_the_change], NEW_YORK)

    def test_only_the_change_of_the_clocks_keeps_them_apart(self) -> None:
        """02:30–03:15 is dropped on 03-08, the only date on which the single record could meet it."""
        shift = daily("2026-01-01T07:30", "2026-01-01T08:15", "2030-01-01T00:00")
        single = Availability(utc("2026-03-08T07:00"), utc("2026-03-08T08:00"))
        assert not overlapping(shift, [single], NEW_YORK)
        assert not overlapping(single, [shift], NEW_YORK)
        assert overlapping(single, [shift], UTC_ZONE)

    def test_single_records(self) -> None:
        """Half-open: touching is not overlapping."""
        one = Availability(0, 10)
        assert overlapping(one, [Availability(9, 12)], UTC_ZONE)
        assert not overlapping(one, [Availability(10, 12)], UTC_ZONE)
        assert not overlapping(one, [Availability(-5, 0)], UTC_ZONE)

    @pytest.mark.parametrize("zone", [NEW_YORK, LORD_HOWE, ST_JOHNS, APIA], ids=str)
    def test_as_by_comparing_all_occurrences(self, zone: ZoneInfo) -> None:
        """150 random pairs of short records over four years, against every pair of occurrences."""
        met = 0
        for seed in range(150):
            random = Random(seed)
            one, other = (self.random_record(random) for _ in range(2))
            whole = (utc("2005-01-01T00:00"), utc("2014-01-01T00:00"))
            spans, others = occurrences(one, zone, whole), occurrences(other, zone, whole)
            truth = any(a < d and c < b for a, b in spans for c, d in others)
            met += truth
            assert overlapping(one, [other], zone) == overlapping(other, [one], zone) == truth, f"seed {seed}"
        assert 20 < met < 130

    def random_record(self, random: Random) -> Availability:
        start = utc("2008-01-01T00:00") + random.randrange(1200) * DAY + random.randrange(96) * 15 * MINUTE
        end = start + random.choice([15, 15, 60, 100, 480, 1500]) * MINUTE
        days = frozenset(random.sample(range(7), random.choice([0, 1, 1, 2])))
        month_days = frozenset(random.sample([1, 15, 29, 30, 31], random.choice([0, 0, 1])))
        return Availability(start, end, Recurrence(start + random.randrange(1, 900) * DAY, days, month_days))
