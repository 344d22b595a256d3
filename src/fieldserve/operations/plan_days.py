"""What a day's plan is made from: who works when and from where, and which visits there are, as the store has them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from fieldserve.domain.capacity import ReservationType, capacities
from fieldserve.domain.intervals import DAY, MINUTE, Instant, Interval
from fieldserve.domain.schedules import Availability, instant_of, local
from fieldserve.domain.services import Service
from fieldserve.domain.slots import StoreState
from fieldserve.store import plans, services, slots, stores, technicians
from fieldserve.store.engine import Connection
from fieldserve.store.plans import DayVisit, DoneVisit, WaitingJob
from fieldserve.store.slots import ResourceState
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.travel.places import Place
from fieldserve.wire.times import TimeFault, parse


class Crew(NamedTuple):
    """Technicians with the versions in which they were seen, in a window of time."""

    start: Instant
    end: Instant
    technicians: dict[str, str]


class Seen(NamedTuple):
    """What a plan was made from: when each job changed last, and in which version each technician was."""

    jobs: dict[str, Instant]
    crews: list[Crew]


@dataclass(frozen=True, slots=True)
class Member:
    """A technician on the day. `shift` is from the first hour on duty to the last, `off` what of it is none: breaks,
    leave, training, gaps of the schedule. `on_duty` is how long both leave, in microseconds."""

    technician: Technician
    shift: Interval
    off: tuple[Interval, ...]

    @property
    def home(self) -> Place | None:
        """Where the day begins and ends."""
        one = self.technician
        if one.home_latitude is None or one.home_longitude is None:
            return None
        return Place(one.home_latitude, one.home_longitude)

    @property
    def on_duty(self) -> int:
        """Microseconds."""
        return self.shift[1] - self.shift[0] - sum(end - start for start, end in self.off)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit that is to be planned. Work begins within one of the `windows` (first and last start) and lasts
    `duration`. `team` are those who are on it now; `fixed` visits stay with them at their time."""

    service_job_id: str
    appointment_id: str | None
    store_id: str
    service: Service
    place: Place | None
    windows: tuple[Interval, ...]
    duration: int
    booked: Interval | None
    team: tuple[str, ...]
    told: Interval | None
    fixed: bool = False
    buffers: tuple[int, int] = (0, 0)
    priority: float = 1.0


@dataclass(frozen=True, slots=True)
class LoadedDay:
    """A day of stores that share technicians: the local day of the first store, and all that happens on it.

    `versions` are those of all their technicians, on duty or not; `states` are the stores as booking sees them, where
    jobs that wait are planned, too; `done` is what technicians did earlier that day."""

    day: date
    zone: ZoneInfo
    window: Interval
    stores: tuple[Store, ...]
    members: tuple[Member, ...]
    visits: tuple[DayVisit, ...]
    waiting: tuple[WaitingJob, ...]
    services: dict[str, Service]
    versions: dict[str, str]
    states: dict[str, StoreState]
    done: tuple[DoneVisit, ...]

    @property
    def wishes(self) -> tuple[DayVisit | WaitingJob, ...]:
        """All that somebody wants done."""
        return (*self.visits, *self.waiting)


async def components(c: Connection, seller_id: str, store_ids: Sequence[str]) -> list[list[Store]]:
    """The stores in groups that share technicians and a time zone; those that share none are planned apart."""
    found = [store for store_id in store_ids if (store := await stores.find(c, seller_id, store_id)) is not None]
    teams = {store.store_id: await technicians_of(c, seller_id, store.store_id) for store in found}
    groups: list[tuple[list[Store], set[str]]] = []
    for store in found:
        team = set(teams[store.store_id])
        joined = [group for group in groups if group[1] & team and group[0][0].time_zone == store.time_zone]
        members, crew = [store], team
        for group in joined:
            members, crew = [*group[0], *members], crew | group[1]
            groups.remove(group)
        groups.append((members, crew))
    return [members for members, _ in groups]


async def technicians_of(c: Connection, seller_id: str, store_id: str) -> list[str]:
    """Ids of the technicians who work for a store."""
    return [one.technician_id for one in await technicians.of_stores(c, seller_id, (store_id,))]


async def load_day(c: Connection, seller_id: str, group: Sequence[Store], day: date, with_waiting: bool) -> LoadedDay:
    """The day of a group of stores, by the calendar of the first."""
    zone = ZoneInfo(group[0].time_zone)
    window = (instant_of(zone, day.toordinal(), 0), instant_of(zone, day.toordinal() + 1, 0))
    store_ids = [store.store_id for store in group]
    crew = await technicians.of_stores(c, seller_id, store_ids)
    members, versions = [], {}
    for technician in crew:
        state = await slots.load_resource(c, technician.resource, _around(window))
        versions[technician.technician_id] = _version(technician, state)
        member = _member(technician, state, window)
        if member is not None:
            members.append(member)
    visits = await plans.visits(c, seller_id, store_ids, [one.technician_id for one in crew], window)
    waiting = await plans.waiting_jobs(c, seller_id, store_ids) if with_waiting else []
    asins = sorted({one.asin for one in visits} | {one.asin for one in waiting})
    states = {}
    if with_waiting:
        for store_id in store_ids:
            store = await slots.load(c, seller_id, store_id, window)
            if store is not None:
                states[store_id] = store.state
    done = await plans.done_visits(c, seller_id, [one.technician_id for one in crew], window)
    known = {asin: service for asin in asins if (service := await services.find(c, seller_id, asin)) is not None}
    here = [one for one in visits if window[0] <= one.start < window[1]]
    return LoadedDay(
        day,
        zone,
        window,
        tuple(group),
        tuple(members),
        tuple(here),
        tuple(waiting),
        known,
        versions,
        states,
        tuple(done),
    )


async def crew_versions(
    c: Connection, seller_id: str, technician_ids: Sequence[str], window: Interval
) -> dict[str, str]:
    """The versions of technicians as they are now, in the window of a plan's day."""
    found = {}
    for technician in await technicians.find_all(c, seller_id, technician_ids):
        state = await slots.load_resource(c, technician.resource, _around(window))
        found[technician.technician_id] = _version(technician, state)
    return found


def _around(window: Interval) -> Interval:
    # A night shift began the day before, or ends the day after.
    return window[0] - DAY, window[1] + DAY


def _version(technician: Technician, state: ResourceState) -> str:
    """What of a technician decides about a plan, in few letters. Visits count: a new one makes the plan outdated."""
    one = technician
    traits = [
        sorted(one.skills),
        sorted(one.service_location_types),
        sorted(one.store_ids),
        one.registered,
        one.background_checked,
        one.home_latitude,
        one.home_longitude,
        one.time_zone,
        [_plain(record) for record in state.records],
        sorted([str(reservation.type), *_plain(reservation.availability)] for reservation in state.reservations),
        sorted(state.visits),
    ]
    return hashlib.sha256(msgspec.json.encode(traits)).hexdigest()[:16]


def _plain(record: Availability) -> list[str]:
    start, end, recurrence, capacity = record
    told = "" if recurrence is None else f"{recurrence.end} {sorted(recurrence[1])} {sorted(recurrence[2])}"
    return [str(start), str(end), told, str(capacity)]


def _member(technician: Technician, state: ResourceState, window: Interval) -> Member | None:
    """The technician on the day that the window is; None where nobody who may be sent is on duty.

    The shift is made of the hours on duty that begin on the day; those that began the day before belong to it. Hours
    that go on for more than a day, as of who is always there, are no shift, and are cut at midnight."""
    if not (technician.registered and technician.background_checked):
        return None
    around = _around(window)
    appointed = [one for one in state.reservations if one.type is ReservationType.APPOINTMENT]
    held = capacities(state.records, state.reservations, (), state.zone, around)
    taken = capacities((), appointed, (), state.zone, around).encumbered
    duty = held.scheduled - held.reserved - taken
    hours = [(begin, end) for begin, end, value in duty.runs(around) if value >= 1 and end - begin >= MINUTE]
    hours = [one for one in (_cut(one, window) for one in _joined(hours)) if one[0] < one[1]]
    first, last = local(state.zone, window[0])[0], local(state.zone, window[1] - 1)[0]
    own = [one for one in hours if first <= local(state.zone, one[0])[0] <= last and one[0] < window[1]]
    own = [one for one in own if one[0] >= window[0] - DAY // 2]
    if not own:
        return None
    off = tuple((own[at][1], own[at + 1][0]) for at in range(len(own) - 1))
    return Member(technician, (own[0][0], own[-1][1]), off)


def _cut(hours: Interval, window: Interval) -> Interval:
    begin, end = hours
    return hours if end - begin <= DAY else (max(begin, window[0]), min(end, window[1]))


def _joined(hours: list[Interval]) -> list[Interval]:
    found: list[Interval] = []
    for begin, end in hours:
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def preferred(job: WaitingJob, service: Service, day: Interval) -> list[Interval]:
    """When work may begin on the day by what the buyer prefers: first and last start of each time that it holds."""
    found = []
    for time in job.details.preferred_appointment_times or ():
        try:
            start = parse(time.start_time)
        except TimeFault:
            continue  # what an older order holds
        last = start + max(0, time.duration_in_minutes * MINUTE - service.rules.duration)
        if start < day[1] and last >= day[0]:
            found.append((max(start, day[0]), min(last, day[1] - MINUTE)))
    return sorted(found)
