"""ISO 8601 times on the wire, `Instant` inside.

An `Instant` is an int: microseconds since the Unix epoch, UTC. Answers are written in UTC with `Z`, to the second
where the instant is a whole second (as the capacity queries promise), with three or six decimals where it is not.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

Instant = int

SECOND = 1_000_000
MINUTE = 60 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DAY = 24 * 60 * MINUTE
_EPOCH_DATE = date(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
_PAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND + 1
_FORM = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_UTC_OFFSETS = frozenset({"Z", "+00", "-00", "+0000", "-0000", "+00:00", "-00:00"})


class TimeFault(ValueError):
    """The text is no ISO 8601 date and time."""


def parse(text: str) -> Instant:
    """The instant that an ISO 8601 text names; one without an offset is UTC. Raises TimeFault."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise TimeFault(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise TimeFault(text) from fault
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    instant = (moment - EPOCH) // _MICROSECOND
    if not _FIRST <= instant < _PAST:
        raise TimeFault(text)  # 9999-12-31T23:00-12:00 is in a year that no answer could write
    return instant


def is_utc(text: str) -> bool:
    """Whether the text says in so many words that it is UTC: `Z` or an offset of zero."""
    form = _FORM.fullmatch(text)
    return form is not None and form["offset"] in _UTC_OFFSETS


def render(instant: Instant) -> str:
    """`2021-04-04T00:00:00Z`, with `.952` or `.952123` before the Z where the instant is no whole second."""
    day, rest = divmod(instant, _DAY)
    # An answer repeats few dates and few times of day in many times: thousands of slots cost a look-up each.
    return _date(day) + _time_of_day(rest)


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return (_EPOCH_DATE + timedelta(days=day)).isoformat() + "T"


@lru_cache(maxsize=4096)
def _time_of_day(microseconds: int) -> str:
    minutes, rest = divmod(microseconds, MINUTE)
    seconds, fraction = divmod(rest, SECOND)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    if not fraction:
        return text + "Z"
    return f"{text}.{fraction:06d}Z" if fraction % 1000 else f"{text}.{fraction // 1000:03d}Z"


def has_local_dates(instant: Instant) -> bool:
    """Whether the instant has a date, with a day before and after it, in every time zone."""
    return _FIRST + 2 * _DAY <= instant < _PAST - 2 * _DAY


def to_datetime(instant: Instant) -> datetime:
    """The same instant as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; a naive one is refused, since nobody can tell what it means."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - EPOCH) // _MICROSECOND
