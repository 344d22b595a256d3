"""One step from the facts at one place in the log to those at a later one. Many small steps end where one large does.

Which rows a step may change is told by its events; those are made anew from their whole history. So a step that is
repeated after a crash, or a log cut elsewhere, ends with the same rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from fieldserve.analytics import capacity
from fieldserve.analytics.capacity import Booked, days_of, horizon, touched_by
from fieldserve.analytics.entries import Entry
from fieldserve.analytics.facts import TABLES
from fieldserve.analytics.home import Home, key_of, side_by_side, sort_by_key, to_arrow
from fieldserve.analytics.jobs import Row, fold, searched
from fieldserve.analytics.local import Day
from fieldserve.analytics.world import Key, World, read_availability, unflat
from fieldserve.domain.intervals import DAY, Instant

_LONGEST = 9
"""Days around a day from which an appointment may reach into it: it lasts seven at most."""
_AT_ONCE = 31
"""Days of hours that are worked out with all their appointments in memory."""
_VISIT = (
    "seller_id",
    "store_id",
    "appointment_id",
    "promised_start",
    "promised_end",
    "status",
    "ended_at",
)

Dirty = defaultdict[Key, set[Day]]


def step(home: Home, entries: Sequence[Entry], histories: Mapping[Key, Sequence[Entry]]) -> None:
    """Take the facts on by these events, in order. `histories` has every job that they are about, up to the last."""
    world, before = home.world, home.manifest
    since = world.first_at
    known = {
        (kind, *key): thing.versions[-1].value for kind, all_ in world.things.items() for key, thing in all_.items()
    }
    for entry in entries:
        world.take(entry)
    as_of = max([*([] if before.as_of is None else [before.as_of]), *(one.at for one in entries)])
    changes = _Changes()
    for history in histories.values():
        changes.compare(fold((one for one in history if one.sequence <= before.watermark), world), fold(history, world))
    for entry in entries:
        if entry.kind == "slots.searched" and "storeId" in entry.after:
            changes.add("demand_facts", searched(entry, world))
    changes.apply(home)

    assert world.first_at is not None, "the world has seen an event"
    window = range(world.first_at // DAY - 1, horizon(as_of))
    new_from = window.start if since is None or before.as_of is None else horizon(before.as_of)
    dirty = _dirty(world, entries, changes, window, known)
    for _, thing in world.resources():
        dirty[thing.seller_id, thing.subject].update(range(new_from, window.stop))
    _put_hours(home, dirty, window)
    _put_dimensions(home, entries)
    home.commit(entries[-1].sequence, as_of)


class _Changes:
    """Rows that go and rows that come, by table and day."""

    def __init__(self) -> None:
        self.gone: dict[tuple[str, Day], list[Row]] = defaultdict(list)
        self.come: dict[tuple[str, Day], list[Row]] = defaultdict(list)
        self.visits: list[_Visit] = []

    def add(self, name: str, row: Row) -> None:
        self.come[name, row["local_date"]].append(row)

    def compare(self, old: Mapping[str, Sequence[Row]], new: Mapping[str, Sequence[Row]]) -> None:
        """Note what differs between the rows that a job had and those that it has."""
        for name in {*old, *new}:
            key = TABLES[name].key
            had = {key_of(row, key): row for row in old.get(name, ())}
            has = {key_of(row, key): row for row in new.get(name, ())}
            for one, row in had.items():
                if has.get(one) != row:
                    self.gone[name, row["local_date"]].append(row)
            for one, row in has.items():
                if had.get(one) != row:
                    self.add(name, row)
        was, has_now = _visits(old), _visits(new)
        for one in {*was, *has_now}:
            if was.get(one) != has_now.get(one):
                self.visits += [each[one] for each in (was, has_now) if one in each]

    def apply(self, home: Home) -> None:
        # What is written twice is the same twice: rows that come replace those with their key.
        def change(place: tuple[str, Day]) -> None:
            name, day = place
            key = TABLES[name].key
            come = self.come.get(place, [])
            gone = {key_of(row, key) for row in (*self.gone.get(place, ()), *come)}
            home.change(name, day, gone, come)

        side_by_side(change, sorted({*self.gone, *self.come}))


class _Visit(NamedTuple):
    """What an appointment takes of which resources."""

    seller_id: str
    resources: frozenset[str]
    held: Booked | None


def _visits(rows: Mapping[str, Sequence[Row]]) -> dict[str, _Visit]:
    """A job's appointments by id."""
    teams: dict[str, set[str]] = defaultdict(set)
    for row in rows.get("appointment_technicians", ()):
        teams[row["appointment_id"]].add(row["technician_id"])
    return {
        row["appointment_id"]: _Visit(
            row["seller_id"], frozenset((row["store_id"], *teams[row["appointment_id"]])), _held(row)
        )
        for row in rows.get("appointment_facts", ())
    }


# ---- hours


def _dirty(
    world: World, entries: Sequence[Entry], changes: _Changes, window: range, known: Mapping[tuple[str, str, str], Any]
) -> Dirty:
    """The days of which resources may have changed with the events."""
    dirty: Dirty = defaultdict(set)
    for visit in changes.visits:
        if visit.held is not None:
            for resource_id in visit.resources:
                dirty[visit.seller_id, resource_id].update(one for one in days_of(*visit.held) if one in window)
    for entry in entries:
        thing, _, happened = entry.kind.partition(".")
        key = (entry.seller_id, entry.subject)
        if entry.kind == "schedule.updated":
            zone = world.zone(key)
            for record in entry.after["records"]:
                dirty[key] |= touched_by(read_availability(record), window, zone)
        elif thing == "reservation":
            for told in (entry.before, entry.after):
                if told is not None:
                    resource = (entry.seller_id, told["resourceId"])
                    kept = world.reservations.get((entry.seller_id, told["reservationId"]))
                    held = unflat(kept.availability) if kept else read_availability(told["availability"])
                    dirty[resource] |= touched_by(held, window, world.zone(resource))
        elif thing in ("store", "technician") and happened == "updated":
            was = known.get((thing, *key))
            if was is None or was["timeZone"] != entry.after["timeZone"]:
                dirty[key].update(window)
    return dirty


def _put_hours(home: Home, dirty: Dirty, window: range) -> None:
    types = {(thing.seller_id, thing.subject): kind for kind, thing in home.world.resources()}
    by_day: dict[Day, list[Key]] = defaultdict(list)
    for key, days in dirty.items():
        if key in types:
            for day in days:
                if day in window:
                    by_day[day].append(key)
    left = sorted(by_day)
    while left:
        some = [one for one in left if one < left[0] + _AT_ONCE]
        left = left[len(some) :]
        _put_some_hours(home, {day: by_day[day] for day in some}, types)


def _put_some_hours(home: Home, by_day: Mapping[Day, Sequence[Key]], types: Mapping[Key, str]) -> None:
    wanted: dict[Key, set[Day]] = defaultdict(set)
    for day, keys in by_day.items():
        for key in keys:
            wanted[key].add(day)
    booked = _booked(home, by_day, wanted)
    rows: dict[Day, list[Row]] = defaultdict(list)
    for key in sorted(wanted):
        for row in capacity.hours(home.world, key, types[key], wanted[key], booked.get(key, ())):
            rows[row["local_date"]].append(row)
    by = ("seller_id", "resource_id")

    def change(day: Day) -> None:
        gone = {key_of({"seller_id": one[0], "resource_id": one[1]}, by) for one in by_day[day]}
        home.change("capacity_facts", day, gone, rows.get(day, []), by)

    side_by_side(change, by_day)


def _booked(home: Home, days: Iterable[Day], wanted: Mapping[Key, Any]) -> dict[Key, list[Booked]]:
    """The visits on the resources that are wanted, around the days."""
    around = {day + one for day in days for one in range(-_LONGEST, 3)}
    found: dict[Key, list[Booked]] = defaultdict(list)
    ids = pa.array(sorted({subject for _, subject in wanted}), pa.string())

    def of_day(day: Day) -> tuple[pa.Table, pa.Table]:
        # Most of a day is about resources that nobody asks for: it is left out before it becomes rows.
        team = home.read("appointment_technicians", day, ("seller_id", "appointment_id", "technician_id"))
        team = team.filter(pc.is_in(team["technician_id"], ids))
        columns = home.read("appointment_facts", day, _VISIT)
        theirs = pc.is_in(columns["appointment_id"], team["appointment_id"].combine_chunks())
        return team, columns.filter(pc.or_(pc.is_in(columns["store_id"], ids), theirs))

    for team, columns in side_by_side(of_day, sorted(around & set(home.days()))):
        visits: dict[Key, Booked] = {}
        for one in _raw(columns):
            visit = _held(one)
            if visit is None:
                continue
            visits[one["seller_id"], one["appointment_id"]] = visit
            store = (one["seller_id"], one["store_id"])
            if store in wanted:
                found[store].append(visit)
        for seller_id, appointment_id, technician_id in zip(*(one.to_pylist() for one in team.columns), strict=True):
            technician, visit = (seller_id, technician_id), visits.get((seller_id, appointment_id))
            if technician in wanted and visit is not None:
                found[technician].append(visit)
    return found


def _raw(table: Any) -> Iterable[dict[str, Any]]:
    """Rows with instants as whole microseconds."""
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.itercolumns()
    ]
    names = table.column_names
    for values in zip(*(one.to_pylist() for one in columns), strict=True):
        yield dict(zip(names, values, strict=True))


def _held(row: Row) -> Booked | None:
    """What an appointment took: all of its window, or until it was called off; nothing where that is not known."""
    start, end, ended_at = row["promised_start"], row["promised_end"], row["ended_at"]
    if row["status"] != "CANCELLED":
        return Booked(start, end)
    if ended_at is None or ended_at <= start:
        return None
    return Booked(start, min(end, ended_at))


# ---- dimensions

_DIMENSIONS_OF = {
    "seller": ("sellers",),
    "store": ("stores",),
    "technician": ("technicians", "store_technicians", "technician_skills"),
    "service": ("services", "service_skills"),
}


def _put_dimensions(home: Home, entries: Iterable[Entry]) -> None:
    changed = {thing for entry in entries for thing in (entry.kind.partition(".")[0],) if thing in _DIMENSIONS_OF}
    for thing in sorted(changed):
        rows: dict[str, list[Row]] = {name: [] for name in _DIMENSIONS_OF[thing]}
        for one in home.world.things[thing].values():
            newest = one.versions[-1]
            for name, row in _dimension_rows(thing, one.seller_id, one.subject, newest.value, newest.at):
                rows[name].append(row)
        for name, all_ in rows.items():
            home.replace(name, None, sort_by_key(TABLES[name], to_arrow(TABLES[name], all_)))
    home.replace("calendar", None, to_arrow(TABLES["calendar"], capacity.calendar(home.days())))


def _dimension_rows(
    thing: str, seller_id: str, subject: str, told: Mapping[str, Any], at: Instant
) -> Iterable[tuple[str, Row]]:
    of_seller = {"seller_id": seller_id}
    if thing == "seller":
        yield "sellers", {**of_seller, "name": told["name"], "since": at}
    elif thing == "store":
        yield (
            "stores",
            {
                **of_seller,
                "store_id": subject,
                "name": told["name"],
                "marketplace_id": told["marketplaceId"],
                "time_zone": told["timeZone"],
                "scheduling_type": told["schedulingType"],
                "since": at,
            },
        )
    elif thing == "technician":
        one = {**of_seller, "technician_id": subject}
        yield (
            "technicians",
            {
                **one,
                "marketplace_id": told["marketplaceId"],
                "time_zone": told["timeZone"],
                "registered": told["registered"],
                "background_checked": told["backgroundChecked"],
                "since": at,
            },
        )
        for store_id in sorted(set(told["storeIds"])):
            yield "store_technicians", {**one, "store_id": store_id}
        for skill in sorted(set(told["skills"])):
            yield "technician_skills", {**one, "skill": skill}
    else:
        yield (
            "services",
            {
                **of_seller,
                "asin": subject,
                "title": told["title"],
                "duration_minutes": float(told["durationMinutes"]),
                "notice_minutes": float(told["noticeMinutes"]),
                "service_location_type": told["serviceLocationType"],
                "since": at,
            },
        )
        for skill in sorted(set(told["skills"])):
            yield "service_skills", {**of_seller, "asin": subject, "skill": skill}
