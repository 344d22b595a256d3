"""What new records of a schedule do to those that are there: override some, and make others needless."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from .intervals import DAY, Instant, Interval, union
from .schedules import Availability, occurrences

_CURRENT = -1


def overriding(current: Sequence[Availability], records: Sequence[Availability], zone: ZoneInfo) -> list[bool]:
    """Whether each of the records overlaps any of the current ones, or a record before it.

    All occurrences are laid out and swept once, in O(n log n) of their number: see `occurrences_at_most`.
    """
    window = _reach(records)
    standing = sorted(one for record in current for one in occurrences(record, zone, window))
    layers = [(start, end, _CURRENT) for start, end in union(standing)]
    for rank, record in enumerate(records):
        layers += [(start, end, rank) for start, end in union(sorted(occurrences(record, zone, window)))]
    layers.sort()
    return _swept(layers, len(records))


def _swept(layers: Iterable[tuple[Instant, Instant, int]], count: int) -> list[bool]:
    """Which of the ranks 0 … count − 1 overlap a lower one, for intervals ascending by start."""
    overlaps = [False] * count
    lowest: list[tuple[int, Instant]] = []  # heaps; what lies below their tops may have ended
    highest: list[tuple[int, Instant]] = []
    for start, end, rank in layers:
        while lowest and lowest[0][1] <= start:
            heappop(lowest)
        if lowest and lowest[0][0] < rank:
            overlaps[rank] = True
        while highest and (highest[0][1] <= start or -highest[0][0] > rank):
            above, until = heappop(highest)
            if until > start:
                overlaps[-above] = True
        heappush(lowest, (rank, end))
        if rank != _CURRENT and not overlaps[rank]:
            heappush(highest, (-rank, end))
    return overlaps


def occurrences_at_most(current: Iterable[Availability], records: Sequence[Availability]) -> int:
    """No fewer than the occurrences that `overriding` looks at: what it costs, told without laying them out."""
    begin, until = _reach(records)
    return sum(_times(record, begin, until) for each in (current, records) for record in each)


def _times(record: Availability, begin: Instant, until: Instant) -> int:
    if record.recurrence is None:
        return 1
    first = max(record.start, begin - (record.end - record.start) - 2 * DAY)
    days = max(0, min(record.recurrence.end, until) - first) // DAY + 4
    weekdays, month_days = len(record.recurrence.days_of_week), len(record.recurrence.days_of_month)
    if not weekdays and not month_days:
        return days
    return min(days, (days // 7 + 1) * weekdays + (days // 28 + 1) * month_days)


def _reach(records: Sequence[Availability]) -> Interval:
    """An interval that holds all occurrences of the records, whatever the zone."""
    begin = min((record.start for record in records), default=0) - DAY
    return begin, max((last for record in records for last in _lasts(record)), default=begin)


def _lasts(record: Availability) -> Iterator[Instant]:
    yield record.end
    if record.recurrence is not None:
        yield record.recurrence.end + record.end - record.start + 2 * DAY


def needless(current: Sequence[Availability], records: Iterable[Availability]) -> list[int]:
    """Which of the current records, by index, no instant depends on any more once the records stand above them.

    Only the plain cases, which hold in every zone: a single interval inside another, and a record that repeats at the
    same times on the same days no longer than another does. Callers who send their whole schedule every night would
    otherwise pile up copies of it.
    """
    singles: list[Interval] = []
    longest: dict[tuple[object, ...], Instant] = {}
    for record in records:
        if record.recurrence is None:
            singles.append((record.start, record.end))
        else:
            key = _pattern(record)
            longest[key] = max(longest.get(key, record.recurrence.end), record.recurrence.end)
    covers = union(sorted(singles))
    found = []
    position = 0
    for index, record in sorted(enumerate(current), key=lambda one: one[1].start):
        if record.recurrence is not None:
            if _pattern(record) in longest and record.recurrence.end <= longest[_pattern(record)]:
                found.append(index)
            continue
        while position < len(covers) and covers[position][1] <= record.start:
            position += 1
        if position < len(covers) and covers[position][0] <= record.start and record.end <= covers[position][1]:
            found.append(index)
    return sorted(found)


def _pattern(record: Availability) -> tuple[object, ...]:
    assert record.recurrence is not None, "only what repeats has a pattern"
    return record.start, record.end, record.recurrence.days_of_week, record.recurrence.days_of_month
