"""What new records do to a schedule."""

import random
from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.domain.overrides import needless, occurrences_at_most, overriding
from fieldserve.domain.schedules import Availability, Recurrence, occurrences, overlapping, scheduled

UTC = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
MONDAY = 4 * DAY  # 5 January 1970


def once(start: int, end: int, capacity: int = 1) -> Availability:
    """From an hour until an hour of that Monday."""
    return Availability(MONDAY + start * HOUR, MONDAY + end * HOUR, None, capacity)


def weekly(start: int, end: int, weeks: int, *days: int, capacity: int = 1) -> Availability:
    recurrence = Recurrence(MONDAY + weeks * 7 * DAY, frozenset(days), frozenset())
    return Availability(MONDAY + start * HOUR, MONDAY + end * HOUR, recurrence, capacity)


class TestOverriding:
    def test_nothing_there(self) -> None:
        """Records that lie apart override nothing."""
        assert overriding([], [once(9, 12), once(13, 17)], UTC) == [False, False]

    def test_touching(self) -> None:
        """12:00 belongs to the second alone."""
        assert overriding([once(9, 12)], [once(12, 13)], UTC) == [False]

    def test_current(self) -> None:
        """Only the record that overlaps what is there is told."""
        assert overriding([once(9, 12)], [once(13, 14), once(11, 13)], UTC) == [False, True]

    def test_earlier_record_of_the_call(self) -> None:
        """The later of two overlapping records overrides, in whichever order they start."""
        assert overriding([], [once(9, 12), once(8, 10)], UTC) == [False, True]
        assert overriding([], [once(8, 10), once(9, 12)], UTC) == [False, True]

    def test_through_several(self) -> None:
        """9–17 lies below three records, of which each overlaps it; they do not overlap one another."""
        assert overriding([], [once(9, 17), once(9, 10), once(12, 13), once(16, 18)], UTC) == [False, True, True, True]
        assert overriding([], [once(9, 10), once(12, 13), once(16, 18), once(9, 17)], UTC) == [False] * 3 + [True]

    def test_far_occurrence(self) -> None:
        """A Monday in a year's time meets the weekly record that repeats until then, and no longer."""
        in_a_year = once(52 * 168 + 10, 52 * 168 + 11)
        assert overriding([weekly(9, 17, 53, 0)], [in_a_year], UTC) == [True]
        assert overriding([weekly(9, 17, 52, 0)], [in_a_year], UTC) == [False]

    @pytest.mark.parametrize("seed", range(60))
    def test_as_pairs_say(self, seed: int) -> None:
        """The sweep says of every record what comparing it with each before it says."""
        chance = random.Random(seed)
        records = [_any_record(chance) for _ in range(chance.randrange(2, 12))]
        cut = chance.randrange(len(records))
        current, new = records[:cut], records[cut:]
        zone = chance.choice([UTC, NEW_YORK, ZoneInfo("Australia/Lord_Howe")])
        expected = [overlapping(record, [*current, *new[:rank]], zone) for rank, record in enumerate(new)]
        assert overriding(current, new, zone) == expected


class TestOccurrencesAtMost:
    @pytest.mark.parametrize("seed", range(60))
    def test_never_too_few(self, seed: int) -> None:
        """What is laid out is never more than what was told."""
        chance = random.Random(seed)
        records = [_any_record(chance) for _ in range(6)]
        window = (min(one.start for one in records) - DAY, MONDAY + 1000 * DAY)
        count = sum(len(occurrences(record, NEW_YORK, window)) for record in records)
        assert occurrences_at_most([], records) >= count

    def test_ten_years(self) -> None:
        """Daily for ten years is about 3,650 times, on two weekdays about 1,040."""
        assert 3640 <= occurrences_at_most([], [weekly(9, 17, 520)]) <= 3650
        assert 1040 <= occurrences_at_most([], [weekly(9, 17, 520, 0, 1)]) <= 1050

    def test_only_where_records_reach(self) -> None:
        """A single new interval looks at no more than a few days of a ten-year record."""
        assert occurrences_at_most([weekly(9, 17, 520)], [once(9, 10)]) <= 12


class TestNeedless:
    def test_inside(self) -> None:
        """An interval inside another, or inside two that touch, is needless; one that sticks out is not."""
        assert needless([once(9, 12), once(8, 10), once(11, 14)], [once(9, 11), once(11, 13)]) == [0]

    def test_same_again(self) -> None:
        """The same days and times, for longer or as long, make the old record needless; for shorter they do not."""
        current = [weekly(9, 17, 10, 0, capacity=2)]
        assert needless(current, [weekly(9, 17, 10, 0, capacity=1)]) == [0]
        assert needless(current, [weekly(9, 17, 11, 0)]) == [0]
        assert needless(current, [weekly(9, 17, 9, 0)]) == []
        assert needless(current, [weekly(9, 17, 10, 0, 1)]) == []

    def test_a_repetition_is_no_interval(self) -> None:
        """What repeats is kept below single intervals, and the other way round."""
        assert needless([weekly(9, 17, 1, 0)], [once(0, 200)]) == []
        assert needless([once(9, 10)], [weekly(9, 17, 1, 0)]) == []

    @pytest.mark.parametrize("seed", range(60))
    def test_nothing_changes(self, seed: int) -> None:
        """Without the needless records the schedule is the same at every instant."""
        chance = random.Random(seed)
        current = [_any_record(chance, chance.randrange(1, 4)) for _ in range(8)]
        new = [_any_record(chance, chance.randrange(1, 4)) for _ in range(4)]
        again = [one._replace(capacity=4) for one in current if chance.random() < 0.4]
        records = [*new, *again]
        found = needless(current, records)
        assert {index for index, one in enumerate(current) if one._replace(capacity=4) in again} <= set(found)
        kept = [record for index, record in enumerate(current) if index not in found]
        window = (MONDAY - 10 * DAY, MONDAY + 500 * DAY)
        everything = scheduled([*current, *records], NEW_YORK, window)
        assert scheduled([*kept, *records], NEW_YORK, window) == everything


def _any_record(chance: random.Random, capacity: int = 1) -> Availability:
    start = MONDAY + chance.randrange(0, 24 * 20) * HOUR
    end = start + chance.choice([1, 1, 2, 3, 5, 26, 50]) * HOUR
    if chance.random() < 0.5:
        return Availability(start, end, None, capacity)
    weekdays = frozenset(chance.sample(range(7), chance.randrange(0, 3)))
    month_days = frozenset(chance.sample(range(1, 32), chance.randrange(0, 3)))
    until = start + chance.choice([10, 100, 400]) * DAY
    return Availability(start, end, Recurrence(until, weekdays, month_days), capacity)
