"""What would have been, had the schedule been another: demand as it came, replayed against hours that were not.

Orders are replayed as they came, one after the other. Each takes the start that it got, if that can be had, else the
first slot within a time that it wished for, by the rule that booking has; what nobody can do then is lost. Who is free
and knows the least beside what is asked for takes it, so that the others are there for what only they can do.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .capacity import Visit
from .intervals import DAY, Instant, Interval, Run, Steps, union
from .schedules import Availability, instant_of, local, scheduled
from .slots import ServiceRules, StoreState, TechnicianState, busy_starts, capacity_at, slots

EVERY_DAY = frozenset(range(7))


class Wish(NamedTuple):
    """An order: when it came, how long its visit lasts, and the windows within which that may lie, the dearest first.

    `booked` is the start that it got, None for none; `given_back` when a cancellation freed it again."""

    job_id: str
    store_id: str
    at: Instant
    service: ServiceRules
    duration: int
    windows: tuple[Interval, ...]
    booked: Instant | None = None
    given_back: Instant | None = None


class AddTechnicians(NamedTuple):
    """So many more on those weekdays (Monday is 0), from `opens` until `closes`, microseconds of the local day; where
    they are None, in the store's hours. Without skills or location types they have all that the store's others have."""

    technicians: int
    days: frozenset[int] = EVERY_DAY
    opens: int | None = None
    closes: int | None = None
    skills: frozenset[str] = frozenset()
    location_types: frozenset[str] = frozenset()


class OpenLonger(NamedTuple):
    """On those weekdays on which there are hours, they begin at `opens` at the latest and last until `closes` at
    least, the store's and those of everybody who works then."""

    opens: int | None = None
    closes: int | None = None
    days: frozenset[int] = EVERY_DAY


Change = AddTechnicians | OpenLonger


# ---- another schedule


def changed(
    store_id: str, store: StoreState, change: Change, window: Interval, until: Instant | None = None
) -> StoreState:
    """The store with the change inside the window, and as it is from there until `until`; outside of that there are no
    hours. Who is added works there alone."""
    span = window[0], max(window[1], until or window[1])
    if isinstance(change, OpenLonger):
        return store._replace(
            records=_longer(store.records, store.zone, change, window, span),
            technicians=[
                each._replace(records=_longer(each.records, each.zone, change, window, span))
                for each in store.technicians
            ],
        )
    hours = scheduled(store.records, store.zone, span)
    shifts = _shifts(hours, store.zone, change, window)
    more = Steps.weighing((start, end, change.technicians) for start, end in shifts)
    return store._replace(
        records=_records((hours + more).runs(span)),
        technicians=[*store.technicians, *_added(store_id, store, change, shifts)] if store.technicians else (),
    )


def _added(
    store_id: str, store: StoreState, change: AddTechnicians, shifts: Sequence[Interval]
) -> list[TechnicianState]:
    skills = change.skills or frozenset(one for each in store.technicians for one in each.skills)
    types = change.location_types or frozenset(one for each in store.technicians for one in each.location_types)
    records = [Availability(start, end) for start, end in shifts]
    added = f"added-{store_id}-"
    begun = sum(each.technician_id.startswith(added) for each in store.technicians)
    return [
        TechnicianState(f"{added}{begun + number}", skills, types, True, records, (), (), store.zone)
        for number in range(1, change.technicians + 1)
    ]


def _shifts(hours: Steps, zone: ZoneInfo, change: AddTechnicians, window: Interval) -> list[Interval]:
    """When those who are added work."""
    found: list[Interval] = []
    for ordinal in _days(zone, window, change.days):
        day = instant_of(zone, ordinal, 0), instant_of(zone, ordinal + 1, 0)
        if change.opens is None and change.closes is None:
            found += [(start, end) for start, end, value in hours.runs(day) if value]
            continue
        start = day[0] if change.opens is None else instant_of(zone, ordinal, change.opens)
        end = day[1] if change.closes is None else instant_of(zone, ordinal, change.closes)
        if start < end:
            found.append((start, end))
    return union(found)


def _longer(
    records: Sequence[Availability], zone: ZoneInfo, change: OpenLonger, window: Interval, span: Interval
) -> Sequence[Availability]:
    """Records of the hours, longer on each of the window's days on which there are any."""
    hours = scheduled(records, zone, span)
    runs = [run for run in hours.runs(span) if run[2]]
    more: list[Run] = []
    for ordinal in _days(zone, window, change.days):
        day = instant_of(zone, ordinal, 0), instant_of(zone, ordinal + 1, 0)
        own = [run for run in hours.runs(day) if run[2]]
        if not own:
            continue
        if change.opens is not None:
            more.append((instant_of(zone, ordinal, change.opens), own[0][0], own[0][2]))
        if change.closes is not None:
            more.append((own[-1][1], instant_of(zone, ordinal, change.closes), own[-1][2]))
    longer = Steps.weighing([*runs, *((start, end, value) for start, end, value in more if start < end)])
    return _records(longer.runs(span))


def _days(zone: ZoneInfo, window: Interval, days: frozenset[int]) -> Iterable[int]:
    first, last = local(zone, window[0])[0], local(zone, window[1] - 1)[0]
    return (ordinal for ordinal in range(first, last + 1) if (ordinal - 1) % 7 in days)


def _records(runs: Iterable[Run]) -> list[Availability]:
    return [Availability(start, end, None, value) for start, end, value in runs if value > 0]


# ---- demand, replayed


@dataclass(slots=True)
class Replayed:
    """What became of the orders: the start that each of the won got, and those that found nothing."""

    won: dict[str, Instant] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


class _Taken:
    """Visits by start, so that those near a window are found at once."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []

    def near(self, window: Interval) -> list[Visit]:
        first = bisect_left(self.visits, (window[0] - DAY,))
        return self.visits[first : bisect_left(self.visits, (window[1] + DAY,))]

    def add(self, visit: Visit) -> None:
        self.visits.insert(bisect_left(self.visits, visit), visit)

    def remove(self, visit: Visit) -> None:
        del self.visits[bisect_left(self.visits, visit)]


class _Booked(NamedTuple):
    visit: Visit
    taken: tuple[_Taken, ...]


def replay(wishes: Iterable[Wish], stores: Mapping[str, StoreState], calendar: Iterable[Wish] = ()) -> Replayed:
    """The orders against the schedules of stores. Who works for several is one.

    On the `calendar` is what orders from before these booked: it is there from its `at`, where it was, neither won nor
    lost."""
    found = Replayed()
    taken: dict[str, _Taken] = {}
    booked: list[tuple[Instant, _Booked]] = []
    coming = [*((one, one.booked) for one in calendar), *((one, None) for one in wishes)]
    for wish, fixed in sorted(coming, key=lambda one: (one[0].at, one[0].job_id)):
        for one in [one for one in booked if one[0] <= wish.at]:
            booked.remove(one)
            for of in one[1].taken:
                of.remove(one[1].visit)
        store = stores[wish.store_id]
        start = _start_for(wish, store, taken) if fixed is None else fixed
        if start is None:
            found.lost.append(wish.job_id)
            continue
        if fixed is None:
            found.won[wish.job_id] = start
        done = _take(wish, store, start, taken)
        if wish.given_back is not None:
            booked.append((wish.given_back, done))
    return found


def _start_for(wish: Wish, store: StoreState, taken: dict[str, _Taken]) -> Instant | None:
    if wish.booked is not None:
        window = (wish.booked, wish.booked + wish.duration)
        near = _near(wish.store_id, store, taken, window)
        # Whoever booked it then had the notice that was asked for; it was another moment than that of the order.
        service = wish.service._replace(notice=0)
        if capacity_at(service, near, wish.booked, wish.duration, wish.at) > 0:
            return wish.booked
    service = wish.service._replace(duration=wish.duration)
    for window in wish.windows:
        near = _near(wish.store_id, store, taken, window)
        free = (slot.start for slot in slots(service, near, window, wish.at) if slot.capacity > 0)
        if (start := next(free, None)) is not None:
            return start
    return None


def _near(store_id: str, store: StoreState, taken: dict[str, _Taken], window: Interval) -> StoreState:
    def of(resource_id: str) -> list[Visit]:
        return taken[resource_id].near(window) if resource_id in taken else []

    return store._replace(
        visits=of(store_id),
        waiting=(),
        technicians=[each._replace(visits=of(each.technician_id)) for each in store.technicians],
    )


def _take(wish: Wish, store: StoreState, start: Instant, taken: dict[str, _Taken]) -> _Booked:
    service, end = wish.service, start + wish.duration
    visit = Visit(start, end, service.buffer_before, service.buffer_after)
    near = _near(wish.store_id, store, taken, (start, end))
    free = [
        technician
        for technician, busy in busy_starts(service, near, wish.duration, (start, end))
        if not any(begin <= start < until for begin, until in busy)
    ]
    who = min(free, key=lambda one: (len(one.skills), one.technician_id), default=None)
    ids = [wish.store_id] if who is None else [wish.store_id, who.technician_id]
    lists = tuple(taken.setdefault(one, _Taken()) for one in ids)
    for one in lists:
        one.add(visit)
    return _Booked(visit, lists)


def hours_of(store: StoreState, window: Interval) -> int:
    """Technicians' scheduled microseconds in the window; those of the store where it has no technicians."""
    resources = [(each.records, each.zone) for each in store.technicians] or [(store.records, store.zone)]
    return sum(
        (end - start) * value
        for records, zone in resources
        for start, end, value in scheduled(records, zone, window).runs(window)
    )
