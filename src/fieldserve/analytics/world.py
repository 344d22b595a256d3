"""What the facts must remember between two refreshes: what resources and services are, were, and when they work.

Jobs need no memory: their rows are made from their whole history each time. A world is written beside the facts, as of
the same place in the log.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from fieldserve.analytics.entries import Entry
from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import Instant
from fieldserve.domain.overrides import needless
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.wire.schedules import read_record

Key = tuple[str, str]
"""A seller and the id of one of its things."""

_THINGS = ("seller", "store", "technician", "service")


class Version(msgspec.Struct, array_like=True):
    """What a thing became with an event."""

    sequence: int
    at: Instant
    value: dict[str, Any]


class Taken(msgspec.Struct, array_like=True):
    """A reservation, and when it was given up, if it was."""

    resource_id: str
    type: str
    availability: tuple[Any, ...]
    ended_at: Instant | None = None


class Thing(msgspec.Struct, array_like=True):
    """A seller, store, technician or service: its versions in order."""

    kind: str
    seller_id: str
    subject: str
    versions: list[Version]


class _Kept(msgspec.Struct):
    first_at: Instant | None
    things: list[Thing]
    records: list[tuple[str, str, list[tuple[Any, ...]]]]
    reservations: list[tuple[str, str, Taken]]


@dataclass(slots=True)
class World:
    """Things by kind and key, schedule records and reservations; `first_at` is the time of the log's first event."""

    first_at: Instant | None = None
    things: dict[str, dict[Key, Thing]] = field(default_factory=lambda: {kind: {} for kind in _THINGS})
    records: dict[Key, list[Availability]] = field(default_factory=dict)
    reservations: dict[Key, Taken] = field(default_factory=dict)
    by_resource: dict[Key, set[str]] = field(default_factory=dict)

    def version(self, kind: str, key: Key, sequence: int) -> dict[str, Any] | None:
        """What the thing was just before that place in the log."""
        thing = self.things[kind].get(key)
        if thing is None:
            return None
        at = bisect_right(thing.versions, sequence, key=lambda one: one.sequence)
        return thing.versions[at - 1].value if at else None

    def zone_of(self, seller_id: str, store_id: str, sequence: int) -> str:
        """The zone of the store as the log knew it there; UTC where it did not."""
        store = self.version("store", (seller_id, store_id), sequence)
        return store["timeZone"] if store else "UTC"

    def location_type_of(self, seller_id: str, asin: str, sequence: int) -> str | None:
        """Where the service is done, as the log knew it there."""
        service = self.version("service", (seller_id, asin), sequence)
        return service["serviceLocationType"] if service else None

    def resources(self) -> Iterable[tuple[str, Thing]]:
        """Every store and technician, with its type."""
        for kind in ("store", "technician"):
            for thing in self.things[kind].values():
                yield kind.upper(), thing

    def zone_now(self, key: Key) -> str | None:
        """The zone of a resource as it is now; None where the log does not know it."""
        thing = self.things["store"].get(key) or self.things["technician"].get(key)
        return thing.versions[-1].value["timeZone"] if thing else None

    def zone(self, key: Key) -> ZoneInfo:
        """The same as a zone; UTC where it is not known."""
        return ZoneInfo(self.zone_now(key) or "UTC")

    # ---- events

    def take(self, entry: Entry) -> None:
        """Follow one event."""
        if self.first_at is None:
            self.first_at = entry.at
        thing, _, happened = entry.kind.partition(".")
        if thing in _THINGS and happened in ("created", "updated"):
            key = (entry.seller_id, entry.subject)
            known = self.things[thing].setdefault(key, Thing(thing, *key, []))
            known.versions.append(Version(entry.sequence, entry.at, entry.after))
        elif entry.kind == "schedule.updated":
            records = [read_availability(one) for one in entry.after["records"]]
            current = self.records.setdefault((entry.seller_id, entry.subject), [])
            covered = set(needless(current, records))
            current[:] = [one for at, one in enumerate(current) if at not in covered] + records
        elif thing == "reservation":
            self._reserve(entry)

    def _reserve(self, entry: Entry) -> None:
        if entry.before is not None:
            old = self.reservations.get((entry.seller_id, entry.before["reservationId"]))
            if old is not None:
                old.ended_at = entry.at
        if entry.after is not None:
            one = entry.after
            taken = Taken(one["resourceId"], one["type"], _flat(read_availability(one["availability"])))
            self._add(entry.seller_id, one["reservationId"], taken)

    def _add(self, seller_id: str, reservation_id: str, taken: Taken) -> None:
        self.reservations[seller_id, reservation_id] = taken
        self.by_resource.setdefault((seller_id, taken.resource_id), set()).add(reservation_id)

    def taken(self, key: Key) -> list[Taken]:
        """The reservations that a resource has or had."""
        return [self.reservations[key[0], one] for one in sorted(self.by_resource.get(key, ()))]

    # ---- keeping

    def dump(self) -> bytes:
        """The world as bytes, always the same for the same."""
        kept = _Kept(
            self.first_at,
            [self.things[kind][key] for kind in _THINGS for key in sorted(self.things[kind])],
            [(*key, [_flat(one) for one in self.records[key]]) for key in sorted(self.records)],
            [(*key, self.reservations[key]) for key in sorted(self.reservations)],
        )
        return msgspec.msgpack.encode(kept)

    @staticmethod
    def load(content: bytes) -> "World":
        """The world that `dump` wrote."""
        kept = msgspec.msgpack.decode(content, type=_Kept)
        world = World(kept.first_at)
        for thing in kept.things:
            world.things[thing.kind][thing.seller_id, thing.subject] = thing
        for seller_id, resource_id, records in kept.records:
            world.records[seller_id, resource_id] = [unflat(one) for one in records]
        for seller_id, reservation_id, taken in kept.reservations:
            world._add(seller_id, reservation_id, taken)
        return world


def reservation(taken: Taken) -> Reservation:
    """As the domain has it."""
    return Reservation(ReservationType(taken.type), unflat(taken.availability))


def read_availability(told: dict[str, Any]) -> Availability:
    """A record as the log tells it."""
    value = read_record(told)
    recurrence = value.recurrence
    return Availability(
        value.start,
        value.end,
        None if recurrence is None else Recurrence(recurrence.end, recurrence.days_of_week, recurrence.days_of_month),
        value.capacity,
    )


def _flat(value: Availability) -> tuple[Any, ...]:
    recurrence = value.recurrence
    days = () if recurrence is None else (sorted(recurrence.days_of_week), sorted(recurrence.days_of_month))
    return value.start, value.end, value.capacity, recurrence and recurrence.end, *days


def unflat(kept: Iterable[Any]) -> Availability:
    """An availability that was kept."""
    start, end, capacity, until, *days = kept
    recurrence = None if until is None else Recurrence(until, frozenset(days[0]), frozenset(days[1]))
    return Availability(start, end, recurrence, capacity)
