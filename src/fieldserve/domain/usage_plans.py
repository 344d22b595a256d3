"""Usage plans: an exact token bucket.

A bucket holds at most `burst` tokens, gains `rate` of them a second, and each request takes one. So in any span of t
seconds at most burst + rate × t requests pass, and of those that arrive no faster than `rate` every one does. All
numbers are integers: a token is cut into so many units that a microsecond gains a whole number of them.

Where several processes share a bucket, each may hold a few tokens in advance, for a while. What they hold counts
against the burst until they say that it is spent, give it back, or its time is over; so the same holds of all of them
together, to the request.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

SECOND = 1_000_000


class Bucket(NamedTuple):
    """What a bucket held at an instant (µs), in units; `unit` of them are one token."""

    level: int
    unit: int
    at: int


@lru_cache(maxsize=1024)
def _units(rate: float | Fraction) -> tuple[int, int]:
    """Units gained in a microsecond, and units of one token. A float stands for the decimal it prints as."""
    exact = Fraction(str(rate))
    return exact.numerator, SECOND * exact.denominator


def fill(bucket: Bucket | None, now: int, rate: float | Fraction, burst: int) -> Bucket:
    """The bucket as it is now; None is one that nobody has used, and it is full.

    A clock that was set back gains nothing and goes on from where it is now. If the plan has changed, the bucket keeps
    its tokens as far as they fit, and gains by the new rate."""
    gained, unit = _units(rate)
    full = burst * unit
    if bucket is None:
        return Bucket(full, unit, now)
    level, old_unit, at = bucket
    if old_unit != unit:
        level = level * unit // old_unit
    if now > at:
        level += (now - at) * gained
    return Bucket(min(full, level), unit, now)


def take(bucket: Bucket | None, now: int, rate: float | Fraction, burst: int) -> tuple[bool, Bucket]:
    """Whether a request may pass at `now`, and the bucket after it. One that may not takes nothing."""
    filled = fill(bucket, now, rate, burst)
    level, unit, at = filled
    return (False, filled) if level < unit else (True, Bucket(level - unit, unit, at))


def put_back(bucket: Bucket, burst: int) -> Bucket:
    """The bucket with one token more, if it has room."""
    return bucket._replace(level=min(burst * bucket.unit, bucket.level + bucket.unit))


def is_full(bucket: Bucket, now: int, rate: float | Fraction, burst: int) -> bool:
    """Whether it may be forgotten: a new one would be the same."""
    filled = fill(bucket, now, rate, burst)
    return filled.level == burst * filled.unit


# ---- a bucket that several processes share

# Whoever holds tokens spends none of them HOLD after it asked for them; others count them for twice as long. So clocks
# that differ by less than HOLD do no harm.
HOLD = SECOND

# At most one in so many of the tokens that are left, and of the burst, is held in advance.
SHARE = 8

# A clock that is so far behind was set back; one that is behind by less belongs to another machine.
SET_BACK = 60 * SECOND


class Held(NamedTuple):
    """Tokens that a process holds in advance, and until when (µs) they count against the burst."""

    tokens: int
    until: int


class SharedBucket(NamedTuple):
    """A bucket, and what of its tokens is held, by the holder's name."""

    bucket: Bucket
    held: Mapping[str, Held]


class Leased(NamedTuple):
    """An answer: `granted` tokens to spend at once, `ahead` to hold, and after how many µs it is worth asking again if
    not all that were wanted are granted."""

    granted: int
    ahead: int
    wait: int
    shared: SharedBucket


def lease(
    shared: SharedBucket | None,
    now: int,
    rate: float | Fraction,
    burst: int,
    holder: str,
    *,
    wanted: int,
    unused: int = 0,
    look_ahead: bool = False,
) -> Leased:
    """Tokens for a process that wants so many at once, and some more to hold if it looks ahead.

    Asking settles what the holder held before: `unused` of it come back, the rest is spent."""
    gained, unit = _units(rate)
    bucket, held = (Bucket(burst * unit, unit, now), {}) if shared is None else _fill(shared, now, rate, burst)
    others = {name: one for name, one in held.items() if name != holder}
    room = max(0, burst - _tokens(others)) * unit
    level = min(room, bucket.level + unused * unit)
    granted = min(wanted, level // unit)
    level -= granted * unit
    ahead = min(burst, level // unit) // SHARE if look_ahead and granted == wanted else 0
    level -= ahead * unit
    if ahead:
        others[holder] = Held(ahead, bucket.at + 2 * HOLD)
    wait = 0 if granted == wanted else -((level - unit) // gained)
    return Leased(granted, ahead, wait, SharedBucket(bucket._replace(level=level), others))


def _fill(shared: SharedBucket, now: int, rate: float | Fraction, burst: int) -> tuple[Bucket, dict[str, Held]]:
    bucket, held = shared.bucket, dict(shared.held)
    if 0 < bucket.at - now < SET_BACK:
        now = bucket.at
    # What was held left no room for other tokens until its time was over; so it is filled from one such time to the
    # next.
    for over in sorted({one.until for one in held.values() if one.until <= now}):
        bucket = fill(bucket, over, rate, max(0, burst - _tokens(held)))
        held = {name: one for name, one in held.items() if one.until > over}
    return fill(bucket, now, rate, max(0, burst - _tokens(held))), held


def _tokens(held: Mapping[str, Held]) -> int:
    return sum(one.tokens for one in held.values())
