"""Working hours and other repeating times: from wall-clock rules to exact instants.

A record repeats at the same wall-clock time in the resource's IANA time zone. A wall-clock time that a change of the
clocks skips or repeats is read with the offset in force before the change (PEP 495, fold 0). Dates are proleptic
Gregorian ordinals as in `datetime.date.toordinal`; times of day are microseconds since the local midnight.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .intervals import DAY, ZERO, Instant, Interval, Run, Steps, union

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FIRST_ORDINAL = 1
LAST_ORDINAL = date.max.toordinal()
_EPOCH = datetime.fromordinal(EPOCH_ORDINAL)
_MICROSECOND = timedelta(microseconds=1)

RULES_SETTLED = date(2088, 1, 1).toordinal()
"""From here on every zone in the database follows a yearly rule (Morocco's listed exceptions end in 2087)."""

CALENDAR_CYCLE = 57 * 366
"""Days within which every kind of year (leap or not, by first weekday, and the kind of the next) comes at least once.

Those kinds repeat every 28 years unless a century without a leap day lies between: of any 56 years, 28 in a row are
free of one. One more year lets the last of them end."""


class Recurrence(NamedTuple):
    """Repeats on the given days until `end`: an occurrence must start before that instant.

    `days_of_week` (Monday is 0) and `days_of_month` (1 to 31) are a union; with neither, every day.
    """

    end: Instant
    days_of_week: frozenset[int] = frozenset()
    days_of_month: frozenset[int] = frozenset()


class Availability(NamedTuple):
    """A capacity from `start` until `end`, repeated at the same wall-clock times if there is a recurrence."""

    start: Instant
    end: Instant
    recurrence: Recurrence | None = None
    capacity: int = 1


class _Rule(NamedTuple):
    """A recurring record in the local terms of one zone.

    An occurrence on date x runs from `opens` on x until `closes` on x + `span` days. No occurrence starts on a date
    before `first` or on or after `past`; the recurrence's `end` still has the last word.
    """

    opens: int
    closes: int
    span: int
    first: int
    past: int
    end: Instant
    days_of_week: frozenset[int]
    days_of_month: frozenset[int]


class Stretch(NamedTuple):
    """Dates from `first` up to but excluding `past` on which all wall-clock times have the same UTC offset.

    `offset` is None for a single date in the course of which the offset changes.
    """

    first: int
    past: int
    offset: int | None


def offset_at(zone: ZoneInfo, ordinal: int, time_of_day: int) -> int:
    """The UTC offset, in microseconds, of a wall-clock time (fold 0)."""
    wall = datetime.fromordinal(ordinal) + timedelta(microseconds=time_of_day)
    offset = zone.utcoffset(wall)
    assert offset is not None, "every IANA zone has an offset at every time"
    return offset // _MICROSECOND


def instant_of(zone: ZoneInfo, ordinal: int, time_of_day: int) -> Instant:
    """The instant of a wall-clock time (fold 0)."""
    return (ordinal - EPOCH_ORDINAL) * DAY + time_of_day - offset_at(zone, ordinal, time_of_day)


def local(zone: ZoneInfo, instant: Instant) -> tuple[int, int]:
    """The local date of an instant, as an ordinal, and its wall-clock time of day."""
    wall = zone.fromutc((_EPOCH + timedelta(microseconds=instant)).replace(tzinfo=zone)).replace(tzinfo=None)
    ordinal = wall.toordinal()
    return ordinal, (wall - datetime.fromordinal(ordinal)) // _MICROSECOND


@lru_cache(maxsize=8192)
def stretches(zone: ZoneInfo, year: int) -> tuple[Stretch, ...]:
    """The year's dates, cut where the zone's offset changes. Changes at midnight leave both dates whole."""
    first, past = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1
    found: list[Stretch] = []
    begin, offset = first, offset_at(zone, first, 0)
    for ordinal in range(first, past):
        evening = offset_at(zone, ordinal, DAY - 1)
        if evening == offset:
            continue
        morning = offset_at(zone, ordinal, 0)
        if begin < ordinal:
            found.append(Stretch(begin, ordinal, offset))
        begin, offset = ordinal, evening
        if morning != evening:
            found.append(Stretch(ordinal, ordinal + 1, None))
            begin = ordinal + 1
    if begin < past:
        found.append(Stretch(begin, past, offset))
    return tuple(found)


def _stretches_between(zone: ZoneInfo, first: int, past: int) -> Iterator[Stretch]:
    """The stretches that make up the dates from `first` up to but excluding `past`, cut to them."""
    first, past = max(first, FIRST_ORDINAL), min(past, LAST_ORDINAL + 1)
    if first >= past:
        return
    for year in range(date.fromordinal(first).year, date.fromordinal(past - 1).year + 1):
        for stretch in stretches(zone, year):
            if stretch.first < past and stretch.past > first:
                yield Stretch(max(stretch.first, first), min(stretch.past, past), stretch.offset)


@lru_cache(maxsize=8192)
def _rule(record: Availability, zone: ZoneInfo) -> _Rule:
    """A recurring record's wall-clock rule; cached, since the same records are read for every window."""
    recurrence = record.recurrence
    assert recurrence is not None, "only recurring records have a rule"
    first, opens = local(zone, record.start)
    last, closes = local(zone, record.end)
    past = recurrence.end // DAY + EPOCH_ORDINAL + 3  # offsets stay within a day of UTC
    return _Rule(
        opens, closes, last - first, first, past, recurrence.end, recurrence.days_of_week, recurrence.days_of_month
    )


def _dates(rule: _Rule, first: int, past: int) -> range | list[int]:
    """The rule's start dates from `first` up to but excluding `past`, ascending."""
    days = range(max(first, rule.first), min(past, rule.past))
    weekdays, month_days = rule.days_of_week, rule.days_of_month
    if len(weekdays) == 7 or not (weekdays or month_days):
        return days
    if not month_days:
        return [day for day in days if (day - 1) % 7 in weekdays]
    return [day for day in days if (day - 1) % 7 in weekdays or date.fromordinal(day).day in month_days]


def _repeated(rule: _Rule, zone: ZoneInfo, first: int, past: int) -> Iterator[Interval]:
    """The rule's occurrences that start on the dates from `first` up to but excluding `past`, by date."""
    opens, closes, span, end = rule.opens, rule.closes, rule.span, rule.end
    past = min(past, rule.past, LAST_ORDINAL + 1 - span)
    for stretch in _stretches_between(zone, max(first, rule.first), past):
        for day in _dates(rule, stretch.first, stretch.past):
            if stretch.offset is not None:
                start = (day - EPOCH_ORDINAL) * DAY + opens - stretch.offset
            else:
                start = instant_of(zone, day, opens)
            if stretch.offset is not None and day + span < stretch.past:
                until = (day + span - EPOCH_ORDINAL) * DAY + closes - stretch.offset
            else:
                until = instant_of(zone, day + span, closes)
            if start < until and start < end:
                yield start, until


def occurrences(record: Availability, zone: ZoneInfo, window: Interval) -> list[Interval]:
    """The record's intervals that share an instant with the window, not clipped to it, by local start date.

    From the local date of `start` on, each date that matches the recurrence starts one: at `start`'s local time of
    day, until `end`'s local time of day as many dates later as `end`'s local date is after `start`'s. Where the
    clocks change so that an occurrence would end no later than it starts, there is none.
    """
    return list(_occurring(record, zone, window))


def _occurring(record: Availability, zone: ZoneInfo, window: Interval) -> Iterator[Interval]:
    begin, until = window
    if record.recurrence is None:
        if record.start < record.end and record.start < until and begin < record.end and begin < until:
            yield record.start, record.end
        return
    if begin >= until:
        return
    rule = _rule(record, zone)
    # Offsets stay within a day of UTC, so two dates more on either side hold all that can reach into the window.
    first = begin // DAY + EPOCH_ORDINAL - rule.span - 2
    past = until // DAY + EPOCH_ORDINAL + 3
    for start, end in _repeated(rule, zone, first, past):
        if start < until and begin < end:
            yield start, end


def weighed(record: Availability, zone: ZoneInfo, window: Interval) -> list[Run]:
    """The record as `(start, end, capacity)` runs, ascending and disjoint: overlaps with itself do not add up."""
    capacity = record.capacity
    return [(start, end, capacity) for start, end in union(sorted(_occurring(record, zone, window)))]


def scheduled(records: Sequence[Availability], zone: ZoneInfo, window: Interval) -> Steps:
    """The scheduled capacity inside the window: where records overlap, the later one's capacity holds, not the sum."""
    if not records:
        return ZERO
    if len(records) == 1:
        return Steps.painting(weighed(records[0], zone, window)).clip(window)
    layers = [
        (start, end, rank, capacity)
        for rank, record in enumerate(records)
        for start, end, capacity in weighed(record, zone, window)
    ]
    layers.sort(key=itemgetter(0))
    return Steps.painting(_topmost(layers)).clip(window)


def _topmost(layers: list[tuple[Instant, Instant, int, int]]) -> Iterator[Run]:
    """What is seen from above: at each instant the capacity of the highest rank, for layers ascending by start."""
    live: list[tuple[int, Instant, int]] = []  # a heap, highest rank on top; layers below the top may have ended
    seen_until = 0
    for start, end, rank, capacity in layers:
        yield from _uncovered(live, seen_until, start)
        heappush(live, (-rank, end, capacity))
        seen_until = start
    if live:
        yield from _uncovered(live, seen_until, max(end for _, end, _ in live))


def _uncovered(live: list[tuple[int, Instant, int]], begin: Instant, until: Instant) -> Iterator[Run]:
    """What is on top from `begin` until `until`, taking off the layers that have ended."""
    while live and begin < until:
        _, end, capacity = live[0]
        if end > begin:
            yield begin, min(end, until), capacity
            begin = end
        if end <= until:
            heappop(live)


def overlapping(record: Availability, earlier: Sequence[Availability], zone: ZoneInfo) -> bool:
    """Whether any occurrence of the record shares an instant with any occurrence of one of the earlier records."""
    return any(_overlap(record, other, zone) for other in earlier)


def _overlap(one: Availability, other: Availability, zone: ZoneInfo) -> bool:
    if one.recurrence is None:
        return any(True for _ in _occurring(other, zone, (one.start, one.end)))
    if other.recurrence is None:
        return any(True for _ in _occurring(one, zone, (other.start, other.end)))
    a, b = _rule(one, zone), _rule(other, zone)
    first = max(a.first - b.span, b.first - a.span) - 2
    past = min(a.past + a.span, b.past + b.span) + 3
    # Once every zone keeps to a yearly rule, the years repeat themselves: what has not met by then never meets.
    past = min(past, max(first, RULES_SETTLED) + CALENDAR_CYCLE)
    lags = _meeting_lags(a, b)
    before: Stretch | None = None
    for stretch in _stretches_between(zone, first, past):
        if any(_meet_within(stretch, a, b, lag) for lag in lags):
            return True
        whole_before = before is not None and before.offset is not None
        if (stretch.offset is None or whole_before) and _meet_near(stretch.first, one, other, zone, a, b):
            return True
        before = stretch
    return False


def _meeting_lags(a: _Rule, b: _Rule) -> list[int]:
    """By how many dates b can start after a so that they overlap, as long as no clocks change."""
    a_end, b_end = a.span * DAY + a.closes, b.span * DAY + b.closes
    if a_end <= a.opens or b_end <= b.opens:
        return []
    lags = range(-b.span - 1, a.span + 2)
    meeting = [lag for lag in lags if a.opens < lag * DAY + b_end and lag * DAY + b.opens < a_end]
    if a.days_of_month or b.days_of_month or not a.days_of_week or not b.days_of_week:
        return meeting
    return [lag for lag in meeting if any((day + lag) % 7 in b.days_of_week for day in a.days_of_week)]


def _meet_within(stretch: Stretch, a: _Rule, b: _Rule, lag: int) -> bool:
    """Whether occurrences of a and b, b's `lag` dates later, overlap with all their dates in one whole stretch."""
    if stretch.offset is None:
        return False
    first = max(stretch.first, stretch.first - lag)
    past = min(stretch.past - a.span, stretch.past - b.span - lag)
    a_past, b_past = _past_end(a, stretch.offset), _past_end(b, stretch.offset) - lag
    dates = _dates(a, first, min(past, a_past, b_past))
    partners = _dates(b, first + lag, min(past, a_past, b_past) + lag)
    among = partners if isinstance(partners, range) else frozenset(partners)
    return any(day + lag in among for day in dates)


def _past_end(rule: _Rule, offset: int) -> int:
    """The first date on which an occurrence would start too late, were the offset always this one."""
    return EPOCH_ORDINAL - (rule.opens - offset - rule.end) // DAY


def _meet_near(ordinal: int, one: Availability, other: Availability, zone: ZoneInfo, a: _Rule, b: _Rule) -> bool:
    """Whether occurrences overlap of which one comes near the start of the date; looks at the true instants."""
    reach = (3 + max(a.span, b.span)) * DAY
    noon = (ordinal - EPOCH_ORDINAL) * DAY
    window = (noon - reach, noon + reach)
    mine, others = _occurring(one, zone, window), list(_occurring(other, zone, window))
    return any(start < end2 and start2 < end for start, end in mine for start2, end2 in others)
