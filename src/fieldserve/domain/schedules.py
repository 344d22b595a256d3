"""Working hours and other repeating times: from wall-clock rules to exact instants.

A record repeats at the same wall-clock time in the resource's IANA time zone. A wall-clock time that a change of the
clocks skips or repeats is read with the offset in force before the change (PEP 495, fold 0). Dates are proleptic
Gregorian ordinals as in `datetime.date.toordinal`; times of day are microseconds since the local midnight.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import pairwise
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
    """A capacity (at least 1) from `start` until `end`, repeated at the same wall-clock times by a recurrence."""

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


@lru_cache(maxsize=4096)
def _stretches_of_window(zone: ZoneInfo, first: int, past: int) -> tuple[Stretch, ...]:
    """As `_stretches_between`; cached, since the records of one store ask about the same dates."""
    return tuple(_stretches_between(zone, first, past))


def occurrences(record: Availability, zone: ZoneInfo, window: Interval) -> list[Interval]:
    """The record's intervals that share an instant with the window, not clipped to it, by local start date.

    From the local date of `start` on, each date that matches the recurrence starts one: at `start`'s local time of
    day, until `end`'s local time of day as many dates later as `end`'s local date is after `start`'s. Where the
    clocks change so that an occurrence would end no later than it starts, there is none.
    """
    begin, until = window
    if begin >= until:
        return []
    if record.recurrence is None:
        meets = record.start < record.end and record.start < until and begin < record.end
        return [(record.start, record.end)] if meets else []
    rule = _rule(record, zone)
    # Wall-clock times are less than a day away from UTC.
    first = (begin - rule.closes - DAY) // DAY - rule.span + EPOCH_ORDINAL
    past = (until - rule.opens + DAY) // DAY + 1 + EPOCH_ORDINAL
    first, past = max(first, rule.first), min(past, rule.past, LAST_ORDINAL + 1 - rule.span)
    last = min(until, rule.end)
    return [
        (start, end)
        for stretch in _stretches_of_window(zone, first, past)
        for start, end in _repeated(rule, zone, stretch)
        if start < last and begin < end
    ]


def _repeated(rule: _Rule, zone: ZoneInfo, stretch: Stretch) -> list[Interval]:
    """What the rule starts on the dates of a stretch, whether or not before the rule's end."""
    if stretch.offset is None:
        return _resolved(rule, zone, _dates(rule, stretch.first, stretch.past))
    opens = rule.opens - EPOCH_ORDINAL * DAY - stretch.offset
    closes = rule.closes - EPOCH_ORDINAL * DAY - stretch.offset + rule.span * DAY
    if rule.span == 0:
        dates = _dates(rule, stretch.first, stretch.past) if opens < closes else ()
        return [(day * DAY + opens, day * DAY + closes) for day in dates]
    inside = max(stretch.first, stretch.past - rule.span)
    found = [(day * DAY + opens, day * DAY + closes) for day in _dates(rule, stretch.first, inside)]
    return found + _resolved(rule, zone, _dates(rule, inside, stretch.past))


def _resolved(rule: _Rule, zone: ZoneInfo, dates: Iterable[int]) -> list[Interval]:
    """What the rule starts on the dates, looking up every offset."""
    spans = [(instant_of(zone, day, rule.opens), instant_of(zone, day + rule.span, rule.closes)) for day in dates]
    return [(start, end) for start, end in spans if start < end]


def weighed(record: Availability, zone: ZoneInfo, window: Interval) -> list[Run]:
    """The record as `(start, end, capacity)` runs, ascending and disjoint: overlaps with itself do not add up."""
    capacity = record.capacity
    return [(start, end, capacity) for start, end in union(sorted(occurrences(record, zone, window)))]


def open_hours(records: Sequence[Availability], zone: ZoneInfo, window: Interval) -> list[Interval]:
    """When `scheduled` is not zero, as ascending disjoint intervals that share an instant with the window."""
    if len(records) == 1:
        return union(sorted(occurrences(records[0], zone, window)))
    return union(sorted(each for record in records for each in occurrences(record, zone, window)))


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
        return bool(occurrences(other, zone, (one.start, one.end)))
    if other.recurrence is None:
        return bool(occurrences(one, zone, (other.start, other.end)))
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
    midnight = (ordinal - EPOCH_ORDINAL) * DAY
    window = (midnight - reach, midnight + reach)
    mine = union(sorted(occurrences(one, zone, window)))
    others = union(sorted(occurrences(other, zone, window)))
    # Each alone is disjoint, so neighbours that overlap are one of each; and if any two overlap, two neighbours do.
    return any(following[0] < before[1] for before, following in pairwise(sorted(mine + others)))
