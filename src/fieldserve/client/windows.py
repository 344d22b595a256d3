"""Questions that are larger than the API takes, as several that it takes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from fieldserve.client.requests import Texts, Time
from fieldserve.wire.appointments import LONGEST_APPOINTMENT_MINUTES
from fieldserve.wire.jobs import LISTING_PARAMETERS
from fieldserve.wire.slots import LONGEST_WINDOW_DAYS
from fieldserve.wire.times import MINUTE, from_datetime, parse, render

_DAY = 24 * 60 * MINUTE
# A slot is listed if it lies wholly within a window: those on the border of two need the second to start earlier.
_OVERLAP = LONGEST_APPOINTMENT_MINUTES * MINUTE

_MOST = {one.name: one.max_items for one in LISTING_PARAMETERS if one.max_items and one.name != "marketplaceIds"}


def split_lists(filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The filters with every list cut to what one request takes: together they ask for the same jobs."""
    cut = {name: list(_parts(filters[name], most)) for name, most in _MOST.items() if _count(filters.get(name)) > most}
    return [{**filters, **dict(zip(cut, parts, strict=True))} for parts in product(*cut.values())]


def _count(value: Texts | None) -> int:
    return 0 if value is None else len(_items(value))


def _items(value: Texts) -> list[str]:
    items = value.split(",") if isinstance(value, str) else list(value)
    return list(dict.fromkeys(items))


def _parts(value: Texts, most: int) -> Iterator[Sequence[str]]:
    items = _items(value)
    for start in range(0, len(items), most):
        yield items[start : start + most]


def split_window(start: Time | None, end: Time | None) -> list[tuple[Time | None, Time | None]]:
    """The window as windows of at most 90 days, in order; each begins a week before the one before it ends.

    Raises ValueError for a datetime without a time zone; a text that is no time is left to the operation to refuse."""
    if start is None or end is None:
        return [(start, end)]
    try:
        first, last = _instant(start), _instant(end)
    except ValueError:
        return [(start, end)]
    length = LONGEST_WINDOW_DAYS * _DAY
    if last - first <= length:
        return [(start, end)]
    windows: list[tuple[Time | None, Time | None]] = []
    while True:
        windows.append((render(first), render(min(first + length, last))))
        if first + length >= last:
            return windows
        first += length - _OVERLAP


def _instant(time: Time) -> int:
    return parse(time) if isinstance(time, str) else from_datetime(time)
