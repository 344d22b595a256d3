"""Travel times that a service was asked for, and the centres of postal codes."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fieldserve.store.engine import Connection, placeholders
from fieldserve.wire.times import Instant

_AT_ONCE = 200
"""How many places of each side one statement names."""

ANY_HOUR = -1
"""What stands for the hour where the source knows none."""


class TravelKey(NamedTuple):
    """What answers are kept under beside the two places; `hour` is 0 to 23, or ANY_HOUR."""

    source: str
    profile: str
    hour: int


class Trip(NamedTuple):
    """From one place to another, both by their keys."""

    origin: str
    target: str
    seconds: int
    metres: int


async def trips(
    c: Connection, key: TravelKey, origins: Sequence[str], targets: Sequence[str], since: Instant
) -> list[Trip]:
    """Those of the trips that are known and were stored at `since` or later."""
    found: list[Trip] = []
    for first in range(0, len(origins), _AT_ONCE):
        some = origins[first : first + _AT_ONCE]
        for second in range(0, len(targets), _AT_ONCE):
            others = targets[second : second + _AT_ONCE]
            rows = await c.fetch(
                "SELECT from_place, to_place, seconds, metres FROM travel_times"
                " WHERE source = $1 AND profile = $2 AND hour = $3 AND stored_at >= $4"
                f" AND from_place IN ({placeholders(some, 4)}) AND to_place IN ({placeholders(others, 4 + len(some))})",
                *key,
                since,
                *some,
                *others,
            )
            found += [Trip._make(row) for row in rows]
    return found


async def keep(c: Connection, key: TravelKey, found: Iterable[Trip], now: Instant) -> None:
    """Store trips, in the place of what was known of them."""
    # In one order, so that two that keep the same trips wait for each other and never in a circle.
    await c.execute_many(
        "INSERT INTO travel_times (source, profile, hour, from_place, to_place, seconds, metres, stored_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (source, profile, hour, from_place, to_place) DO UPDATE"
        " SET seconds = excluded.seconds, metres = excluded.metres, stored_at = excluded.stored_at",
        [(*key, *trip, now) for trip in sorted(found)],
    )


async def forget_place(c: Connection, place: str) -> None:
    """Forget every trip from or to a place, whoever else lives there: it is asked for again when it is needed."""
    await c.execute("DELETE FROM travel_times WHERE from_place = $1", place)
    await c.execute("DELETE FROM travel_times WHERE to_place = $1", place)


async def forget_before(c: Connection, before: Instant) -> None:
    """Forget what was stored earlier."""
    await c.execute("DELETE FROM travel_times WHERE stored_at < $1", before)


class PostalCode(NamedTuple):
    """The centre of a postal code, in degrees. The country is its two letters, the code in capitals."""

    country_code: str
    postal_code: str
    latitude: float
    longitude: float


async def keep_postal_codes(c: Connection, codes: Sequence[PostalCode]) -> None:
    """Store centres, in the place of what was known of those codes."""
    await c.execute_many(
        "INSERT INTO postal_codes (country_code, postal_code, latitude, longitude) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (country_code, postal_code) DO UPDATE"
        " SET latitude = excluded.latitude, longitude = excluded.longitude",
        codes,
    )


async def postal_code(c: Connection, country_code: str, code: str) -> PostalCode | None:
    """The centre of a postal code, if it is known."""
    row = await c.fetch_one(
        "SELECT country_code, postal_code, latitude, longitude FROM postal_codes"
        " WHERE country_code = $1 AND postal_code = $2",
        country_code,
        code,
    )
    return None if row is None else PostalCode._make(row)
