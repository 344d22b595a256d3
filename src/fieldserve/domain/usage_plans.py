"""Usage plans: an exact token bucket.

A bucket holds at most `burst` tokens, gains `rate` of them a second, and each request takes one. So in any span of t
seconds at most burst + rate × t requests pass, and of those that arrive no faster than `rate` every one does. All
numbers are integers: a token is cut into so many units that a microsecond gains a whole number of them.
"""

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
    level = bucket.level if bucket.unit == unit else bucket.level * unit // bucket.unit
    return Bucket(min(full, level + max(0, now - bucket.at) * gained), unit, now)


def take(bucket: Bucket | None, now: int, rate: float | Fraction, burst: int) -> tuple[bool, Bucket]:
    """Whether a request may pass at `now`, and the bucket after it. One that may not takes nothing."""
    filled = fill(bucket, now, rate, burst)
    if filled.level < filled.unit:
        return False, filled
    return True, filled._replace(level=filled.level - filled.unit)


def put_back(bucket: Bucket, burst: int) -> Bucket:
    """The bucket with one token more, if it has room."""
    return bucket._replace(level=min(burst * bucket.unit, bucket.level + bucket.unit))


def is_full(bucket: Bucket, now: int, rate: float | Fraction, burst: int) -> bool:
    """Whether it may be forgotten: a new one would be the same."""
    filled = fill(bucket, now, rate, burst)
    return filled.level == burst * filled.unit
