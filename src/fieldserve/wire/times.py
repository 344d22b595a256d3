"""ISO 8601 times on the wire, `Instant` inside.

An `Instant` is an int: microseconds since the Unix epoch, UTC. Answers are written in UTC with `Z`, to the second
where the instant is a whole second (as the capacity queries promise), with three or six decimals where it is not.
"""

import re
from datetime import UTC, datetime, timedelta

Instant = int

SECOND = 1_000_000
MINUTE = 60 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)
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
    return (moment - EPOCH) // _MICROSECOND


def is_utc(text: str) -> bool:
    """Whether the text says in so many words that it is UTC: `Z` or an offset of zero."""
    form = _FORM.fullmatch(text)
    return form is not None and form["offset"] in _UTC_OFFSETS


def render(instant: Instant) -> str:
    """`2021-04-04T00:00:00Z`, with `.952` or `.952123` before the Z where the instant is no whole second."""
    seconds, rest = divmod(instant, SECOND)
    moment = EPOCH + timedelta(seconds=seconds)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") if moment.year >= 1000 else moment.isoformat()[:19]
    if not rest:
        return text + "Z"
    milliseconds, rest = divmod(rest, 1000)
    return f"{text}.{milliseconds:03d}Z" if not rest else f"{text}.{milliseconds * 1000 + rest:06d}Z"


def to_datetime(instant: Instant) -> datetime:
    """The same instant as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=instant)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; a naive one is refused, since nobody can tell what it means."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - EPOCH) // _MICROSECOND
